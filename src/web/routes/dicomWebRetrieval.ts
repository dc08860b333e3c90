import { z } from 'zod';
import { TriageError } from '../../base/errors.ts';
import type { Look } from '../recordLook.ts';
import { route, type Route } from '../route.ts';
import type { Principal } from '../principal.ts';
import type { WebContext } from '../webContext.ts';
import type { DicomWeb } from '../dicomWeb/dicomWeb.ts';
import { SERIES_KEYS, STUDY_KEYS } from '../dicomWeb/searchTerms.ts';

/** Most answers to one search. */
const MOST_FOUND = 200;
const USUAL_FOUND = 100;

const uid = z.string().regex(/^[0-9.]{1,64}$/, 'a UID: digits and dots, 64 characters at most');
const study = z.strictObject({ studyInstanceUid: uid });
const series = study.extend({ seriesInstanceUid: uid });
const instance = series.extend({ sopInstanceUid: uid });
const frameNumbers = z
  .string()
  .regex(/^[1-9]\d{0,5}(,[1-9]\d{0,5}){0,999}$/, 'numbers from 1, separated by commas, a thousand at most')
  .transform((text) => text.split(',').map(Number));

const accept = z.string().max(500).optional().describe('In place of the header of this name.');
const attribute = z.string().max(1_000).optional();
/** Attributes come by keyword or by tag, so that no list of names is complete. */
const search = (keys: readonly string[]) =>
  z
    .object({
      ...Object.fromEntries(keys.map((key) => [key, attribute])),
      limit: z.coerce
        .number()
        .int()
        .min(1)
        .default(USUAL_FOUND)
        .transform((limit) => Math.min(limit, MOST_FOUND)),
      offset: z.coerce.number().int().min(0).default(0),
      includefield: z
        .union([z.string(), z.array(z.string())])
        .optional()
        .describe('Taken note of: an answer holds what is known.'),
      fuzzymatching: z.enum(['true', 'false']).optional(),
      accept,
    })
    .catchall(z.unknown());

const NOT_GIVEN = {
  403: 'The site hides patients’ names from this requester, whom every object would tell them.',
  404: 'The agent holds no such object, or DICOMweb is not switched on (`web.dicomWeb`).',
  406: 'Not in a media type that the client takes.',
  410: 'Retention has removed the study, or its file is no longer on this machine.',
  503: 'Too many retrievals are on their way: ask again after `Retry-After`.',
} as const;

/** The service, where the site has switched it on. @throws TriageError `not-found` */
function serviceOf({ dicomWeb }: WebContext): DicomWeb {
  if (dicomWeb === null)
    throw new TriageError('not-found', 'Retrieval by DICOMweb is not switched on here: set web.dicomWeb.');
  return dicomWeb;
}

/** An object cannot be masked: who may not know the patients gets none. @throws TriageError `not-found`, `names-hidden` */
function mayRetrieve(principal: Principal, context: WebContext): void {
  serviceOf(context);
  if (!context.names.mayBeKnownTo(principal))
    throw new TriageError(
      'names-hidden',
      'This site hides patients’ names from machines (worklist.patientNames): objects hold them.',
    );
}

/** A list of patients is given to those who may see the worklist with names. A study named by its UID is not a list. @throws TriageError as {@link mayRetrieve} */
function maySearch(principal: Principal, context: WebContext, query: Record<string, unknown>): void {
  mayRetrieve(principal, context);
  const isNamed = query['StudyInstanceUID'] !== undefined || query['0020000D'] !== undefined;
  if (!isNamed && !context.names.inListFor(principal))
    throw new TriageError(
      'names-hidden',
      'This site hides patients’ names in lists: show them on the worklist first, or search by StudyInstanceUID.',
    );
}

/** A viewer asks for a study in many requests, which are one view of it. */
const look = { by: 'look', study: 'studyInstanceUid', look: (): Look => 'still-open' } as const;
const json = (description: string) => ({ kind: 'other', contentType: 'application/dicom+json', description }) as const;
const parts = (description: string) => ({ kind: 'other', contentType: 'multipart/related', description }) as const;
const png = { kind: 'other', contentType: 'image/png', description: 'The frame, as stored, in a window.' } as const;

const searchRoutes = [
  route({
    method: 'get',
    path: '/dicom-web/studies',
    least: 'service',
    summary: 'QIDO-RS: studies of which the agent holds objects, newest arrival first.',
    query: search(STUDY_KEYS),
    answer: json('Studies; 204: none.'),
    alsoAnswers: { ...NOT_GIVEN },
    handle: async ({ principal, query, ...exchange }, context) => {
      maySearch(principal!, context, query);
      await serviceOf(context).searchStudies(query, exchange);
      return undefined;
    },
  }),
  ...(
    [
      ['/dicom-web/studies/:studyInstanceUid/series', study, 'series'],
      ['/dicom-web/studies/:studyInstanceUid/instances', study, 'instances'],
      ['/dicom-web/studies/:studyInstanceUid/series/:seriesInstanceUid/instances', series, 'instances'],
    ] as const
  ).map(([path, params, level]) =>
    route({
      method: 'get',
      path,
      least: 'service',
      summary: `QIDO-RS: ${level} that the agent holds of a study${params === series ? '’s series' : ''}, its own results among them.`,
      params,
      query: search(SERIES_KEYS),
      admit: mayRetrieve,
      audit: look,
      answer: json('What is found; 204: nothing.'),
      alsoAnswers: NOT_GIVEN,
      handle: async ({ params: target, query, ...exchange }, context) => {
        await serviceOf(context).searchWithin(level, target, query, exchange);
        return undefined;
      },
    }),
  ),
];

