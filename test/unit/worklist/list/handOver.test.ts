import { expect, it } from 'vitest';
import {
  claimed,
  findingsOf,
  instanceOf,
  manifestOf,
  openWorklist,
  START_MS,
  studyUid,
  type Worklist,
} from '../fixture.ts';

const HOUR_MS = 3_600_000;

/** A study that comes now and is analysed at once; without a probability it is not eligible. */
async function comes({ store, clock }: Worklist, study: number, probability: number | null): Promise<void> {
  const receivedAtMs = clock.now();
  await store.recordInstances([1, 2, 3].map((number) => instanceOf({ study, number, receivedAtMs })));
  await store.nudgeComplete([studyUid(study)]);
  const assembling = await claimed(store, 'assemble');
  const manifest = manifestOf(assembling.instances);
  const findings = findingsOf(probability, { analysedAtMs: receivedAtMs });
  if (probability === null) {
    await store.apply(assembling, { type: 'notEligible', series: manifest.series, findings });
    return;
  }
  await store.apply(assembling, { type: 'seriesChosen', manifest });
  await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings });
}

it('a hand-over tells what came, was flagged, read and disagreed with since the shift began, and what is open', async () => {
  const worklist = await openWorklist();
  const { store, query, clock } = worklist;
  const at = (hours: number) => clock.advance(START_MS + hours * HOUR_MS - clock.now());
  const read = (study: number) => store.markRead(studyUid(study), true, `reader ${study}`);
  const disagree = (study: number, actor: string) =>
    store.recordVerdict(studyUid(study), { revision: 1, verdict: 'disagree', actor });

  // The shift before: a flag that nobody has read, one that was read, and a disagreement.
  await comes(worklist, 1, 0.91);
  await comes(worklist, 2, 0.92);
  await read(2);
  await disagree(2, 'ada');
  at(2);
  const sinceMs = clock.now();
  at(3);
  await comes(worklist, 3, 0.93);
  await comes(worklist, 4, 0.04);
  await comes(worklist, 5, null);
  at(4);
  await disagree(4, 'ben');
  await disagree(3, 'ben');
  await disagree(3, 'ada');
  await read(3);
  await read(4);
  // Still running.
  await store.recordInstances([instanceOf({ study: 6, number: 1, receivedAtMs: clock.now() })]);

  const { flaggedRows, disagreedRows, openRows, ...counts } = await query.handOver(sinceMs);
  expect(counts).toEqual({
    nowMs: START_MS + 4 * HOUR_MS,
    sinceMs,
    came: 4,
    flagged: 1,
    notAnalysed: 1,
    read: 2,
    disagreed: 2,
    open: 3,
    openFlagged: 1,
  });
  const studies = (rows: typeof openRows) => rows.map(({ studyInstanceUid }) => studyInstanceUid);
  expect(studies(flaggedRows)).toEqual([studyUid(3)]);
  expect(new Set(studies(disagreedRows))).toEqual(new Set([studyUid(3), studyUid(4)]));
  expect(studies(openRows)[0]).toBe(studyUid(1));
  expect(new Set(studies(openRows))).toEqual(new Set([studyUid(1), studyUid(5), studyUid(6)]));
  expect(openRows.map(({ rank }) => rank)).toEqual([1, 2, 3]);
});
