import { z } from 'zod';
import { TriageError } from '../../base/errors.ts';
import { caseAnswer } from '../../answers/caseAnswer.ts';
import { findingsWithoutLocations, maskedCase, withoutLocations } from '../maskedRow.ts';
import { route } from '../route.ts';

/** Views that a response lists; the audit has all of them. */
const MOST_VIEWS = 50;

const params = z.strictObject({ studyInstanceUid: z.string().max(64).describe('The study, or its case reference.') });

/** One study: what is known about it, and the readers' verdicts. */
export const caseRoutes = [
  route({
    method: 'get',
    path: '/api/cases/:studyInstanceUid',
    least: 'service',
    summary: 'Everything that is known of one study.',
    params,
    query: z.strictObject({
      as: z
        .enum(['opened', 'still-open'])
        .default('opened')
        .describe(
          '`still-open`: a page that shows the case reads it anew. It is then no new view of it, if this session has one.',
        ),
    }),
    audit: { by: 'look', study: 'studyInstanceUid', look: ({ as }) => as },
    answer: { kind: 'json', schema: caseAnswer },
    alsoAnswers: {
      404: 'There is no such study on the worklist.',
      410: 'Retention has removed the study; the answer says when and why.',
    },
    handle: async (
      { params: { studyInstanceUid }, query: { as }, principal },
      { query, store, triageOnly, viewerTemplate, access, names },
    ) => {
      const study = await query.studyOf(studyInstanceUid);
      const detail = await query.caseDetail(study);
      const isFlagWaiting = detail.row.decision === 'suspected' && detail.row.readAtMs === null;
      if (isFlagWaiting && as === 'opened' && principal!.role !== 'service') await store.noteOpened(study);
      const { row, ageNote, priors, newer, series, findings, volume, filesRemoved, instances, results, events } =
        names.mayBeKnownTo(principal!) ? detail : maskedCase(detail);
      const views = await access.audit.page({ action: 'case.viewed', target: study }, MOST_VIEWS);
      return {
        row: triageOnly ? withoutLocations(row) : row,
        ageNote,
        priors,
        newer,
        series,
        findings: findings !== null && triageOnly ? findingsWithoutLocations(findings) : findings,
        triageOnly,
        viewerTemplate,
        volume,
        filesRemoved,
        instances,
        views: views.map(({ atMs, actor }) => ({ atMs, by: actor })),
        // A browser has no need to know where files lie on this machine.
        results: results.map(({ sopInstanceUid, seriesInstanceUid, kind, revision, isHeatmap, deliveries }) => ({
          sopInstanceUid,
          seriesInstanceUid,
          kind,
          revision,
          isHeatmap,
          deliveries,
        })),
        events,
      };
    },
  }),
  route({
    method: 'get',
    path: '/api/cases/:studyInstanceUid/preview',
    least: 'reader',
    summary:
      'The key image of a flagged study: its best key slice and the sagittal through it. It is no view of the case.',
    params,
    audit: { by: 'look', study: 'studyInstanceUid', look: () => 'previewed' },
    answer: {
      kind: 'bytes',
      schema: z.instanceof(Uint8Array),
      contentType: 'image/png',
      description: 'As it stands on the triage card.',
    },
    alsoAnswers: {
      404: 'There is no such study, it has no key image, or the site shows none.',
      410: 'The file of the card is no longer on this machine.',
    },
    handle: async ({ params: { studyInstanceUid } }, { query, triageOnly, keyImage }) => {
      const card = await query.flagCard(await query.studyOf(studyInstanceUid));
      const png = triageOnly || card === null ? null : await keyImage(card);
      if (png === null) throw new TriageError('not-found', 'There is no key image to show.');
      return Buffer.from(png);
    },
  }),
  route({
    method: 'put',
    path: '/api/cases/:studyInstanceUid/read',
    least: 'reader',
    summary: 'Marks a study as read, or takes that back.',
    params,
    audit: { by: 'store', action: ['case.read', 'case.unread'] },
    body: z.strictObject({ read: z.boolean() }),
    answer: { kind: 'nothing' },
    alsoAnswers: { 404: 'There is no such study on the worklist.' },
    handle: async ({ params: { studyInstanceUid }, body: { read }, actor }, { store, query }) => {
      await store.markRead(await query.studyOf(studyInstanceUid), read, actor);
      return undefined;
    },
  }),
];
