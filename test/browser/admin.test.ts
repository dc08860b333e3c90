import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { startAgent, type Agent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { createLog } from '../../src/base/log.ts';
import { freePort, startServer, temporaryDirectory } from '../interop/dcmtk.ts';
import { startOrthanc } from '../interop/orthanc.ts';
import { send, smallStudy } from '../pipeline/agentUnderTest.ts';
import { instanceOf } from '../unit/worklist/facts.ts';
import { complaintsInBothThemes, complaintsOfAxe, openPage, site, startBrowser } from './openPage.ts';
import { addStudy, adminOf, studyUid } from './seededWorklist.ts';

startBrowser();

/** A whole agent whose PACS is a real Orthanc. */
async function wholeAgent(): Promise<{ agent: Agent; url: string; dir: string; dicomWebUrl: string }> {
  if (!existsSync(resolve(import.meta.dirname, '../../dist/web/index.html')))
    throw new Error('Build the page first: npm run build');
  const { dir, remove } = await temporaryDirectory();
  onTestFinished(remove);
  const orthanc = await startOrthanc({ dir: join(dir, 'orthanc'), dicomWeb: true, users: { ada: 'open sesame' } });
  onTestFinished(() => orthanc.stop());
  const agent = await startAgent(
    configFrom({
      dataDir: join(dir, 'agent'),
      receive: {
        port: 0,
        minFreeBytes: 0,
        sources: [
          { aeTitle: 'CT1', addresses: ['10.1.2.0/24'], echo: { host: '127.0.0.1', port: orthanc.dicomPort } },
          { aeTitle: 'CT2', addresses: ['10.1.3.7'] },
        ],
      },
      destinations: [
        {
          ...{ name: 'pacs', kind: 'dimse' as const, aeTitle: 'ORTHANC', host: '127.0.0.1', port: orthanc.dicomPort },
          objects: ['report', 'card', 'heatmaps', 'keySlices'],
        },
        { name: 'archive', kind: 'dimse', aeTitle: 'ARCHIVE', host: '127.0.0.1', port: 1 },
      ],
      web: { port: 0, signIn: 'off' },
      housekeeping: { lowWaterFreeBytes: 0 },
    }),
    { clock: systemClock, log: createLog('silent'), environment: {} },
  );
  onTestFinished(() => agent.close());
  return { agent, url: agent.url, dir, dicomWebUrl: orthanc.dicomWebUrl };
}

test('a proof of life is run from the page, and its alarm stands on the worklist; peers answer to an echo; a dropped file is judged', async () => {
  const { agent, url, dir, dicomWebUrl } = await wholeAgent();
  const page = await openPage({ url } as Parameters<typeof openPage>[0], { path: '/proof-of-life' });
  await page.getByRole('heading', { level: 1, name: 'Proof of life' }).waitFor();
  await page.getByText('None has passed yet.').waitFor();
  await page.getByRole('button', { name: 'Run now' }).click();
  await page.getByText(/A run is under way/).waitFor();
  expect(await page.getByRole('button', { name: 'Run now' }).isDisabled()).toBe(true);
  // Everything went well but for the archive, which nobody has started: an alarm, in words that say where.
  await page
    .getByText(/^The proof of life failed: Results cannot get out: ARCHIVE at 127.0.0.1:1: nothing listens/)
    .waitFor({ timeout: 170_000 });
  expect(
    await page
      .getByRole('img', { name: /How long each stage took: Made .*Received .*Assembled .*Scored .*Reported/ })
      .count(),
  ).toBe(1);
  await complaintsInBothThemes(page);
  await page.getByRole('link', { name: 'Worklist' }).click();
  await page
    .getByRole('alert')
    .getByText(/The proof of life failed/)
    .waitFor();
  // It is no patient's: the list stays empty.
  await page.getByText(/No scans waiting/).waitFor();

  await page.getByRole('link', { name: 'Administration' }).click();
  await page.getByRole('link', { name: 'Connections' }).click();
  await page.getByText('gets key slices (KOS) too').waitFor();
  expect(await page.getByText(/gets only/).count()).toBe(0);
  await page.getByRole('button', { name: 'Echo pacs' }).click();
  await page.getByText(/^Answered in \d+ ms.*takes Key Object Selection/).waitFor();
  await page.getByRole('button', { name: 'Echo CT1' }).click();
  // Orthanc is called ORTHANC, not CT1: it says so.
  await page
    .locator('tr', { has: page.getByRole('button', { name: 'Echo CT1' }) })
    .getByText(/Answered|AE title/)
    .waitFor();
  await page.getByRole('button', { name: 'Echo archive' }).click();
  await page
    .locator('tr', { has: page.getByRole('button', { name: 'Echo archive' }) })
    .getByText(/nothing listens there/)
    .waitFor();

  const study = await smallStudy(join(dir, 'slice'), 77);
  const drop = async (bytes: Buffer) => {
    const data = await page.evaluateHandle((content) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], 'slice.dcm'));
      return transfer;
    }, bytes.toString('base64'));
    await page.locator('.drop').dispatchEvent('drop', { dataTransfer: data });
  };
  await drop(await readFile(study.files[0]!.path));
  await page.getByText('It would be received, and can be part of an analysed series.').waitFor();
  await page.getByRole('cell', { name: 'Results of its study go to pacs, archive.' }).waitFor();
  await complaintsInBothThemes(page);
  await page.getByLabel('Sender’s AE title').fill('NOBODY');
  await drop(await readFile(study.files[0]!.path));
  await page.getByText('It would not be received.').waitFor();
  await page.getByText(/the calling AE title is not among the sources/).waitFor();
  await drop(Buffer.from('no DICOM'));
  await page.getByText(/0xC000/).waitFor();
  await addsDestination(page, agent, dir);
  await addsService(page, dir, dicomWebUrl);
}, 300_000);

