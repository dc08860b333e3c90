import { describe, expect, it } from 'vitest';
import {
  claimed,
  deliverAll,
  findingsOf,
  instanceOf,
  manifestOf,
  MODEL,
  openWorklist,
  START_MS,
  studyUid,
  toInferred,
  toReported,
} from '../fixture.ts';
import { inTransaction } from '../../../../src/worklist/db/transactions.ts';

const MINUTE_MS = 60_000;

describe('worklist rows', () => {
  it('ranks suspected before unscored before the rest, each with its reason, and those read last', async () => {
    const worklist = await openWorklist();
    const { store, clock, query } = worklist;
    await toReported(worklist, 'plain', 0.1);
    await toReported(worklist, 'read', 0.99);
    await store.markRead(studyUid('read'), true, 'reader');
    await toReported(worklist, 'low', 0.6);
    await toReported(worklist, 'high', 0.934);
    await store.recordInstances([instanceOf({ study: 'ineligible' })]);
    await store.nudgeComplete([studyUid('ineligible')]);
    await store.apply(await claimed(store, 'assemble'), {
      type: 'notEligible',
      series: manifestOf([instanceOf()]).series,
      findings: findingsOf(null),
    });
    clock.advance(4 * MINUTE_MS);
    const rows = await query.rows();
    expect(rows.map((row) => [row.rank, row.accessionNumber, row.why])).toEqual([
      [1, 'A-high', 'Suspected fracture, 0.93; waiting 4 min'],
      [2, 'A-low', 'Suspected fracture, 0.60; waiting 4 min'],
      [3, 'A-ineligible', 'Not analysed by AI; waiting 4 min'],
      [4, 'A-plain', 'AI did not flag it, in order of arrival; waiting 4 min'],
      [null, 'A-read', 'Read'],
    ]);
    expect(rows[2]).toMatchObject({
      stateText: 'Not analysed: Only a localizer: no thin axial CT series - read as usual',
    });
    // A study may have thousands: they stand in the case, not in each row of the list.
    expect(rows[2]).not.toHaveProperty('series');
    expect((await query.caseDetail(rows[2]!.studyInstanceUid)).series).toMatchObject([{ chosen: true }]);
    clock.advance(60 * MINUTE_MS);
    expect((await query.rows()).slice(0, 2).map((row) => row.why)).toEqual([
      expect.stringMatching(/^Past the wait limit of 1 h 0 min; .*; waiting 1 h 4 min$/),
      expect.stringMatching(/^Past the wait limit/),
    ]);
  });

  it('shows what the case is, who it is about, and what judged it', async () => {
    const worklist = await openWorklist();
    const { store, query } = worklist;
    await store.recordInstances([instanceOf({ number: 1 }), instanceOf({ number: 2, receivedAtMs: START_MS + 3000 })]);
    await store.nudgeComplete([studyUid(1)]);
    const assembling = await claimed(store, 'assemble');
    await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) });
    const keySlice = {
      sopInstanceUid: assembling.instances[0]!.header.sopInstanceUid,
      sliceIndex: 0,
      score: 0.9,
      levels: ['C5', 'C6'] as const,
    };
    const crop = {
      top: 0,
      left: 0,
      bottom: 1,
      right: 1,
      transpose: false,
      flipRows: false,
      flipColumns: false,
      rows: 1,
      columns: 1,
      fullFrame: true,
    };
    const findings = findingsOf(0.8, {
      keySlices: [{ ...keySlice, levels: [...keySlice.levels], cam: [1, 2, 3, 4], camRows: 2, camColumns: 2, crop }],
    });
    await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings });
    const detail = await query.caseDetail(studyUid(1));
    expect(detail.row).toMatchObject({
      patientName: 'Doe^Jane',
      patientId: 'P-1',
      age: '056Y',
      sex: 'F',
      accessionNumber: 'A-1',
      acquiredAt: '20261102075600',
      arrivedAtMs: START_MS,
      lastReceivedAtMs: START_MS + 3000,
      decision: 'suspected',
      threshold: { value: 0.5, version: 1 },
      levels: ['C5', 'C6'],
      keySlices: [keySlice],
      model: MODEL,
      secondsToSr: null,
    });
    expect(detail.findings).toEqual(findings);
    expect(detail.manifest).toEqual(manifestOf(assembling.instances));
    expect(detail.instances).toEqual({ received: 2, setAside: 0, ownResults: 0 });
    await expect(query.caseDetail('1.2.3')).rejects.toMatchObject({ code: 'not-found' });
  });

  it('calls an analysis delayed by what is usual here', async () => {
    const worklist = await openWorklist();
    const { store, clock, query } = worklist;
    for (const study of [1, 2, 3]) await toInferred(worklist, study, 0.1);
    await inTransaction(worklist.database.db, (trx) =>
      trx
        .updateTable('analyses')
        .set({ analysed_at: START_MS + 2 * MINUTE_MS })
        .execute(),
    );
    await store.recordInstances([instanceOf({ study: 'late' })]);
    const textAfter = async (ms: number) => {
      clock.advance(ms);
      return (await query.caseDetail(studyUid('late'))).row.stateText;
    };
    expect(await textAfter(4 * MINUTE_MS)).toBe('AI running, 4 min - do not wait for it');
    expect(await textAfter(2 * MINUTE_MS)).toBe('AI delayed: 6 min, usually 2 min - read as usual');
  });

  it('is one snapshot, wherever a change falls while it is read', async () => {
    const worklist = await openWorklist();
    const { store, query } = worklist;
    for (let ticks = 0; ticks < 60; ticks++) {
      await store.recordInstances([instanceOf({ number: ticks })]);
      await store.nudgeComplete([studyUid(1)]);
      const assembling = await claimed(store, 'assemble');
      await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) });
      const inferring = await claimed(store, 'infer');
      const answer = query.rows();
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
      await store.apply(inferring, { type: 'inferred', findings: findingsOf(0.8) });
      const [row] = await answer;
      expect(row!.decision).toBe(row!.state === 'inferred' ? 'suspected' : null);
    }
  });
});

describe('totals', () => {
  it('counts cases, queues and the outbox', async () => {
    const worklist = await openWorklist();
    const { store, clock, query } = worklist;
    expect(await query.totals()).toMatchObject({
      unread: 0,
      outbox: { pending: 0, oldestAgeMs: null },
      lastReceivedAtMs: null,
    });
    await toReported(worklist, 'delivered', 0.9);
    await deliverAll(worklist);
    await toReported(worklist, 'reported', 0.9);
    await toInferred(worklist, 'inferred', 0.9);
    await store.recordInstances([instanceOf({ study: 'new', receivedAtMs: START_MS + 500 })]);
    await store.recordInstances([instanceOf({ study: 'new', content: 'b' })]);
    await store.markRead(studyUid('delivered'), true, 'reader');
    clock.advance(9000);
    expect(await query.totals()).toEqual({
      byState: { receiving: 1, assembled: 0, inferred: 1, reported: 1, delivered: 1, ineligible: 0, failed: 0 },
      held: 1,
      unread: 3,
      queue: { assemble: 1, infer: 0, report: 1 },
      outbox: { pending: 2, unconfirmed: 0, refused: 0, oldestAgeMs: 9000, oldestPendingAgeMs: 9000 },
      lastReceivedAtMs: START_MS + 500,
    });
  });
});
