import type { Clock } from '../base/clock.ts';
import type { Destination } from '../config/config.ts';
import type { StorageDoor } from '../pacs/getScu.ts';
import { createRetrieveScu, RETRIEVE_TIMEOUT_MS, type RetrieveScu } from '../pacs/retrieveScu.ts';
import { dimsePeer } from './destinations.ts';

/** Finds and fetches studies of a destination, in the way that is configured for it. */
export function archiveScu(
  destination: Extract<Destination, { kind: 'dimse' }>,
  { door, clock, isBackground = false }: { door: () => StorageDoor | null; clock: Clock; isBackground?: boolean },
): RetrieveScu {
  const { timeoutMs, retrieve: way } = destination;
  const peer = { ...dimsePeer(destination), timeoutMs: Math.max(timeoutMs, RETRIEVE_TIMEOUT_MS) };
  return createRetrieveScu(peer, { clock, way, door, isBackground });
}
