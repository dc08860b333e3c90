import { describe, expect, it } from 'vitest';
import type { DestinationWishes } from '../../../../src/case/delivery.ts';
import { inTransaction } from '../../../../src/worklist/db/transactions.ts';
import {
  claimed,
  deliverAll,
  instanceOf,
  objectsOf,
  openWorklist,
  START_MS,
  studyUid,
  toInferred,
  toReported,
  type Worklist,
} from '../fixture.ts';

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
    expect((await query.totals()).outbox).toMatchObject({
      refused: 1,
      oldestAgeMs: 86_400_000,
      oldestPendingAgeMs: null,
    });
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

/** The results of `study` at each destination: report, card and two heatmaps. */
async function reportWithHeatmaps(worklist: Worklist, study: number, probability: number, slices = 3): Promise<void> {
  await toInferred(worklist, study, probability, slices);
  const [report, card] = objectsOf(study, slices);
  const heatmaps = ['h1', 'h2'].map((name) => ({
    ...card!,
    sopInstanceUid: `${card!.sopInstanceUid.slice(0, 40)}.${name === 'h1' ? 1 : 2}`,
    isHeatmap: true,
  }));
  await worklist.store.apply(await claimed(worklist.store, 'report'), {
    type: 'reported',
    objects: [report!, card!, ...heatmaps],
  });
}
const EVERYTHING = { report: true, card: true, heatmaps: true, onlySuspected: false };
const statuses = async ({ query }: Worklist, study: number) =>
  (await query.caseDetail(studyUid(study))).row.deliveries.map(({ destination, kind, status, lastStatus }) =>
    `${destination} ${kind} ${status} ${lastStatus ?? ''}`.trim(),
  );

describe('what a destination wants', () => {
  it('gets the objects that it wants, and the row says why not the others', async () => {
    const worklist = await openWorklist({
      destinations: ['reports', 'cards', 'all'],
      wishes: new Map([
        ['reports', { ...EVERYTHING, card: false, heatmaps: false }],
        ['cards', { ...EVERYTHING, report: false, heatmaps: false }],
      ]),
    });
    await reportWithHeatmaps(worklist, 1, 0.9);
    expect((await statuses(worklist, 1)).sort()).toEqual([
      'all sc pending',
      'all sc pending',
      'all sc pending',
      'all sr pending',
      'cards sc closed object-not-wanted',
      'cards sc closed object-not-wanted',
      'cards sc pending',
      'cards sr closed object-not-wanted',
      'reports sc closed object-not-wanted',
      'reports sc closed object-not-wanted',
      'reports sc closed object-not-wanted',
      'reports sr pending',
    ]);
    for (const destination of ['reports', 'cards', 'all']) await deliverAll(worklist, destination);
    expect((await worklist.query.caseDetail(studyUid(1))).row.state).toBe('delivered');
  });

  it('gets a Key Object Selection of the key slices only where it is named', async () => {
    const worklist = await openWorklist({
      destinations: ['pacs', 'selections'],
      wishes: new Map<string, DestinationWishes>([
        ['pacs', EVERYTHING],
        ['selections', { ...EVERYTHING, report: false, card: false, heatmaps: false, keySlices: true }],
      ]),
    });
    await toInferred(worklist, 1, 0.9);
    const [report] = objectsOf(1, 3);
    const selection = { ...report!, kind: 'ks' as const, sopInstanceUid: '2.25.4711' };
    await worklist.store.apply(await claimed(worklist.store, 'report'), {
      type: 'reported',
      objects: [report!, selection],
    });
    expect((await statuses(worklist, 1)).sort()).toEqual([
      'pacs ks closed object-not-wanted',
      'pacs sr pending',
      'selections ks pending',
      'selections sr closed object-not-wanted',
    ]);
  });

  it('with flagged scans only, gets no other, but whatever replaces one that it has', async () => {
    const worklist = await openWorklist({
      destinations: ['pacs'],
      wishes: new Map([['pacs', { ...EVERYTHING, onlySuspected: true }]]),
    });
    await reportWithHeatmaps(worklist, 1, 0.1);
    expect(new Set(await statuses(worklist, 1))).toEqual(
      new Set(['pacs sr closed decision-not-wanted', 'pacs sc closed decision-not-wanted']),
    );
    await reportWithHeatmaps(worklist, 2, 0.9);
    await deliverAll(worklist);
    await reportWithHeatmaps(worklist, 2, 0.1, 4);
    expect((await worklist.store.dueDeliveries('pacs', 10)).map(({ object }) => object.kind)).toEqual([
      'sr',
      'sc',
      'sc',
      'sc',
    ]);
  });

  it('is finished when nobody wants it, and can be removed', async () => {
    const worklist = await openWorklist({
      destinations: ['pacs'],
      wishes: new Map([['pacs', { ...EVERYTHING, onlySuspected: true }]]),
    });
    await reportWithHeatmaps(worklist, 1, 0.1);
    expect((await worklist.query.caseDetail(studyUid(1))).row.state).toBe('reported');
    expect(await worklist.store.removableCases(worklist.clock.now() + 1, 10)).toHaveLength(1);
  });

  it('without the card gets a refusal, and no card, where it takes no SR', async () => {
    const worklist = await openWorklist({
      destinations: ['pacs'],
      wishes: new Map([['pacs', { ...EVERYTHING, card: false }]]),
    });
    await reportWithHeatmaps(worklist, 1, 0.9);
    const [report] = await worklist.store.dueDeliveries('pacs', 10);
    await worklist.store.recordDelivery(report!.id, { kind: 'no-sr-class', status: 'context-rejected', reason: 'No.' });
    expect((await statuses(worklist, 1))[0]).toBe('pacs sr refused context-rejected');
  });
});

