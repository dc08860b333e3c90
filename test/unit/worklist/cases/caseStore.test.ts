import { describe, expect, it } from 'vitest';
import { CASE_STATES } from '../../../../src/case/caseState.ts';
import type { CaseEvent, CaseState } from '../../../../src/case/caseState.ts';
import { createCaseStore } from '../../../../src/worklist/cases/caseStore.ts';
import { openDatabase } from '../../../../src/worklist/db/database.ts';
import {
  claimed,
  deliverAll,
  findingsOf,
  instanceOf,
  manifestOf,
  objectsOf,
  openWorklist,
  passOfLeases,
  SC,
  START_MS,
  studyUid,
  toInferred,
  toReported,
} from '../fixture.ts';
import { inTransaction } from '../../../../src/worklist/db/transactions.ts';

const stateOf = async (worklist: Awaited<ReturnType<typeof openWorklist>>, study: number | string = 1) =>
  (await worklist.query.caseDetail(studyUid(study))).row;

describe('states and events', () => {
  const events: CaseEvent[] = [
    { type: 'instanceReceived' },
    { type: 'seriesChosen', manifest: manifestOf([instanceOf()]) },
    { type: 'notEligible', series: [], findings: findingsOf(null) },
    { type: 'inferred', findings: findingsOf(0.9) },
    { type: 'reported', objects: objectsOf(1) },
    { type: 'delivered' },
    { type: 'gaveUp', stage: 'infer', code: 'x', message: 'x' },
  ];
  const STAGE_STEPS: Partial<Record<CaseState, Partial<Record<CaseEvent['type'], CaseState>>>> = {
    receiving: { seriesChosen: 'assembled', notEligible: 'ineligible' },
    assembled: { inferred: 'inferred' },
    inferred: { reported: 'reported' },
    ineligible: { reported: 'ineligible' },
    failed: { reported: 'failed' },
  };
  const stageOf = {
    receiving: 'assemble',
    assembled: 'infer',
    inferred: 'report',
    ineligible: 'report',
    failed: 'report',
    reported: 'report',
    delivered: 'report',
  } as const;

  it.each(CASE_STATES.flatMap((state) => events.map((event) => [state, event.type, event] as const)))(
    'a stage that finds a case %s and says %s',
    async (state, _type, event) => {
      const worklist = await openWorklist();
      const { store, database } = worklist;
      await store.recordInstances([instanceOf()]);
      // The stored row is put into the state, due for the stage that may claim it there.
      await inTransaction(database.db, (trx) =>
        trx
          .updateTable('cases')
          .set({ state, complete_hint: 1, report_due: stageOf[state] === 'report' ? 1 : 0 })
          .execute(),
      );
      const claim = await claimed(store, stageOf[state]);
      const before = (await worklist.query.caseDetail(studyUid(1))).events.length;
      const next = STAGE_STEPS[state]?.[event.type];
      if (next === undefined) {
        await expect(store.apply(claim, event)).rejects.toMatchObject({ code: 'case-event-illegal' });
        expect((await stateOf(worklist)).state).toBe(state);
        expect((await worklist.query.caseDetail(studyUid(1))).events).toHaveLength(before);
      } else {
        expect(await store.apply(claim, event)).toBe('applied');
        const detail = await worklist.query.caseDetail(studyUid(1));
        expect(detail.row.state).toBe(next);
        expect(detail.events.at(-1)).toMatchObject({ type: event.type, from: state, to: next, actor: stageOf[state] });
      }
    },
  );

  it('takes new input in every state, as a new revision once it was assembled', async () => {
    for (const state of CASE_STATES) {
      const worklist = await openWorklist();
      await worklist.store.recordInstances([instanceOf({ number: 1 })]);
      await inTransaction(worklist.database.db, (trx) => trx.updateTable('cases').set({ state }).execute());
      await worklist.store.recordInstances([instanceOf({ number: 2 })]);
      expect(await stateOf(worklist)).toMatchObject({ state: 'receiving', revision: state === 'receiving' ? 1 : 2 });
    }
  });
});

