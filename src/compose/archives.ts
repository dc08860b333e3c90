import type { Clock } from '../base/clock.ts';
import { mayBeAccepted } from '../case/selection.ts';
import type { Destination } from '../config/config.ts';
import type { StorageDoor } from '../pacs/getScu.ts';
import { createRetrieveScu, RETRIEVE_TIMEOUT_MS, type RetrieveScu } from '../pacs/retrieveScu.ts';
import { objectsOnRecord } from '../pull/objectsOnRecord.ts';
import type { PullPorts } from '../pull/pullStudy.ts';
import type { WatchedArchive } from '../pull/watchArchives.ts';
import type { Foundation } from './agentPorts.ts';
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

/** The DIMSE destinations of these names, to be asked by the agent itself. */
export function askedArchives(
  { config, ports: { clock } }: Pick<Foundation, 'config'> & { ports: Pick<Foundation['ports'], 'clock'> },
  names: readonly string[],
  way: { door: () => StorageDoor | null; isBackground?: boolean },
): WatchedArchive[] {
  return config.destinations.flatMap((destination): WatchedArchive[] => {
    if (destination.kind !== 'dimse' || !names.includes(destination.name)) return [];
    const { name, aeTitle: sourceAeTitle } = destination;
    return [
      {
        name,
        scu: archiveScu(destination, { ...way, clock }),
        // The rules are looked up at each study: the page may change them.
        mayBeWanted: (study) =>
          mayBeAccepted(config.selection, { ...study, sourceAeTitle, calledAeTitle: config.receive.aeTitle }),
      },
    ];
  });
}

/** What fetching a study needs, from whichever archive. */
export function pullPorts({ config, query, ports: { clock } }: Foundation): Omit<PullPorts, 'retrieve'> {
  return {
    receivingAeTitle: config.receive.aeTitle,
    countOnRecord: (studyInstanceUid) => objectsOnRecord(query, studyInstanceUid),
    clock,
  };
}
