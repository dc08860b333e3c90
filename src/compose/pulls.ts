import type { Destination } from '../config/config.ts';
import { createPulls, type PullArchive, type Pulls } from '../pull/createPulls.ts';
import type { Foundation } from './agentPorts.ts';
import { archiveClient, isArchive, pullPorts, type FetchDoors } from './archives.ts';
import { keptByEntry } from './keptByEntry.ts';
import type { LiveSources } from './liveSources.ts';

/** What people may ask of archives: of every destination that answers queries and is not retired. */
export function openPulls(foundation: Foundation, sources: Pick<LiveSources, 'all'>, doors: FetchDoors): Pulls {
  const { config, audit, releasers, ports } = foundation;
  const { clock, log } = ports;
  const archiveOf = (destination: Destination): PullArchive => {
    const sendsByItself = destination.kind === 'dimse' && destination.retrieve === 'move';
    return {
      name: destination.name,
      callingAeTitle: sendsByItself ? destination.aeTitle : null,
      client: archiveClient(destination, { doors, ports }),
    };
  };
  const pulls = createPulls({
    archives: keptByEntry(
      () => config.destinations.filter((one) => isArchive(one) && one.state !== 'retired'),
      archiveOf,
    ),
    maySend: (aeTitle) => sources.all().some((source) => source.aeTitle === aeTitle),
    pull: pullPorts(foundation),
    audit,
    clock,
    log: log.child({ component: 'pull' }),
  });
  releasers.push('pulls', pulls.stop);
  return pulls;
}