describe('intake', () => {
  it('answers a repeated object as a duplicate and runs nothing again', async () => {
    const worklist = await openWorklist();
    await toReported(worklist, 1, 0.9);
    await deliverAll(worklist);
    expect(await worklist.store.recordInstances([instanceOf({ number: 2 })])).toEqual(['duplicate']);
    expect(await stateOf(worklist)).toMatchObject({ state: 'delivered', revision: 1 });
    expect(await worklist.store.knownPaths()).toEqual(new Set([1, 2, 3].map((number) => instanceOf({ number }).path)));
  });

  it('keeps both versions of an object with other bytes and holds the case', async () => {
    const worklist = await openWorklist();
    const { store } = worklist;
    await toReported(worklist, 1, 0.9);
    expect(await store.recordInstances([instanceOf({ number: 2, content: 'b' })])).toEqual(['conflict']);
    expect(await store.recordInstances([instanceOf({ number: 2, content: 'b' })])).toEqual(['duplicate']);
    expect(await store.knownPaths()).toContain(instanceOf({ number: 2, content: 'b' }).path);
    expect(await store.dueDeliveries('pacs', 10)).toEqual([]);
    expect(await stateOf(worklist)).toMatchObject({
      state: 'reported',
      status: 'held',
      quarantineReason: 'An image came twice with different content',
    });

    await store.releaseQuarantine(studyUid(1), {
      use: 'first',
      reason: 'the copy was cropped by the archive',
      actor: 'reader-7',
    });
    expect(await store.dueDeliveries('pacs', 10)).toHaveLength(2);
    const { events } = await worklist.query.caseDetail(studyUid(1));
    expect(events.at(-1)).toMatchObject({
      type: 'quarantineReleased',
      actor: 'reader-7',
      detail: { use: 'first', reason: 'the copy was cropped by the archive' },
    });
  });

  it('holds a study in which the patient differs, fences out whoever works on it, and goes on with the latest when told so', async () => {
    const worklist = await openWorklist();
    const { store } = worklist;
    await store.recordInstances([1, 2].map((number) => instanceOf({ number })));
    await store.nudgeComplete([studyUid(1)]);
    const assembling = await claimed(store, 'assemble');
    const edited = [1, 2].map((number) =>
      instanceOf({ number, content: 'b', patientId: 'P-2', patientName: 'Roe^Jane', receivedAtMs: START_MS + 10 }),
    );
    expect(await store.recordInstances(edited)).toEqual(['identity-conflict', 'identity-conflict']);
    expect(await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) })).toBe(
      'stale',
    );
    expect(await store.claim('assemble', 1000)).toBeNull();
    expect(await stateOf(worklist)).toMatchObject({
      patientId: 'P-1',
      status: 'held',
      quarantineReason: 'Two patients in one study: patient ID, name differs',
    });

    await store.releaseQuarantine(studyUid(1), { use: 'latest', reason: 'merged', actor: 'reader-7' });
    await store.nudgeComplete([studyUid(1)]);
    const again = await claimed(store, 'assemble');
    expect(again.record.patient.patientId).toBe('P-2');
    expect(again.instances.map((instance) => instance.path)).toEqual(edited.map((instance) => instance.path).sort());
  });

  it('leaves the other patient’s slices out when a study holds two patients and the latest counts', async () => {
    const { store } = await openWorklist();
    await store.recordInstances([
      instanceOf({ number: 1 }),
      instanceOf({ number: 2, patientId: 'P-9', receivedAtMs: START_MS + 1 }),
    ]);
    await store.releaseQuarantine(studyUid(1), { use: 'latest', reason: 'r', actor: 'a' });
    await store.nudgeComplete([studyUid(1)]);
    expect((await claimed(store, 'assemble')).instances.map((instance) => instance.header.patientId)).toEqual(['P-9']);
  });

  it('never lets a routed-back result of ours make or reopen a case', async () => {
    const worklist = await openWorklist();
    const own = (study: number) => instanceOf({ study, sopClassUid: SC, manufacturer: 'Odontoid', number: 77 });
    await toReported(worklist, 1, 0.9);
    expect(await worklist.store.recordInstances([own(1), own(2)])).toEqual(['new', 'new']);
    expect((await worklist.query.rows()).map((row) => row.studyInstanceUid)).toEqual([studyUid(1)]);
    expect(await stateOf(worklist)).toMatchObject({ state: 'reported', revision: 1 });
    expect(await worklist.store.knownPaths()).toContain(own(2).path);
  });

  it('makes a case of a study without CT, and does not reopen one for an object that is not CT', async () => {
    const worklist = await openWorklist();
    await worklist.store.recordInstances([instanceOf({ sopClassUid: SC })]);
    await worklist.store.nudgeComplete([studyUid(1)]);
    const claim = await claimed(worklist.store, 'assemble');
    await worklist.store.apply(claim, { type: 'notEligible', series: [], findings: findingsOf(null) });
    await worklist.store.recordInstances([instanceOf({ sopClassUid: SC, number: 2 })]);
    expect(await stateOf(worklist)).toMatchObject({ state: 'ineligible', revision: 1, status: 'not-analysed' });
  });

  it('drops the result of an assembling that a new slice overtook', async () => {
    const { store } = await openWorklist();
    await store.recordInstances([instanceOf({ number: 1 })]);
    await store.nudgeComplete([studyUid(1)]);
    const claim = await claimed(store, 'assemble');
    await store.recordInstances([instanceOf({ number: 2 })]);
    expect(await store.apply(claim, { type: 'seriesChosen', manifest: manifestOf(claim.instances) })).toBe('stale');
    expect(await store.heartbeat(claim, 1000)).toBe(false);
    expect(await store.claim('assemble', 1000)).toBeNull();
    await store.nudgeComplete([studyUid(1)]);
    expect((await claimed(store, 'assemble')).instances).toHaveLength(2);
  });
});

