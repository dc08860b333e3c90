import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { openSources } from '../../src/compose/liveSources.ts';
import { openLiveValues } from '../../src/compose/liveValues.ts';
import { createSettingsAdministration } from '../../src/compose/settings.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { createAuditLog } from '../../src/worklist/audit/audit.ts';
import { complaintsInBothThemes, openPage, site, startBrowser } from './openPage.ts';
import { addStudy, adminOf, destinationsOfFile } from './seededWorklist.ts';

startBrowser();

/** A site whose settings page is the agent's own. */
function settingsSite() {
  const config = configFrom({ receive: { sources: [{ aeTitle: 'CT1', addresses: ['10.1.0.1'] }] } });
  return site(systemClock, {
    admin: async (worklist) => {
      const { database, query, store, clock } = worklist;
      const values = await openLiveValues(config, database, { clock });
      const foundation = { config, values, database, query, store, ports: { clock } };
      const sources = await openSources(foundation);
      return adminOf(worklist, {
        config,
        sources,
        destinations: { ...destinationsOfFile(config), mayChange: true },
        echoSource: ({ echo }) => (echo === undefined ? null : () => Promise.resolve(1)),
        settings: createSettingsAdministration(foundation, sources),
      });
    },
  });
}

test('an admin lets a sender in beside its refusal, sees it among the settings, and takes it back', async () => {
  const opened = await settingsSite();
  const why = 'the calling AE title is not among the sources';
  await createAuditLog(opened.database, opened.clock).append({
    action: 'association.rejected',
    actor: 'CT7',
    address: '10.1.0.7',
    detail: { why, what: '', count: 3 },
  });

  const page = await openPage(opened, { path: '/connections' });
  const letIn = page.getByRole('button', { name: 'Let this sender in: CT7 at 10.1.0.7' });
  await letIn.waitFor();
  await page.getByText('If it may send, let it in. This counts at once.').waitFor();
  await complaintsInBothThemes(page);
  await letIn.click();
  await page.getByRole('dialog').getByRole('textbox').fill('the new scanner of room 3');
  await complaintsInBothThemes(page);
  await page.getByRole('dialog').getByRole('button').first().click();
  await page.getByText('CT7 may send from 10.1.0.7 from now on.').waitFor();
  const sources = page.getByRole('region', { name: 'Sources' });
  await sources.getByRole('rowheader', { name: 'CT7' }).waitFor();
  expect(await page.getByRole('button', { name: 'Let this sender in: CT7 at 10.1.0.7' }).count()).toBe(0);
  await complaintsInBothThemes(page);

  await page.getByRole('link', { name: 'Settings' }).click();
  const row = page.getByRole('row', { name: /^receive\.sources.*CT1/ });
  await row.getByText('and, from this page: {"aeTitle":"CT7","addresses":["10.1.0.7"]}').waitFor();
  await page.getByText('the new scanner of room 3').waitFor();
  const leaseMs = page.getByRole('row', { name: /^pipeline\.leaseMs/ });
  expect(await leaseMs.count()).toBe(0);
  await page.getByLabel('Only what is not left at its default').click();
  await leaseMs.waitFor();
  expect(await page.locator('main').textContent()).not.toContain('`');
  await complaintsInBothThemes(page);

  await page.getByRole('link', { name: 'Connections' }).click();
  await page.getByRole('button', { name: 'Take back that CT7 is let in' }).click();
  await page.getByRole('dialog').getByRole('textbox').fill('it was a try');
  await page.getByRole('dialog').getByRole('button').first().click();
  await page.getByText('CT7 is no longer let in by this page.').waitFor();
  await page.getByRole('button', { name: 'Let this sender in: CT7 at 10.1.0.7' }).waitFor();
});

