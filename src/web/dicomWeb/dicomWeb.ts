import type { Response } from 'express';
import type { Clock } from '../../base/clock.ts';
import { TriageError } from '../../base/errors.ts';
import type { DecodeSlice } from '../../case/triageModel.ts';
import type { WorklistQuery } from '../../worklist/list/worklistQuery.ts';
import type { Holdings } from './holdings.ts';
import { createRetrieval, type Retrieval } from './retrieval.ts';
import { createSearches, type Searches } from './searches.ts';
import { createStoredObjects } from './storedObjects.ts';

/** Answers searches and retrievals of what the agent holds (PS3.18 10). All throw TriageErrors with the status of PS3.18 8.5. */
export interface DicomWeb extends Searches, Retrieval {
  close(): void;
}

interface DicomWebParts {
  query: Pick<WorklistQuery, 'heldStudies' | 'heldObjects'>;
  /** Absolute path of a path in the spool. */
  resolvePath: (path: string) => string;
  decodeSlice: DecodeSlice;
  /** A site's choice: no heatmap is shown. */
  triageOnly: boolean;
  clock: Clock;
}

/** Answers that may be on their way at once: each holds a file open. */
const MOST_ANSWERS = 64;

/** DICOMweb over the studies on disk. */
export function createDicomWeb({ query, resolvePath, decodeSlice, triageOnly, clock }: DicomWebParts): DicomWeb {
  const stored = createStoredObjects((ms, run) => clock.after(ms, run));
  const holdings: Holdings = {
    stored,
    objectsOf: async ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }) => {
      const held = await query.heldObjects(studyInstanceUid, { withHeatmaps: !triageOnly, sopInstanceUid });
      const found = held.filter((object) => [object.seriesInstanceUid, undefined].includes(seriesInstanceUid));
      if (found.length === 0) throw new TriageError('not-found', 'The agent holds no such object.');
      return found;
    },
    pathOf: ({ header, path }) => (header === null ? path : resolvePath(path)),
  };
  const limited = limit();
  const retrieval = createRetrieval(holdings, decodeSlice);
  return {
    ...createSearches(holdings, query),
    metadata: (target, exchange) => limited(exchange.response, () => retrieval.metadata(target, exchange)),
    instances: (target, exchange) => limited(exchange.response, () => retrieval.instances(target, exchange)),
    frames: (target, frameNumbers, exchange) =>
      limited(exchange.response, () => retrieval.frames(target, frameNumbers, exchange)),
    bulkData: (target, tag, exchange) => limited(exchange.response, () => retrieval.bulkData(target, tag, exchange)),
    rendered: (target, picture, exchange) =>
      limited(exchange.response, () => retrieval.rendered(target, picture, exchange)),
    close: () => stored.close(),
  };
}

/** Tells those who come when too much is on its way to come again. */
function limit(): (response: Response, answer: () => Promise<void>) => Promise<void> {
  let answers = 0;
  return async (response, answer) => {
    if (answers >= MOST_ANSWERS) {
      const message = `${MOST_ANSWERS} retrievals are on their way: ask again in a moment.`;
      response.status(503).set('Retry-After', '2').json({ error: 'busy', message });
      return;
    }
    answers += 1;
    try {
      await answer();
    } finally {
      answers -= 1;
    }
  };
}
