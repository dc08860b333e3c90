import type { Locator } from 'playwright-core';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { complaintsInBothThemes, openPage, site, startBrowser } from './openPage.ts';
import { addStudy, studyUid } from './seededWorklist.ts';

startBrowser();

const PASSWORD = 'axis and atlas, seven';

test('the hand-over is the first thing that the next reader sees, lists what is open first, and prints as a sheet', async () => {
  const opened = await site(systemClock, { signIn: { signIn: 'local' } });
  const { store, access } = opened;
  await addStudy(opened, { id: 'flag', outcome: 0.91, slices: 8, patientName: 'Roe^Flagged', arrivedMinutesAgo: 50 });
  await addStudy(opened, { id: 'wrong', outcome: 0.81, patientName: 'Roe^Wrong', arrivedMinutesAgo: 40 });
  await addStudy(opened, { id: 'quiet', outcome: 0.03, patientName: 'Roe^Quiet', arrivedMinutesAgo: 30 });
  await addStudy(opened, { id: 'early', outcome: 0.02, patientName: 'Roe^Early', arrivedMinutesAgo: 11 * 60 });
  await store.recordVerdict(studyUid('wrong'), { revision: 1, verdict: 'disagree', actor: 'ada' });
  await store.markRead(studyUid('wrong'), true, 'ada');
  const { secret } = (await access.accounts.firstAdminLink())!;

  const page = await openPage(opened, { path: `/set-up#${secret}` });
  await page.getByLabel('Name').fill('ben');
  for (const field of await page.locator('input[type=password]').all()) await field.fill(PASSWORD);
  await page.keyboard.press('Enter');
  const line = page.locator('.hand-over-line');
  await line.waitFor();
  expect(await line.textContent()).toContain(
    'Hand-over, last 8 h: 3 came, 2 flagged (1 flagged still unread), 3 unread in all.',
  );
  await complaintsInBothThemes(page);
  // It lines up with the page below it; on a phone the masthead keeps to one line for the session, one for the screens and one for its notice.
  const startOf = (part: Locator) =>
    part.evaluate(
      (element) => element.getBoundingClientRect().left + parseFloat(getComputedStyle(element).paddingLeft),
    );
  const screens = page.getByRole('navigation', { name: 'Areas' });
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 844 });
    expect(await startOf(line)).toBe(await startOf(page.locator('.toolbar')));
    expect(await screens.evaluate((nav) => nav.scrollWidth - nav.clientWidth)).toBe(0);
  }
  expect((await page.locator('header.shell').boundingBox())!.height).toBeLessThan(110);
  // On a 4K the line is as large as the list below it.
  const heightOf = async () => (await line.boundingBox())!.height;
  await page.setViewportSize({ width: 1280, height: 800 });
  const desk = await heightOf();
  await page.setViewportSize({ width: 3840, height: 2160 });
  expect(await heightOf()).toBeGreaterThan(desk);
  expect(await line.evaluate((one) => getComputedStyle(one).fontSize)).toBe('20px');
  await page.setViewportSize({ width: 1280, height: 800 });
  await line.getByRole('link').click();
  await page.getByRole('heading', { name: 'Hand-over', level: 1 }).waitFor();
  const section = (title: string) => page.locator('section', { has: page.getByRole('heading', { name: title }) });
  const names = (title: string) => section(title).locator('tbody th a').allTextContents();
  await expect
    .poll(() => names('Still unread, in reading order'))
    .toEqual(['Roe, Flagged', 'Roe, Early', 'Roe, Quiet']);
  const flag = section('Still unread').locator('tbody tr', { hasText: 'Roe, Flagged' }).locator('td').first();
  expect(await flag.textContent()).toMatch(/^AI flag: possible fracture\..* C5-C6, series \d+ image \d+$/);
  expect(await names('Flagged in this time')).toEqual(['Roe, Wrong', 'Roe, Flagged']);
  expect(await names('Somebody disagreed with the AI')).toEqual(['Roe, Wrong']);
  expect(await section('Somebody disagreed').locator('tbody td').last().textContent()).toMatch(
    /^read by ada, .*; ada disagreed$/,
  );
  await complaintsInBothThemes(page);

  // Twelve hours reach back to the early one.
  const came = page.locator('.counts div', { hasText: 'Scans came' }).locator('dd');
  expect(await came.textContent()).toBe('3');
  await page.getByLabel('Since the shift began').selectOption('12');
  await expect.poll(() => came.textContent()).toBe('4');

  await page.emulateMedia({ media: 'print' });
  expect(await page.getByRole('button', { name: 'Print' }).isVisible()).toBe(false);
  expect(await page.locator('.printed').isVisible()).toBe(true);
  await page.emulateMedia({ media: 'screen' });

  // It was looked at: the list says no more of it, until the next sign-in.
  await page.getByRole('link', { name: 'Worklist' }).click();
  await page.locator('tr.row').first().waitFor();
  expect(await line.count()).toBe(0);
});
