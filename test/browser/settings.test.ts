import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { openSources } from '../../src/compose/liveSources.ts';
import { createSettingsAdministration } from '../../src/compose/settings.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { createAuditLog } from '../../src/worklist/audit/audit.ts';
import { complaintsInBothThemes, openPage, site, startBrowser } from './openPage.ts';
import { adminOf } from './seededWorklist.ts';

startBrowser();

test('an admin lets a sender in beside its refusal, sees it among the settings, and takes it back', async () => {
  const config = configFrom({ receive: { sources: [{ aeTitle: 'CT1', addresses: ['10.1.0.1'] }] } });
  const opened = await site(systemClock, {
    admin: async (worklist) => {
      const foundation = { config, database: worklist.database, ports: { clock: worklist.clock } };
      const sources = await openSources(foundation);
      return adminOf(worklist, { config, sources, settings: createSettingsAdministration(foundation, sources) });
    },
  });
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
  expect(await page.getByText('pipeline.leaseMs').count()).toBe(0);
  await page.getByLabel('Only what is not left at its default').click();
  await page.getByText('pipeline.leaseMs').waitFor();
  await complaintsInBothThemes(page);

  await page.getByRole('link', { name: 'Connections' }).click();
  await page.getByRole('button', { name: 'Take back that CT7 is let in' }).click();
  await page.getByRole('dialog').getByRole('textbox').fill('it was a try');
  await page.getByRole('dialog').getByRole('button').first().click();
  await page.getByText('CT7 is no longer let in by this page.').waitFor();
  await page.getByRole('button', { name: 'Let this sender in: CT7 at 10.1.0.7' }).waitFor();
});
