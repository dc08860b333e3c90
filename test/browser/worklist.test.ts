import { rm } from 'node:fs/promises';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { bannedIn } from './bannedWords.ts';
import { buildPage, launchBrowser, openSite, temporaryFolder } from './page.ts';
import type { Site } from './page.ts';
import { addStudy, studyUid } from './seededWorklist.ts';

let browser: Browser;
let folder: string;
let pageDir: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  pageDir = await buildPage(folder);
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

interface Opened {
  page: Page;
  /** Console errors and warnings, uncaught errors, violations of the content security policy. */
  complaints: string[];
}

/** Any complaint of the browser fails the test, save those of a server that the test has stopped. With `clock`, time passes in the page only when told to. */
async function openPage(
  site: Site,
  options: { clock?: boolean; before?: (page: Page) => Promise<unknown> } = {},
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB' });
  const page = await context.newPage();
  const opened: Opened = { page, complaints: [] };
  page.on('console', (message) => {
    if (
      ['error', 'warning'].includes(message.type()) &&
      !/ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|CONNECTION_RESET)/.test(message.text())
    )
      opened.complaints.push(message.text());
  });
  page.on('pageerror', (error) => opened.complaints.push(String(error)));
  onTestFinished(async () => {
    await context.close();
    expect(opened.complaints).toEqual([]);
  });
  if (options.clock) {
    const time = Date.now();
    await page.clock.install({ time });
    await page.clock.pauseAt(time + 60_000);
  }
  await options.before?.(page);
  await page.goto(site.url);
  // Effects wait for a frame, which a stopped clock never brings.
  if (options.clock) await page.clock.runFor(50);
  return page;
}

async function site(clock = systemClock): Promise<Site> {
  const opened = await openSite(pageDir, clock);
  onTestFinished(opened.end);
  return opened;
}

const order = (page: Page) =>
  page.locator('tr.row').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-study')));
const top = (page: Page, id: string) =>
  page.locator(`tr.row[data-study="${studyUid(id)}"]`).evaluate((row) => row.getBoundingClientRect().top);
const focused = (page: Page) =>
  page.evaluate(() => document.activeElement?.closest('[data-study]')?.getAttribute('data-study') ?? null);
const pill = (page: Page) => page.locator('.pill');
const row = (page: Page, id: string) => page.locator(`tr.row[data-study="${studyUid(id)}"]`);

async function seed(opened: Site): Promise<void> {
  await addStudy(opened, { id: 'plain', outcome: 0.1, arrivedMinutesAgo: 30, receipt: 'confirmed' });
  await addStudy(opened, { id: 'flag', outcome: 0.9, arrivedMinutesAgo: 5, receipt: 'sent' });
  await addStudy(opened, {
    id: 'thick',
    outcome: { reasonCode: 'no-series', reason: 'Slices are 5 mm thick' },
    arrivedMinutesAgo: 8,
    receipt: 'refused',
  });
  await addStudy(opened, {
    id: 'metal',
    outcome: { reasonCode: 'outside-domain', reason: 'Outside tested range (metal)' },
    arrivedMinutesAgo: 6,
  });
  await addStudy(opened, { id: 'old', outcome: 0.2, arrivedMinutesAgo: 75, receipt: 'confirmed' });
  await addStudy(opened, { id: 'moving', outcome: 'running', arrivedMinutesAgo: 1 });
}
const SEEDED_ORDER = ['old', 'flag', 'thick', 'metal', 'moving', 'plain'].map(studyUid);

