import type { QueueAnswer, ThresholdRule, WaitsByGroup } from '../answers/thresholdAnswers.ts';
import { bootstrapIntervals } from '../statistics/intervals.ts';
import type { Uniform } from '../statistics/intervals.ts';
import { replayQueue, turnUnder } from './queueReplay.ts';
import type { ReadScan, ReplayedRead } from './queueReplay.ts';

/** The groups. Each holds the same scans under both rules: what differs is the order in which they are read. */
const BELONGS: Readonly<Record<keyof WaitsByGroup, (read: ReplayedRead, proposed: ReplayedRead) => boolean>> = {
  fractures: ({ scan }) => scan.fracture === true,
  lostFractures: ({ scan, flagged }, proposed) => scan.fracture === true && flagged && !proposed.flagged,
  gainedFractures: ({ scan, flagged }, proposed) => scan.fracture === true && !flagged && proposed.flagged,
  others: ({ scan }) => scan.fracture !== true,
};

/** Both rules on the same arrivals and the same reading times. */
export type QueueComparison = Omit<QueueAnswer, 'maxWaitMinutes'>;

const REPLICATES = 200;

/** Both rules on the same arrivals and the same reading times; each group is made up of the same scans under both. */
export function compareQueues(
  scans: readonly ReadScan[],
  rules: { now: ThresholdRule; proposed: ThresholdRule },
  maxWaitMs: number,
  random: Uniform,
): QueueComparison {
  const days = [...new Set(scans.map((scan) => scan.localDay))];
  const dayIndex = new Map(days.map((day, index) => [day, index]));
  const pairs = pairedReads(scans, rules, maxWaitMs);
  const figures = (which: 'now' | 'proposed') =>
    Object.fromEntries(
      Object.entries(BELONGS).map(([group, belongs]) => [
        group,
        waitFigures(
          pairs.filter(({ now, proposed }) => belongs(now, proposed)).map((pair) => pair[which]),
          days.length,
          dayIndex,
          random,
        ),
      ]),
    ) as WaitsByGroup;
  return {
    scans: scans.length,
    days: days.length,
    everyKth: { now: turnUnder(scans, rules.now), proposed: turnUnder(scans, rules.proposed) },
    now: figures('now'),
    proposed: figures('proposed'),
  };
}

/** Each scan as it is read under either rule. */
function pairedReads(
  scans: readonly ReadScan[],
  rules: { now: ThresholdRule; proposed: ThresholdRule },
  maxWaitMs: number,
): { now: ReplayedRead; proposed: ReplayedRead }[] {
  const proposedOf = new Map(replayQueue(scans, rules.proposed, maxWaitMs).map((read) => [read.scan, read]));
  return replayQueue(scans, rules.now, maxWaitMs).map((now) => ({ now, proposed: proposedOf.get(now.scan)! }));
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