test('an admin adds a source before it ever called, is told before what that does, and sees it let in', async () => {
  const opened = await settingsSite();
  const page = await openPage(opened, { path: '/connections', refusals: /status of 400/ });
  await page.getByRole('button', { name: 'Add a source' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Its AE title').fill('CT9');
  await dialog.getByLabel(/^Its address/).fill('room 9');
  await dialog.getByRole('button', { name: 'Test' }).click();
  await dialog.getByText(/"room 9" is neither an IPv4 or IPv6 address nor a network/).waitFor();
  await dialog.getByLabel(/^Its address/).fill('10.9.0.0/24');
  await dialog.getByLabel(/^Host where it answers/).fill('ct9.example');
  await dialog.getByRole('button', { name: 'Test' }).click();
  await dialog.getByText(/^CT9 is not let in yet, and may then send from 10\.9\.0\.0\/24\./).waitFor();
  await complaintsInBothThemes(page);
  await dialog.getByLabel('Why? (stays on record)').fill('room 9 opens on Monday');
  await dialog.getByRole('button', { name: 'Set', exact: true }).click();
  await page.getByText('CT9 may send from 10.9.0.0/24 from now on.').waitFor();
  const row = page.getByRole('region', { name: 'Sources' }).getByRole('row', { name: /CT9/ });
  await row.getByText('10.9.0.0/24').waitFor();
  await row.getByRole('button', { name: 'Echo CT9' }).waitFor();
  await complaintsInBothThemes(page);
});

test('an admin tries and sets a setting on the page, takes it back, and sets it again from its own file', async () => {
  const opened = await settingsSite();
  await addStudy(opened, { id: 'long', outcome: 0.1, arrivedMinutesAgo: 50 });
  const page = await openPage(opened, { path: '/settings', refusals: /status of 400/ });
  await page.getByRole('region', { name: 'First steps' }).waitFor();
  expect(await page.getByRole('region', { name: 'First steps' }).getByRole('listitem').allTextContents()).toEqual([
    'Sign-in: done',
    'First source: done',
    expect.stringMatching(/^First destination: open/),
    expect.stringMatching(/^Test study: open/),
    'First scan: done',
  ]);
  await page.getByRole('link', { name: 'Test study' }).click();
  await page.getByRole('heading', { level: 1, name: 'Proof of life' }).waitFor();
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByRole('button', { name: 'Change worklist.maxWaitMinutes' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/^New value/).fill('no number');
  await dialog.getByRole('button', { name: 'Try' }).click();
  await dialog.getByText(/^worklist\.maxWaitMinutes: /).waitFor();
  await dialog.getByLabel(/^New value/).fill('45');
  await dialog.getByRole('button', { name: 'Try' }).click();
  await dialog.getByText('Would be 45. Of 1 unread scans, 1 have waited longer; with the present limit 0.').waitFor();
  await complaintsInBothThemes(page);
  const why = dialog.getByLabel('Why? (stays on record)');
  await why.fill('short nights');
  // A session that ends while somebody types leaves the reason for the next one.
  await page.reload();
  await page.getByRole('button', { name: 'Change worklist.maxWaitMinutes' }).click();
  await expect.poll(() => why.inputValue()).toBe('short nights');
  await dialog.getByLabel(/^New value/).fill('45');
  await dialog.getByRole('button', { name: 'Set' }).click();
  await page.getByText('worklist.maxWaitMinutes is set, and counts from now on.').waitFor();
  await complaintsInBothThemes(page);
  const file = await (await fetch(`${opened.url}/api/settings/export`)).text();
  expect(file).toBe('worklist:\n  maxWaitMinutes: 45\n');

  await page.getByRole('button', { name: 'Take back what this page says of worklist.maxWaitMinutes' }).click();
  expect(await why.inputValue()).toBe('');
  await why.fill('it was a try');
  await dialog.getByRole('button').first().click();
  await page.getByText('worklist.maxWaitMinutes is taken back.').waitFor();

  await page.getByLabel('Set from such a file').setInputFiles({
    name: 'site.yaml',
    mimeType: 'application/yaml',
    buffer: Buffer.from(file),
  });
  await dialog.getByRole('textbox').fill('as it was');
  await dialog.getByRole('button').first().click();
  await page.getByText('Set from the file: worklist.maxWaitMinutes.').waitFor();
  const row = page.getByRole('row', { name: /^worklist\.maxWaitMinutes/ }).first();
  await row.getByText('45').waitFor();
});