test('the list stands in reading order, in the fixed words, and says why', async () => {
  const opened = await site();
  await seed(opened);
  const page = await openPage(opened);
  await row(page, 'flag').waitFor();
  expect(await order(page)).toEqual(SEEDED_ORDER);
  for (const [id, words] of Object.entries({
    flag: 'AI flag: possible fracture. Review now. Not a diagnosis.',
    plain: 'AI did not flag this scan - read as usual',
    thick: 'Not analysed: Slices are 5 mm thick - read as usual',
    metal: 'Outside tested range (metal) - not scored. Read as usual',
    moving: 'AI running, 1 min - do not wait for it',
  })) {
    expect(await row(page, id).textContent()).toContain(words);
  }
  expect(await row(page, 'old').textContent()).toContain('75 min, limit 60');
  expect(await row(page, 'old').textContent()).toContain('Past the wait limit');
  expect(await row(page, 'thick').textContent()).toContain('Rejected by PACS: SOP class not supported');
  expect(await row(page, 'flag').textContent()).toContain('0.90 flags from 0.50');
  expect(await row(page, 'thick').textContent()).toContain('no score');
  expect(await page.locator('.feed').textContent()).toBe('Feed live');
  expect(await page.title()).toBe('Odontoid worklist');
});

test('a suspected case that the store learns of stands first within a second, without a reload', async () => {
  const opened = await site();
  await seed(opened);
  const page = await openPage(opened);
  await row(page, 'flag').waitFor();
  await page.evaluate(() => Object.assign(window, { sameDocument: true }));
  await addStudy(opened, { id: 'new', outcome: 0.97 });
  const began = Date.now();
  await expect
    .poll(() => order(page), { timeout: 5_000, interval: 20 })
    .toEqual([studyUid('old'), studyUid('new'), ...SEEDED_ORDER.slice(1)]);
  expect(Date.now() - began).toBeLessThan(1_500);
  expect(await page.evaluate(() => 'sameDocument' in window)).toBe(true);
});

test('the row in focus stays where it is, what is new waits in a pill, and comes by one key', async () => {
  const opened = await site();
  await seed(opened);
  const page = await openPage(opened);
  await row(page, 'thick').waitFor();
  await row(page, 'thick').locator('.opener').focus();
  const before = await top(page, 'thick');
  await addStudy(opened, { id: 'new', outcome: 0.97 });
  await addStudy(opened, { id: 'other', outcome: 0.3 });
  await expect.poll(() => pill(page).textContent()).toBe('2 new, 1 flagged - press . to update');
  expect(await order(page)).toEqual(SEEDED_ORDER);
  expect(await top(page, 'thick')).toBe(before);

  await page.keyboard.press('.');
  await row(page, 'new').waitFor();
  expect(await order(page)).toEqual([studyUid('old'), studyUid('new'), ...SEEDED_ORDER.slice(1), studyUid('other')]);
  expect(await pill(page).count()).toBe(0);
  expect(await focused(page)).toBe(studyUid('thick'));
});

test('the row under the pointer stays where it is until the pointer goes, even when a row above it changes its words', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'moving', outcome: 'running', arrivedMinutesAgo: 20 });
  await addStudy(opened, { id: 'thick', outcome: { reasonCode: 'no-series', reason: 'Slices are 5 mm thick' } });
  const page = await openPage(opened);
  await row(page, 'thick').hover();
  const before = await top(page, 'thick');
  await opened.store.markStat(studyUid('thick'), true, 'test');
  await addStudy(opened, { id: 'moving', outcome: 0.3, arrivedMinutesAgo: 20 });
  await expect.poll(() => row(page, 'moving').textContent()).toContain('AI did not flag this scan');
  await expect.poll(() => pill(page).textContent()).toBe('Order changed - press . to update');
  expect(await order(page)).toEqual([studyUid('moving'), studyUid('thick')]);
  expect(await top(page, 'thick')).toBe(before);
  await page.mouse.move(640, 5);
  await expect.poll(() => order(page)).toEqual([studyUid('thick'), studyUid('moving')]);
});

test('a list that the window’s loss of focus sets free takes its updates', async () => {
  const opened = await site();
  await seed(opened);
  const page = await openPage(opened);
  await row(page, 'flag').locator('.opener').focus();
  await addStudy(opened, { id: 'new', outcome: 0.97 });
  await pill(page).waitFor();
  await page.evaluate(() => {
    Object.defineProperty(document, 'hasFocus', { value: () => false });
    window.dispatchEvent(new Event('blur'));
  });
  await row(page, 'new').waitFor();
});

