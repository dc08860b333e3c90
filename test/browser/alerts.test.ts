import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { caseRef } from '../../src/case/caseRef.ts';
import { complaintsInBothThemes, openPage, site, startBrowser } from './openPage.ts';
import { addStudy, studyUid } from './seededWorklist.ts';

startBrowser();

/** Sound and notices are on; counts the tones that are played, and keeps the notices. */
async function listening(page: Page): Promise<void> {
  await page.addInitScript(() => {
    localStorage.setItem('odontoid.sound', 'on');
    localStorage.setItem('odontoid.notices', 'on');
    const heard = { tones: 0, notices: [] as { body: string; onclick?: () => void; close: () => void }[] };
    Object.assign(window, { heard });
    const make = Reflect.get(AudioContext.prototype, 'createOscillator');
    AudioContext.prototype.createOscillator = function () {
      heard.tones += 1;
      return make.call(this);
    };
    class Notice {
      static permission = 'granted';
      body: string;
      constructor(_title: string, { body }: { body: string }) {
        this.body = body;
        heard.notices.push(this);
      }
      close() {
        this.body += ' (closed)';
      }
    }
    Object.assign(window, { Notification: Notice });
  });
}

interface Heard {
  heard: { tones: number; notices: { body: string; onclick: () => void }[] };
}
const tones = (page: Page) => page.evaluate(() => (window as unknown as Heard).heard.tones);
const notices = (page: Page) => page.evaluate(() => (window as unknown as Heard).heard.notices.map(({ body }) => body));

test('on every page a new flag is heard, stands in the tab’s title and leads to its case, also from a notice', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'old', outcome: 0.8, slices: 4, arrivedMinutesAgo: 30 });
  const page = await openPage(opened, { path: `/case/${caseRef(studyUid('old'))}`, before: listening });
  await page.locator('.patient-banner').waitFor();
  // A browser sounds once somebody has touched the page.
  await page.locator('.viewport').click();
  await addStudy(opened, { id: 'new', outcome: 0.97, slices: 4, arrivedMinutesAgo: 0 });
  await expect.poll(() => page.title(), { timeout: 8_000 }).toBe('(1) Case - Odontoid');
  await expect.poll(() => tones(page)).toBe(2);
  expect(await notices(page)).toEqual(['1 new AI flag. Open the worklist.']);
  await complaintsInBothThemes(page);
  const strip = page.getByRole('list', { name: 'New AI flags' });
  await strip.getByRole('link').waitFor();
  await page.evaluate(() => (window as unknown as Heard).heard.notices[0]!.onclick());
  await page.waitForURL(`${opened.url}/case/${caseRef(studyUid('new'))}`);
  // Opened, it is no news any more.
  await expect.poll(() => page.title()).toBe('Case - Odontoid');
  expect(await strip.count()).toBe(0);
  expect(await notices(page)).toEqual(['1 new AI flag. Open the worklist. (closed)']);

  await page.getByRole('link', { name: 'Thresholds' }).click();
  await page.waitForURL(`${opened.url}/thresholds`);
  await addStudy(opened, { id: 'newer', outcome: 0.96, slices: 4, arrivedMinutesAgo: 0 });
  await strip.getByRole('link').waitFor({ timeout: 8_000 });
  await strip.getByRole('link').click();
  await page.waitForURL(`${opened.url}/case/${caseRef(studyUid('newer'))}`);
});

test('in two tabs one chime sounds', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'old', outcome: 0.2, slices: 4 });
  const list = await openPage(opened, { before: listening });
  const other = await list.context().newPage();
  await listening(other);
  await other.goto(`${opened.url}/case/${caseRef(studyUid('old'))}`);
  await other.locator('.viewport').click();
  await list.bringToFront();
  await list.locator('.toolbar h1').click();
  await addStudy(opened, { id: 'new', outcome: 0.97, slices: 4, arrivedMinutesAgo: 0 });
  await list.getByRole('list', { name: 'New AI flags' }).waitFor();
  await other.getByRole('list', { name: 'New AI flags' }).waitFor({ timeout: 10_000 });
  await systemClock.sleep(6_000);
  expect((await tones(list)) + (await tones(other))).toBe(2);
  expect([...(await notices(list)), ...(await notices(other))]).toHaveLength(1);
});
