import { maxAgeMsOf } from '../config/config.ts';
import { startFetchingPriors } from '../pull/fetchPriors.ts';
import { createPriorSearches } from '../worklist/cases/priorSearches.ts';
import type { Foundation } from './agentPorts.ts';
import { askedArchives, pullPorts, type FetchDoors } from './archives.ts';

/** Fetches priors of analysed scans from the archives that are configured for it; nothing where there are none. */
export function startPriors(foundation: Foundation, doors: FetchDoors): void {
  const {
    config,
    database,
    audit,
    fetches,
    releasers,
    ports: { clock, log },
  } = foundation;
  const { priors, assemble } = config;
  const archives = askedArchives(foundation, priors.archives, { doors, isBackground: true });
  if (archives.length === 0) return;
  const fetching = startFetchingPriors({
    archives,
    searches: createPriorSearches(database, clock),
    limits: {
      mostStudies: priors.mostStudies,
      maxAgeYears: priors.maxAgeYears,
      minAgeMs: maxAgeMsOf(assemble) ?? 0,
    },
    pull: pullPorts(foundation),
    isOurs: fetches,
    audit,
    clock,
    log: log.child({ component: 'priors' }),
  });
  releasers.push('priors', fetching.stop);
}
