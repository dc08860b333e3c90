import { mayBeAccepted } from '../case/selection.ts';
import type { StorageDoor } from '../pacs/getScu.ts';
import { objectsOnRecord } from '../pull/objectsOnRecord.ts';
import { watchArchives, type Watch, type WatchedArchive } from '../pull/watchArchives.ts';
import { createWatchedArchives } from '../worklist/cases/watchedArchives.ts';
import type { Foundation } from './agentPorts.ts';
import { archiveScu } from './archives.ts';

/** Watches the archives that are to be asked for new studies; null where there are none. The first look is asked for by the caller. */
export function startWatch(
  { config, database, query, releasers, ports: { clock, log } }: Foundation,
  door: () => StorageDoor | null,
): Watch | null {
  const { receive, selection, destinations, watch: settings } = config;
  if (settings.archives.length === 0) return null;
  const archives = destinations.flatMap((destination): WatchedArchive[] => {
    if (destination.kind !== 'dimse' || !settings.archives.includes(destination.name)) return [];
    const { aeTitle: sourceAeTitle } = destination;
    return [
      {
        name: destination.name,
        scu: archiveScu(destination, { door, clock }),
        mayBeWanted: (study) => mayBeAccepted(selection, { ...study, sourceAeTitle, calledAeTitle: receive.aeTitle }),
      },
    ];
  });
  const watch = watchArchives({
    archives,
    store: createWatchedArchives(database, clock),
    overlapDays: settings.overlapDays,
    mostStudies: settings.mostStudies,
    pull: {
      receivingAeTitle: receive.aeTitle,
      countOnRecord: (studyInstanceUid) => objectsOnRecord(query, studyInstanceUid),
      clock,
    },
    clock,
    log: log.child({ component: 'watch' }),
  });
  releasers.push('watch', watch.stop);
  return watch;
}
