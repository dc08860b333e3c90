import fc from 'fast-check';
import { expect, it } from 'vitest';
import { runsHere } from '../../../postgres/copiedDatabase.ts';
import { claimed, findingsOf, instanceOf, manifestOf, openWorklist, studyUid } from '../fixture.ts';
import type { Worklist } from '../fixture.ts';
import type { WorklistRow } from '../../../../src/answers/worklistAnswer.ts';

const MINUTE_MS = 60_000;
const CAP_MS = 60 * MINUTE_MS;
const ALL = { show: 'all', search: '', location: '', read: true, list: null, offset: 0, limit: 200 } as const;

interface Wish {
  minutesAgo: number;
  outcome: 'receiving' | 'not-analysed' | number;
  stat: boolean;
  held: boolean;
  read: boolean;
}
const wish: fc.Arbitrary<Wish> = fc.record({
  minutesAgo: fc.integer({ min: 0, max: 120 }),
  outcome: fc.oneof(
    fc.constantFrom('receiving' as const, 'not-analysed' as const),
    fc.double({ min: 0, max: 1, noNaN: true }),
  ),
  stat: fc.integer({ min: 0, max: 5 }).map((number) => number === 0),
  held: fc.boolean(),
  read: fc.integer({ min: 0, max: 3 }).map((number) => number === 0),
});

async function add({ store, clock }: Worklist, study: number, { minutesAgo, outcome, stat, held }: Wish) {
  const uid = studyUid(study);
  await store.recordInstances([instanceOf({ study, receivedAtMs: clock.now() - minutesAgo * MINUTE_MS })]);
  if (outcome !== 'receiving') {
    await store.nudgeComplete([uid]);
    const assembling = await claimed(store, 'assemble');
    if (outcome === 'not-analysed') {
      const { series } = manifestOf(assembling.instances);
      await store.apply(assembling, { type: 'notEligible', series, findings: findingsOf(null) });
    } else {
      await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) });
      await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings: findingsOf(outcome) });
    }
  }
  if (held)
    await store.recordInstances([
      instanceOf({ study, number: 2, patientId: 'ANOTHER', receivedAtMs: clock.now() - minutesAgo * MINUTE_MS }),
    ]);
  if (stat) await store.markStat(uid, true, 'ada');
}

/** The order by hand, from what the rows themselves say: five places in five for flags but one, for these are few. */
function byHand(unread: readonly WorklistRow[], flagsInARow: number): WorklistRow[] {
  const byArrival = (a: WorklistRow, b: WorklistRow) =>
    a.arrivedAtMs - b.arrivedAtMs || (a.studyInstanceUid < b.studyInstanceUid ? -1 : 1);
  const take = (rows: readonly WorklistRow[], of: (row: WorklistRow) => boolean) => rows.filter(of).sort(byArrival);
  const stats = take(unread, ({ stat }) => stat);
  const plain = unread.filter(({ stat }) => !stat);
  const old = plain.filter(({ waitMs }) => waitMs >= CAP_MS);
  const young = plain.filter(({ waitMs }) => waitMs < CAP_MS);
  const flags = [
    ...take(old, ({ decision }) => decision === 'suspected'),
    ...take(young, ({ decision }) => decision === 'suspected').sort(
      (a, b) => b.probability! - a.probability! || byArrival(a, b),
    ),
  ];
  const longest = take(old, ({ decision }) => decision !== 'suspected');
  const order = [...stats];
  let inARow = flagsInARow;
  while (flags.length > 0) {
    const turn = longest.length > 0 && inARow >= 4;
    order.push((turn ? longest : flags).shift()!);
    inARow = turn ? 0 : inARow + 1;
  }
  return [
    ...order,
    ...longest,
    ...take(young, ({ decision, status }) => decision !== 'suspected' && status !== 'unflagged'),
    ...take(young, ({ status }) => status === 'unflagged'),
  ];
}

it('has pages, rows, ranks and the order by hand agree, whatever has happened to the cases', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(wish, { minLength: 1, maxLength: 14 }), async (wishes) => {
      const worklist = await openWorklist();
      worklist.clock.advance(24 * CAP_MS);
      for (const [study, one] of wishes.entries()) await add(worklist, study + 1, one);
      let inARow = 0;
      for (const [study, { read, stat }] of wishes.entries()) {
        if (!read) continue;
        worklist.clock.advance(1);
        await worklist.store.markRead(studyUid(study + 1), true, 'ada');
        const { row } = await worklist.query.caseDetail(studyUid(study + 1));
        if (!stat) inARow = row.decision === 'suspected' ? inARow + 1 : 0;
      }
      const { rows, total } = await worklist.query.page(ALL);
      expect(total).toBe(wishes.length);
      expect(await worklist.query.rows()).toEqual(rows);
      const unread = rows.filter((row) => row !== null && row.readAtMs === null) as WorklistRow[];
      expect(unread.map(({ rank }) => rank)).toEqual(unread.map((_, index) => index + 1));
      const names = (of: readonly WorklistRow[]) => of.map(({ accessionNumber }) => accessionNumber);
      expect(names(unread)).toEqual(names(byHand([...unread].reverse(), Math.min(inARow, 4))));
      for (const { studyInstanceUid, rank } of unread)
        expect((await worklist.query.caseDetail(studyInstanceUid)).row.rank).toBe(rank);
      await worklist.database.close();
    }),
    { numRuns: runsHere(40) },
  );
}, 180_000);
