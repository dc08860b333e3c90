import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { caseRef } from '../../src/case/caseRef.ts';
import { seededRandom } from '../../src/base/random.ts';
import { median } from '../../src/statistics/median.ts';
import { openPage, site, startBrowser } from './openPage.ts';
import { addStudy, studyUid } from './seededWorklist.ts';
import { steppedClock } from './steppedClock.ts';

startBrowser();

/** Scans of the night; `NIGHT_SCANS=120` is the night of docs/simulated-night.md. */
const SCANS = Number(process.env['NIGHT_SCANS'] ?? 12);
/** One in fifteen is flagged, two at the least. */
const FLAGS = Math.max(2, Math.round(SCANS / 15));
const MEAN_MINUTES_BETWEEN = 5;
/** One reader is busy nine tenths of a night; among few scans a queue builds up only where reading takes longer. */
const MEAN_MINUTES_READING = SCANS < 100 ? 8 : 4.5;

interface NightScan {
  id: string;
  arrivesAtMin: number;
  resultAtMin: number;
  readingMin: number;
  flagged: boolean;
}

/** When each scan was opened, minutes after the beginning of the night. */
type Night = ReadonlyMap<string, number>;

function drawnNight(): NightScan[] {
  const uniform = seededRandom('night').next;
  const exponential = (mean: number) => -mean * Math.log(1 - uniform());
  let atMin = 0;
  const scans = Array.from({ length: SCANS }, (_, index): NightScan => {
    atMin += exponential(MEAN_MINUTES_BETWEEN);
    return {
      id: `night${index}`,
      arrivesAtMin: atMin,
      resultAtMin: atMin + 1.5 + uniform(),
      readingMin: exponential(MEAN_MINUTES_READING),
      flagged: false,
    };
  });
  while (scans.filter(({ flagged }) => flagged).length < FLAGS) scans[Math.floor(uniform() * SCANS)]!.flagged = true;
  return scans;
}

/** One reader who always takes what `next` gives him, as soon as he has read the one before. */
async function read(
  scans: readonly NightScan[],
  next: (atMin: number, waiting: readonly NightScan[]) => Promise<NightScan>,
): Promise<Night> {
  const openedAtMin = new Map<string, number>();
  let atMin = 0;
  while (openedAtMin.size < scans.length) {
    const left = scans.filter(({ id }) => !openedAtMin.has(id));
    const waiting = left.filter(({ arrivesAtMin }) => arrivesAtMin <= atMin);
    if (waiting.length === 0) {
      atMin = left[0]!.arrivesAtMin;
      continue;
    }
    const taken = await next(atMin, waiting);
    openedAtMin.set(taken.id, atMin);
    atMin += taken.readingMin;
  }
  return openedAtMin;
}

/** From result to opened, minutes; 0 for a scan that was opened before its result. */
function waits(scans: readonly NightScan[], night: Night, flagged: boolean): number[] {
  return scans
    .filter((scan) => scan.flagged === flagged)
    .map(({ id, resultAtMin }) => Math.max(0, night.get(id)! - resultAtMin))
    .sort((a, b) => a - b);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The reader at the page: the first row of the list is opened there, and marked as read with R. */
async function readAtThePage(scans: readonly NightScan[]): Promise<Night> {
  const clock = steppedClock();
  const opened = await site(clock);
  const page = await openPage(opened);
  const byRef = new Map(scans.map((scan) => [caseRef(studyUid(scan.id)), scan]));
  const events = scans
    .flatMap((scan) => [
      { atMin: scan.arrivesAtMin, study: { id: scan.id, outcome: 'running' as const } },
      {
        atMin: scan.resultAtMin,
        study: { id: scan.id, outcome: scan.flagged ? 0.9 : 0.1, receipt: 'confirmed' as const },
      },
    ])
    .sort((a, b) => a.atMin - b.atMin);
  let nowMin = 0;
  const passTo = async (atMin: number) => {
    await clock.pass(60 * Math.max(0, atMin - nowMin));
    nowMin = Math.max(nowMin, atMin);
  };
  return read(scans, async (atMin) => {
    while (events[0] !== undefined && events[0].atMin <= atMin) {
      const event = events.shift()!;
      await passTo(event.atMin);
      await addStudy(opened, { ...event.study, slices: 3, arrivedMinutesAgo: 0 });
    }
    await passTo(atMin);
    return byRef.get(await openFirst(page, opened.url))!;
  });
}

/** Opens the first row of the list as it is now, and marks it as read. Resolves with the reference of its case. */
async function openFirst(page: Page, url: string): Promise<string> {
  await page.goto(url);
  await page.locator('tr.row .opener').first().click();
  await page.locator('.patient-banner').waitFor();
  const ref = new URL(page.url()).pathname.split('/').at(-1)!;
  const marked = page.waitForResponse((response) => response.url().endsWith('/read'));
  await page.getByRole('button', { name: 'Mark as read' }).click();
  await marked;
  return ref;
}

test(
  `a night of ${SCANS} scans, ${FLAGS} of them flagged, and one reader: flags are opened sooner than in the order of arrival, the rest little later`,
  async () => {
    const scans = drawnNight();
    const before = await read(scans, (_, waiting) => Promise.resolve(waiting[0]!));
    const after = await readAtThePage(scans);
    const rows = [
      ['flagged, by arrival', waits(scans, before, true)],
      ['flagged, worklist', waits(scans, after, true)],
      ['the rest, by arrival', waits(scans, before, false)],
      ['the rest, worklist', waits(scans, after, false)],
    ] as const;
    if (process.env['NIGHT_SCANS'] !== undefined)
      for (const [name, of] of rows)
        process.stdout.write(
          `${name}: ${of.length} scans, mean ${mean(of).toFixed(1)}, median ${median(of)!.toFixed(1)}, longest ${of.at(-1)!.toFixed(1)} min\n`,
        );
    // The whole work is the same: what flags win, others pay.
    expect(new Set(after.keys())).toEqual(new Set(scans.map(({ id }) => id)));
    expect(mean(rows[1][1])).toBeLessThan(mean(rows[0][1]));
    expect(rows[1][1].at(-1)).toBeLessThanOrEqual(rows[0][1].at(-1)!);
  },
  60_000 + SCANS * 10_000,
);