test('by keyboard alone: find a scan, open it, mark it as read, take that back, see the read ones', async () => {
  const opened = await site();
  await seed(opened);
  const page = await openPage(opened);
  await row(page, 'flag').waitFor();
  await page.keyboard.press('j');
  expect(await focused(page)).toBe(studyUid('old'));
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  expect(await focused(page)).toBe(studyUid('flag'));
  await page.keyboard.press('Enter');
  const details = page.getByRole('region', { name: 'Details of Doe, Jane' });
  await details.waitFor();
  expect(await details.locator('.patient').textContent()).toBe(
    'Doe, Jane · born 01-Jan-1970 (56 y) · F · ID P-flag · accession A-flag',
  );
  await expect.poll(() => details.textContent()).toContain('Analysed');
  expect(await row(page, 'flag').locator('.opener').getAttribute('aria-expanded')).toBe('true');

  await page.keyboard.press('r');
  await expect
    .poll(async () => (await opened.query.rows()).find((one) => one.studyInstanceUid === studyUid('flag'))?.readAtMs)
    .not.toBeNull();
  await expect.poll(() => row(page, 'flag').getAttribute('data-read')).toBe('true');
  expect(await order(page)).toEqual(SEEDED_ORDER);
  await page.keyboard.press('r');
  await expect.poll(() => row(page, 'flag').getAttribute('data-read')).toBe('false');
  await page.keyboard.press('r');
  await expect.poll(() => pill(page).textContent()).toBe('Order changed - press . to update');
  await page.keyboard.press('.');
  await expect.poll(() => order(page)).toEqual(SEEDED_ORDER.filter((uid) => uid !== studyUid('flag')));
  expect(await focused(page)).toBe(studyUid('thick'));

  await page.keyboard.press('Escape');
  expect(await focused(page)).toBeNull();
  await page.getByLabel('Show read scans').focus();
  await page.keyboard.press('Space');
  await row(page, 'flag').waitFor();
  expect((await order(page)).at(-1)).toBe(studyUid('flag'));
});

test('a key held down marks one scan, and single-letter keys can be switched off for good', async () => {
  const opened = await site();
  await seed(opened);
  const page = await openPage(opened);
  await row(page, 'old').waitFor();
  await page.keyboard.press('j');
  await page.keyboard.down('r');
  for (let repeat = 0; repeat < 5; repeat += 1) await page.keyboard.down('r');
  await page.keyboard.up('r');
  await expect.poll(() => row(page, 'old').getAttribute('data-read')).toBe('true');
  expect(
    (await opened.query.caseDetail(studyUid('old'))).events.filter(
      (event) => event.type === 'read' || event.type === 'unread',
    ),
  ).toHaveLength(1);

  await page.keyboard.press('?');
  await page.getByLabel('Single-letter keys').uncheck();
  await page.reload();
  await row(page, 'flag').waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('?');
  expect(await focused(page)).toBeNull();
  expect(await page.getByRole('region', { name: 'Keys' }).count()).toBe(0);
  await page.keyboard.press('ArrowDown');
  expect(await focused(page)).toBe(studyUid('flag'));
});

test('names that would be code, or of any script, are shown as they are', async () => {
  const opened = await site();
  const names = {
    script: '<script>hacked()</script>^<img src onerror>',
    quotes: `O'Neil"^"Bobby" & 'Tables'`,
    hebrew: 'כהן^שרה',
    override: 'Evil\u202e^Name',
    japanese: 'Yamada^Tarou=山田^太郎=やまだ^たろう',
  };
  for (const [id, patientName] of Object.entries(names))
    await addStudy(opened, {
      id,
      outcome: 0.9,
      patientName,
      accessionNumber: '"><img src=x onerror=window.hacked=1>',
      seriesDescription: '<b>bold</b>',
    });
  const page = await openPage(opened);
  await row(page, 'script').waitFor();
  const shown = async (id: string) => row(page, id).locator('bdi').textContent();
  expect(await shown('script')).toBe('<script>hacked()</script>, <img src onerror>');
  expect(await shown('quotes')).toBe(`O'Neil", "Bobby" & 'Tables'`);
  expect(await shown('hebrew')).toBe('כהן, שרה');
  expect(await shown('japanese')).toBe('Yamada, Tarou · 山田, 太郎');
  await row(page, 'script').locator('.opener').click();
  await expect.poll(() => page.locator('.details').textContent()).toContain('<b>bold</b>');
  expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
  expect(await page.locator('table b, table img, table script').count()).toBe(0);
});