const LEVELS = [
  { path: '/dicom-web/studies/:studyInstanceUid', params: study, of: 'a study' },
  { path: '/dicom-web/studies/:studyInstanceUid/series/:seriesInstanceUid', params: series, of: 'a series' },
  {
    path: '/dicom-web/studies/:studyInstanceUid/series/:seriesInstanceUid/instances/:sopInstanceUid',
    params: instance,
    of: 'one instance',
  },
] as const;
const INSTANCE_PATH = LEVELS[2].path;

const objectRoutes = LEVELS.flatMap(({ path, params, of }) => [
  route({
    method: 'get',
    path,
    least: 'service',
    summary: `WADO-RS: the files of ${of}, as they are stored.`,
    params,
    query: z.strictObject({ accept }),
    admit: mayRetrieve,
    audit: look,
    answer: parts('Part 10 files.'),
    alsoAnswers: NOT_GIVEN,
    handle: async ({ params: target, ...exchange }, context) => {
      await serviceOf(context).instances(target, exchange);
      return undefined;
    },
  }),
  route({
    method: 'get',
    path: `${path}/metadata`,
    least: 'service',
    summary: `WADO-RS: the data sets of ${of} without pixels.`,
    params,
    query: z.strictObject({ accept }),
    admit: mayRetrieve,
    audit: look,
    answer: json('The DICOM JSON Model; long binary values by their addresses.'),
    alsoAnswers: NOT_GIVEN,
    handle: async ({ params: target, ...exchange }, context) => {
      await serviceOf(context).metadata(target, exchange);
      return undefined;
    },
  }),
]);

const pixelRoutes = [
  route({
    method: 'get',
    path: `${INSTANCE_PATH}/frames/:frameNumbers`,
    least: 'service',
    summary: 'WADO-RS: frames of an instance, as they are stored.',
    params: instance.extend({ frameNumbers }),
    query: z.strictObject({ accept }),
    admit: mayRetrieve,
    audit: look,
    answer: parts('One part for each frame.'),
    alsoAnswers: NOT_GIVEN,
    handle: async ({ params, ...exchange }, context) => {
      await serviceOf(context).frames(params, params.frameNumbers, exchange);
      return undefined;
    },
  }),
  route({
    method: 'get',
    path: `${INSTANCE_PATH}/bulkdata/:tag`,
    least: 'service',
    summary: 'WADO-RS: the binary value that the metadata name by this address.',
    params: instance.extend({ tag: z.string().regex(/^[0-9A-Fa-f]{8}$/, 'eight hexadecimal digits') }),
    query: z.strictObject({ accept }),
    admit: mayRetrieve,
    audit: look,
    answer: parts('The value; of compressed pixel data, one part for each frame.'),
    alsoAnswers: NOT_GIVEN,
    handle: async ({ params, ...exchange }, context) => {
      await serviceOf(context).bulkData(params, Number.parseInt(params.tag, 16), exchange);
      return undefined;
    },
  }),
  ...(
    [
      [`${INSTANCE_PATH}/rendered`, instance],
      [`${INSTANCE_PATH}/frames/:frameNumbers/rendered`, instance.extend({ frameNumbers })],
    ] as const
  ).map(([path, params]) =>
    route({
      method: 'get',
      path,
      least: 'service',
      summary: `WADO-RS: ${path.includes('frames') ? 'a frame' : 'the first frame'} of an instance as a picture.`,
      params,
      query: z.strictObject({
        accept,
        window: z
          .string()
          .regex(/^-?\d+(\.\d+)?,\d+(\.\d+)?(,linear)?$/i, 'centre,width,linear')
          .optional()
          .describe('Of a CT, in Hounsfield units; without it, that of the image, else one for bone.'),
      }),
      admit: mayRetrieve,
      audit: look,
      answer: png,
      alsoAnswers: { ...NOT_GIVEN, 422: 'Its pixels cannot be drawn.' },
      handle: async ({ params: target, query: { window }, ...exchange }, context) => {
        const [frameNumber = 1, another] = 'frameNumbers' in target ? target.frameNumbers : [];
        if (another !== undefined) throw new TriageError('command-invalid', 'A picture is drawn of one frame.');
        const [center, width] = window?.split(',').map(Number) ?? [];
        const picture = { frameNumber, window: center === undefined || width === undefined ? null : { center, width } };
        await serviceOf(context).rendered(target, picture, exchange);
        return undefined;
      },
    }),
  ),
];

/** What others fetch by DICOMweb: searches and retrievals (PS3.18 10.4, 10.6). */
export const dicomWebRetrievalRoutes: readonly Route[] = [...searchRoutes, ...objectRoutes, ...pixelRoutes];