describe('claims', () => {
  it('assembles at a hint at once, and without one after the quiet time', async () => {
    const { store, clock } = await openWorklist({ quietMs: 20_000 });
    await store.recordInstances([instanceOf()]);
    clock.advance(19_999);
    expect(await store.claim('assemble', 1000)).toBeNull();
    clock.advance(1);
    const claim = await claimed(store, 'assemble');
    await store.release(claim, clock.now() + 5_000);
    expect(await store.claim('assemble', 1000)).toBeNull();
    await store.nudgeComplete([studyUid(1)]);
    expect((await claimed(store, 'assemble')).attempt).toBe(1);
  });

  it('waits for a sender that may go on, for the quiet time at the most; another slice begins the wait anew', async () => {
    const { store, clock } = await openWorklist({ quietMs: 20_000 });
    const study = [studyUid(1)];
    const slice = (number: number) => instanceOf({ number, receivedAtMs: clock.now() });
    await store.recordInstances([slice(1)]);
    await store.nudgeComplete(study, 5_000);
    clock.advance(4_999);
    expect(await store.claim('assemble', 1000)).toBeNull();
    await store.recordInstances([slice(2)]);
    clock.advance(1);
    expect(await store.claim('assemble', 1000)).toBeNull();
    await store.nudgeComplete(study, 5_000);
    clock.advance(5_000);
    // It ends a wait that a stage is deciding on, too.
    const claim = await claimed(store, 'assemble');
    await store.recordInstances([slice(3)]);
    clock.advance(20_000);
    expect(await store.heartbeat(claim, 1000)).toBe(false);
    const again = await claimed(store, 'assemble');
    await store.nudgeComplete(study, 5_000);
    await store.release(again, clock.now() + 60_000);
    expect((await claimed(store, 'assemble')).instances).toHaveLength(3);
  });

  it('gives an expired lease to another worker and drops what the first one says', async () => {
    const worklist = await openWorklist();
    const { store } = worklist;
    await store.recordInstances([instanceOf()]);
    await store.nudgeComplete([studyUid(1)]);
    const first = await claimed(store, 'assemble');
    await passOfLeases(worklist, 50_000);
    expect(await store.heartbeat(first, 60_000)).toBe(true);
    await passOfLeases(worklist, 30_000);
    expect(await store.claim('assemble', 60_000)).toBeNull();
    await passOfLeases(worklist, 30_000);
    const second = await claimed(store, 'assemble');
    expect(second.attempt).toBe(2);
    expect(await store.apply(first, { type: 'seriesChosen', manifest: manifestOf(first.instances) })).toBe('stale');
    expect(await store.apply(second, { type: 'seriesChosen', manifest: manifestOf(second.instances) })).toBe('applied');
  });

  it('waits longer after each failure, then fails the case and reports that it was not analysed', async () => {
    const worklist = await openWorklist({ retryMinMs: 1000, retryMaxMs: 60_000, maxAttempts: 3 });
    const { store, clock } = worklist;
    await store.recordInstances([instanceOf()]);
    await store.nudgeComplete([studyUid(1)]);
    const assembling = await claimed(store, 'assemble');
    await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) });
    const failure = {
      code: 'inference-died',
      message: 'The inference process died.',
      retry: true,
      findings: findingsOf(null, { reason: 'The analysis failed', reasonCode: 'failed' }),
    };
    for (const wait of [1000, 2000]) {
      expect(await store.fail(await claimed(store, 'infer'), failure)).toBe('assembled');
      clock.advance(wait * 0.75 - 1);
      expect(await store.claim('infer', 1000)).toBeNull();
      clock.advance(wait * 0.5 + 1);
    }
    const last = await claimed(store, 'infer');
    expect(last).toMatchObject({ attempt: 3, exhausted: false });
    expect(await store.fail(last, failure)).toBe('failed');
    expect(await stateOf(worklist)).toMatchObject({
      state: 'failed',
      status: 'failed',
      failure: { code: 'inference-died', stage: 'infer' },
    });
    await store.apply(await claimed(store, 'report'), { type: 'reported', objects: objectsOf(1) });
    expect(await store.dueDeliveries('pacs', 10)).toHaveLength(2);
    await deliverAll(worklist);
    expect((await stateOf(worklist)).state).toBe('failed');
  });

  it('takes STAT first, then suspected by probability, then by arrival', async () => {
    const worklist = await openWorklist();
    const { store } = worklist;
    await toInferred(worklist, 'plain', 0.1);
    await toInferred(worklist, 'low', 0.6);
    await toInferred(worklist, 'high', 0.9);
    await toInferred(worklist, 'stat', 0.2);
    await store.markStat(studyUid('stat'), true, 'reader');
    const order = [];
    for (let claim = await store.claim('report', 60_000); claim !== null; claim = await store.claim('report', 60_000))
      order.push(claim.record.studyInstanceUid);
    expect(order).toEqual(['stat', 'high', 'low', 'plain'].map(studyUid));
  });

  it('never leases one case to two stores on the same database', async () => {
    const worklist = await openWorklist();
    const studies = Array.from({ length: 40 }, (_, study) => study);
    await worklist.store.recordInstances(studies.map((study) => instanceOf({ study })));
    await worklist.store.nudgeComplete(studies.map(studyUid));
    const other = await openDatabase(worklist.place);
    const stores = [worklist.store, createCaseStore(other, worklist.clock)];
    const taken = await Promise.all(
      stores.map(async (store) => {
        const mine: string[] = [];
        for (
          let claim = await store.claim('assemble', 60_000);
          claim !== null;
          claim = await store.claim('assemble', 60_000)
        ) {
          mine.push(claim.record.studyInstanceUid);
          await new Promise((resolve) => setTimeout(resolve, 8));
        }
        return mine;
      }),
    );
    await other.close();
    expect(taken.every((mine) => mine.length > 0)).toBe(true);
    expect(taken.flat().sort()).toEqual(studies.map(studyUid).sort());
  });
});

