import type { Locator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { addUser, cookieFor, shiftedClock } from '../unit/web/visitor.ts';
import { bannedIn } from './bannedWords.ts';
import { complaintsInBothThemes, openPage, site, startBrowser } from './openPage.ts';
import type { Site } from './page.ts';
import { addStudy } from './seededWorklist.ts';

startBrowser();

async function fill(opened: Site): Promise<void> {
  await addStudy(opened, {
    id: 'flag',
    outcome: 0.94,
    patientName: 'Lindqvist^Maja',
    patientId: '40211',
    patientAge: '078Y',
    accessionNumber: 'E26-4471',
    location: 'ED bay 3',
    arrivedMinutesAgo: 6,
  });
  await addStudy(opened, { id: 'placed', outcome: 0.91, slices: 4, arrivedMinutesAgo: 5, location: 'ED bay 4' });
  await addStudy(opened, {
    id: 'thick',
    outcome: { reasonCode: 'no-series', reason: 'slices are 5 mm thick, 3 mm at the most are analysed' },
    patientName: 'Novak^Eva',
    location: 'Ward 7',
    arrivedMinutesAgo: 22,
  });
  for (let index = 0; index < 40; index++)
    await addStudy(opened, {
      id: `plain${index}`,
      outcome: 0.06,
      patientName: `Moreau^Camille${index}`,
      arrivedMinutesAgo: index === 0 ? 75 : 10 + index,
    });
}

/** How many rows are whole on the screen, none of them on more than `lines` lines. What is to be done and where the patient is stand in each within the screen. */
async function wholeRows(wall: Page, lines: number): Promise<number> {
  const rows = await wall.locator('.wall-rows li:not(.beyond)').evaluateAll((all) =>
    all.map((row) => {
      const { bottom, height } = row.getBoundingClientRect();
      const parts = [
        ...row.querySelectorAll('.advice, .wall-state:not(.reasoned), bdi, .wall-facts span:first-child'),
      ].filter((part) => part.getClientRects().length > 0);
      const cut = parts.filter(
        (part) =>
          part.getBoundingClientRect().right > innerWidth ||
          part.getBoundingClientRect().bottom > bottom ||
          part.scrollWidth > part.clientWidth + 1,
      );
      return {
        lines: height / (parseFloat(getComputedStyle(row).fontSize) * 1.15),
        cut: cut.map((part) => part.textContent),
      };
    }),
  );
  expect(rows.filter((row) => row.lines > lines + 0.5 || row.cut.length > 0)).toEqual([]);
  return rows.length;
}

/** A site with sign-in, and the link of a screen that an admin makes on the page. */
async function siteAndLink() {
  const clock = shiftedClock();
  const opened = await site(clock, { signIn: { signIn: 'local' } });
  await fill(opened);
  const { cookie } = await cookieFor(opened.access, await addUser(opened, 'ada', 'admin'), clock);
  const [key, value] = cookie.split('=') as [string, string];
  const desk = await openPage(opened, {
    path: '/users',
    before: (page) => page.context().addCookies([{ name: key, value, url: opened.url }]),
  });
  await desk.getByLabel(/^What the new screen is called/).fill('ed-1');
  await desk.getByRole('button', { name: 'Make its link' }).click();
  const link = (await desk.locator('.link code').textContent())!;
  return { opened, desk, path: link.slice(opened.url.length) };
}

test('a screen on a wall: let in by a link, sized for its distance, without names, until it is revoked', async () => {
  const { opened, desk, path } = await siteAndLink();
  await complaintsInBothThemes(desk);
  const wall = await openPage(opened, {
    path,
    refusals: /status of (401|403)/,
    before: (page) => page.setViewportSize({ width: 1920, height: 1080 }),
  });
  await wall.getByRole('heading', { name: 'Set up this screen' }).waitFor();
  expect(wall.url()).toBe(`${opened.url}/wall`);
  await complaintsInBothThemes(wall);
  // By keyboard: the first field has it.
  expect(await wall.evaluate(() => [screen.width, screen.height])).toEqual([1920, 1080]);
  const focused = () => expect.poll(() => wall.evaluate(() => document.activeElement?.tagName)).toBe('INPUT');
  await focused();
  await wall.keyboard.press('Control+A');
  await wall.keyboard.type('24');
  await wall.getByText('Letters of 60 px').waitFor();
  await wall.keyboard.press('Enter');
  const first = wall.locator('.wall-rows li').first();
  await expect.poll(() => first.evaluate((row) => getComputedStyle(row).fontSize)).toBe('60px');
  expect(await wholeRows(wall, 2)).toBeGreaterThanOrEqual(6);
  await wall.keyboard.press('s');
  await focused();
  await wall.keyboard.press('Control+A');
  await wall.keyboard.type('55');
  await wall.keyboard.press('Enter');
  await expect.poll(() => first.evaluate((row) => getComputedStyle(row).fontSize)).toBe('26px');
  await wall.getByText('AI flag: possible fracture. Review now. Not a diagnosis.', { exact: true }).waitFor();
  await wall.getByText('ED bay 3').waitFor();
  await wall.getByText('acc. …4471').waitFor();
  await wall.getByText('70-79 y').waitFor();
  // Late is a word, not an alarm: on a bad night most scans are.
  const late = wall.getByText('WAITS 75 MIN, OVER 60');
  expect(await late.evaluate((part) => getComputedStyle(part).color)).toBe(
    await wall.locator('body').evaluate((body) => getComputedStyle(body).color),
  );
  // A flag with its place takes one line, like any other scan; what every flag says stands once, and is read out with each.
  const placed = wall.locator('.wall-rows li', { hasText: 'ED bay 4' });
  await placed.getByText('C5-C6, series 2 image 2').first().waitFor();
  const heightOf = async (of: Locator) => (await of.boundingBox())!.height;
  expect(await heightOf(placed)).toBe(await heightOf(wall.locator('.wall-rows li', { has: late })));
  expect(await placed.textContent()).toContain('AI flag: possible fracture. Review now. Not a diagnosis.');
  await wall.getByText('A flag asks for a look now. It is not a diagnosis.').waitFor();
  // Whole rows only, and a count of the others; nothing scrolls.
  const visible = await wholeRows(wall, 2);
  expect(visible).toBeGreaterThanOrEqual(20);
  expect(visible).toBeLessThan(43);
  await wall.getByText(`and ${43 - visible} more on the worklist`).waitFor();
  expect(
    await wall.evaluate(
      () => document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth,
    ),
  ).toBe(true);
  const text = (await wall.locator('body').textContent()) ?? '';
  for (const name of ['Lindqvist', 'LINDQVIST', 'Moreau', '40211', 'E26']) expect(text).not.toContain(name);
  expect(bannedIn(text)).toEqual([]);
  await complaintsInBothThemes(wall);

  // It has one page: the worklist is not for it, and no frame leads there.
  expect(await wall.getByRole('navigation').count()).toBe(0);
  await wall.goto(opened.url);
  await wall.waitForURL(/\/wall$/);
  await wall.getByText('ED bay 3').waitFor();

  await desk.reload();
  await desk.getByRole('cell', { name: 'in use' }).waitFor();
  await desk.getByRole('button', { name: 'Revoke: ed-1' }).click();
  await desk.getByText('None.', { exact: true }).waitFor();
  await wall.getByText(/This screen is not admitted, or not any more/).waitFor();
  expect(await wall.locator('.wall-rows').count()).toBe(0);
  await complaintsInBothThemes(wall);

  const again = await openPage(opened, { path, refusals: /status of (401|403)/ });
  await again.getByText(/This link was used, or is too old/).waitFor();
});

test('a screen whose line is silent says so after 15 s, and after 30 s is red, frozen and without colour', async () => {
  const opened = await site();
  await fill(opened);
  const before = async (page: Page) => {
    await page.addInitScript(() => {
      localStorage.setItem('odontoid.wallInches', '55');
      localStorage.setItem('odontoid.wallMetres', '2');
    });
  };
  const wall = await openPage(opened, { path: '/wall', before });
  await wall.getByText(/^Feed live/).waitFor();
  await opened.stop();
  const silent = wall.getByText(/No update for 1\d s\. List may be old/);
  await silent.waitFor();
  await complaintsInBothThemes(wall);
  await wall.getByText(/^LIVE FEED LOST .* List may be wrong\. Use PACS worklist$/).waitFor();
  expect(await wall.locator('.wall-body').evaluate((list) => getComputedStyle(list).filter)).toContain('grayscale');
  await complaintsInBothThemes(wall);
  await opened.start();
  await wall.getByText(/^Feed live/).waitFor();
});

test('the worklist shows where patients are, and narrows to one place', async () => {
  const opened = await site();
  await fill(opened);
  const page = await openPage(opened, {});
  await page.getByRole('columnheader', { name: 'Location' }).waitFor();
  await page.getByRole('combobox', { name: 'Location' }).selectOption('Ward 7');
  await page.getByText('1 of 43 match').waitFor();
  await page.getByRole('cell', { name: 'Ward 7' }).waitFor();
  await complaintsInBothThemes(page);
});
