import { describe, expect, it } from 'vitest';
import { deliverAll, instanceOf, objectsOf, openWorklist, START_MS, studyUid, toReported } from '../fixture.ts';

const HOUR_MS = 3_600_000;

describe('outbox', () => {
  it('holds one delivery for each object and destination, and is delivered only when all are confirmed', async () => {
    const worklist = await openWorklist({ destinations: ['pacs', 'archive'] });
    const { store, query, clock } = worklist;
    await toReported(worklist, 1, 0.9);
    const due = [...(await store.dueDeliveries('pacs', 10)), ...(await store.dueDeliveries('archive', 10))];
    expect(due.map((delivery) => [delivery.destination, delivery.object.kind, delivery.state])).toEqual([
      ['pacs', 'sr', 'pending'],
      ['pacs', 'sc', 'pending'],
      ['archive', 'sr', 'pending'],
      ['archive', 'sc', 'pending'],
    ]);
    expect(due[0]).toMatchObject({
      object: objectsOf(1)[0],
      caseRevision: 1,
      patientId: 'P-1',
      accessionNumber: 'A-1',
    });
    clock.advance(7_000);
    for (const [index, delivery] of due.entries()) {
      await store.recordDelivery(delivery.id, { kind: 'sent', status: '0000' });
      expect((await query.caseDetail(studyUid(1))).row.state).toBe('reported');
      await store.recordDelivery(delivery.id, { kind: 'confirmed' });
      expect((await query.caseDetail(studyUid(1))).row.state).toBe(index === due.length - 1 ? 'delivered' : 'reported');
    }
    const { row, events } = await query.caseDetail(studyUid(1));
    expect(row.secondsToSr).toBe(7);
    expect(row.deliveries[0]).toMatchObject({
      destination: 'pacs',
      kind: 'sr',
      status: 'confirmed',
      sentAtMs: START_MS + 7_000,
      confirmedAtMs: START_MS + 7_000,
    });
    expect(events.filter((event) => event.type === 'delivered')).toHaveLength(1);
    expect(await store.dueDeliveries('pacs', 10)).toEqual([]);
  });

  it('has a confirmed result looked for after one hour and after 24, and then no more', async () => {
    const worklist = await openWorklist();
    const { store, clock } = worklist;
    await toReported(worklist, 1, 0.9);
    await deliverAll(worklist);
    const due = async () => (await store.dueDeliveries('pacs', 10)).map(({ state }) => state);
    const found = async () => {
      for (const delivery of await store.dueDeliveries('pacs', 10))
        await store.recordDelivery(delivery.id, { kind: 'confirmed' });
    };
    clock.advance(HOUR_MS - 1);
    expect(await due()).toEqual([]);
    clock.advance(1);
    expect(await due()).toEqual(['confirmed', 'confirmed']);
    await found();
    expect(await due()).toEqual([]);
    clock.advance(23 * HOUR_MS - 1);
    expect(await due()).toEqual([]);
    clock.advance(1);
    expect(await due()).toEqual(['confirmed', 'confirmed']);
    await found();
    clock.advance(1000 * HOUR_MS);
    expect(await due()).toEqual([]);
  });

  it('comes back to a check that could not be made, and sends results that wait first', async () => {
    const worklist = await openWorklist({ deliveryRetryMinMs: 1000, deliveryRetryMaxMs: 8000 });
    const { store, query, clock } = worklist;
    await toReported(worklist, 1, 0.9);
    await deliverAll(worklist);
    clock.advance(HOUR_MS);
    await toReported(worklist, 2, 0.1);
    expect((await store.dueDeliveries('pacs', 10)).map(({ state }) => state)).toEqual([
      'pending',
      'pending',
      'confirmed',
      'confirmed',
    ]);
    await deliverAll({
      ...worklist,
      store: { ...store, dueDeliveries: async (...asked) => (await store.dueDeliveries(...asked)).slice(0, 2) },
    });
    const [check] = await store.dueDeliveries('pacs', 10);
    await store.recordDelivery(check!.id, { kind: 'unconfirmed', reason: 'PACS down' });
    expect(await store.dueDeliveries('pacs', 10)).toHaveLength(1);
    clock.advance(8000);
    expect(await store.dueDeliveries('pacs', 10)).toHaveLength(2);
    expect((await query.caseDetail(studyUid(1))).row.deliveries.map(({ status }) => status)).toEqual([
      'confirmed',
      'confirmed',
    ]);
  });

  it('sends again what was lost after its confirmation, and begins its checks anew', async () => {
    const worklist = await openWorklist();
    const { store, query, clock } = worklist;
    await toReported(worklist, 1, 0.9);
    await deliverAll(worklist);
    clock.advance(HOUR_MS);
    const [lost, kept] = await store.dueDeliveries('pacs', 10);
    await store.recordDelivery(kept!.id, { kind: 'confirmed' });
    await store.recordDelivery(lost!.id, { kind: 'lost', reason: 'gone' });
    const { row, events } = await query.caseDetail(studyUid(1));
    expect(row.deliveries.find(({ sopInstanceUid }) => sopInstanceUid === lost!.object.sopInstanceUid)).toMatchObject({
      status: 'pending',
      confirmedAtMs: null,
      lastError: 'gone',
    });
    expect(events.filter(({ type }) => type === 'resultLost')).toMatchObject([{ actor: 'pacs' }]);
    await store.markRead(studyUid(1), true, 'ann');
    expect(await store.removableCases(clock.now() + 1, 10)).toEqual([]);
    expect(await store.dueDeliveries('pacs', 10)).toMatchObject([
      { id: lost!.id, state: 'pending', object: lost!.object },
    ]);
    await deliverAll(worklist);
    clock.advance(HOUR_MS);
    expect(await store.dueDeliveries('pacs', 10)).toMatchObject([{ id: lost!.id, state: 'confirmed' }]);
  });

  it('does not send again what a newer revision has replaced', async () => {
    const worklist = await openWorklist();
    const { store, clock } = worklist;
    await toReported(worklist, 1, 0.9);
    await deliverAll(worklist);
    clock.advance(HOUR_MS);
    const checks = await store.dueDeliveries('pacs', 10);
    expect(checks).toHaveLength(2);
    await store.recordInstances([instanceOf({ study: 1, number: 9 })]);
    for (const check of checks) await store.recordDelivery(check.id, { kind: 'lost', reason: 'gone' });
    expect(await store.dueDeliveries('pacs', 10)).toEqual([]);
  });

  it('never calls a report delivered that goes nowhere', async () => {
    const worklist = await openWorklist({ destinations: [] });
    await toReported(worklist, 1, 0.9);
    expect((await worklist.query.caseDetail(studyUid(1))).row.state).toBe('reported');
  });

  it('tries again for ever, later and later up to the limit', async () => {
    const worklist = await openWorklist({ deliveryRetryMinMs: 1000, deliveryRetryMaxMs: 8000 });
    const { store, clock } = worklist;
    await toReported(worklist, 1, 0.9);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 12; attempt++) {
      const [sr] = await store.dueDeliveries('pacs', 1);
      await store.recordDelivery(sr!.id, { kind: 'retry', reason: 'PACS down' });
      const before = clock.now();
      while ((await store.dueDeliveries('pacs', 10)).every((delivery) => delivery.object.kind !== 'sr'))
        clock.advance(250);
      waits.push(clock.now() - before);
    }
    expect(waits[0]).toBeLessThanOrEqual(1500);
    expect(waits[3]).toBeGreaterThanOrEqual(6000);
    for (const wait of waits.slice(3)) expect(wait).toBeLessThanOrEqual(10_250);
  });

  it('asks again when the PACS could not be asked, and sends the same again when it has lost it', async () => {
    const worklist = await openWorklist();
    const { store, clock } = worklist;
    await toReported(worklist, 1, 0.9);
    const [sr] = await store.dueDeliveries('pacs', 1);
    await store.recordDelivery(sr!.id, { kind: 'sent', status: '0000' });
    await store.recordDelivery(sr!.id, { kind: 'unconfirmed', reason: 'no answer' });
    clock.advance(3_600_000);
    expect((await store.dueDeliveries('pacs', 10)).find((delivery) => delivery.id === sr!.id)).toMatchObject({
      state: 'sent',
      attempts: 2,
    });
    await store.recordDelivery(sr!.id, { kind: 'retry', reason: 'C-FIND does not name it' });
    clock.advance(3_600_000);
    expect((await store.dueDeliveries('pacs', 10)).find((delivery) => delivery.id === sr!.id)).toMatchObject({
      state: 'pending',
      object: sr!.object,
    });
  });

  it('keeps a refusal in sight until a person has it sent again', async () => {
    const worklist = await openWorklist();
    const { store, query, clock } = worklist;
    await toReported(worklist, 1, 0.9);
    const [sr, sc] = await store.dueDeliveries('pacs', 10);
    await store.recordDelivery(sr!.id, { kind: 'confirmed' });
    await store.recordDelivery(sc!.id, { kind: 'refused', status: '0122', reason: 'SOP class not supported' });
    clock.advance(86_400_000);
    // The report itself is looked for again; the refused capture waits for a person.
    expect((await store.dueDeliveries('pacs', 10)).map(({ state, object }) => `${object.kind} ${state}`)).toEqual([
      'sr confirmed',
    ]);
    expect((await query.caseDetail(studyUid(1))).row).toMatchObject({
      state: 'reported',
      deliveries: [{ status: 'confirmed' }, { status: 'refused', lastError: 'SOP class not supported' }],
    });
    expect((await query.totals()).outbox).toMatchObject({ refused: 1, oldestAgeMs: 86_400_000 });
    expect(await store.retryDeliveries(studyUid(1), 'operator', 'the PACS takes Secondary Capture now')).toBe(1);
    await deliverAll(worklist);
    expect((await query.caseDetail(studyUid(1))).row.state).toBe('delivered');
  });

  it('sends suspected cases first', async () => {
    const worklist = await openWorklist();
    await toReported(worklist, 'plain', 0.1);
    await toReported(worklist, 'suspected', 0.8);
    expect((await worklist.store.dueDeliveries('pacs', 3)).map((delivery) => delivery.object.studyInstanceUid)).toEqual(
      ['suspected', 'suspected', 'plain'].map(studyUid),
    );
  });

  it('refuses an answer for a delivery that does not exist', async () => {
    const { store } = await openWorklist();
    await expect(store.recordDelivery(7, { kind: 'confirmed' })).rejects.toMatchObject({ code: 'not-found' });
  });
});
