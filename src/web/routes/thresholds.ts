import { z } from 'zod';
import { caseRef } from '../../case/caseRef.ts';
import { TriageError } from '../../base/errors.ts';
import { networkTestOf } from '../../thresholds/networkTest.ts';
import { proposedRule } from '../../worklist/thresholds/thresholdChanges.ts';
import { thresholdBoard, whatIfAnswer } from '../../answers/thresholdAnswers.ts';
import { route } from '../route.ts';
import type { WebContext } from '../webContext.ts';

const MOST_FLIPS = 500;
const BANNER_MS = 24 * 3_600_000;

const source = z.string().max(16).describe('Calling AE title; empty for the whole site.');
const id = z.strictObject({ id: z.coerce.number().int().positive() });
const CONFLICT = { 409: 'The request is over, or not yet ready; the message says why.' };

/** The network that scores and thresholds refer to. @throws TriageError `not-found` while none is loaded */
async function loadedModel({ system }: WebContext): Promise<{ name: string; version: string; sha256: string }> {
  const { model } = await system();
  if (model === null) throw new TriageError('not-found', 'No network is loaded, so there is no threshold to change.');
  return model;
}

/** Thresholds: what is in force, the effect of a change, and the change itself. */
export const thresholdRoutes = [
  route({
    method: 'get',
    path: '/api/thresholds',
    least: 'reader',
    summary: 'Thresholds in force, their history, the open request, and the scores of past scans.',
    answer: { kind: 'json', schema: thresholdBoard },
    handle: async ({ actor }, context) => {
      const { model } = await context.system();
      const { rule, inForce, history, draft, lastClosed, facts } = await context.thresholds.board(
        model ?? { name: '', sha256: '' },
      );
      const { scored } = facts;
      const nowMs = context.clock.now();
      const fractures = scored.filter((scan) => scan.fracture === true).length;
      const known = scored.filter((scan) => scan.fracture !== null).length;
      const newest = history.find((version) => version.by !== 'odontoid');
      const present = await context.thresholds.present(draft?.lostFractures.map((lost) => lost.studyInstanceUid) ?? []);
      const sources = new Map<string, number>();
      for (const scan of scored) sources.set(scan.sourceAeTitle, (sources.get(scan.sourceAeTitle) ?? 0) + 1);
      return {
        nowMs,
        model: model === null ? null : { name: model.name, version: model.version, sha256: model.sha256 },
        secondPerson: context.thresholds.secondPerson,
        rule,
        inForce,
        history,
        recentChange: newest !== undefined && nowMs - newest.atMs < BANNER_MS ? newest : null,
        draft:
          draft === null
            ? null
            : {
                ...draft,
                lostFractures: draft.lostFractures.map(({ studyInstanceUid, openedBy }) => ({
                  caseRef: caseRef(studyInstanceUid),
                  openedByMe: openedBy.includes(actor),
                  present: present.has(studyInstanceUid),
                })),
                mine: draft.by === actor,
              },
        lastClosed,
        scans: scored.length,
        fractures,
        withoutFracture: known - fractures,
        unconfirmed: scored.length - known,
        firstMs: scored[0]?.arrivedAtMs ?? null,
        lastMs: scored.at(-1)?.arrivedAtMs ?? null,
        sources: [...sources].map(([name, scans]) => ({ name, scans })).sort((a, b) => b.scans - a.scans),
        curves: await context.whatIf.ask('curves', { scored }),
      };
    },
  }),
  route({
    method: 'get',
    path: '/api/thresholds/what-if',
    least: 'reader',
    summary: 'What another threshold would have done on past scans: flags, misses, flips, subgroups and waits.',
    query: z.strictObject({
      value: z.coerce.number().min(0).max(1).optional().describe('Left out: the source follows the site.'),
      source: source.default(''),
    }),
    answer: { kind: 'json', schema: whatIfAnswer },
    alsoAnswers: { 404: 'No network is loaded.' },
    handle: async ({ query: { value, source: sourceAeTitle } }, context) => {
      const model = await loadedModel(context);
      const { rule, facts } = await context.thresholds.board(model);
      const proposed = proposedRule(rule, { sourceAeTitle, value: value ?? null });
      const { whatIf, queue } = await context.whatIf.ask('whatIf', {
        scored: facts.scored,
        read: facts.read,
        now: rule,
        proposed,
        maxWaitMs: context.maxWaitMinutes * 60_000,
      });
      const { flips, ...figures } = whatIf;
      const present = await context.thresholds.present(
        flips.all.slice(0, MOST_FLIPS).map((flip) => flip.studyInstanceUid),
      );
      return {
        ...figures,
        fracturesGained: flips.fracturesGained,
        fracturesLost: flips.fracturesLost,
        flips: flips.all.slice(0, MOST_FLIPS).map(({ studyInstanceUid, ...flip }) => ({
          ...flip,
          caseRef: caseRef(studyInstanceUid),
          present: present.has(studyInstanceUid),
        })),
        flipsTotal: flips.all.length,
        networkTest: networkTestOf(await context.admin.models.testScores(model.sha256), sourceAeTitle, rule, proposed),
        queue: { maxWaitMinutes: context.maxWaitMinutes, ...queue },
        neverRead: facts.unread,
      };
    },
  }),
  route({
    method: 'post',
    path: '/api/thresholds/drafts',
    least: 'admin',
    summary:
      'Asks for a change. It changes nothing until it is confirmed. Begins a proof of life where none of the last day tells how it would be judged.',
    audit: { by: 'store', action: 'threshold.requested' },
    body: z.strictObject({
      sourceAeTitle: source,
      value: z.number().min(0).max(1).nullable(),
      reason: z.string().max(2_000),
    }),
    answer: { kind: 'json', schema: z.strictObject({ id: z.int() }), status: 201 },
    alsoAnswers: CONFLICT,
    handle: async ({ body: { sourceAeTitle, value, reason }, actor, address }, context) => {
      const model = await loadedModel(context);
      const person = { name: actor, address };
      const id = await context.thresholds.draft(model, { sourceAeTitle, value }, reason, person);
      const { draft } = await context.thresholds.board(model);
      // The request stands without it; the signer is told that no proof has a score.
      if (draft?.proof?.state === 'missing')
        await context.admin.proof.begin(actor).catch((error: unknown) => {
          context.log.warn('The proof of life for a requested threshold did not begin', { error });
        });
      return { id };
    },
  }),
  route({
    method: 'post',
    path: '/api/thresholds/drafts/:id/confirm',
    least: 'admin',
    recentSignIn: true,
    summary: 'Signs a request. It takes effect for new scans at once, or after the second person has signed.',
    audit: { by: 'store', action: ['threshold.signed', 'threshold.changed'] },
    params: id,
    body: z.strictObject({
      despiteProof: z
        .string()
        .max(2_000)
        .default('')
        .describe('Why it is to take force although the proof of life is not flagged under it.'),
    }),
    answer: {
      kind: 'json',
      schema: z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('activated'), version: z.int() }),
        z.strictObject({ kind: z.literal('awaits-second-person') }),
      ]),
    },
    alsoAnswers: CONFLICT,
    handle: ({ params, body, actor, address }, { thresholds }) =>
      thresholds.confirm(params.id, { name: actor, address }, body.despiteProof),
  }),
  route({
    method: 'delete',
    path: '/api/thresholds/drafts/:id',
    least: 'admin',
    summary: 'Withdraws a request.',
    audit: { by: 'store', action: 'threshold.requestClosed' },
    params: id,
    answer: { kind: 'nothing' },
    alsoAnswers: CONFLICT,
    handle: async ({ params, actor, address }, { thresholds }) => {
      await thresholds.withdraw(params.id, { name: actor, address });
      return undefined;
    },
  }),
  route({
    method: 'post',
    path: '/api/thresholds/revert',
    least: 'admin',
    recentSignIn: true,
    summary: 'Takes the newest change back, at once.',
    audit: { by: 'store', action: 'threshold.changed' },
    body: z.strictObject({ version: z.int() }),
    answer: { kind: 'json', schema: z.strictObject({ version: z.int() }) },
    alsoAnswers: CONFLICT,
    handle: async ({ body, actor, address }, context) => ({
      version: await context.thresholds.revert((await loadedModel(context)).name, body.version, {
        name: actor,
        address,
      }),
    }),
  }),
  route({
    method: 'post',
    path: '/api/thresholds/stop',
    least: 'admin',
    recentSignIn: true,
    audit: { by: 'store', action: 'threshold.changed' },
    summary: 'Stops AI flags: scans from now on are not analysed and say so. One person is enough.',
    body: z.strictObject({ reason: z.string().max(2_000) }),
    answer: { kind: 'json', schema: z.strictObject({ version: z.int() }) },
    alsoAnswers: CONFLICT,
    handle: async ({ body, actor, address }, context) => ({
      version: await context.thresholds.stop((await loadedModel(context)).name, body.reason, { name: actor, address }),
    }),
  }),
];
