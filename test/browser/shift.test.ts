import type { CDPSession, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { openPage, site, startBrowser } from './openPage.ts';
import { addStudy, studyUid, type SeededStudy } from './seededWorklist.ts';
import { answersOf, steppedClock } from './steppedClock.ts';

// Compiled code comes and goes for hours, and is no leak: none is made.
startBrowser(['--js-flags=--jitless']);

/** A slice of a shift; `npm run soak` runs a whole one. */
const HOURS = Number(process.env['SHIFT_HOURS'] ?? 0.4);
/** Until everything has happened once: a lost feed, a claim that is asked about and ends after 20 minutes. */
const WARM_UP_MINUTES = 24;
const SAMPLES = 12;
/** Scans that wait at any time: always as many, so that nothing but a leak can grow. */
const WAITING = 30;
const SLICES = 4;
/** Shorter than the time that a request may take. */
const STEP_SECONDS = 5;
const FEED_LOST_EVERY_MINUTES = 30;
/** What a page may hold more at the end than after the warm-up. An answer of the list takes some 30 KiB, and an hour has hundreds. */
const MOST_GROWTH_KIB = 128;

interface Held {
  heapKib: number;
  nodes: number;
  listeners: number;
}

/** A page of which it is known what it holds. */
async function watched(page: Page) {
  const session: CDPSession = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const answered = answersOf(page);
  return {
    page,
    answered,
    /** Of the page itself, once everything that nobody holds is gone. */
    held: async (): Promise<Held> => {
      await answered();
      for (let round = 0; round < 3; round += 1) await session.send('HeapProfiler.collectGarbage');
      const { metrics } = await session.send('Performance.getMetrics');
      const value = (wanted: string) => metrics.find(({ name }) => name === wanted)!.value;
      return { heapKib: value('JSHeapUsedSize') / 1024, nodes: value('Nodes'), listeners: value('JSEventListeners') };
    },
  };
}

const outcomeOf = (number: number): SeededStudy['outcome'] =>
  number % 5 === 0 ? 0.9 : number % 7 === 0 ? { reasonCode: 'no-series', reason: 'Slices are 5 mm thick' } : 0.1;

test(
  `${HOURS} h of a shift: neither the worklist nor a wall holds more at its end than at its beginning`,
  async () => {
    const clock = steppedClock();
    const opened = await site(clock);
    for (let number = 0; number < WAITING; number += 1)
      await addStudy(opened, {
        id: `scan${number}`,
        outcome: number === WAITING - 1 ? 'running' : outcomeOf(number),
        slices: SLICES,
        arrivedMinutesAgo: 0,
        receipt: 'confirmed',
      });
    const pages = {
      worklist: await watched(await openPage(opened, { clock: true })),
      wall: await watched(await openPage(opened, { clock: true, path: '/wall' })),
    };
    const { worklist, wall } = pages;
    const pass = async (seconds: number) => {
      for (let second = 0; second < seconds; second += STEP_SECONDS) {
        await clock.pass(STEP_SECONDS);
        await Promise.all(
          [worklist, wall].map(async ({ page, answered }) => {
            await answered();
            await page.clock.runFor(1000 * STEP_SECONDS);
          }),
        );
      }
    };
    /** A scan comes, the one before it is analysed, the oldest one is read. */
    const minuteOfWork = async (number: number) => {
      await addStudy(opened, { id: `scan${number}`, outcome: 'running', slices: SLICES, arrivedMinutesAgo: 0 });
      await addStudy(opened, {
        id: `scan${number - 1}`,
        outcome: outcomeOf(number - 1),
        slices: SLICES,
        arrivedMinutesAgo: 0,
        receipt: 'confirmed',
      });
      await opened.store.markRead(studyUid(`scan${number - WAITING}`), true, 'test');
      await pass(30);
      await opened.store.claimReading(studyUid(`scan${number - WAITING + 1}`), {
        claimed: true,
        takeOver: false,
        actor: 'test',
      });
      await pass(30);
    };
    /** Somebody goes down the list, lets it move, and looks into a case. */
    const look = async ({ page }: typeof worklist) => {
      for (const key of ['j', 'j', '.', 'Enter']) {
        await page.keyboard.press(key);
        await pass(10);
      }
      await page.locator('.patient-banner').waitFor();
      await page.keyboard.press('Escape');
      await pass(10);
      await page.locator('tr.row').first().waitFor();
      await page.keyboard.press('Escape');
    };
    const feedIs = (words: RegExp) =>
      expect
        .poll(async () => {
          await pass(STEP_SECONDS);
          return [
            await worklist.page.locator('.slot').textContent(),
            await wall.page.locator('.wall').textContent(),
          ].filter((text) => words.test(text!)).length;
        })
        .toBe(2);

    const samples: Record<keyof typeof pages, Held[]> = { worklist: [], wall: [] };
    for (let minute = 0; minute < WARM_UP_MINUTES + 60 * HOURS; minute += 1) {
      await minuteOfWork(WAITING + minute);
      if (minute % 5 === 4) await look(worklist);
      if (minute % FEED_LOST_EVERY_MINUTES === WARM_UP_MINUTES / 2) {
        await opened.stop();
        await feedIs(/LIVE FEED LOST/);
        await opened.start();
        await feedIs(/Feed live/);
      }
      if (minute >= WARM_UP_MINUTES && (minute - WARM_UP_MINUTES) % ((60 * HOURS) / SAMPLES) === 0)
        for (const name of ['worklist', 'wall'] as const) samples[name].push(await pages[name].held());
    }
    const step = (values: readonly number[]) =>
      Math.min(...values.slice(values.length / 2)) - Math.min(...values.slice(0, values.length / 2));
    /** A leak goes on: it grows within the second half too, half as much. What came once and stays is none. */
    const grown = (name: keyof typeof pages, of: keyof Held) => {
      const values = samples[name].map((sample) => sample[of]);
      return Math.min(step(values), 2 * step(values.slice(values.length / 2)));
    };
    if (process.env['SHIFT_HOURS'] !== undefined)
      for (const [name, held] of Object.entries(samples))
        process.stdout.write(
          `${name}, heap in KiB, nodes, listeners: ${held.map(({ heapKib, nodes, listeners }) => `${heapKib.toFixed(0)} ${nodes} ${listeners}`).join('; ')}\n`,
        );
    for (const name of ['worklist', 'wall'] as const) {
      expect(grown(name, 'heapKib'), `heap of the ${name}, KiB`).toBeLessThan(MOST_GROWTH_KIB);
      // A row has more.
      expect(grown(name, 'nodes'), `nodes of the ${name}`).toBeLessThan(40);
      expect(grown(name, 'listeners'), `listeners of the ${name}`).toBeLessThan(5);
    }
  },
  (HOURS + 1) * 600_000,
);
