import { createRetrieveScu, MOVE_TIMEOUT_MS } from '../pacs/retrieveScu.ts';
import { createPulls, type PullArchive, type Pulls } from '../pull/createPulls.ts';
import { objectsOnRecord } from '../pull/objectsOnRecord.ts';
import type { Foundation } from './agentPorts.ts';
import { dimsePeer } from './destinations.ts';
import type { LiveSources } from './liveSources.ts';

/** What people may ask of archives: of every DIMSE destination that is not retired. */
export function openPulls(
  { config, query, audit, releasers, ports: { clock, log } }: Foundation,
  sources: Pick<LiveSources, 'all'>,
): Pulls {
  const archives = config.destinations.flatMap((destination): PullArchive[] => {
    if (destination.kind !== 'dimse' || destination.state === 'retired') return [];
    const { name, aeTitle, timeoutMs } = destination;
    const peer = { ...dimsePeer(destination), timeoutMs: Math.max(timeoutMs, MOVE_TIMEOUT_MS) };
    return [{ name, aeTitle, scu: createRetrieveScu(peer, { clock }) }];
  });
  const pulls = createPulls({
    archives,
    maySend: (aeTitle) => sources.all().some((source) => source.aeTitle === aeTitle),
    pull: {
      moveDestination: config.receive.aeTitle,
      countOnRecord: (studyInstanceUid) => objectsOnRecord(query, studyInstanceUid),
      clock,
    },
    audit,
    clock,
    log: log.child({ component: 'pull' }),
  });
  releasers.push('pulls', pulls.stop);
  return pulls;
}
