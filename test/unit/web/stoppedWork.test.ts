import { expect, test } from 'vitest';
import { STOPPED_WORK, type SystemStatus } from '../../../src/answers/systemAnswer.ts';
import type { WorklistTotals } from '../../../src/answers/worklistAnswer.ts';
import { stoppedWork } from '../../../src/web/stoppedWork.ts';
import { READY } from './webFixture.ts';

const NOW_MS = Date.UTC(2026, 10, 29, 16);
const MINUTE_MS = 60_000;
const outbox = (oldestPendingAgeMs: number | null) =>
  ({
    outbox: { pending: 1, unconfirmed: 2, refused: 3, oldestAgeMs: 90_000_000, oldestPendingAgeMs },
  }) as WorklistTotals;
const IDLE = outbox(null);

test('nothing has stopped while all works, up to the limits', () => {
  expect(stoppedWork(READY, IDLE, NOW_MS)).toEqual([]);
  const busy = { ...READY, oldestUnreportedAtMs: NOW_MS - 60 * MINUTE_MS, freeBytes: READY.disk.refuseBelowBytes };
  expect(stoppedWork(busy, outbox(15 * MINUTE_MS), NOW_MS)).toEqual([]);
});

const EACH: [(typeof STOPPED_WORK)[number], Partial<SystemStatus>, WorklistTotals, number | null][] = [
  ['receiver-down', { receiver: { ...READY.receiver, up: false, downSinceMs: 71 } }, IDLE, 71],
  ['disk-full', { freeBytes: READY.disk.refuseBelowBytes - 1 }, IDLE, null],
  ['no-model', { model: null, oldestUnreportedAtMs: NOW_MS - 5 }, IDLE, NOW_MS - 5],
  ['analysis-late', { oldestUnreportedAtMs: NOW_MS - 61 * MINUTE_MS }, IDLE, NOW_MS - 61 * MINUTE_MS],
  ['delivery-late', {}, outbox(16 * MINUTE_MS), NOW_MS - 16 * MINUTE_MS],
];
test.each(EACH)('%s, and since when', (why, status, totals, sinceMs) => {
  expect(stoppedWork({ ...READY, ...status }, totals, NOW_MS)).toEqual([{ why, sinceMs }]);
});

test('every way to stop is tried, and several are said together, the one that keeps scans out first', () => {
  expect(EACH.map(([why]) => why)).toEqual([...STOPPED_WORK]);
  const all = { ...READY, ...EACH[0]![1], ...EACH[1]![1], ...EACH[2]![1] };
  expect(stoppedWork(all, outbox(16 * MINUTE_MS), NOW_MS).map(({ why }) => why)).toEqual([
    'receiver-down',
    'no-model',
    'delivery-late',
  ]);
});
