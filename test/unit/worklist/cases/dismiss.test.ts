import { describe, expect, it } from 'vitest';
import { TriageError } from '../../../../src/base/errors.ts';
import { countNeedsAttention, needsAttention } from '../../../../src/worklist/list/needsAttention.ts';
import {
  claimed,
  deliverAll,
  instanceOf,
  openWorklist,
  studyUid,
  toInferred,
  toReported,
  type Worklist,
} from '../fixture.ts';

const DECISION = { actor: 'ada', reason: 'Images of a test object' };
const FAILURE = { code: 'inference-failed', message: 'The network gave no number.', retry: false };

/** Studies that retention would take when everything is old. */
const removable = async ({ store, clock }: Worklist) =>
  (await store.removableCases(clock.now() + 1, 10)).map(({ studyInstanceUid }) => studyInstanceUid);

async function waiting({ database }: Worklist) {
  const { held, failed, deliveries } = await needsAttention(database, 10);
  const cut = await needsAttention(database, 1);
  expect(cut.more).toBe([held, failed, deliveries].some((list) => list.length > 1));
  expect(await countNeedsAttention(database)).toBe(held.length + failed.length + deliveries.length);
  return {
    held: held.length,
    failed: failed.length,
    refused: deliveries.reduce((sum, one) => sum + one.refused, 0),
    tried: deliveries.reduce((sum, one) => sum + one.waiting, 0),
  };
}

/** Refuses all that is due. */
async function refuse({ store }: Worklist) {
  for (const due of await store.dueDeliveries('pacs', 10))
    await store.recordDelivery(due.id, { kind: 'refused', status: '0122', reason: 'SOP class not supported' });
}

describe('leaving what waits for a person as it is', () => {
  it('takes a held study off the list, not off the worklist, until something new comes of it', async () => {
    const worklist = await openWorklist();
    const { store, query, clock } = worklist;
    await toInferred(worklist, 1, 0.9);
    await store.recordInstances([instanceOf({ study: 1, number: 9, patientId: 'ANOTHER' })]);
    expect(await waiting(worklist)).toMatchObject({ held: 1 });
    await store.dismiss(studyUid(1), DECISION);
    expect(await waiting(worklist)).toMatchObject({ held: 0 });
    const { row, events } = await query.caseDetail(studyUid(1));
    expect(row.status).toBe('held');
    expect(events.at(-1)).toMatchObject({ type: 'leftAsIs', actor: 'ada', detail: { reason: DECISION.reason } });
    expect(await store.claim('report', 60_000)).toBeNull();

    clock.advance(1000);
    await store.recordInstances([instanceOf({ study: 1, number: 10, patientId: 'A THIRD' })]);
    expect(await waiting(worklist)).toMatchObject({ held: 1 });
  });

  it('takes a failed study and refused results off it, and they come back when they fail or are refused again', async () => {
    const worklist = await openWorklist();
    const { store } = worklist;
    await store.recordInstances([1, 2, 3].map((number) => instanceOf({ study: 1, number })));
    await store.nudgeComplete([studyUid(1)]);
    await store.fail(await claimed(store, 'assemble'), FAILURE);
    await toReported(worklist, 2, 0.9);
    await refuse(worklist);
    expect(await waiting(worklist)).toEqual({ held: 0, failed: 1, refused: 2, tried: 0 });
    await store.dismiss(studyUid(1), DECISION);
    await store.dismiss(studyUid(2), DECISION);
    expect(await waiting(worklist)).toEqual({ held: 0, failed: 0, refused: 0, tried: 0 });

    await store.retryDeliveries(studyUid(2), 'ada', 'It takes them now');
    await refuse(worklist);
    await store.reprocess(studyUid(1), DECISION);
    await store.fail(await claimed(store, 'assemble'), FAILURE);
    expect(await waiting(worklist)).toEqual({ held: 0, failed: 1, refused: 2, tried: 0 });
  });

  it('hides nothing that is still tried', async () => {
    const worklist = await openWorklist({ destinations: ['pacs', 'archive'] });
    const { store } = worklist;
    await toReported(worklist, 1, 0.9);
    await refuse(worklist);
    for (const due of await store.dueDeliveries('archive', 10))
      await store.recordDelivery(due.id, { kind: 'retry', reason: 'nothing listens there' });
    await store.dismiss(studyUid(1), DECISION);
    expect(await waiting(worklist)).toEqual({ held: 0, failed: 0, refused: 0, tried: 2 });
    expect(await removable(worklist)).toEqual([]);
  });

  it('lets retention have it, and nothing else', async () => {
    const worklist = await openWorklist();
    const { store, clock } = worklist;
    await toInferred(worklist, 'held', 0.9);
    await store.recordInstances([instanceOf({ study: 'held', number: 9, patientId: 'ANOTHER' })]);
    await store.recordInstances([instanceOf({ study: 'failed' })]);
    await store.nudgeComplete([studyUid('failed')]);
    await store.fail(await claimed(store, 'assemble'), FAILURE);
    await toReported(worklist, 'refused', 0.9);
    await refuse(worklist);
    clock.advance(1000);
    expect(await removable(worklist)).toEqual([]);
    for (const study of ['held', 'failed', 'refused']) {
      await store.dismiss(studyUid(study), DECISION);
      expect(await removable(worklist)).toEqual([studyUid(study)]);
      expect(await store.beginRemoval(studyUid(study), clock.now() + 1)).not.toBeNull();
      expect(await store.finishRemoval(studyUid(study))).toBe(true);
    }
  });

  it('is refused where nothing waits', async () => {
    const worklist = await openWorklist();
    await toReported(worklist, 1, 0.1);
    await deliverAll(worklist);
    for (const study of [studyUid(1), studyUid('unknown')])
      await expect(worklist.store.dismiss(study, DECISION)).rejects.toThrow(TriageError);
  });
});
