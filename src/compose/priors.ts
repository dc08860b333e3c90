import { mayBeAccepted } from '../case/selection.ts';
import { maxAgeMsOf } from '../config/config.ts';
import type { StorageDoor } from '../pacs/getScu.ts';
import { startFetchingPriors, type PriorArchive } from '../pull/fetchPriors.ts';
import { objectsOnRecord } from '../pull/objectsOnRecord.ts';
import { createPriorSearches } from '../worklist/cases/priorSearches.ts';
import type { Foundation } from './agentPorts.ts';
import { archiveScu } from './archives.ts';

/** Fetches priors of analysed scans from the archives that are configured for it; nothing where there are none. */
export function startPriors(
  { config, database, query, audit, releasers, ports: { clock, log } }: Foundation,
  door: () => StorageDoor | null,
): void {
  const { receive, destinations, priors, assemble } = config;
  const archives = destinations.flatMap((destination): PriorArchive[] => {
    if (destination.kind !== 'dimse' || !priors.archives.includes(destination.name)) return [];
    const { aeTitle: sourceAeTitle } = destination;
    return [
      {
        name: destination.name,
        scu: archiveScu(destination, { door, clock, isBackground: true }),
        mayBeWanted: (study) =>
          mayBeAccepted(config.selection, { ...study, sourceAeTitle, calledAeTitle: receive.aeTitle }),
      },
    ];
  });
  if (archives.length === 0) return;
  const fetching = startFetchingPriors({
    archives,
    searches: createPriorSearches(database, clock),
    limits: {
      mostStudies: priors.mostStudies,
      maxAgeYears: priors.maxAgeYears,
      minAgeMs: maxAgeMsOf(assemble) ?? 0,
    },
    pull: {
      receivingAeTitle: receive.aeTitle,
      countOnRecord: (studyInstanceUid) => objectsOnRecord(query, studyInstanceUid),
      clock,
    },
    audit,
    clock,
    log: log.child({ component: 'priors' }),
  });
  releasers.push('priors', fetching.stop);
}