test('rows are of one height whatever they say, and never cut off what a reader should do', async () => {
  const opened = await site();
  await seed(opened);
  const reason =
    'nothing of what came can be used because each of the many series is a reformat, a localizer, or thicker than it may be';
  await addStudy(opened, {
    id: 'long',
    outcome: { reasonCode: 'no-series', reason },
    patientName: 'Wolfeschlegelsteinhausenbergerdorff^Hubert^Blaine^Sr',
    accessionNumber: 'ACCESSION0123456789',
    patientId: 'ID-0123456789-0123456789-0123456789',
  });
  await addStudy(opened, {
    id: 'far',
    outcome: { reasonCode: 'outside-domain', reason: `Outside tested range (${reason})` },
  });
  const page = await openPage(opened);
  await row(page, 'far').waitFor();
  expect(
    new Set(await page.locator('tr.row').evaluateAll((rows) => rows.map((one) => one.getBoundingClientRect().height)))
      .size,
  ).toBe(1);
  const advice = await page.locator('.advice').evaluateAll((all) =>
    all.map((one) => ({
      text: one.textContent.trim(),
      seen:
        one.getBoundingClientRect().bottom <= one.closest('td')!.getBoundingClientRect().bottom &&
        one.scrollHeight <= one.clientHeight + 1,
    })),
  );
  expect(advice.filter(({ text }) => text === '- read as usual').length).toBeGreaterThanOrEqual(4);
  expect(advice.find(({ text }) => text === '- not scored. Read as usual')).toBeDefined();
  expect(advice.filter(({ seen }) => !seen)).toEqual([]);
  await row(page, 'long').locator('.opener').click();
  await expect.poll(() => page.locator('.details').innerText()).toContain(`Not analysed: ${reason} - read as usual`);
});

test('what could not be saved is said', async () => {
  const opened = await site();
  await seed(opened);
  const page = await openPage(opened, {
    before: (blank) => blank.route('**/read', (route) => route.abort('connectionrefused')),
  });
  await row(page, 'old').waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('r');
  await expect.poll(() => page.locator('.alert').textContent()).toBe('Not saved for Doe, Jane. Try again.');
  expect(await row(page, 'old').getAttribute('data-read')).toBe('false');
});

test('a server that is gone: amber, then LIVE FEED LOST and a frozen list, until it is back', async () => {
  const opened = await site();
  await seed(opened);
  const page = await openPage(opened, { clock: true });
  await row(page, 'flag').waitFor();
  await row(page, 'flag').locator('.opener').focus();
  const lastHeard = await page.evaluate(() => new Date().toLocaleTimeString('en-GB'));
  await opened.stop();
  await page.clock.runFor(14_000);
  expect(await page.locator('.feed').textContent()).toBe('Feed live');
  await page.clock.runFor(2_000);
  expect(await page.locator('.feed').textContent()).toBe('No update for 16 s. List may be old');
  expect(await page.locator('.feed').evaluate((feed) => getComputedStyle(feed).color)).toBe('rgb(232, 211, 107)');
  await page.clock.runFor(15_000);
  const alert = page.getByRole('alert').first();
  expect(await alert.textContent()).toMatch(/^LIVE FEED LOST \d\d:\d\d:\d\d\. List may be wrong\. Use PACS worklist$/);
  expect((await alert.textContent())!.slice(15, 20)).toBe(lastHeard.slice(0, 5));
  expect(await alert.evaluate((element) => getComputedStyle(element).color)).toBe('rgb(255, 138, 122)');
  expect(
    await page.locator('.list').evaluate((list: HTMLElement) => [list.inert, getComputedStyle(list).filter]),
  ).toEqual([true, 'grayscale(1)']);
  expect(await order(page)).toEqual(SEEDED_ORDER);
  await page.keyboard.press('j');
  expect(await focused(page)).toBeNull();
  await page.clock.resume();
  await complaintsOfAxe(page);

  await addStudy(opened, { id: 'meanwhile', outcome: 0.97 });
  await opened.start();
  await expect
    .poll(
      async () => {
        await page.clock.runFor(1_000);
        return (await order(page))[1];
      },
      { timeout: 20_000 },
    )
    .toBe(studyUid('meanwhile'));
  await expect.poll(() => page.locator('.feed').textContent(), { timeout: 20_000 }).toBe('Feed live');
  expect(await page.locator('.list').evaluate((list: HTMLElement) => list.inert)).toBe(false);
});

