import { createHash } from 'node:crypto';
import type { Config } from '../config/config.ts';

/** What must be the same in the files of all nodes, because whichever takes a study judges it, reports it and sends it by its own. */
const SHARED = [
  'assemble',
  'report',
  'destinations',
  'selection',
  'delivery',
  'pipeline',
  'worklist',
  'thresholds',
  'housekeeping',
] as const satisfies (keyof Config)[];

/** A digest of each of these settings, by its name. Passwords are not among them: files only say where they are. */
export type SharedSettings = Readonly<Record<string, string>>;

export function sharedSettings(ofFiles: Config): SharedSettings {
  const digestOf = (value: unknown): string =>
    createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
  return Object.fromEntries(SHARED.map((name) => [name, digestOf(ofFiles[name])]));
}

/** Names of the settings that two nodes state differently. */
export function differing(own: SharedSettings, other: SharedSettings): string[] {
  return Object.keys(own).filter((name) => name in other && other[name] !== own[name]);
}
