import type { InstanceHeader } from './case.ts';

/** An object that was answered with a failure status, and whose study is known because enough of it came. */
export interface RefusedObject {
  header: InstanceHeader;
  /** The status and the reason, as the sender was told; free of PHI. */
  why: string;
  refusedAtMs: number;
  /** Calling AE title. */
  sourceAeTitle: string;
}

/** Objects of one study that were refused and have not come since. */
export interface RefusedObjects {
  count: number;
  /** Of the newest one. */
  why: string;
  /** CT images among them, by series. */
  ctBySeries: ReadonlyMap<string, number>;
}

/** "12 objects were refused (0xC000: ...)", without a full stop. */
export function refusedPhrase({ count, why }: Pick<RefusedObjects, 'count' | 'why'>): string {
  return `${count === 1 ? '1 object was' : `${count} objects were`} refused (${why.replace(/\.$/, '')})`;
}