test('a live line does not hide that the list cannot be read', async () => {
  // Time runs fast in the page, so the server's heart has to as well.
  const opened = await site({ ...systemClock, after: (ms, run) => systemClock.after(ms === 5_000 ? 20 : ms, run) });
  await seed(opened);
  const page = await openPage(opened, { clock: true });
  await row(page, 'flag').waitFor();
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      await page.clock.runFor(1_000);
      await systemClock.sleep(60);
    }
  };
  await pass(35);
  expect(await page.locator('.feed').textContent()).toBe('Feed live');

  await page.route('**/api/worklist', (route) => route.abort('connectionrefused'));
  const failed = page.waitForEvent('requestfailed');
  await addStudy(opened, { id: 'unseen', outcome: 0.97 });
  await failed;
  await pass(20);
  expect(await page.locator('.feed').textContent()).toContain('No update for');
  await pass(15);
  expect(await page.getByRole('alert').first().textContent()).toContain('LIVE FEED LOST');
  await page.unroute('**/api/worklist');
  await pass(2);
  await row(page, 'unseen').waitFor();
  await expect.poll(() => page.locator('.list').evaluate((list: HTMLElement) => list.inert)).toBe(false);
});

test('while the first list is on its way the page says so, and never that there is nothing', async () => {
  const opened = await site();
  await seed(opened);
  let letGo = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const page = await openPage(opened, {
    clock: true,
    before: (blank) =>
      blank.route('**/api/worklist', async (route) => {
        await held;
        await route.continue();
      }),
  });
  await page.locator('.skeleton').first().waitFor();
  await page.clock.runFor(2_900);
  expect(await page.locator('main').textContent()).toBe('');
  await page.clock.runFor(200);
  expect(await page.locator('main').textContent()).toBe('Still loading');
  expect(await page.locator('body').textContent()).not.toMatch(/\b0 scans|No scans/);
  await page.clock.resume();
  await complaintsOfAxe(page);
  letGo();
  await row(page, 'flag').waitFor();
  expect(await page.locator('body').textContent()).not.toContain('Still loading');
});

test('an empty list tells when the last scan came, and does not call itself right when it may not be', async () => {
  const opened = await site();
  const page = await openPage(opened);
  await expect.poll(() => page.locator('main').textContent()).toBe('No scans waiting. Nothing received yet. Feed live');
  await complaintsOfAxe(page);
  await addStudy(opened, { id: 'plain', outcome: 0.1 });
  await row(page, 'plain').waitFor();
  await opened.store.markRead(studyUid('plain'), true, 'test');
  await expect
    .poll(() => page.locator('main').textContent())
    .toMatch(/^No scans waiting\. Last received (\d\d-\w{3} )?\d\d:\d\d:\d\d\. Feed live$/);
  opened.system = { ...opened.system, receiver: { ...opened.system.receiver, up: false } };
  await opened.store.markStat(studyUid('plain'), true, 'test');
  await expect
    .poll(() => page.locator('main').textContent())
    .toBe('This list shows no scans, and it may be wrong. Use PACS worklist');
});

