import type { ModelUse } from '../answers/modelAnswers.ts';
import { fisherExact } from '../statistics/fisher.ts';
import type { UsedScan } from '../worklist/models/usedScans.ts';

/** Weeks of the reference, and of what is held against it. */
const WEEKS = 4;
/**
 * Below this a difference is called drift. Both shares are compared anew each week, so that a network which does not change raises a false alarm in less than one
 * week of a thousand.
 */
const ALPHA = 0.0005;

type Group = Omit<ModelUse['weeks'][number], 'startsAtMs' | 'byScanner'>;

/** Shares, scores and agreement by week and scanner, and what has drifted: the last four whole weeks against the first four, by Fisher's exact test. */
export function modelUse(scans: readonly UsedScan[], sinceMs: number | null, nowMs: number): ModelUse {
  const weeks = [...Map.groupBy(scans, ({ arrivedAtMs }) => weekOf(arrivedAtMs))]
    .sort(([a], [b]) => a - b)
    .map(([startsAtMs, own]) => ({
      startsAtMs,
      ...groupOf(own),
      byScanner: [...Map.groupBy(own, ({ scanner }) => scanner)]
        .sort(([a], [b]) => a.localeCompare(b, 'en'))
        .map(([scanner, ofScanner]) => ({ scanner, ...groupOf(ofScanner) })),
    }));
  return { sinceMs, weeks, drift: driftOf(weeks.filter(({ startsAtMs }) => startsAtMs < weekOf(nowMs))) };
}

/** Monday, 0:00 local time, of the week of a moment. */
function weekOf(atMs: number): number {
  const day = new Date(atMs);
  day.setHours(0, 0, 0, 0);
  day.setDate(day.getDate() - ((day.getDay() + 6) % 7));
  return day.getTime();
}

function groupOf(scans: readonly UsedScan[]): Group {
  const analysed = scans.filter(({ decision }) => decision !== 'not-analysed');
  const confirmed = analysed.filter(({ fracture }) => fracture !== null);
  return {
    scans: scans.length,
    notAnalysed: scans.length - analysed.length,
    flagged: analysed.filter(isFlagged).length,
    scores: quartiles(analysed.flatMap(({ probability }) => probability ?? [])),
    agreeing: confirmed.filter((scan) => isFlagged(scan) === scan.fracture).length,
    confirmed: confirmed.length,
  };
}

const isFlagged = ({ decision }: UsedScan): boolean => decision === 'suspected';

function quartiles(values: readonly number[]): Group['scores'] {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const below = sorted[Math.floor(place)]!;
    return below + (sorted[Math.ceil(place)]! - below) * (place - Math.floor(place));
  };
  return { lower: at(0.25), median: at(0.5), upper: at(0.75) };
}

/** Nothing before there are as many whole weeks again as the reference has. */
function driftOf(wholeWeeks: readonly Group[]): ModelUse['drift'] {
  if (wholeWeeks.length < 2 * WEEKS) return [];
  const [reference, recent] = [wholeWeeks.slice(0, WEEKS), wholeWeeks.slice(-WEEKS)];
  const sum = (weeks: readonly Group[], count: (week: Group) => number): number =>
    weeks.reduce((all, week) => all + count(week), 0);
  const shares = {
    notAnalysed: (weeks: readonly Group[]) => ({
      hits: sum(weeks, (week) => week.notAnalysed),
      of: sum(weeks, (week) => week.scans),
    }),
    flagged: (weeks: readonly Group[]) => ({
      hits: sum(weeks, (week) => week.flagged),
      of: sum(weeks, (week) => week.scans - week.notAnalysed),
    }),
  };
  return (['notAnalysed', 'flagged'] as const)
    .map((share) => ({ share, reference: shares[share](reference), recent: shares[share](recent) }))
    .map((compared) => ({ ...compared, p: fisherExact(compared.reference, compared.recent) }))
    .filter(({ p }) => p < ALPHA);
}
