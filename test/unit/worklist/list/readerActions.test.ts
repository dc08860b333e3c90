import { describe, expect, it } from 'vitest';
import { caseRef } from '../../../../src/case/caseRef.ts';
import { deliverAll, openWorklist, studyUid, toInferred, toReported } from '../fixture.ts';
import type { Worklist } from '../fixture.ts';

const row = async ({ query }: Worklist, study: number) =>
  (await query.rows()).find((one) => one.studyInstanceUid === studyUid(study))!;
const verdicts = ({ database }: Worklist) => database.db.selectFrom('verdicts').selectAll().orderBy('id').execute();

describe('reading', () => {
  it('is one reader’s at a time, until they let go, read it, or somebody takes over knowingly', async () => {
    const worklist = await openWorklist();
    await toInferred(worklist, 1, 0.9);
    const claim = (actor: string, claimed = true, takeOver = false) =>
      worklist.store.claimReading(studyUid(1), { claimed, takeOver, actor });
    await claim('ada');
    await claim('ada');
    expect(await row(worklist, 1)).toMatchObject({ claimedBy: 'ada', claimedAtMs: worklist.clock.now() });
    await expect(claim('ben')).rejects.toMatchObject({ code: 'case-taken', message: 'ada is reading this scan.' });
    await expect(claim('ben', false)).rejects.toMatchObject({ code: 'case-taken' });
    await claim('ben', true, true);
    expect((await row(worklist, 1)).claimedBy).toBe('ben');
    await claim('ben', false);
    expect(await row(worklist, 1)).toMatchObject({ claimedBy: null, claimedAtMs: null });
    await claim('ada');
    await worklist.store.markRead(studyUid(1), true, 'ada');
    expect(await row(worklist, 1)).toMatchObject({ claimedBy: null, readBy: 'ada' });
    await worklist.store.markRead(studyUid(1), false, 'ada');
    expect((await row(worklist, 1)).readBy).toBeNull();
    expect((await worklist.query.caseDetail(studyUid(1))).events.map(({ type, actor }) => `${actor} ${type}`)).toEqual(
      expect.arrayContaining(['ben claimed', 'ben released', 'ada read', 'ada unread']),
    );
  });

  it('names a study by a word that holds no identifier and never changes', async () => {
    const worklist = await openWorklist();
    await toInferred(worklist, 1, 0.9);
    const { caseRef: word } = await row(worklist, 1);
    expect(word).toBe(caseRef(studyUid(1)));
    expect(word).toMatch(/^[0-9a-f]{20}$/);
    expect(caseRef(studyUid(2))).not.toBe(word);
  });
});

describe('a verdict', () => {
  it.each([
    [0.9, 'agree', 'yes'],
    [0.9, 'disagree', 'no'],
    [0.1, 'agree', 'no'],
    [0.1, 'disagree', 'yes'],
    [0.9, 'unsure', null],
  ] as const)('on a score of %d that says %s means fracture: %s', async (probability, verdict, fracture) => {
    const worklist = await openWorklist();
    await toInferred(worklist, 1, probability);
    await worklist.store.recordVerdict(studyUid(1), { revision: 1, verdict, actor: 'ada' });
    expect(await verdicts(worklist)).toMatchObject([
      { verdict, fracture, probability, revision: 1, created_by: 'ada', threshold: 0.5 },
    ]);
    expect((await row(worklist, 1)).verdict).toEqual({ verdict, by: 'ada', atMs: worklist.clock.now() });
  });

  it('is on the result that the reader saw, never on a newer one, and never on none', async () => {
    const worklist = await openWorklist();
    await toReported(worklist, 1, 0.9);
    await worklist.store.recordVerdict(studyUid(1), { revision: 1, verdict: 'agree', actor: 'ada' });
    await worklist.store.reprocess(studyUid(1), { actor: 'ada', reason: 'r' });
    expect((await row(worklist, 1)).verdict).toBeNull();
    await expect(
      worklist.store.recordVerdict(studyUid(1), { revision: 1, verdict: 'agree', actor: 'ada' }),
    ).rejects.toMatchObject({ code: 'case-changed' });
    await expect(
      worklist.store.recordVerdict(studyUid(1), { revision: 2, verdict: 'agree', actor: 'ada' }),
    ).rejects.toMatchObject({ code: 'case-changed' });
    await expect(
      worklist.store.recordVerdict(studyUid(9), { revision: 1, verdict: 'agree', actor: 'ada' }),
    ).rejects.toMatchObject({ code: 'not-found' });
    expect(await verdicts(worklist)).toHaveLength(1);
  });

  it('outlives its case', async () => {
    const worklist = await openWorklist();
    await toReported(worklist, 1, 0.9);
    await deliverAll(worklist);
    await worklist.store.recordVerdict(studyUid(1), { revision: 1, verdict: 'disagree', actor: 'ada' });
    await worklist.store.markRead(studyUid(1), true, 'ada');
    await worklist.store.beginRemoval(studyUid(1), Number.MAX_SAFE_INTEGER);
    expect(await worklist.store.finishRemoval(studyUid(1))).toBe(true);
    expect(await verdicts(worklist)).toMatchObject([{ fracture: 'no', probability: 0.9 }]);
  });
});

describe('doing it again', () => {
  it('analyses a study under a new revision at once, with the reason on record, and makes it unread', async () => {
    const worklist = await openWorklist();
    await toReported(worklist, 1, 0.9);
    await deliverAll(worklist);
    await worklist.store.markRead(studyUid(1), true, 'ada');
    await worklist.store.reprocess(studyUid(1), { actor: 'ada', reason: 'wrong series' });
    expect(await row(worklist, 1)).toMatchObject({ revision: 2, state: 'receiving', readAtMs: null, decision: null });
    expect((await worklist.query.caseDetail(studyUid(1))).events.at(-1)).toMatchObject({
      type: 'reprocessed',
      actor: 'ada',
      detail: { reason: 'wrong series' },
    });
    await expect(worklist.store.reprocess(studyUid(1), { actor: 'ada', reason: 'r' })).rejects.toMatchObject({
      code: 'case-changed',
    });
    expect((await worklist.store.claim('assemble', 60_000))?.record.revision).toBe(2);
  });

  it('sends the objects of the present revision again, confirmed or not', async () => {
    const worklist = await openWorklist();
    await toReported(worklist, 1, 0.9);
    await deliverAll(worklist);
    expect(await worklist.store.dueDeliveries('pacs', 10)).toHaveLength(0);
    expect(await worklist.store.resend(studyUid(1), { actor: 'ada', reason: 'PACS was restored' })).toBe(2);
    const due = await worklist.store.dueDeliveries('pacs', 10);
    expect(due.map(({ state }) => state)).toEqual(['pending', 'pending']);
    await worklist.store.markRead(studyUid(1), true, 'ada');
    expect(await worklist.store.removableCases(worklist.clock.now() + 1, 10)).toEqual([]);
  });
});
