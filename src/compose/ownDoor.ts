import { lookup } from 'node:dns/promises';
import type { Config } from '../config/config.ts';
import type { StorageDoor } from '../pacs/getScu.ts';
import type { AllowedSource } from '../receive/receiveConfig.ts';

/** The address at which this machine reaches a server that listens on `host`. */
export function ownHost(host: string): string {
  return host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
}

/** The agent's own receiver, for what the agent itself brings in. */
export function ownDoor({ host, idleTimeoutMs, acceptedSopClasses }: Config['receive'], port: number): StorageDoor {
  return { host: ownHost(host), port, idleTimeoutMs, privateClasses: acceptedSopClasses };
}

/** The addresses from which this machine calls itself. */
export async function ownAddresses({ host }: Config['receive']): Promise<string[]> {
  const found = await lookup(ownHost(host), { all: true }).catch(() => []);
  return ['127.0.0.1', '::1', ...found.map(({ address }) => address.replace(/%.*$/, ''))];
}

/** Who may send from this machine, besides `receive.sources`: the proof of life, and the archives from which the agent fetches by C-GET. */
export function ownSources(
  { destinations }: Pick<Config, 'destinations'>,
  addresses: string[],
  proofAeTitle: string,
): AllowedSource[] {
  const archives = destinations.flatMap((one) =>
    one.kind === 'dimse' && one.retrieve !== 'move' && one.state !== 'retired' ? [one.aeTitle] : [],
  );
  return [proofAeTitle, ...new Set(archives)].map((aeTitle) => ({ aeTitle, addresses }));
}
