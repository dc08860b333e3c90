import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { launchBrowser, openSite, PATIENCE_MS } from './page.ts';
import type { Site } from './page.ts';
import { instanceOf } from '../unit/worklist/facts.ts';
import { addStudy } from './seededWorklist.ts';
import { seedThresholdHistory } from './seededThresholds.ts';

const PASSWORD = 'axis and atlas, seven';

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
});

async function openedSite(recentMs = 10 * 60_000): Promise<Site> {
  const site = await openSite(systemClock, { signIn: { signIn: 'local', recentMs } });
  onTestFinished(site.end);
  await addStudy(site, { id: 'flag', outcome: 0.9, slices: 4 });
  return site;
}

/** A browser of its own. What it complains of fails the test, but for the refusals that the page is made to meet. */
async function visit(url: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB' });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !/status of (400|401|403|404|429)/.test(message.text()))
      complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  onTestFinished(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });
  await page.goto(url);
  return page;
}

async function accessible(page: Page): Promise<void> {
  for (const theme of ['dark', 'light']) {
    await page.evaluate((name) => {
      document.documentElement.dataset['theme'] = name;
    }, theme);
    const { violations } = await new AxeBuilder({ page })
      .withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'])
      .analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  }
}

/** The first admin's account, made as its owner makes it. */
async function setUp(site: Site): Promise<Page> {
  const { secret } = (await site.access.accounts.firstAdminLink())!;
  const page = await visit(`${site.url}/set-up#${secret}`);
  await page.getByLabel('Name').fill('chief');
  expect(page.url()).toBe(`${site.url}/set-up`);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByLabel('The same again').fill('something else');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.getByRole('alert').textContent()).toBe('The two passwords are not the same.');
  await page.getByLabel('The same again').fill(PASSWORD);
  await accessible(page);
  await page.keyboard.press('Enter');
  await page.locator('tr.row').waitFor();
  return page;
}

test('the first admin comes in by the link, and the link works no more', async () => {
  const site = await openedSite();
  const { secret } = (await site.access.accounts.firstAdminLink())!;
  const page = await setUp(site);
  expect(await page.getByText('Signed in as chief').isVisible()).toBe(true);
  const late = await visit(`${site.url}/set-up#${secret}`);
  await expect
    .poll(() => late.getByRole('alert').textContent())
    .toBe('This link was used, or is too old. Ask for a new one.');
  const cut = await visit(`${site.url}/set-up#${secret.slice(0, 12)}`);
  await expect
    .poll(() => cut.getByRole('alert').textContent())
    .toBe('Open the whole link that you were given: its end is missing.');
  await page.goto(`${site.url}/no/such/page`);
  await page.getByRole('heading', { name: 'No such page' }).waitFor();
  await page.getByRole('link', { name: 'To the worklist' }).click();
  await page.locator('tr.row').waitFor();
});