/** Adds a storescp as a destination, sees a result of a study that comes then arrive there without a restart, and takes it back. */
async function addsDestination(page: Page, agent: Agent, dir: string): Promise<void> {
  const port = await freePort();
  const inbox = join(dir, 'night');
  await mkdir(inbox);
  const storescp = await startServer('storescp', ['--output-directory', inbox, String(port)], [port]);
  onTestFinished(() => storescp.stop());
  const rows = page.getByRole('region', { name: 'Destinations of results' }).getByRole('rowheader');
  const listed = async () => (await rows.allInnerTexts()).map((text) => text.split('\n')[0]);
  await page.getByRole('button', { name: 'Add a destination' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/^Name/).fill('night');
  await dialog.getByLabel('AE title of the PACS').fill('NIGHT');
  await dialog.getByLabel('Host name or address').fill('127.0.0.1');
  await dialog.getByLabel('Port', { exact: true }).fill('1');
  // storescp answers no query.
  await dialog.getByLabel('A result is there when').selectOption({ label: 'it was accepted (C-STORE)' });
  await dialog
    .getByLabel('Studies are fetched from it by')
    .selectOption({ label: 'C-GET where it is offered, else C-MOVE' });
  await dialog
    .getByLabel('Characters of what is sent')
    .selectOption({ label: 'Latin 1, for archives that cannot read UTF-8' });
  await dialog.getByLabel(/^Longest silence/).fill('45.5');
  await dialog.getByLabel('Why? (stays on record)').fill('the night shift has its own');
  await dialog.getByRole('button', { name: 'Set', exact: true }).click();
  await dialog.getByText(/^The test failed\. NIGHT at 127\.0\.0\.1:1: nothing listens there/).waitFor();
  await dialog.getByRole('button', { name: 'Set all the same' }).waitFor();
  await complaintsInBothThemes(page);
  await dialog.getByLabel('Port', { exact: true }).fill(String(port));
  await dialog.getByRole('button', { name: 'Test' }).click();
  await dialog.getByText(/^Answered in \d+ ms; .*Comprehensive 3D SR/).waitFor();
  await dialog.getByRole('button', { name: 'Set', exact: true }).click();
  await page.getByText('night is set: results go there from now on.').waitFor();
  await expect.poll(listed).toEqual(['pacs', 'archive', 'night']);
  const exported = await page.evaluate(async () => (await fetch('/api/settings/export')).text());
  expect(exported).toMatch(/characterSet: ISO_IR 100/);
  expect(exported).toMatch(/timeoutMs: 45500/);
  await complaintsInBothThemes(page);

  const study = await smallStudy(join(dir, 'study'), 78);
  const paths = study.files.map(({ path }) => path);
  // What is fetched from it by C-GET comes from this machine under its name: the receiver lets it in by now.
  const sent = async () => [...new Set(await send(agent.dicomPort, paths, 1, 'NIGHT'))];
  await expect.poll(sent).toEqual(['stored']);
  await expect.poll(() => readdir(inbox), { timeout: 120_000 }).toContainEqual(expect.stringMatching(/^SR/));
  const waiting = async () =>
    (await agent.query.caseDetail(study.studyInstanceUid)).row.deliveries.filter(
      ({ destination, status }) => destination === 'night' && status !== 'confirmed',
    );
  await expect.poll(waiting).toEqual([]);

  await page.getByRole('button', { name: 'Take back the destination night' }).click();
  await dialog.getByRole('textbox').fill('the shift is over');
  await dialog.getByRole('button', { name: 'Do it' }).click();
  await page.getByText('night is taken back: nothing goes there any more.').waitFor();
  await expect.poll(listed).toEqual(['pacs', 'archive']);
}

/** Adds a DICOMweb service by the name of the file with its password, sees that name alone again, and takes it back. */
async function addsService(page: Page, dir: string, url: string): Promise<void> {
  const secrets = join(dir, 'agent', 'secrets');
  await page.getByRole('button', { name: 'Add a destination' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('speak DICOM TLS').click();
  await dialog.getByText(`There is no file in ${secrets} on the agent's machine yet.`).waitFor();
  await complaintsInBothThemes(page);
  await dialog.getByRole('button', { name: 'Cancel' }).click();

  await mkdir(secrets);
  await writeFile(join(secrets, 'cloud'), 'open sesame\n');
  await page.reload();
  await page.getByRole('button', { name: 'Add a destination' }).click();
  await dialog.getByLabel('Results go there by').selectOption({ label: 'DICOMweb (STOW-RS)' });
  await dialog.getByLabel(/^Name/).fill('cloud');
  await dialog.getByLabel('Address of the DICOMweb service').fill(url);
  await dialog.getByRole('button', { name: 'Test' }).click();
  await dialog.getByText(/^The test failed\. .*401/).waitFor();
  await dialog.getByLabel('It asks the agent for').selectOption({ label: 'user name and password (Basic)' });
  await dialog.getByLabel('User name', { exact: true }).fill('ada');
  await dialog.getByLabel('File with the password').selectOption({ label: 'cloud' });
  await dialog.getByRole('button', { name: 'Test' }).click();
  await dialog.getByText(/^Answered in \d+ ms; /).waitFor();
  await complaintsInBothThemes(page);
  await dialog.getByLabel('Why? (stays on record)').fill('the second copy');
  await dialog.getByRole('button', { name: 'Set', exact: true }).click();
  await page.getByText('cloud is set: results go there from now on.').waitFor();
  await page.getByRole('button', { name: 'Change the destination cloud' }).click();
  expect(await dialog.getByLabel('File with the password').locator('option:checked').innerText()).toBe('cloud');
  expect(await page.content()).not.toContain('sesame');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Take back the destination cloud' }).click();
  await dialog.getByRole('textbox').fill('one copy is enough');
  await dialog.getByRole('button', { name: 'Do it' }).click();
  await page.getByText('cloud is taken back: nothing goes there any more.').waitFor();
}

test('a refused result is sent again and a held study goes on, each with a reason on record', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'refused', outcome: 0.9, receipt: 'refused', patientName: 'Okafor^Chidi' });
  await addStudy(opened, { id: 'held', outcome: 0.2, patientName: 'Moreau^Camille', receipt: 'confirmed' });
  await opened.store.recordInstances([instanceOf({ study: 'held', number: 9, patientId: 'ANOTHER' })]);
  const page = await openPage(opened, { path: '/waiting', refusals: /status of 409/ });
  await page.getByRole('cell', { name: 'SOP class not supported' }).waitFor();
  await page.getByText(/^Report delivered under \S+: PACS, /).waitFor();
  await page.getByText(/^Set aside: 1 object of ANOTHER/).waitFor();
  await page.getByRole('link', { name: 'Administration 2 things wait for you' }).waitFor();
  await page.getByRole('link', { name: 'Waiting 2 things wait for you' }).waitFor();
  await complaintsInBothThemes(page);

  await page.getByRole('button', { name: 'Send again: OKAFOR, Chidi' }).click();
  await page.getByLabel('Why? (stays on record)').fill('The PACS takes them now');
  await complaintsOfAxe(page);
  await page.getByRole('button', { name: 'Do it' }).click();
  await page.getByText(/results are due now/).waitFor();
  const due = (await opened.store.dueDeliveries('PACS', 100)).filter(
    ({ object }) => object.studyInstanceUid === studyUid('refused'),
  );
  expect(due.length).toBeGreaterThan(0);

  await page.getByRole('button', { name: 'Go on with the first: MOREAU, Camille' }).click();
  await page.getByLabel('Why? (stays on record)').fill('Typing error');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByText('0 studies are held.').waitFor();
  // The badges follow at once; what is due again has not been sent yet, and still has its refusal.
  await page.getByRole('link', { name: 'Waiting 1 thing waits for you' }).waitFor();
  opened.system.proofOfLife.alarm = 'The proof of life failed: It broke.';

  await addStudy(opened, { id: 'test object', outcome: 0.9, receipt: 'refused', patientName: 'Test^Object' });
  await page.getByRole('button', { name: 'Leave as it is: TEST, Object' }).click();
  await page.getByLabel('Why? (stays on record)').fill('Images of a test object');
  await page.getByRole('button', { name: 'Do it' }).click();
  await page.getByText('Done: Leave as it is').waitFor();
  await page.getByText('TEST, Object').waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'Proof of life 1 thing waits for you' }).waitFor();
  expect(
    (await opened.access.audit.page({ action: 'case.quarantineReleased' }, 5)).map(({ target }) => target),
  ).toEqual([studyUid('held')]);

  // A temporary number that became the real one, and a study into which a third patient comes between the look and the press.
  const came = (study: string, number: number, patientId: string, patientName: string) =>
    instanceOf({ study, number, content: patientId, patientId, patientName, receivedAtMs: opened.clock.now() });
  for (const [study, patientId, patientName] of [
    ['renamed', 'TEMP-7', 'Unknown^Trauma 7'],
    ['mixed', 'TEMP-8', 'Unknown^Trauma 8'],
  ] as const) {
    await addStudy(opened, { id: study, outcome: 0.8, patientId, patientName, receipt: 'confirmed', slices: 3 });
    await opened.store.recordInstances(
      [1, 2, 3].map((number) => came(study, number, `MRN-${study}`, 'Lindqvist^Maja')),
    );
  }
  await page.getByRole('link', { name: 'Worklist' }).click();
  const row = (study: string) => page.locator(`tr.row[data-study="${studyUid(study)}"]`);
  await row('renamed').getByText('3 objects as MRN-renamed').waitFor();
  await row('renamed').getByText('report out as TEMP-7').waitFor();
  // Nothing of what the AI said is cut at 1,280 px.
  const state = row('renamed').locator('.hold-state');
  expect(await state.textContent()).toBe('AI flag: possible fracture. Held');
  expect(await state.locator('.line').evaluate((line) => line.scrollWidth - line.clientWidth)).toBe(0);
  await page.getByRole('button', { name: 'Hide names' }).click();
  await row('renamed').waitFor({ state: 'detached' });
  expect(await page.getByText(/objects as|out as/).count()).toBe(0);
  await page.getByRole('button', { name: 'Show names' }).first().click();
  await row('mixed').getByRole('button', { name: 'Release: UNKNOWN, Trauma 8' }).click();
  await page.getByRole('row', { name: 'Patient ID TEMP-8 MRN-mixed' }).waitFor();
  await complaintsInBothThemes(page);
  await opened.store.recordInstances([came('mixed', 9, 'MRN-third', 'Okafor^Chidi')]);
  await page.getByRole('button', { name: 'Release as MRN-mixed' }).click();
  await page.getByText(/^Not released: this hold is not about one patient with two identities/).waitFor();
  await row('mixed').getByRole('button', { name: 'Release' }).waitFor({ state: 'detached' });
  // The case offers the same press, and shows the patient under whom it goes on.
  await row('renamed').locator('.opener').click();
  await page.getByText('3 objects as MRN-renamed, report out as TEMP-7').waitFor();
  await page.getByRole('button', { name: 'Release', exact: true }).click();
  await page.getByRole('row', { name: 'Patient ID TEMP-7 MRN-renamed' }).waitFor();
  // R would mark the case as read, Escape leave it: while the dialog is open both are the dialog's.
  await page.keyboard.press('r');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Release', exact: true }).click();
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'LINDQVIST, Maja' }).waitFor();
  await page.getByRole('button', { name: 'Release', exact: true }).waitFor({ state: 'detached' });
  expect((await opened.query.caseDetail(studyUid('renamed'))).row.readAtMs).toBeNull();
  const { row: released, events } = await opened.query.caseDetail(studyUid('renamed'));
  expect(released).toMatchObject({ patientId: 'MRN-renamed', held: null, revision: 2 });
  expect(events.findLast(({ type }) => type === 'quarantineReleased')?.detail).toEqual({
    use: 'same-patient',
    reason: 'same patient, temporary ID replaced',
  });
});

