import nodeCron from 'node-cron';
import { TriageError } from '../base/errors.ts';

/** Minutes that local time is ahead of UTC at an instant. */
export type UtcOffset = (atMs: number) => number;

/** A parsed cron expression. */
export interface CronPlan {
  /** Minutes of the day, ascending. */
  readonly minutes: readonly number[];
  /** True when it runs at every hour: it then goes by elapsed time, also in the hour that is repeated. */
  readonly isEveryHour: boolean;
  /** Whether it runs on the day that begins at `midnightMs`, expressed as if it were UTC. */
  isDay(midnightMs: number): boolean;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** February 29 can be eight years away (2096 to 2104). */
const MOST_DAYS = 366 * 9;
/** Cache: asking node-cron takes a tenth of a millisecond, and the same few days are asked for each minute. */
const MOST_KNOWN_DAYS = 100;
/** How far around a day offsets are compared: no zone is further than 14 h from UTC, and changes are weeks apart. */
const AROUND_MS = 36 * 60 * MINUTE_MS;

/** Offset of this machine's time zone (`TZ`). */
export const systemOffset: UtcOffset = (atMs) => 0 - new Date(atMs).getTimezoneOffset();

/**
 * Parses a cron expression of five fields (seconds in a sixth field are ignored). node-cron parses the fields and decides on which days they match, always in
 * UTC: its own search for the next run misses the repeated hour and the skipped one when clocks change (node-cron#509, #492).
 *
 * @throws TriageError `config-invalid` for an invalid expression, or one that never matches
 */
export function parseCron(expression: string): CronPlan {
  const { valid, fields, errors } = nodeCron.validateDetailed(expression);
  if (!valid || fields === undefined) {
    const why = errors.map(({ message }) => message).join('; ');
    throw new TriageError('config-invalid', `"${expression}" is not a cron expression${why === '' ? '' : `: ${why}`}.`);
  }
  const words = expression.trim().split(/\s+/);
  const [dayOfMonth, month, dayOfWeek] = words.slice(-3);
  const days = nodeCron.createTask(`0 0 ${dayOfMonth!} ${month!} ${dayOfWeek!}`, () => undefined, { timezone: 'UTC' });
  const known = new Map<number, boolean>();
  const isDay = (midnightMs: number): boolean => {
    const answer = known.get(midnightMs) ?? days.match(new Date(midnightMs));
    if (known.size >= MOST_KNOWN_DAYS) known.clear();
    known.set(midnightMs, answer);
    return answer;
  };
  const plan: CronPlan = {
    minutes: fields.hour.flatMap((hour) => fields.minute.map((minute) => hour * 60 + minute)).sort((a, b) => a - b),
    isEveryHour: new Set(fields.hour).size === 24,
    isDay,
  };
  if (nextRunMs(plan, 0, () => 0) === null)
    throw new TriageError('config-invalid', `"${expression}" names a day that never comes.`);
  return plan;
}

/**
 * The first instant after `afterMs` at which the plan runs, in local time; null when there is none within nine years.
 *
 * When clocks are put forward, a run planned in the skipped time happens at the end of it. When they are put back, a plan for certain hours runs in the first
 * of the two equal hours only, and one for every hour in both.
 */
export function nextRunMs(plan: CronPlan, afterMs: number, offsetAt: UtcOffset): number | null {
  const localMs = afterMs + offsetAt(afterMs) * MINUTE_MS;
  // Start from the day before: one of its local times can be repeated after midnight.
  const firstDay = Math.floor(localMs / DAY_MS) - 1;
  let best: number | null = null;
  for (let day = firstDay; day < firstDay + MOST_DAYS; day++) {
    const midnightMs = day * DAY_MS;
    const isBehind = best !== null && best + offsetAt(best) * MINUTE_MS < midnightMs - DAY_MS;
    if (isBehind) break;
    if (!plan.isDay(midnightMs)) continue;
    const found = firstOfDay(plan, midnightMs, afterMs, offsetAt);
    if (found !== null && (best === null || found < best)) best = found;
  }
  return best;
}

function firstOfDay(plan: CronPlan, midnightMs: number, afterMs: number, offsetAt: UtcOffset): number | null {
  const offset = offsetAt(midnightMs - AROUND_MS);
  if (offset === offsetAt(midnightMs + DAY_MS + AROUND_MS)) {
    const startMs = midnightMs - offset * MINUTE_MS;
    const minute = plan.minutes.find((one) => startMs + one * MINUTE_MS > afterMs);
    return minute === undefined ? null : startMs + minute * MINUTE_MS;
  }
  const later = plan.minutes
    .flatMap((minute) => instantsOf(midnightMs + minute * MINUTE_MS, plan.isEveryHour, offsetAt))
    .filter((instant) => instant > afterMs);
  return later.length === 0 ? null : Math.min(...later);
}

/** The instants of a local time: usually one; up to two when it is repeated; the end of the gap when it is skipped. */
function instantsOf(localMs: number, both: boolean, offsetAt: UtcOffset): number[] {
  const [before, after] = [offsetAt(localMs - AROUND_MS), offsetAt(localMs + AROUND_MS)];
  const found = [before, after]
    .map((offset) => ({ offset, atMs: localMs - offset * MINUTE_MS }))
    .filter(({ offset, atMs }) => offsetAt(atMs) === offset)
    .map(({ atMs }) => atMs);
  const distinct = [...new Set(found)].sort((a, b) => a - b);
  if (distinct.length > 0) return both ? distinct : distinct.slice(0, 1);
  return [endOfGap(localMs - after * MINUTE_MS, localMs - before * MINUTE_MS, offsetAt)];
}

/** The minute from which the later offset holds, between an instant before it and one at or after it. */
function endOfGap(beforeMs: number, afterMs: number, offsetAt: UtcOffset): number {
  const late = offsetAt(afterMs);
  let [low, high] = [Math.floor(beforeMs / MINUTE_MS), Math.ceil(afterMs / MINUTE_MS)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle * MINUTE_MS) === late) high = middle;
    else low = middle;
  }
  return high * MINUTE_MS;
}
