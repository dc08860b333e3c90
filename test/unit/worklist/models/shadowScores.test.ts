import { describe, expect, it } from 'vitest';
import { deliverAll, findingsOf, MODEL, openWorklist, studyUid, toInferred, toReported } from '../fixture.ts';

const SHADOW = { name: 'compact', version: '2.0.0', sha256: 'cd'.repeat(32) };

describe('shadow scores', () => {
  it('a case is due when its report is written, once a package, newest first', async () => {
    const worklist = await openWorklist();
    const { store } = worklist;
    await toReported(worklist, 1, 0.9);
    await toInferred(worklist, 2, 0.2);
    expect(await store.countForShadow(SHADOW.sha256)).toBe(1);
    expect(await store.nextForShadow(MODEL.sha256)).toBeNull();
    const due = (await store.nextForShadow(SHADOW.sha256))!;
    expect(due).toMatchObject({ studyInstanceUid: studyUid(1), revision: 1, findings: { probability: 0.9 } });
    expect(due.manifest.slices).toHaveLength(3);
    await store.saveShadowScore(SHADOW, due, { findings: findingsOf(0.3, { model: SHADOW }), seconds: 2.5 });
    expect(await store.nextForShadow(SHADOW.sha256)).toBeNull();
    expect(await store.nextForShadow('ef'.repeat(32))).toMatchObject({ studyInstanceUid: studyUid(1) });
    expect(await store.shadowScores(SHADOW.sha256)).toMatchObject([
      {
        study_instance_uid: studyUid(1),
        decision: 'not-suspected',
        probability: 0.3,
        seconds: 2.5,
        active_decision: 'suspected',
        active_probability: 0.9,
        failure: null,
        slices: 3,
      },
    ]);
  });

  it('changes nothing that anybody sees, and outlives its case', async () => {
    const worklist = await openWorklist();
    const { store, query } = worklist;
    await toReported(worklist, 1, 0.9);
    await deliverAll(worklist);
    const before = [await query.rows(), await query.caseDetail(studyUid(1)), await query.totals()];
    await store.saveShadowScore(SHADOW, (await store.nextForShadow(SHADOW.sha256))!, {
      failure: 'The slices are gone.',
    });
    expect([await query.rows(), await query.caseDetail(studyUid(1)), await query.totals()]).toEqual(before);
    expect(await store.dueDeliveries('pacs', 10)).toEqual([]);
    await store.markRead(studyUid(1), true, 'ann');
    await store.beginRemoval(studyUid(1), Number.MAX_SAFE_INTEGER);
    expect(await store.nextForShadow('ef'.repeat(32))).toBeNull();
    await store.finishRemoval(studyUid(1));
    expect(await store.shadowScores(SHADOW.sha256)).toMatchObject([
      { failure: 'The slices are gone.', decision: null, active_decision: 'suspected' },
    ]);
  });

  it('brings the readers’ verdicts along: the newest of each, and none where they differ', async () => {
    const worklist = await openWorklist();
    const { store } = worklist;
    for (const study of [1, 2, 3]) {
      await toReported(worklist, study, 0.9);
      await store.saveShadowScore(SHADOW, (await store.nextForShadow(SHADOW.sha256))!, {
        findings: findingsOf(0.3),
        seconds: 1,
      });
    }
    const judge = (study: number, verdict: 'agree' | 'disagree', actor: string) =>
      store.recordVerdict(studyUid(study), { revision: 1, verdict, actor });
    await judge(1, 'disagree', 'ada');
    await judge(1, 'agree', 'ada');
    await judge(2, 'agree', 'ada');
    await judge(2, 'disagree', 'ben');
    const scores = await store.shadowScores(SHADOW.sha256);
    expect(Object.fromEntries(scores.map((score) => [score.study_instance_uid, score.fracture]))).toEqual({
      [studyUid(1)]: 'yes',
      [studyUid(2)]: null,
      [studyUid(3)]: null,
    });
  });
});
