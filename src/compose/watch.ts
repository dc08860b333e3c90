import { watchArchives, type Watch } from '../pull/watchArchives.ts';
import { createWatchedArchives } from '../worklist/cases/watchedArchives.ts';
import type { Foundation } from './agentPorts.ts';
import { askedArchives, pullPorts, type FetchDoors } from './archives.ts';

/** Watches the archives that are to be asked for new studies; null where there are none. The first look is asked for by the caller. */
export function startWatch(foundation: Foundation, doors: FetchDoors): Watch | null {
  const {
    config,
    database,
    fetches,
    releasers,
    ports: { clock, log },
  } = foundation;
  const { watch: settings } = config;
  if (settings.archives.length === 0) return null;
  const archives = askedArchives(foundation, settings.archives, { doors });
  const watch = watchArchives({
    archives,
    store: createWatchedArchives(database, clock),
    overlapDays: settings.overlapDays,
    mostStudies: settings.mostStudies,
    pull: pullPorts(foundation),
    isOurs: fetches,
    clock,
    log: log.child({ component: 'watch' }),
  });
  releasers.push('watch', watch.stop);
  return watch;
}