describe('a retired destination', () => {
  it('has what waits for it closed, with the reason in the history; the others go on, and the case can go', async () => {
    const worklist = await openWorklist({ destinations: ['old', 'new'] });
    const { store, query, clock } = worklist;
    await toReported(worklist, 1, 0.1);
    await deliverAll(worklist, 'new');
    expect((await query.caseDetail(studyUid(1))).row.state).toBe('reported');
    expect(await store.closeRetired(['old'])).toBe(2);
    const { row, events } = await query.caseDetail(studyUid(1));
    expect(row.state).toBe('delivered');
    expect(row.deliveries.filter(({ destination }) => destination === 'old')).toMatchObject([
      { status: 'closed', lastStatus: 'retired' },
      { status: 'closed', lastStatus: 'retired' },
    ]);
    expect(events.filter(({ type }) => type === 'deliveryClosed')).toMatchObject([
      { detail: { destination: 'old', reason: 'old is retired' } },
    ]);
    expect(await store.dueDeliveries('old', 10)).toEqual([]);
    expect(await store.removableCases(clock.now() + 1, 10)).toHaveLength(1);
    expect(await store.closeRetired(['old'])).toBe(0);
  });
});

describe('a renamed destination', () => {
  it('gets under its new name what waits under the old one, and keeps what it has', async () => {
    const worklist = await openWorklist({ destinations: ['old', 'other'] });
    const { store, query, database } = worklist;
    await toReported(worklist, 1, 0.9);
    await deliverAll(worklist, 'old');
    await toReported(worklist, 2, 0.9);
    await inTransaction(database.db, (trx) =>
      trx
        .updateTable('cases')
        .set({ selected_destinations: '["old","other"]' })
        .where('study_instance_uid', '=', studyUid(2))
        .execute(),
    );
    const before = (await store.dueDeliveries('old', 10)).map(({ object }) => object.sopInstanceUid);
    expect(before).toHaveLength(2);
    expect(await store.renameDestination('old', 'new')).toBe(4);
    expect(await store.dueDeliveries('old', 10)).toEqual([]);
    expect((await store.dueDeliveries('new', 10)).map(({ object }) => object.sopInstanceUid)).toEqual(before);
    expect((await statuses(worklist, 1)).filter((line) => line.startsWith('new'))).toEqual([
      'new sr confirmed 0000',
      'new sc confirmed 0000',
    ]);
    await deliverAll(worklist, 'new');
    await deliverAll(worklist, 'other');
    expect((await query.caseDetail(studyUid(2))).row.state).toBe('delivered');
    const { selected_destinations: selected } = await database.db
      .selectFrom('cases')
      .select('selected_destinations')
      .where('study_instance_uid', '=', studyUid(2))
      .executeTakeFirstOrThrow();
    expect(selected).toBe('["new","other"]');
    expect(await store.renameDestination('old', 'new')).toBe(0);
  });

  it('that has run under both names owes each result once', async () => {
    const worklist = await openWorklist({ destinations: ['old', 'new'] });
    await toReported(worklist, 1, 0.9);
    await deliverAll(worklist, 'new');
    await worklist.store.renameDestination('old', 'new');
    expect(await worklist.store.dueDeliveries('new', 10)).toEqual([]);
    expect(await statuses(worklist, 1)).toHaveLength(2);
  });
});
