import fc from 'fast-check';
import { expect, test } from 'vitest';
import { flaggedAfterRead, inPlace, listed, waitingUpdate } from '../../../src/web/client/listOrder.ts';
import type { WorklistRow } from '../../../src/worklist/worklistQuery.ts';

type Facts = Pick<WorklistRow, 'studyInstanceUid' | 'readAtMs' | 'decision' | 'analysedAtMs'>;
const row = (facts: Partial<Facts>) =>
  ({ studyInstanceUid: '1.2', readAtMs: null, decision: null, analysedAtMs: null, ...facts }) as WorklistRow;

const answers = fc.uniqueArray(
  fc
    .record<Facts>({
      studyInstanceUid: fc.nat(12).map((number) => `1.2.${number}`),
      readAtMs: fc.option(fc.nat(100), { nil: null }),
      decision: fc.constantFrom('suspected', 'not-suspected', 'not-analysed', null),
      analysedAtMs: fc.option(fc.nat(100), { nil: null }),
    })
    .map(row),
  { selector: (one) => one.studyInstanceUid },
);
const uids = (rows: readonly WorklistRow[]) => rows.map((one) => one.studyInstanceUid);

test('whatever arrives, every row on the screen keeps its place and shows the latest that is known of it', () => {
  fc.assert(
    fc.property(answers, answers, (shown, latest) => {
      const kept = inPlace(shown, latest);
      expect(uids(kept)).toEqual(uids(shown));
      kept.forEach((one, index) =>
        expect(one).toBe(latest.find((other) => other.studyInstanceUid === one.studyInstanceUid) ?? shown[index]),
      );
    }),
  );
});

test('an update waits exactly when the screen is not what it would be, and its numbers count what is not on the screen', () => {
  fc.assert(
    fc.property(answers, answers, fc.boolean(), (shown, latest, showRead) => {
      const wanted = listed(latest, showRead);
      const waiting = waitingUpdate(inPlace(shown, latest), wanted);
      if (uids(wanted).join() === uids(shown).join()) {
        expect(waiting).toBeNull();
        return;
      }
      const missing = wanted.filter((one) => !uids(shown).includes(one.studyInstanceUid));
      expect(waiting).toEqual({
        count: missing.length,
        flagged: missing.filter((one) => one.decision === 'suspected').length,
      });
    }),
  );
});

test('read scans are listed when asked for only', () => {
  const rows = [row({ studyInstanceUid: '1' }), row({ studyInstanceUid: '2', readAtMs: 5 })];
  expect(uids(listed(rows, false))).toEqual(['1']);
  expect(uids(listed(rows, true))).toEqual(['1', '2']);
});

test('a scan that was flagged after somebody had read it is not forgotten', () => {
  const flag = { decision: 'suspected', analysedAtMs: 50 } as const;
  expect(flaggedAfterRead([row({ ...flag, readAtMs: 40 })])).toBe(1);
  expect(
    flaggedAfterRead([
      row({ ...flag, readAtMs: 60 }),
      row(flag),
      row({ readAtMs: 40, decision: 'not-suspected', analysedAtMs: 50 }),
    ]),
  ).toBe(0);
});
