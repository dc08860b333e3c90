import { describe, expect, it } from 'vitest';
import { claimed, instanceOf, openWorklist, studyUid, toReported } from '../fixture.ts';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const QUIET_MS = 20_000;

describe('what is due by the wall clock', () => {
  it('does not wait for a year when the clock is set back by one: results, retries and studies that arrive', async () => {
    const worklist = await openWorklist({ quietMs: QUIET_MS });
    const { store, clock } = worklist;
    await toReported(worklist, 'sent', 0.9);
    for (const due of await store.dueDeliveries('pacs', 9))
      await store.recordDelivery(due.id, { kind: 'retry', reason: 'down' });
    await store.recordInstances([instanceOf({ study: 'failing', receivedAtMs: clock.now() })]);
    await store.nudgeComplete([studyUid('failing')]);
    await store.fail(await claimed(store, 'assemble'), { code: 'inference-died', message: 'x', retry: true });
    await store.recordInstances([instanceOf({ study: 'arriving', receivedAtMs: clock.now() })]);
    clock.advance(-YEAR_MS);
    expect([await store.dueDeliveries('pacs', 9), await store.claim('assemble', 1)]).toEqual([[], null]);

    // As a start does, which has not seen the step.
    await store.settleDueTimes({ hasStepped: false });
    expect(await store.dueDeliveries('pacs', 9)).toHaveLength(2);
    expect((await claimed(store, 'assemble')).record.studyInstanceUid).toBe(studyUid('failing'));
    clock.advance(QUIET_MS);
    const arriving = await claimed(store, 'assemble');
    expect(arriving.record).toMatchObject({
      studyInstanceUid: studyUid('arriving'),
      lastReceivedAtMs: clock.now() - QUIET_MS,
    });
  });

  it('is due at once after a step that was seen, however short the wait', async () => {
    const worklist = await openWorklist();
    const { store, clock } = worklist;
    await toReported(worklist, 'sent', 0.9);
    for (const due of await store.dueDeliveries('pacs', 9))
      await store.recordDelivery(due.id, { kind: 'retry', reason: 'down' });
    clock.advance(-60_000);
    await store.settleDueTimes({ hasStepped: false });
    expect(await store.dueDeliveries('pacs', 9)).toEqual([]);
    await store.settleDueTimes({ hasStepped: true });
    expect(await store.dueDeliveries('pacs', 9)).toHaveLength(2);
  });

  it('keeps a back-off over a start on a clock that is right', async () => {
    const worklist = await openWorklist();
    const { store, clock } = worklist;
    await toReported(worklist, 'sent', 0.9);
    for (const due of await store.dueDeliveries('pacs', 9))
      await store.recordDelivery(due.id, { kind: 'retry', reason: 'down' });
    await store.settleDueTimes({ hasStepped: false });
    expect(await store.dueDeliveries('pacs', 9)).toEqual([]);
    clock.advance(10_000);
    expect(await store.dueDeliveries('pacs', 9)).toHaveLength(2);
  });

  it('does not let the quiet time run while the agent is down, nor over a clock that is set forward', async () => {
    const { store, clock } = await openWorklist({ quietMs: QUIET_MS });
    await store.recordInstances([instanceOf({ study: 'half', receivedAtMs: clock.now() })]);
    await store.recordInstances([instanceOf({ study: 'whole', receivedAtMs: clock.now() })]);
    await store.nudgeComplete([studyUid('whole')]);
    clock.advance(8 * HOUR_MS);
    await store.settleDueTimes({ hasStepped: false });
    // The sender had said that it was all: nothing is waited for.
    expect((await claimed(store, 'assemble')).record.studyInstanceUid).toBe(studyUid('whole'));
    expect(await store.claim('assemble', 1)).toBeNull();
    clock.advance(QUIET_MS - 1);
    expect(await store.claim('assemble', 1)).toBeNull();
    clock.advance(1);
    expect((await claimed(store, 'assemble')).record.studyInstanceUid).toBe(studyUid('half'));
  });

  it('of a node that does not receive only deliveries are put right: its clock may be behind', async () => {
    const worklist = await openWorklist({ quietMs: QUIET_MS });
    const { store, clock } = worklist;
    await toReported(worklist, 'sent', 0.9);
    for (const due of await store.dueDeliveries('pacs', 9))
      await store.recordDelivery(due.id, { kind: 'retry', reason: 'down' });
    await store.recordInstances([instanceOf({ study: 'arriving', receivedAtMs: clock.now() })]);
    clock.advance(-HOUR_MS);
    await store.settleDueTimes({ hasStepped: true, receives: false });
    expect(await store.dueDeliveries('pacs', 9)).toHaveLength(2);
    clock.advance(HOUR_MS + QUIET_MS - 1);
    expect(await store.claim('assemble', 1)).toBeNull();
    clock.advance(1);
    const { record } = await claimed(store, 'assemble');
    expect(record).toMatchObject({ studyInstanceUid: studyUid('arriving'), lastReceivedAtMs: clock.now() - QUIET_MS });
  });
});