describe('supersession', () => {
  it('begins a new revision for late slices: nothing old counts, nothing unsent is sent, the sent report is named', async () => {
    const worklist = await openWorklist();
    const { store } = worklist;
    await toReported(worklist, 1, 0.9);
    const [sr, sc] = await store.dueDeliveries('pacs', 10);
    await store.recordDelivery(sr!.id, { kind: 'sent', status: '0000' });
    await store.recordInstances([instanceOf({ number: 4 })]);
    expect(await stateOf(worklist)).toMatchObject({
      state: 'receiving',
      revision: 2,
      decision: null,
      probability: null,
      status: 'running',
      deliveries: [],
    });

    // The answer for an object that was under way when the slice came.
    await store.recordDelivery(sc!.id, { kind: 'sent', status: '0000' });
    const due = await store.dueDeliveries('pacs', 10);
    expect(due.map((delivery) => delivery.object.kind)).toEqual(['sr']);
    await store.recordDelivery(sr!.id, { kind: 'confirmed' });
    expect((await stateOf(worklist)).state).toBe('receiving');

    await store.nudgeComplete([studyUid(1)]);
    const claim = await claimed(store, 'assemble');
    expect(claim.previousSr).toEqual([
      {
        sopClassUid: sr!.object.sopClassUid,
        sopInstanceUid: sr!.object.sopInstanceUid,
        seriesInstanceUid: sr!.object.seriesInstanceUid,
      },
    ]);
    await store.apply(claim, { type: 'seriesChosen', manifest: manifestOf(claim.instances) });
    await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings: findingsOf(0.2) });
    await store.apply(await claimed(store, 'report'), { type: 'reported', objects: objectsOf(1, 2) });
    await deliverAll(worklist);
    const detail = await worklist.query.caseDetail(studyUid(1));
    expect(detail.row).toMatchObject({ state: 'delivered', revision: 2, decision: 'not-suspected' });
    expect(detail.results.map((result) => [result.kind, result.revision])).toEqual([
      ['sr', 1],
      ['sc', 1],
      ['sr', 2],
      ['sc', 2],
    ]);
  });

  it('does not send a report of an old revision again that the destination has lost', async () => {
    const worklist = await openWorklist();
    const { store, clock } = worklist;
    await toReported(worklist, 1, 0.9);
    for (const due of await store.dueDeliveries('pacs', 10))
      await store.recordDelivery(due.id, { kind: 'sent', status: '0000' });
    await store.recordInstances([instanceOf({ number: 4 })]);
    for (const due of await store.dueDeliveries('pacs', 10))
      await store.recordDelivery(due.id, { kind: 'retry', reason: 'lost' });
    clock.advance(3_600_000);
    expect(await store.dueDeliveries('pacs', 10)).toEqual([]);
  });

  it('does not name a report that no destination took', async () => {
    const worklist = await openWorklist();
    await toReported(worklist, 1, 0.9);
    await worklist.store.recordInstances([instanceOf({ number: 4 })]);
    await worklist.store.nudgeComplete([studyUid(1)]);
    expect((await claimed(worklist.store, 'assemble')).previousSr).toEqual([]);
  });

  it('sends nothing twice when a new revision writes the same object', async () => {
    const worklist = await openWorklist();
    const { store } = worklist;
    await toReported(worklist, 1, 0.9);
    await deliverAll(worklist);
    await store.recordInstances([instanceOf({ number: 4 })]);
    await store.nudgeComplete([studyUid(1)]);
    const claim = await claimed(store, 'assemble');
    await store.apply(claim, { type: 'seriesChosen', manifest: manifestOf(claim.instances) });
    await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings: findingsOf(0.9) });
    const [newSr] = objectsOf(1, 2);
    const [, sameSc] = objectsOf(1, 1);
    await store.apply(await claimed(store, 'report'), { type: 'reported', objects: [newSr!, sameSc!] });
    expect((await store.dueDeliveries('pacs', 10)).map((delivery) => delivery.object.sopInstanceUid)).toEqual([
      newSr!.sopInstanceUid,
    ]);
    await deliverAll(worklist);
    expect((await stateOf(worklist)).state).toBe('delivered');
  });
});

