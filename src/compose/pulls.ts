import type { StorageDoor } from '../pacs/getScu.ts';
import { createPulls, type PullArchive, type Pulls } from '../pull/createPulls.ts';
import { objectsOnRecord } from '../pull/objectsOnRecord.ts';
import type { Foundation } from './agentPorts.ts';
import { archiveScu } from './archives.ts';
import type { LiveSources } from './liveSources.ts';

/** What people may ask of archives: of every DIMSE destination that is not retired. */
export function openPulls(
  { config, query, audit, releasers, ports: { clock, log } }: Foundation,
  sources: Pick<LiveSources, 'all'>,
  door: () => StorageDoor | null,
): Pulls {
  const archives = config.destinations.flatMap((destination): PullArchive[] => {
    if (destination.kind !== 'dimse' || destination.state === 'retired') return [];
    const { name, aeTitle, retrieve } = destination;
    return [{ name, aeTitle, sendsByItself: retrieve === 'move', scu: archiveScu(destination, { door, clock }) }];
  });
  const pulls = createPulls({
    archives,
    maySend: (aeTitle) => sources.all().some((source) => source.aeTitle === aeTitle),
    pull: {
      receivingAeTitle: config.receive.aeTitle,
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
