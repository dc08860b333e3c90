import type { QueueAnswer, ThresholdRule, WaitsByGroup } from '../answers/thresholdAnswers.ts';
import { bootstrapIntervals } from '../statistics/intervals.ts';
import type { Uniform } from '../statistics/intervals.ts';
import { replayQueue, turnUnder } from './queueReplay.ts';
import type { ReadScan, ReplayedRead } from './queueReplay.ts';

const BELONGS: Readonly<Record<keyof WaitsByGroup, (read: ReplayedRead) => boolean>> = {
  fractures: ({ scan }) => scan.fracture === true,
  flaggedFractures: ({ scan, flagged }) => scan.fracture === true && flagged,
  missedFractures: ({ scan, flagged }) => scan.fracture === true && !flagged,
  others: ({ scan }) => scan.fracture !== true,
};

/** Both rules on the same arrivals and the same reading times. */
export type QueueComparison = Omit<QueueAnswer, 'maxWaitMinutes'>;

const REPLICATES = 200;

/** Both rules on the same arrivals and the same reading times. Groups are those of the rule itself: a fracture it does not flag is missed by it. */
export function compareQueues(
  scans: readonly ReadScan[],
  rules: { now: ThresholdRule; proposed: ThresholdRule },
  maxWaitMs: number,
  random: Uniform,
): QueueComparison {
  const days = [...new Set(scans.map((scan) => scan.localDay))];
  const dayIndex = new Map(days.map((day, index) => [day, index]));
  const figures = (rule: ThresholdRule) => {
    const reads = replayQueue(scans, rule, maxWaitMs);
    return Object.fromEntries(
      Object.entries(BELONGS).map(([group, belongs]) => [
        group,
        waitFigures(reads.filter(belongs), days.length, dayIndex, random),
      ]),
    ) as WaitsByGroup;
  };
  return {
    scans: scans.length,
    days: days.length,
    everyKth: { now: turnUnder(scans, rules.now), proposed: turnUnder(scans, rules.proposed) },
    now: figures(rules.now),
    proposed: figures(rules.proposed),
  };
}

function waitFigures(
  reads: readonly ReplayedRead[],
  days: number,
  dayIndex: ReadonlyMap<string, number>,
  random: Uniform,
): WaitsByGroup[keyof WaitsByGroup] {
  if (reads.length === 0) return { scans: 0, meanMs: null, p95Ms: null, maxMs: null };
  const sorted = reads
    .map((read) => ({ waitMs: read.waitMs, day: dayIndex.get(read.scan.localDay)! }))
    .sort((a, b) => a.waitMs - b.waitMs);
  // Sorted once; each bootstrap draw only changes the weights of days.
  const { meanMs, p95Ms } = bootstrapIntervals(
    days,
    (timesDrawn) => {
      let count = 0;
      let sum = 0;
      for (const { waitMs, day } of sorted) {
        count += timesDrawn[day]!;
        sum += timesDrawn[day]! * waitMs;
      }
      if (count === 0) return { meanMs: null, p95Ms: null };
      let below = 0;
      const p95 = sorted.find(({ day }) => (below += timesDrawn[day]!) >= 0.95 * count)!;
      return { meanMs: sum / count, p95Ms: p95.waitMs };
    },
    { replicates: REPLICATES, random },
  );
  return { scans: reads.length, meanMs, p95Ms, maxMs: sorted.at(-1)!.waitMs };
}
