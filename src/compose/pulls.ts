import type { StorageDoor } from '../pacs/getScu.ts';
import { createPulls, type PullArchive, type Pulls } from '../pull/createPulls.ts';
import type { Foundation } from './agentPorts.ts';
import { archiveScu, pullPorts } from './archives.ts';
import type { LiveSources } from './liveSources.ts';

/** What people may ask of archives: of every DIMSE destination that is not retired. */
export function openPulls(
  foundation: Foundation,
  sources: Pick<LiveSources, 'all'>,
  door: () => StorageDoor | null,
): Pulls {
  const {
    config,
    audit,
    releasers,
    ports: { clock, log },
  } = foundation;
  const archives = config.destinations.flatMap((destination): PullArchive[] => {
    if (destination.kind !== 'dimse' || destination.state === 'retired') return [];
    const { name, aeTitle, retrieve } = destination;
    return [{ name, aeTitle, sendsByItself: retrieve === 'move', scu: archiveScu(destination, { door, clock }) }];
  });
  const pulls = createPulls({
    archives,
    maySend: (aeTitle) => sources.all().some((source) => source.aeTitle === aeTitle),
    pull: pullPorts(foundation),
    audit,
    clock,
    log: log.child({ component: 'pull' }),
  });
  releasers.push('pulls', pulls.stop);
  return pulls;
}
