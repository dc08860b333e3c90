import { z } from 'zod';
import { route } from '../route.ts';

const params = z.strictObject({ studyInstanceUid: z.string().max(64).describe('The study, or its case reference.') });
const reason = z.string().trim().min(3, 'say why, in three characters at least').max(500);
const NO_STUDY = { 404: 'There is no such study on the worklist.' } as const;

/** What a reader does with a study: claim it, judge its result, have it sent or analysed again, and view its slices. */
export const readingRoutes = [
  route({
    method: 'put',
    path: '/api/cases/:studyInstanceUid/claim',
    least: 'reader',
    summary: 'Says "I am reading this", or not any more.',
    params,
    audit: { by: 'store', action: ['case.claimed', 'case.released'] },
    body: z.strictObject({
      claimed: z.boolean(),
      takeOver: z.boolean().default(false).describe('Even when somebody else reads it.'),
    }),
    answer: { kind: 'nothing' },
    alsoAnswers: { ...NO_STUDY, 409: 'Somebody else is reading it.' },
    handle: async ({ params: { studyInstanceUid }, body, actor }, { store, query }) => {
      await store.claimReading(await query.studyOf(studyInstanceUid), { ...body, actor });
      return undefined;
    },
  }),
  route({
    method: 'put',
    path: '/api/cases/:studyInstanceUid/urgent',
    least: 'reader',
    summary: 'Says that a study is clinically urgent, which puts it first, or not any more.',
    params,
    audit: { by: 'store', action: ['case.stat', 'case.notStat'] },
    body: z.strictObject({ urgent: z.boolean() }),
    answer: { kind: 'nothing' },
    alsoAnswers: NO_STUDY,
    handle: async ({ params: { studyInstanceUid }, body: { urgent }, actor }, { store, query }) => {
      await store.markStat(await query.studyOf(studyInstanceUid), urgent, actor);
      return undefined;
    },
  }),
  route({
    method: 'delete',
    path: '/api/cases/:studyInstanceUid/bell',
    least: 'reader',
    summary: 'Stops the ringing of a flag at every desk, without opening it.',
    params,
    audit: { by: 'store', action: 'case.bellStopped' },
    answer: { kind: 'nothing' },
    alsoAnswers: NO_STUDY,
    handle: async ({ params: { studyInstanceUid }, actor }, { store, query }) => {
      await store.stopRinging(await query.studyOf(studyInstanceUid), actor);
      return undefined;
    },
  }),
  route({
    method: 'post',
    path: '/api/cases/:studyInstanceUid/verdict',
    least: 'reader',
    summary: 'Says whether the reader agrees with the result of a revision.',
    params,
    audit: { by: 'store', action: 'case.verdict' },
    body: z.strictObject({ revision: z.int().min(1), verdict: z.enum(['agree', 'disagree', 'unsure']) }),
    answer: { kind: 'nothing' },
    alsoAnswers: { ...NO_STUDY, 409: 'The case has changed since, or has no result.' },
    handle: async ({ params: { studyInstanceUid }, body, actor }, { store, query }) => {
      await store.recordVerdict(await query.studyOf(studyInstanceUid), { ...body, actor });
      return undefined;
    },
  }),
  route({
    method: 'post',
    path: '/api/cases/:studyInstanceUid/reprocess',
    least: 'reader',
    summary: 'Analyses a study anew, under a new revision.',
    params,
    audit: { by: 'store', action: 'case.reprocessed' },
    body: z.strictObject({ reason }),
    answer: { kind: 'nothing' },
    alsoAnswers: { ...NO_STUDY, 409: 'It is still being received, held, or its slices have been removed.' },
    handle: async ({ params: { studyInstanceUid }, body, actor }, { store, query }) => {
      await store.reprocess(await query.studyOf(studyInstanceUid), { ...body, actor });
      return undefined;
    },
  }),
  route({
    method: 'post',
    path: '/api/cases/:studyInstanceUid/resend',
    least: 'reader',
    summary: 'Sends the result objects of a study again, the same bytes.',
    params,
    audit: { by: 'store', action: 'case.resent' },
    body: z.strictObject({ reason }),
    answer: { kind: 'json', schema: z.strictObject({ due: z.int().describe('Deliveries that are due again.') }) },
    alsoAnswers: NO_STUDY,
    handle: async ({ params: { studyInstanceUid }, body, actor }, { store, query }) => ({
      due: await store.resend(await query.studyOf(studyInstanceUid), { ...body, actor }),
    }),
  }),
  route({
    method: 'get',
    path: '/api/cases/:studyInstanceUid/slices/:index',
    least: 'reader',
    summary: 'One slice of the analysed series, counted from 0 at the top.',
    audit: { by: 'look', study: 'studyInstanceUid', look: () => 'still-open' },
    params: params.extend({ index: z.coerce.number().int().min(0) }),
    query: z.strictObject({
      towards: z.coerce
        .number()
        .int()
        .min(-1)
        .max(1)
        .default(0)
        .describe('Where the reader is going: these slices are prepared.'),
    }),
    answer: {
      kind: 'other',
      contentType: 'application/octet-stream',
      description:
        'Hounsfield units, little-endian int16, rows front to back, columns from the patient’s right to left; `X-Rows` and `X-Columns` say how many. The ETag is the SHA-256 of the stored slice.',
    },
    alsoAnswers: {
      304: 'The caller has it.',
      404: 'There is no such study, or no such slice.',
      410: 'The file of the slice is no longer on this machine; the message says what to do.',
    },
    handle: async (
      { params: { studyInstanceUid, index }, query: { towards }, request, response },
      { query, slices },
    ) => {
      const study = await query.studyOf(studyInstanceUid);
      const [slice, ...expected] = await query.volumeSlices(study, neighbours(index, towards));
      const etag = `"${slice!.sha256}"`;
      response.setHeader('ETag', etag);
      if (request.headers['if-none-match'] === etag) {
        response.status(304).end();
        return undefined;
      }
      const { bytes, rows, columns } = await slices.image(slice!);
      if (towards !== 0) slices.expect(expected);
      response.setHeader('X-Rows', rows);
      response.setHeader('X-Columns', columns);
      response.type('application/octet-stream').end(bytes);
      return undefined;
    },
  }),
];

const PREPARED = 4;

/** The requested slice, and those that a reader is likely to view next. */
function neighbours(index: number, towards: number): number[] {
  if (towards === 0) return [index];
  return [index, ...Array.from({ length: PREPARED }, (_, step) => index + towards * (step + 1)), index - towards];
}