describe('results', () => {
  it('refuses objects of another study', async () => {
    const worklist = await openWorklist();
    await toInferred(worklist, 1, 0.9);
    const claim = await claimed(worklist.store, 'report');
    await expect(worklist.store.apply(claim, { type: 'reported', objects: objectsOf(2) })).rejects.toMatchObject({
      code: 'identity-mismatch',
    });
    await expect(worklist.store.apply(claim, { type: 'reported', objects: [] })).rejects.toMatchObject({
      code: 'report-failed',
    });
    expect((await stateOf(worklist)).state).toBe('inferred');
  });

  it('is read until new slices come', async () => {
    const worklist = await openWorklist();
    await toReported(worklist, 1, 0.2);
    await worklist.store.markRead(studyUid(1), true, 'reader');
    expect(await stateOf(worklist)).toMatchObject({ readAtMs: START_MS, rank: null, why: 'Read' });
    await worklist.store.recordInstances([instanceOf({ number: 9 })]);
    expect(await stateOf(worklist)).toMatchObject({ readAtMs: null, rank: 1 });
    await expect(worklist.store.markRead(studyUid(99), true, 'reader')).rejects.toMatchObject({ code: 'not-found' });
  });

  it('announces each change after it is on record, and duplicates not at all', async () => {
    const worklist = await openWorklist();
    const seen: string[] = [];
    const stop = worklist.store.onChange((study) => seen.push(study));
    await worklist.store.recordInstances([instanceOf({ number: 1 }), instanceOf({ number: 2 })]);
    await worklist.store.recordInstances([instanceOf({ number: 1 })]);
    expect(seen).toEqual([studyUid(1)]);
    stop();
    await worklist.store.nudgeComplete([studyUid(1)]);
    expect(seen).toHaveLength(1);
  });
});
