import { expect, test } from 'vitest';
import { ChimePlan, isQuiet } from '../../../src/page/alerts/chimePlan.ts';

const MINUTE_MS = 60_000;
const OPENED_MS = 100 * MINUTE_MS;
const flag = (caseRef: string, flaggedAtMs = OPENED_MS + 1, claimed = false) => ({ caseRef, flaggedAtMs, claimed });

test('one chime a study, however often it is seen, also after a reload', () => {
  const plan = new ChimePlan([], OPENED_MS);
  expect(plan.next([flag('a')], OPENED_MS + 1)).toBe(1);
  expect(plan.next([flag('a')], OPENED_MS + MINUTE_MS)).toBe(0);
  const reloaded = new ChimePlan(plan.heard, OPENED_MS + 2 * MINUTE_MS);
  expect(reloaded.next([flag('a')], OPENED_MS + 2 * MINUTE_MS)).toBe(0);
});

test('a study that was not flagged any more and is again rings again', () => {
  const plan = new ChimePlan([], OPENED_MS);
  plan.next([flag('a')], OPENED_MS);
  plan.next([], OPENED_MS + MINUTE_MS);
  expect(plan.next([flag('a')], OPENED_MS + 2 * MINUTE_MS)).toBe(1);
});

test('flags of half a minute ring once, and none is forgotten', () => {
  const plan = new ChimePlan([], OPENED_MS);
  expect(plan.next([flag('a')], OPENED_MS)).toBe(1);
  const more = [flag('a'), flag('b'), flag('c')];
  expect(plan.next(more, OPENED_MS + 10_000)).toBe(0);
  expect(plan.next(more, OPENED_MS + 31_000)).toBe(2);
});

test('after three chimes in ten minutes the rest is one summary', () => {
  const plan = new ChimePlan([], OPENED_MS);
  const open = [];
  const rung = [];
  for (let minute = 0; minute < 11; minute++) {
    open.push(flag(`case-${minute}`));
    rung.push(plan.next(open, OPENED_MS + minute * MINUTE_MS));
  }
  expect(rung).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 8]);
});

test('what was flagged long before the page was opened, and what somebody reads, is silent', () => {
  const plan = new ChimePlan([], OPENED_MS);
  expect(plan.next([flag('old', OPENED_MS - 11 * MINUTE_MS), flag('claimed', OPENED_MS, true)], OPENED_MS)).toBe(0);
  expect(plan.fresh([flag('old', OPENED_MS - 1), flag('claimed', OPENED_MS + 1, true), flag('new')])).toEqual([
    flag('new'),
  ]);
});

test.each([
  ['22:00', '07:00', 23, true],
  ['22:00', '07:00', 6, true],
  ['22:00', '07:00', 7, false],
  ['12:00', '13:00', 12, true],
  ['12:00', '13:00', 13, false],
  ['', '', 3, false],
  ['22:00', '', 23, false],
])('quiet hours from %s to %s at %i h: %s', (from, to, hour, quiet) => {
  expect(isQuiet(from, to, new Date(2026, 0, 1, hour))).toBe(quiet);
});

test('a flag that nobody opens or claims rings again after ten minutes, and so on; opened or claimed it is silent', () => {
  const plan = new ChimePlan([], OPENED_MS);
  const at = (minute: number, ...open: ReturnType<typeof flag>[]) => plan.next(open, OPENED_MS + minute * MINUTE_MS);
  expect(at(0, flag('a'), flag('b'))).toBe(2);
  expect(at(10, flag('a'), flag('b'))).toBe(0);
  expect(at(11, flag('a'), flag('b'))).toBe(2);
  expect(at(12, flag('a'), flag('b', OPENED_MS + 1, true))).toBe(0);
  plan.opened('a');
  expect(at(30, flag('a'), flag('b', OPENED_MS + 1, true))).toBe(0);
  expect(plan.fresh([flag('a')])).toEqual([]);
  // The claim was given back at minute 30: the next reader has ten minutes.
  expect(at(39, flag('a'), flag('b'))).toBe(0);
  expect(at(41, flag('a'), flag('b'))).toBe(1);
});

test('what one tab has rung for, another does not', () => {
  const one = new ChimePlan([], OPENED_MS);
  const other = new ChimePlan([], OPENED_MS);
  expect(one.next([flag('a')], OPENED_MS + 1)).toBe(1);
  other.adopt(one.heard);
  expect(other.next([flag('a')], OPENED_MS + 2)).toBe(0);
  other.adopt(one.heard);
  expect(other.next([flag('a'), flag('b')], OPENED_MS + MINUTE_MS)).toBe(1);
});

test('a flag opened at another desk, or stopped there, is silent and no news here', () => {
  const plan = new ChimePlan([], OPENED_MS);
  const attended = { ...flag('a'), attended: true };
  expect(plan.next([attended], OPENED_MS + 1)).toBe(0);
  expect(plan.next([attended], OPENED_MS + 60 * MINUTE_MS)).toBe(0);
  expect(plan.fresh([attended])).toEqual([]);
});

test('a claim that ran out rings at once, also where its scan was opened, and stands among the new flags', () => {
  const plan = new ChimePlan([], OPENED_MS);
  plan.next([flag('a'), flag('b')], OPENED_MS + 1);
  plan.opened('a');
  plan.opened('other');
  const claimed = [flag('a', OPENED_MS + 1, true), flag('b', OPENED_MS + 1, true)];
  expect(plan.next(claimed, OPENED_MS + 20 * MINUTE_MS)).toBe(0);
  const back = ['a', 'b'].map((ref) => ({ ...flag(ref), attended: false, ringsFromMs: OPENED_MS + 21 * MINUTE_MS }));
  expect(plan.fresh(back)).toEqual(back);
  expect(plan.next(back, OPENED_MS + 21 * MINUTE_MS)).toBe(2);
  expect(plan.next(back, OPENED_MS + 22 * MINUTE_MS)).toBe(0);
});

test('the second and the third desk ring for what nobody has opened for ten and for twenty minutes', () => {
  const second = new ChimePlan([], OPENED_MS);
  const third = new ChimePlan([], OPENED_MS);
  const at = (minute: number, attended = false) =>
    [second, third].map((plan, desk) =>
      plan.next([{ ...flag('a', OPENED_MS), attended }], OPENED_MS + minute * MINUTE_MS, (desk + 1) * 10 * MINUTE_MS),
    );
  expect(at(0)).toEqual([0, 0]);
  expect(at(9)).toEqual([0, 0]);
  expect(at(10)).toEqual([1, 0]);
  expect(at(20)).toEqual([0, 1]);
  expect(at(21)).toEqual([1, 0]);
  expect(at(40, true)).toEqual([0, 0]);
});
