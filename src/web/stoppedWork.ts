import type { StoppedWork, SystemStatus } from '../answers/systemAnswer.ts';
import type { WorklistTotals } from '../answers/worklistAnswer.ts';

/** A study that has waited for its report for longer than this is stuck, or the machine is too slow for the site. */
export const LATE_REPORT_MS = 60 * 60_000;
/** A result that has waited for longer than this is missing in the PACS. */
export const LATE_DELIVERY_MS = 15 * 60_000;

/**
 * What of the agent's work has stopped (scans arrive, are analysed, are delivered), and since when: the one source of what screens say about it. Empty when all
 * of it works. What waits for a person about a single scan, such as a refused result, is said at that scan.
 */
export function stoppedWork(
  { receiver, freeBytes, disk, model, oldestUnreportedAtMs }: SystemStatus,
  { outbox }: Pick<WorklistTotals, 'outbox'>,
  nowMs: number,
): StoppedWork[] {
  const isFull = freeBytes !== null && freeBytes < disk.refuseBelowBytes;
  const isLate = oldestUnreportedAtMs !== null && nowMs - oldestUnreportedAtMs > LATE_REPORT_MS;
  const { oldestPendingAgeMs } = outbox;
  return [
    ...(receiver.up ? [] : [{ why: 'receiver-down' as const, sinceMs: receiver.downSinceMs }]),
    ...(receiver.up && isFull ? [{ why: 'disk-full' as const, sinceMs: null }] : []),
    ...(model === null ? [{ why: 'no-model' as const, sinceMs: oldestUnreportedAtMs }] : []),
    ...(model !== null && isLate ? [{ why: 'analysis-late' as const, sinceMs: oldestUnreportedAtMs }] : []),
    ...(oldestPendingAgeMs !== null && oldestPendingAgeMs > LATE_DELIVERY_MS
      ? [{ why: 'delivery-late' as const, sinceMs: nowMs - oldestPendingAgeMs }]
      : []),
  ];
}