test('what the agent lacks is said without moving a row', async () => {
  const opened = await site();
  await seed(opened);
  const page = await openPage(opened);
  await row(page, 'flag').waitFor();
  const before = await top(page, 'flag');
  opened.system = {
    ...opened.system,
    model: null,
    modelError: 'The golden case differs.',
    receiver: { ...opened.system.receiver, up: false },
  };
  await opened.store.markStat(studyUid('old'), true, 'test');
  const faults = page.locator('footer [role=alert]');
  await expect
    .poll(() => faults.textContent())
    .toContain('AI not ready: studies are received and wait. Read as usual. The golden case differs.');
  expect(await faults.textContent()).toContain('Receiver down: the PACS cannot send. Studies are not arriving here.');
  expect(await top(page, 'flag')).toBe(before);
  await complaintsOfAxe(page);
});

test('a scan that was flagged after somebody had read it comes back into view', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'early', outcome: 'running' });
  await opened.store.markRead(studyUid('early'), true, 'test');
  const page = await openPage(opened);
  await page.locator('.empty').waitFor();
  await addStudy(opened, { id: 'early', outcome: 0.97, arrivedMinutesAgo: 0 });
  if ((await opened.query.rows())[0]?.readAtMs === null) await opened.store.markRead(studyUid('early'), true, 'test');
  await expect.poll(() => page.locator('footer').textContent()).toContain('1 read scan was flagged after it was read.');
  await page.locator('footer').getByRole('button', { name: 'Show read scans' }).click();
  await row(page, 'early').waitFor();
});

test.each(['dark', 'light'] as const)(
  'axe finds nothing, no banned word stands and nothing is green in the %s theme, which is kept',
  async (theme) => {
    const opened = await site();
    await seed(opened);
    await addStudy(opened, { id: 'done', outcome: 0.9, receipt: 'confirmed' });
    await opened.store.markRead(studyUid('done'), true, 'test');
    const page = await openPage(opened);
    await row(page, 'flag').waitFor();
    if (theme === 'light') {
      await page.getByRole('button', { name: 'Light theme' }).click();
      await page.reload();
      await row(page, 'flag').waitFor();
    }
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe(
      theme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(14, 17, 22)',
    );
    await complaintsOfAxe(page);
    await page.getByLabel('Show read scans').check();
    await page.keyboard.press('?');
    await row(page, 'thick').locator('.opener').click();
    await expect.poll(() => page.locator('.details').textContent()).toContain('No series can be analysed');
    await addStudy(opened, { id: 'new', outcome: 0.97 });
    await pill(page).waitFor();
    await complaintsOfAxe(page);

    const text = await page.locator('body').innerText();
    expect(text).toContain('AI did not flag this scan');
    expect(bannedIn(text)).toEqual([]);
    expect(await greenShare(page)).toBe(0);
  },
);

test('a small window scrolls as a whole and keeps everything in reach', async () => {
  const opened = await site();
  await seed(opened);
  const page = await openPage(opened);
  await page.setViewportSize({ width: 360, height: 640 });
  await row(page, 'plain').locator('.opener').click();
  await page.getByRole('button', { name: 'Mark as read' }).scrollIntoViewIfNeeded();
  await complaintsOfAxe(page);
});

/** Fails on any violation. In legacy mode axe stays in this page: it opens no other one to gather the results of frames, of which there are none. */
async function complaintsOfAxe(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  expect(
    violations.map(({ id, nodes }) => ({
      id,
      nodes: nodes.map(({ html, failureSummary }) => `${html}: ${failureSummary ?? ''}`),
    })),
  ).toEqual([]);
}

/** Share of the pixels of the page as drawn that anyone would call green: form controls and meters bring colours of their own. */
async function greenShare(page: Page): Promise<number> {
  const picture = (await page.screenshot()).toString('base64');
  const blank = await page.context().newPage();
  const share = await blank.evaluate(async (data) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
    const context = new OffscreenCanvas(image.width, image.height).getContext('2d')!;
    context.drawImage(image, 0, 0);
    const { data: pixels } = context.getImageData(0, 0, image.width, image.height);
    let green = 0;
    for (let at = 0; at < pixels.length; at += 4)
      if (pixels[at + 1]! > pixels[at]! + 40 && pixels[at + 1]! > pixels[at + 2]! + 40) green += 1;
    return green / (pixels.length / 4);
  }, picture);
  await blank.close();
  return share;
}
