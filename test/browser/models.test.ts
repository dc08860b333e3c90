import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { caseRef } from '../../src/case/caseRef.ts';
import { systemClock } from '../../src/base/clock.ts';
import { startAgent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { loadModelPackage } from '../../src/infer/modelCard.ts';
import type { ModelPackage, SliceSequenceCard } from '../../src/infer/modelCard.ts';
import { createLog } from '../../src/base/log.ts';
import { putThreshold } from '../../src/worklist/thresholds/thresholds.ts';
import { temporaryDirectory } from '../interop/dcmtk.ts';
import { packageVariant } from '../unit/infer/packageVariant.ts';
import { addUser, cookieFor, PASSWORD, shiftedClock } from '../unit/web/visitor.ts';
import { findingsOf, instanceOf, manifestOf } from '../unit/worklist/facts.ts';
import { validatedHere } from '../unit/worklist/validatedHere.ts';
import { bannedIn } from './bannedWords.ts';
import { complaintsInBothThemes, openPage, site, startBrowser } from './openPage.ts';
import { addStudy, studyUid } from './seededWorklist.ts';

startBrowser();

const REASON = 'Approved by the board, minute 14';

/** Tab, until what has the keyboard says so. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let pressed = 0; pressed < 60; pressed++) {
    await page.keyboard.press('Tab');
    if (
      (await page.evaluate(
        () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent.trim(),
      )) === name
    )
      return;
  }
  throw new Error(`Tab does not come to ${name}`);
}

test('a package is uploaded, activated and removed on the page of a running agent; one whose golden case differs is not installed', async () => {
  if (!existsSync(resolve(import.meta.dirname, '../../dist/web/index.html')))
    throw new Error('Build the page first: npm run build');
  const { dir, remove } = await temporaryDirectory();
  onTestFinished(remove);
  const shipped = (await loadModelPackage('models/compact')) as ModelPackage<SliceSequenceCard>;
  await packageVariant(join(dir, 'nine'), '9.0.0');
  const golden = { ...shipped.card.golden, classifier: { ...shipped.card.golden.classifier, caseProbability: 0.9 } };
  await packageVariant(join(dir, 'agent/models/wrong'), '9.9.9', { golden });
  await packageVariant(join(dir, 'other'), '9.9.8', { golden });
  await mkdir(join(dir, 'empty'));
  await writeFile(join(dir, 'empty/readme.txt'), 'no package');
  const agent = await startAgent(
    configFrom({
      dataDir: join(dir, 'agent'),
      receive: { port: 0, minFreeBytes: 0 },
      web: { port: 0, signIn: 'off' },
      housekeeping: { lowWaterFreeBytes: 0 },
      proofOfLife: { schedule: 'off' },
    }),
    {
      clock: systemClock,
      log: createLog('silent'),
      environment: {},
    },
  );
  onTestFinished(() => agent.close());
  const page = await openPage({ url: agent.url } as Parameters<typeof openPage>[0], {
    path: '/models',
    refusals: /status of 422/,
  });
  await page.getByText(`${shipped.identity.name} ${shipped.identity.version}, serves on cpu`).waitFor();
  await page.getByText('Nobody has decided anything yet').waitFor();

  // The way of an admin: the folder is chosen, sent and checked; it judges nothing by that.
  const choose = (folder: string) => page.getByLabel('Install a package').setInputFiles(join(dir, folder));
  await choose('empty');
  await page.getByText(/There is no model\.json in this folder/).waitFor();
  await choose('other');
  await page
    .getByRole('alert')
    .getByText(/^Nothing was installed: .*golden/i)
    .waitFor();
  await choose('nine');
  await page.getByText('odontoid-compact 9.0.0 is installed. It judges nothing before it is activated.').waitFor();
  await page.getByRole('row', { name: /^odontoid-compact 9\.0\.0 .* installed / }).waitFor();
  expect(await page.getByRole('row', { name: /9\.9\.8/ }).count()).toBe(0);
  await page.getByText(`${shipped.identity.name} ${shipped.identity.version}, serves on cpu`).waitFor();
  await page.getByText('Nobody has decided anything yet').waitFor();

  await page.getByRole('button', { name: 'Activate: odontoid-compact 9.0.0' }).click();
  await page.getByLabel('Second person, name').fill('grace');
  await page.getByLabel(/^Why\?/).fill(REASON);
  await page.getByRole('dialog').getByRole('button', { name: 'Activate' }).click();
  await page.getByText('odontoid-compact 9.0.0, serves on cpu').waitFor();
  await page.getByRole('cell', { name: /^In use since/ }).waitFor();
  expect((await agent.system()).model).toMatchObject({ version: '9.0.0' });
  await page.getByRole('row', { name: /web, with grace/ }).waitFor();
  await page.getByRole('banner').getByText('Network not validated at this site.').waitFor();

  // What judges stays; what does not can go.
  expect(await page.getByRole('button', { name: 'Remove: odontoid-compact 9.0.0' }).count()).toBe(0);
  await page.getByRole('button', { name: 'Remove: odontoid-compact 9.9.9' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('odontoid-compact 9.9.9 was removed.').waitFor();
  await page.getByRole('row', { name: /9\.9\.9/ }).waitFor({ state: 'detached' });
}, 300_000);

test('card, threshold question, fresh sign-in, shadow and its comparison, by keyboard and in both themes', async () => {
  const clock = shiftedClock();
  const opened = await site(clock, { signIn: { signIn: 'local' } });
  await addUser(opened, 'grace', 'reader');
  const shipped = (await loadModelPackage('models/compact')).identity;
  const installed = join(opened.folder, 'models/nine');
  const sha256 = await packageVariant(installed, '9.0.0');
  await packageVariant(join(opened.folder, 'models/rotten'), '8.0.0');
  await writeFile(join(opened.folder, 'models/rotten/caseClassifier.onnx'), 'rotten');
  opened.system.model = { ...shipped, provider: 'cpu' };
  await opened.store.noteModelInUse(
    await opened.store.activateModel({
      role: 'active',
      model: shipped,
      threshold: 0.3,
      reason: 'First one of this site',
      by: 'ada',
    }),
    0.3,
  );
  await opened.database.db
    .transaction()
    .execute((trx) =>
      putThreshold(trx, clock.now(), { modelName: shipped.name, value: 0.61, reason: 'ours', by: 'ada' }),
    );
  const user = await addUser(opened, 'ada', 'admin');
  const { cookie } = await cookieFor(opened.access, user, clock);
  const [key, value] = cookie.split('=') as [string, string];
  const page = await openPage(opened, {
    path: '/models',
    refusals: /status of (400|403|409)/,
    before: (fresh) => fresh.context().addCookies([{ name: key, value, url: opened.url }]),
  });

  await page.getByRole('row', { name: /rotten .*damaged.*is not the one that model\.json describes/ }).waitFor();
  await complaintsInBothThemes(page);
  await tabTo(page, 'Card: odontoid-compact 9.0.0');
  await page.keyboard.press('Enter');
  const card = page.getByRole('region', { name: 'Card of odontoid-compact 9.0.0' });
  await card
    .getByText(/no patient's data of any kind/)
    .first()
    .waitFor();
  const manifest = JSON.parse(await readFile(join(installed, 'model.json'), 'utf8')) as {
    metrics: { values: { value: number; low: number; high: number }[] };
  };
  const [first] = manifest.metrics.values;
  await card
    .getByRole('row', {
      name: new RegExp(`AUC, cases .*${first!.value.toFixed(3)} ${first!.low.toFixed(3)}-${first!.high.toFixed(3)}`),
    })
    .first()
    .waitFor();
  await card.getByText(/less than 72 or more than 356.5 cm² of tissue/).waitFor();
  // The plot says the same: the line from `low` to `high` on a scale of 168 units.
  const range = card.locator('svg.figure-line .range').first();
  expect(Number(await range.getAttribute('x2')) - Number(await range.getAttribute('x1'))).toBeCloseTo(
    168 * (first!.high - first!.low),
    3,
  );
  await complaintsInBothThemes(page);
  await page.getByRole('button', { name: 'Close the card' }).click();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe(`card-${sha256}`);

  // A shadow first, with a sign-in that is too old.
  clock.advance(11 * 60_000);
  await page.getByRole('button', { name: 'Set as shadow: odontoid-compact 9.0.0' }).click();
  expect(await page.getByRole('dialog').getByRole('button', { name: 'Set as shadow' }).isDisabled()).toBe(true);
  await page.getByLabel(/^Why\?/).fill(REASON);
  await complaintsInBothThemes(page);
  await page.getByRole('dialog').getByRole('button', { name: 'Set as shadow' }).click();
  await page.getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByText('Decided: Set odontoid-compact 9.0.0 as shadow.').waitFor();
  await page.getByText(/Nothing to compare yet/).waitFor();
  const shadow = (await opened.store.modelInForce('shadow')).wanted!;
  expect(shadow).toMatchObject({ by: 'ada', reason: REASON, model: { sha256 } });

  await page.getByRole('cell', { name: 'Loading', exact: true }).waitFor();
  await opened.store.noteModelFailed(shadow, 'The golden case differs.');
  await page.getByRole('cell', { name: 'Failed: The golden case differs.' }).waitFor();
  await opened.store.noteModelInUse(shadow, 0.3);
  await page.getByRole('row', { name: /Shadow.*In use since/ }).waitFor();

  for (const [study, active, other, fracture] of [
    ['a', 0.9, 0.8, 'agree'],
    ['b', 0.8, 0.1, 'agree'],
    ['c', 0.1, 0.1, null],
  ] as const) {
    await addStudy(opened, { id: study, outcome: active });
    const scored = {
      studyInstanceUid: studyUid(study),
      revision: 1,
      manifest: manifestOf([1, 2].map((number) => instanceOf({ study, number }))),
      findings: findingsOf(active, { model: shipped }),
    };
    await opened.store.saveShadowScore(shadow.model!, scored, {
      findings: findingsOf(other, { model: shadow.model! }),
      seconds: 2,
    });
    if (fracture !== null)
      await opened.store.recordVerdict(studyUid(study), { revision: 1, verdict: fracture, actor: 'reader' });
  }
  await page.getByRole('button', { name: 'Read again' }).click();
  await page.getByText(/^3 cases scored by both\. Agreement: 67 %/).waitFor();
  await page.getByText('2 with, 0 without a fracture by the readers’ verdicts.').waitFor();
  await page.getByRole('row', { name: /Sensitivity 100 % .* 50 % / }).waitFor();
  await page.getByRole('link', { name: /^Case .* in a new tab/ }).waitFor();
  await complaintsInBothThemes(page);
  expect(bannedIn((await page.locator('main').textContent()) ?? '')).toEqual([]);

  // The site has set a threshold: nothing happens before somebody has said whether it is to hold.
  await page.getByRole('button', { name: 'Activate: odontoid-compact 9.0.0' }).click();
  await page.getByText(/The site flags from 0\.61; this package ships with 0\.3245/).waitFor();
  await page.getByLabel(/^Why\?/).fill(REASON);
  await page.getByRole('dialog').getByRole('button', { name: 'Activate' }).click();
  expect(await page.getByRole('dialog').isVisible()).toBe(true);
  await page.getByLabel('Another number, from 0 to 1', { exact: true }).first().check();
  await page.getByRole('spinbutton').fill('0.44');
  await complaintsInBothThemes(page);
  // It was never validated here: a second person signs, and one's own name or a wrong password is not enough.
  const sign = async (name: string, password: string) => {
    await page.getByLabel('Second person, name').fill(name);
    await page.getByLabel('Their password').fill(password);
    await page.getByRole('dialog').getByRole('button', { name: 'Activate' }).click();
  };
  const again = async () => {
    await page.getByRole('button', { name: 'Activate: odontoid-compact 9.0.0' }).click();
    await page.getByLabel('Another number, from 0 to 1', { exact: true }).first().check();
    await page.getByRole('spinbutton').fill('0.44');
    await page.getByLabel(/^Why\?/).fill(REASON);
  };
  await sign('grace', 'not her password');
  await page.getByRole('alert').getByText('The name or the password of the second person is wrong.').waitFor();
  await again();
  await sign('ada', PASSWORD);
  await page
    .getByRole('alert')
    .getByText(/the second signature is another person’s/)
    .waitFor();
  await again();
  await sign('grace', PASSWORD);
  await page.getByText('Decided: Activate odontoid-compact 9.0.0.').waitFor();
  expect((await opened.store.modelInForce('active')).wanted).toMatchObject({
    threshold: 0.44,
    model: { sha256 },
    by: 'ada',
    approvedBy: 'grace',
  });
  // What was the shadow judges now: its place is empty.
  await page.getByText('None. A shadow scores the same cases').waitFor();
  await page.setViewportSize({ width: 390, height: 800 });
  // On a phone each row is a list, and nothing is to be scrolled for sideways; it stays a table for screen readers.
  const packages = page.getByRole('region', { name: 'Packages on this machine' });
  expect(await packages.evaluate((region) => region.scrollWidth - region.clientWidth)).toBe(0);
  const kind = packages.getByRole('row', { name: /9\.0\.0/ }).getByRole('cell', { name: 'slice-sequence' });
  expect(await kind.evaluate((cell) => getComputedStyle(cell, '::before').content)).toBe('"Kind"');
  await complaintsInBothThemes(page);
});

test('every screen says that the network was never validated here, and none once it was', async () => {
  const opened = await site(systemClock, { validated: false });
  await addStudy(opened, { id: 'a', outcome: 0.9 });
  const words = 'Network not validated at this site.';
  const screens = ['/', `/case/${caseRef(studyUid('a'))}`, '/thresholds', '/system', '/models', '/wall'];
  for (const path of screens)
    await (await openPage(opened, { path, refusals: /status of 410/ })).getByText(words).waitFor();
  await validatedHere(opened.database, opened.system.model!);
  for (const path of ['/', '/wall']) {
    let asked: Promise<unknown> = Promise.resolve();
    const page = await openPage(opened, {
      path,
      before: (fresh) => {
        asked = fresh.waitForResponse((response) => response.url().endsWith('/api/network'));
        return Promise.resolve();
      },
    });
    await asked;
    await page.getByText('Not for diagnostic use').first().waitFor();
    expect(await page.getByText(words).count()).toBe(0);
  }
});

test('the active package in use, week by week and by scanner, beside the verdicts', async () => {
  const clock = shiftedClock();
  const opened = await site(clock);
  const { name, version, sha256 } = opened.system.model!;
  await opened.store.noteModelInUse(
    await opened.store.activateModel({
      role: 'active',
      model: { name, version, sha256 },
      threshold: 0.5,
      reason: REASON,
      by: 'ada',
    }),
    0.5,
  );
  clock.advance(24 * 3_600_000);
  for (const [study, outcome] of [
    ['a', 0.9],
    ['b', 0.7],
    ['c', 0.1],
    ['d', 0.3],
  ] as const)
    await addStudy(opened, { id: study, outcome });
  await opened.store.recordVerdict(studyUid('a'), { revision: 1, verdict: 'agree', actor: 'rita' });
  await opened.store.recordVerdict(studyUid('b'), { revision: 1, verdict: 'disagree', actor: 'rita' });
  const page = await openPage(opened, { path: '/models' });
  await page.getByRole('row', { name: /all 4 0 \(0 %\) 2 \(50 %\) 0\.25 \/ 0\.50 \/ 0\.75 1 of 2$/ }).waitFor();
  await complaintsInBothThemes(page);
  expect(bannedIn((await page.locator('main').textContent()) ?? '')).toEqual([]);
});

test('a reader is not shown the page', async () => {
  const clock = shiftedClock();
  const opened = await site(clock, { signIn: { signIn: 'local' } });
  const { cookie } = await cookieFor(opened.access, await addUser(opened, 'rita', 'reader'), clock);
  const [key, value] = cookie.split('=') as [string, string];
  const page = await openPage(opened, {
    path: '/models',
    refusals: /status of 403/,
    before: (fresh) => fresh.context().addCookies([{ name: key, value, url: opened.url }]),
  });
  await page.getByRole('alert').getByText('Your role does not allow this.').waitFor();
  expect(await page.getByRole('link', { name: /^(Models|Administration)$/ }).count()).toBe(0);
});