test('whoever is not signed in sees no patient, signs in by keyboard, and gets back to where they wanted to go', async () => {
  const site = await openedSite();
  await setUp(site);
  const page = await visit(`${site.url}/sessions`);
  await page.waitForURL(`${site.url}/sign-in?next=%2Fsessions`);
  await page.getByLabel('Name').waitFor();
  await accessible(page);
  expect(await page.content()).not.toContain('Doe');
  await page.getByLabel('Name').focus();
  await page.keyboard.type('chief');
  await page.keyboard.press('Tab');
  await page.keyboard.type('wrong');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.getByRole('alert').textContent()).toBe('The name or the password is wrong.');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${site.url}/sessions`);
  await expect.poll(() => page.locator('tbody tr').count()).toBe(2);
  await accessible(page);
});

test('a session that ends takes the page to the sign-in by itself', async () => {
  const site = await openedSite();
  const page = await setUp(site);
  const { id } = (await site.access.accounts.byName('chief'))!;
  await site.access.sessions.end(id, 'all', { name: 'test', address: '' });
  await addStudy(site, { id: 'news', outcome: 0.9 });
  await page.waitForURL(`${site.url}/sign-in`);
});

test('a session that ends while the page opens its line does so, too', async () => {
  const site = await openedSite();
  const page = await setUp(site);
  const { id } = (await site.access.accounts.byName('chief'))!;
  await addStudy(site, { id: 'shown', outcome: 0.9 });
  let openLine: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    openLine = resolve;
  });
  await page.route('**/api/events', async (route) => {
    await ended;
    await route.continue();
  });
  await page.reload();
  await page.locator('.opener').first().waitFor();
  await site.access.sessions.end(id, 'all', { name: 'test', address: '' });
  openLine();
  await page.waitForURL(`${site.url}/sign-in`);
});

test('reading is marked under the name of who is signed in', async () => {
  const site = await openedSite();
  const page = await setUp(site);
  await page.locator('.opener').first().focus();
  await page.keyboard.press('r');
  await expect.poll(async () => (await site.query.rows())[0]?.readBy).toBe('chief');
  await page.keyboard.press('Enter');
  const looked = page.getByRole('region', { name: 'Who looked' });
  await looked.waitFor();
  await page.reload();
  await expect.poll(() => looked.textContent()).toMatch(/\d\d:\d\d:\d\d chief$/);
});

test('an admin adds a reader, after confirming who they are, and the reader comes in by the link', async () => {
  // Every sign-in is too old at once: only the confirmation just given counts.
  const site = await openedSite(2_000);
  const page = await setUp(site);
  await page.getByRole('link', { name: 'Administration' }).click();
  await page.getByRole('link', { name: 'Users' }).click();
  await page.getByRole('rowheader', { name: 'chief' }).waitFor();
  await page.waitForTimeout(2_100);
  await page.getByLabel('Name').fill('ann');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Confirm who you are' });
  await dialog.waitFor();
  await accessible(page);
  await dialog.getByLabel('Password').fill('wrong');
  await page.keyboard.press('Enter');
  await expect.poll(() => dialog.getByRole('alert').textContent()).toBe('The name or the password is wrong.');
  await dialog.getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.locator('.link code').waitFor();
  await accessible(page);
  const link = (await page.locator('.link code').textContent())!;
  const reader = await visit(link);
  await reader.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await reader.getByLabel('The same again').fill(PASSWORD);
  await reader.keyboard.press('Enter');
  await reader.locator('tr.row').waitFor();
  expect(await reader.getByRole('link', { name: /^(Users|Administration)$/ }).count()).toBe(0);

  // A held study: the reader is told of it, an admin releases it, after confirming who they are.
  const real = { patientId: 'MRN-4711', patientName: 'Lindqvist^Maja' };
  await site.store.recordInstances([
    instanceOf({ study: 'flag', number: 9, receivedAtMs: systemClock.now(), ...real }),
  ]);
  await reader.getByText('1 object as MRN-4711').waitFor();
  expect(await reader.getByRole('button', { name: /^Release/ }).count()).toBe(0);
  await page.getByRole('link', { name: 'Worklist' }).click();
  await page.getByRole('button', { name: /^Release: / }).click();
  await page.waitForTimeout(2_100);
  await page.getByRole('button', { name: 'Release as MRN-4711' }).click();
  await dialog.getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.locator('tr.row').getByText('LINDQVIST, Maja').waitFor();
  const released = await site.access.audit.page({ action: 'case.quarantineReleased' }, 5);
  expect(released.map(({ actor }) => actor)).toEqual(['chief']);
});

test('the audit shows what was done, hostile names as text, and narrows by its filters', async () => {
  const site = await openedSite();
  const page = await setUp(site);
  await site.access.audit.append({
    action: 'association.rejected',
    actor: '<img src=x onerror=alert(1)>',
    address: '10.0.0.9',
    detail: { why: '"><script>alert(1)</script>' },
  });
  await page.getByRole('link', { name: 'Administration' }).click();
  await page.getByRole('link', { name: 'Audit' }).click();
  await page.getByText('<img src=x onerror=alert(1)>').waitFor();
  expect(await page.locator('tbody img, tbody script').count()).toBe(0);
  await accessible(page);
  await page.getByLabel('Action').selectOption('association.rejected');
  await page.getByRole('button', { name: 'Filter' }).click();
  await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
  // The list has an address of its own, and "back" leads out of it.
  expect(page.url()).toBe(`${site.url}/audit?action=association.rejected`);
  await page.reload();
  await page.getByText('<img src=x onerror=alert(1)>').waitFor();
  expect(await page.getByLabel('Action').inputValue()).toBe('association.rejected');
  expect(await page.locator('tbody tr').count()).toBe(1);
  await page.getByLabel('What').fill('2.25.1');
  await page.keyboard.press('Enter');
  await page.getByText('0 entries match.').waitFor();
  expect(page.url()).toBe(`${site.url}/audit?action=association.rejected`);
  await page.getByLabel('What').fill('');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Export as CSV' }).click();
  expect((await download).suggestedFilename()).toBe('odontoid-audit.csv');
});

test('signing out leaves nothing to go back to', async () => {
  const site = await openedSite();
  const page = await setUp(site);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(`${site.url}/sign-in`);
  await page.goBack();
  await page.waitForURL(`${site.url}/sign-in`);
  expect(await page.content()).not.toContain('Doe');
});

test('a session that ends while a reason is typed: the sign-in says so, and number and reason are there afterwards, for the same person only', async () => {
  const site = await openedSite();
  const page = await setUp(site);
  await seedThresholdHistory(site, { days: 3 });
  const reason = 'Agreed in the trauma board of 27 November, minutes 4.2, after review of 212 scans';
  await page.goto(`${site.url}/thresholds`);
  const number = page.getByRole('spinbutton');
  const why = page.locator('input[type=text][required]');
  await number.fill('0.61');
  await why.fill(reason);
  // The session ends under the very request: were it to end before, the page's live line might leave first and the click find nothing.
  await page.route(`${site.url}/api/**`, async (route) => {
    if (route.request().method() !== 'GET') await page.context().clearCookies();
    await route.continue();
  });
  await page.getByRole('button', { name: 'Stop AI flags' }).click();
  // Each refused request leads there, so a second one may start the navigation anew.
  await expect.poll(() => page.url()).toBe(`${site.url}/sign-in?next=%2Fthresholds`);
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await page.getByText('Your session has ended. Sign in again: what you were typing is kept').waitFor();
  await accessible(page);
  await page.getByLabel('Name').fill('chief');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await expect.poll(() => why.inputValue()).toBe(reason);
  await expect.poll(() => number.inputValue()).toBe('0.61');
  // Nothing of it is in the address, nor left once somebody has signed out.
  expect(page.url()).toBe(`${site.url}/thresholds`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(`${site.url}/sign-in`);
  expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain('trauma board');
  expect(await page.getByText('Your session has ended').count()).toBe(0);
});