test('the system page shows figures of the studies on record, as pictures and as tables', async () => {
  const opened = await site();
  for (const [index, minutes] of [5, 64, 65, 130, 131, 132, 250, 400, 401, 700, 1000].entries())
    await addStudy(opened, {
      id: `s${index}`,
      outcome: index % 3 === 0 ? 0.9 : 0.1,
      arrivedMinutesAgo: minutes,
      receipt: 'confirmed',
    });
  const page = await openPage(opened, { path: '/system' });
  await page.getByRole('heading', { name: 'Studies received' }).waitFor();
  await page.getByRole('cell', { name: '11', exact: true }).first().waitFor();
  await complaintsInBothThemes(page);
  await page.getByText('As a table').first().click();
  await page.getByRole('columnheader', { name: 'Received' }).waitFor();
  await page.getByLabel('Time').selectOption('168');
  await page.getByRole('cell', { name: '11', exact: true }).first().waitFor();
  expect(await page.getByText('Audit repository').count()).toBe(0);
});

test('the system page lists agents, what each has in hand, and who takes over from one that is gone; a role that nobody has is a badge', async () => {
  const startedAtMs = Date.now() - 3_600_000;
  const facts = { isThis: false, version: '0.1.0', startedAtMs, seenAtMs: Date.now(), silentMs: 0 };
  const agent = { ...facts, cases: 0, differs: [] };
  const opened = await site(systemClock, {
    admin: (worklist) =>
      adminOf(worklist, {
        nodes: () =>
          Promise.resolve([
            {
              ...agent,
              name: 'ct-1',
              state: 'alive',
              roles: ['receive', 'infer'],
              loopLagMs: 40,
              cases: 2,
              works: ['fetching'],
              differs: ['destinations', 'report'],
            },
            {
              ...agent,
              name: 'old-1',
              state: 'gone',
              roles: ['deliver', 'housekeep'],
              silentMs: 40_000,
              loopLagMs: null,
              works: [],
            },
            {
              ...agent,
              name: 'web-1',
              isThis: true,
              state: 'alive',
              roles: ['deliver', 'web'],
              loopLagMs: 1_240,
              works: ['deliver pacs'],
            },
          ]),
      }),
  });
  opened.system.livingNodes = { receive: 1, infer: 1, deliver: 1, web: 1, housekeep: 0 };
  const page = await openPage(opened, { path: '/system' });
  const row = (name: string) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name }) });
  await row('ct-1').waitFor();
  expect(await row('ct-1').innerText()).toMatch(
    /receives, analyses\s.*must say the same: destinations, report\..*just now\s+2 cases, asking archives\s+0\.0 s/s,
  );
  expect(await row('web-1').innerText()).toMatch(/this page\s+sends results, shows pages\s.*sending to pacs\s+1\.2 s/s);
  const gone = await row('old-1').innerText();
  expect(gone).toContain('What it was sending to is taken over by web-1 within 60 s');
  expect(gone).toContain('Nobody keeps house');
  expect(gone).toMatch(/\d\d:\d\d:\d\d\s*gone/);
  await page.getByRole('link', { name: /^System\s*1/ }).waitFor();
  await complaintsInBothThemes(page);
  const { alarms } = (await (await fetch(`${opened.url}/readyz`)).json()) as { alarms: string[] };
  expect(alarms).toEqual(['No agent with the role housekeep is alive: start one. System lists them.']);
});

test('the system page says how far the audit repository is, and what keeps it back', async () => {
  const opened = await site();
  const lastError = 'The audit repository arr.example:6514 does not answer.';
  opened.system.auditRepository = {
    address: 'tls://arr.example:6514',
    sentSeq: 5120,
    waiting: 3,
    oldestAtMs: opened.clock.now() - 60_000,
    lastError,
    alarm: `The audit repository has not got the last 3 entries of the audit. ${lastError}`,
  };
  const page = await openPage(opened, { path: '/system' });
  const fact = page.locator('dt', { hasText: 'Audit repository' }).locator('+ dd');
  await fact.waitFor();
  expect(await fact.textContent()).toMatch(
    /^tls:\/\/arr\.example:6514: has the audit up to entry 5120\s*3 entries wait, the oldest since .*\d\d:\d\d:\d\d\s*The audit repository arr\.example:6514 does not answer\.$/,
  );
  await complaintsInBothThemes(page);
  const ready = (await (await fetch(`${opened.url}/readyz`)).json()) as { ready: boolean; alarms: string[] };
  expect([ready.ready, ready.alarms]).toEqual([true, [opened.system.auditRepository.alarm]]);
});
