import { expect, test } from 'vitest';
import { caseRef } from '../../src/case/caseRef.ts';
import { PASSWORD, addUser, cookieFor, shiftedClock } from '../unit/web/visitor.ts';
import { complaintsInBothThemes, openPage, site, startBrowser } from './openPage.ts';
import { addStudy, studyUid } from './seededWorklist.ts';

startBrowser();

test('a page in which nobody is active goes on as a masked list that takes new flags, and the password alone brings case and typed reason back', async () => {
  const clock = shiftedClock();
  const opened = await site(clock, { signIn: { signIn: 'local' } });
  await addStudy(opened, {
    id: 'old',
    outcome: 0.97,
    patientName: 'LOCKHART^ADA',
    slices: 4,
    accessionNumber: 'BUG-4321',
  });
  const { cookie } = await cookieFor(opened.access, await addUser(opened, 'ann', 'reader'), clock);
  const [name = '', value = ''] = cookie.split('=');
  const path = `/case/${caseRef(studyUid('old'))}`;
  const page = await openPage(opened, {
    path,
    refusals: /status of 401/,
    before: (tab) => tab.context().addCookies([{ name, value, url: opened.url }]),
  });
  await page.getByText('LOCKHART').first().waitFor();
  await page.getByText('Analyse again').first().click();
  const reason = page.getByRole('textbox', { name: /reason/i }).first();
  await reason.fill('swallowed during the scan');
  const other = await page.context().newPage();
  await other.goto(opened.url);
  await other.getByText('LOCKHART').first().waitFor();

  clock.advance(31 * 60_000);
  for (const tab of [page, other]) {
    await tab.getByRole('heading', { name: 'Locked: ann' }).waitFor();
    expect(await tab.content()).not.toContain('LOCKHART');
  }
  expect(page.url()).toBe(opened.url + path);
  await page.getByText('acc. …4321').waitFor();
  await complaintsInBothThemes(page);
  await addStudy(opened, { id: 'new', outcome: 0.98, accessionNumber: 'BUG-8765', arrivedMinutesAgo: 0 });
  await page.getByText('acc. …8765').waitFor();

  const password = page.getByLabel('Password');
  expect(await password.evaluate((field) => field === document.activeElement)).toBe(true);
  await password.fill('not it');
  await page.keyboard.press('Enter');
  await page.getByText('The name or the password is wrong.').waitFor();
  await password.fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByText('LOCKHART').first().waitFor();
  expect(page.url()).toBe(opened.url + path);
  await expect.poll(() => reason.inputValue()).toBe('swallowed during the scan');
  // The other tab needs no second password.
  await other.getByText('LOCKHART').first().waitFor();
});
