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

/** The finding of every flagged study of four slices. */
const WHERE = 'C5-C6, series 2 image 2';

test('on every page a new flag is heard, stands in the tab’s title and leads to its case, also from a notice', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'old', outcome: 0.8, slices: 4, arrivedMinutesAgo: 30 });
  const page = await openPage(opened, { path: `/case/${caseRef(studyUid('old'))}`, before: listening });
  await page.locator('.patient-banner').waitFor();
  // A browser sounds once somebody has touched the page.
  await page.locator('.viewport').click();
  await addStudy(opened, { id: 'new', outcome: 0.97, slices: 4, arrivedMinutesAgo: 0 });
  await expect.poll(() => page.title()).toBe(`(1) ${WHERE} - Case - Odontoid`);
  await expect.poll(() => tones(page)).toBe(2);
  expect(await notices(page)).toEqual([`1 new AI flag: ${WHERE}. Open the worklist.`]);
  await complaintsInBothThemes(page);
  const strip = page.getByRole('list', { name: 'New AI flags' });
  await strip.getByRole('link').waitFor();
  await page.evaluate(() => (window as unknown as Heard).heard.notices[0]!.onclick());
  await page.waitForURL(`${opened.url}/case/${caseRef(studyUid('new'))}`);
  // Opened, it is no news any more.
  await expect.poll(() => page.title()).toBe(`${WHERE} - Case - Odontoid`);
  expect(await strip.count()).toBe(0);
  expect(await notices(page)).toEqual([`1 new AI flag: ${WHERE}. Open the worklist. (closed)`]);

  await page.getByRole('link', { name: 'Thresholds' }).click();
  await page.waitForURL(`${opened.url}/thresholds`);
  await addStudy(opened, { id: 'newer', outcome: 0.96, slices: 4, arrivedMinutesAgo: 0 });
  await strip.getByRole('link').waitFor();
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
  await other.getByRole('list', { name: 'New AI flags' }).waitFor();
  await systemClock.sleep(6_000);
  expect((await tones(list)) + (await tones(other))).toBe(2);
  expect([...(await notices(list)), ...(await notices(other))]).toHaveLength(1);
});

test('a flag can be silenced without being opened, for every desk; what somebody opens elsewhere is no news here', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'old', outcome: 0.2, slices: 4 });
  const page = await openPage(opened);
  await addStudy(opened, { id: 'one', outcome: 0.97, slices: 4, arrivedMinutesAgo: 0 });
  await addStudy(opened, { id: 'two', outcome: 0.96, slices: 4, arrivedMinutesAgo: 0 });
  const strip = page.getByRole('list', { name: 'New AI flags' });
  await expect.poll(() => strip.getByRole('link').count()).toBe(2);
  await strip
    .getByRole('button', { name: /^Stop ringing: AI flag/ })
    .last()
    .click();
  await expect.poll(() => strip.getByRole('link').count()).toBe(1);
  const other = await page.context().newPage();
  const left = await strip.getByRole('link').getAttribute('href');
  await other.goto(opened.url + left!);
  await expect.poll(() => strip.count()).toBe(0);
  expect((await opened.query.flags(9)).open.map(({ attended }) => attended)).toEqual([true, true]);
});

test('what a reader took a quarter of an hour ago is asked about on every page, and goes back to the list when they say so', async () => {
  const opened = await site();
  for (const id of ['mine', 'kept']) {
    await addStudy(opened, { id, outcome: 0.9, slices: 4 });
    await opened.store.claimReading(studyUid(id), { claimed: true, takeOver: false, actor: 'web' });
  }
  await opened.database.db
    .updateTable('cases')
    .set({ claimed_at: Date.now() - 16 * 60_000 })
    .execute();
  const page = await openPage(opened, { path: '/thresholds' });
  const asked = page.getByText('Still reading the scan that you took at');
  await expect.poll(() => asked.count()).toBe(2);
  await complaintsInBothThemes(page);
  const of = (id: string) =>
    page.locator('.old-claims p', { has: page.locator(`a[href="/case/${caseRef(studyUid(id))}"]`) });
  await of('mine').getByRole('button', { name: 'Give it back' }).click();
  const claims = async () => (await opened.query.rows()).map(({ claimedBy }) => claimedBy ?? 'nobody').sort();
  await expect.poll(claims).toEqual(['nobody', 'web']);
  await expect.poll(() => asked.count()).toBe(1);
  await of('kept').getByRole('button', { name: 'Still reading' }).click();
  await expect.poll(() => opened.query.oldClaims('web')).toEqual([]);
  await expect.poll(() => asked.count()).toBe(0);
  expect(await claims()).toEqual(['nobody', 'web']);
});

test('what is left unread after a shift is asked about once, and a report in the archive is on the row', async () => {
  const opened = await site();
  for (const [id, outcome] of [
    ['flag', 0.9],
    ['one', 0.1],
    ['two', 0.2],
  ] as const)
    await addStudy(opened, { id, outcome, arrivedMinutesAgo: 8 * 60 + 5 });
  await addStudy(opened, { id: 'new', outcome: 0.1 });
  await addStudy(opened, { id: 'reported', outcome: 0.1 });
  const report = { sopInstanceUid: '1.2.3', seriesInstanceUid: '1.2', modality: 'SR', isVerified: true };
  await opened.store.noteReported(studyUid('reported'), [report], 'ARCHIVE');
  const page = await openPage(opened);
  await page.getByText('3 scans have been unread for more than 8 hours, 1 of them flagged.').waitFor();
  await complaintsInBothThemes(page);
  await page.getByRole('button', { name: 'Mark the 2 unflagged as read' }).click();
  await expect.poll(() => page.locator('tr.row').count()).toBe(2);
  await page.reload();
  await page.locator('tr.row').first().waitFor();
  expect(await page.getByText('unread for more than 8 hours').count()).toBe(0);
  await page.getByLabel('Show read scans').check();
  await page.getByText('Read by SR in ARCHIVE').waitFor();
});
