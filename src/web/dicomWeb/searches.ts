import type { Response } from 'express';
import type { DicomJson } from '../../dicom/dicomJson.ts';
import type { HeldObject } from '../../worklist/list/heldObjects.ts';
import type { WorklistQuery } from '../../worklist/list/worklistQuery.ts';
import { DICOM_JSON, mustTakeJson, rootOf, type Exchange } from './exchange.ts';
import type { Holdings, Target } from './holdings.ts';
import { instanceAnswer, seriesAnswer, studyAnswer, type SearchedObject } from './searchAnswers.ts';
import { matchesTerms, searchTerms, SERIES_KEYS, studyMatchOf } from './searchTerms.ts';

/** The parameters of a search: how much of what is found, and what it must match. */
type SearchQuery = Readonly<Record<string, unknown>> & { offset: number; limit: number };

/** QIDO-RS (PS3.18 10.6). */
export interface Searches {
  searchStudies(query: SearchQuery, exchange: Exchange): Promise<void>;
  searchWithin(level: 'series' | 'instances', target: Target, query: SearchQuery, exchange: Exchange): Promise<void>;
}

export function createSearches(
  { objectsOf, stored }: Holdings,
  worklist: Pick<WorklistQuery, 'heldStudies'>,
): Searches {
  /** Results are described by their files; one whose file is gone is left out. */
  const described = async (objects: readonly HeldObject[]): Promise<SearchedObject[]> => {
    const results = objects.filter(({ header }) => header === null);
    const headers = results.length === 0 ? [] : await stored.ask('headers', { paths: results.map(({ path }) => path) });
    const ofResult = new Map(results.map((object, index) => [object, headers[index]]));
    return objects.flatMap((object) => object.header ?? ofResult.get(object) ?? []);
  };
  return {
    searchStudies: async (query, { request, response }) => {
      mustTakeJson(request);
      const { studies, total } = await worklist.heldStudies(studyMatchOf(query), query);
      const root = rootOf(request);
      const found = studies.map((study) => studyAnswer(study, root));
      sendFound(response, query, found, total);
    },
    searchWithin: async (level, target, query, { request, response }) => {
      mustTakeJson(request);
      const terms = searchTerms(query, SERIES_KEYS);
      const objects = (await described(await objectsOf(target))).filter((object) => matchesTerms(object, terms));
      const root = rootOf(request);
      const found =
        level === 'series'
          ? bySeries(objects).map((series) => seriesAnswer(series, root))
          : objects.map((object) => instanceAnswer(object, root));
      sendFound(response, query, found.slice(query.offset, query.offset + query.limit), found.length);
    },
  };
}

function sendFound(response: Response, query: SearchQuery, found: readonly DicomJson[], total: number): void {
  const more = total - query.offset - found.length;
  const warnings = [
    ...(query['fuzzymatching'] === 'true'
      ? ['The fuzzymatching parameter is not supported. Only literal matching has been performed.']
      : []),
    ...(more > 0 ? [`There are ${more} additional results that can be requested`] : []),
  ];
  if (warnings.length > 0)
    response.setHeader(
      'Warning',
      warnings.map((text) => `299 Odontoid "${text}"`),
    );
  if (found.length === 0) response.status(204).end();
  else response.type(DICOM_JSON).end(JSON.stringify(found));
}

function bySeries(objects: readonly SearchedObject[]): SearchedObject[][] {
  const series = new Map<string, SearchedObject[]>();
  for (const object of objects) {
    const known = series.get(object.seriesInstanceUid);
    if (known === undefined) series.set(object.seriesInstanceUid, [object]);
    else known.push(object);
  }
  return [...series.values()];
}
