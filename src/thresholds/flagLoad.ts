import type { FlagLoad, ThresholdRule } from '../answers/thresholdAnswers.ts';
import { median } from '../statistics/median.ts';
import { isFlagged } from './scoredScan.ts';
import type { ScoredScan } from './scoredScan.ts';

const DAY_MS = 86_400_000;

/** Counts flags over whole days; days without a scan count as days. Null when there is no whole day. */
export function flagLoad(scans: readonly ScoredScan[], rule: ThresholdRule): FlagLoad | null {
  const days = wholeDays(scans);
  if (days.length === 0) return null;
  const perDay = new Map(days.map((day) => [day, 0]));
  const byHour = Array.from({ length: 24 }, () => 0);
  for (const scan of scans) {
    const count = perDay.get(scan.localDay);
    if (count === undefined || !isFlagged(rule, scan)) continue;
    perDay.set(scan.localDay, count + 1);
    byHour[scan.localHour]! += 1 / days.length;
  }
  const counts = [...perDay.values()].sort((a, b) => a - b);
  return {
    days: days.length,
    mean: counts.reduce((sum, count) => sum + count, 0) / counts.length,
    median: median(counts)!,
    // The smallest count that 95 % of the days do not exceed.
    p95: counts[Math.ceil(0.95 * counts.length) - 1]!,
    byHour,
  };
}

/** From the first day to the last. The first and the last day are left out where others remain, because they may be incomplete. */
function wholeDays(scans: readonly ScoredScan[]): string[] {
  if (scans.length === 0) return [];
  const seen = scans.map((scan) => scan.localDay).sort();
  const days: string[] = [];
  for (let at = Date.parse(`${seen[0]!}T00:00:00Z`); at <= Date.parse(`${seen.at(-1)!}T00:00:00Z`); at += DAY_MS)
    days.push(new Date(at).toISOString().slice(0, 10));
  return days.length > 2 ? days.slice(1, -1) : days;
}
