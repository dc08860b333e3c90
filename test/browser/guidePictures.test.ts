import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { loadModelPackage } from '../../src/infer/modelCard.ts';
import { generatePhantom } from '../../src/phantom/generatePhantom.ts';
import { drawPhantomParams } from '../../src/phantom/phantomParams.ts';
import { writeIneligibleStudy } from '../../src/phantom/writePhantomStudy.ts';
import { createAuditLog } from '../../src/worklist/audit/audit.ts';
import { createProofRuns } from '../../src/worklist/proof/proofRuns.ts';
import type { ProofMeasures } from '../../src/worklist/proof/proofRuns.ts';
import { validatedHere } from '../unit/worklist/validatedHere.ts';
import { packageVariant } from '../unit/infer/packageVariant.ts';
import { findingsOf, instanceOf, manifestOf } from '../unit/worklist/facts.ts';
import { addAnalysedStudy, addKeptPrior } from './analysedStudy.ts';
import { GUIDE_STUDIES } from './guideStudies.ts';
import { holdsToGuide } from './guidePicture.ts';
import { openPage, site, startBrowser } from './openPage.ts';
import type { Site, SiteOptions } from './page.ts';
import { addStudy, adminOf, destinationsOfFile, studyUid } from './seededWorklist.ts';
import { seedThresholdHistory } from './seededThresholds.ts';

// The worklist names the time zone; this file has a process of its own, whose browser takes it over.
process.env['TZ'] = 'UTC';
startBrowser();

const MINUTE_MS = 60_000;
const SHOWN_AT_MS = new Date(2026, 10, 23, 14, 7, 30).getTime();
const drawn: string[] = [];

/** A site whose clock stands still where it is set, or goes on by a step whenever somebody looks at it. */
async function stillSite(options: SiteOptions = {}) {
  let nowMs = SHOWN_AT_MS;
  let stepMs = 0;
  const opened = await site({ ...systemClock, now: () => (nowMs += stepMs) }, options);
  const setClock = (ms: number, step = 0) => {
    nowMs = ms;
    stepMs = step;
  };
  return { opened, setClock };
}

async function guidePage(opened: Site, path: string, size: { width: number; height: number }): Promise<Page> {
  const before = async (page: Page) => {
    await page.clock.setFixedTime(SHOWN_AT_MS);
    await page.setViewportSize(size);
    await page.emulateMedia({ reducedMotion: 'reduce' });
  };
  return openPage(opened, { path, before });
}

/** Where the pointer rests on nothing. */
const awayFromAll = (page: Page) => page.mouse.move(640, 4);

async function draw(shown: Parameters<typeof holdsToGuide>[0], name: string): Promise<void> {
  drawn.push(name);
  await holdsToGuide(shown, name);
}

test('worklist and wall', async () => {
  const { opened, setClock } = await stillSite();
  for (const { arrivedMinutesAgo, ...study } of GUIDE_STUDIES) {
    // Each is taken through the store 50 s after it came, so that its receipts tell a likely time.
    const takenAtMs = Math.min(SHOWN_AT_MS, SHOWN_AT_MS - arrivedMinutesAgo * MINUTE_MS + 50_000);
    setClock(takenAtMs);
    await addStudy(opened, { ...study, arrivedMinutesAgo: arrivedMinutesAgo - (SHOWN_AT_MS - takenAtMs) / MINUTE_MS });
  }
  setClock(SHOWN_AT_MS);
  for (const [theme, name] of [
    ['dark', 'worklist'],
    ['light', 'worklist-light'],
  ] as const) {
    const page = await guidePage(opened, '', { width: 1280, height: 520 });
    await page.locator('.opener').first().waitFor();
    if (theme === 'light') await page.getByRole('button', { name: 'Light theme' }).click();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await awayFromAll(page);
    await page.getByText('Feed live').waitFor();
    await draw(page, name);
  }
  const wall = await guidePage(opened, '/wall', { width: 1920, height: 1080 });
  await wall.getByRole('button', { name: 'Show the list' }).click();
  await wall.getByText('ED bay 3').waitFor();
  await wall.getByText(/^Feed live/).waitFor();
  await draw(wall, 'wall');
});

/** Runs in the page: the sagittal view is filled slice by slice. */
const SAGITTAL_HAS_EMPTY_ROWS = `(() => {
  const canvas = document.querySelector('[role="img"][aria-label="Sagittal"], .reformat canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  for (let row = 0; row < canvas.height; row++)
    if (!data.subarray(4 * row * canvas.width, 4 * (row + 1) * canvas.width).some((value, at) => at % 4 === 0 && value > 0)) return true;
  return false;
})()`;

const PATIENT = { seed: 9_000_001, patientId: '40233', patientName: 'Berg^Jonas' };

test('case, the heatmap on it, and a prior beside it', async () => {
  const { opened, setClock } = await stillSite();
  const at = (secondsAgo: number) => SHOWN_AT_MS - secondsAgo * 1000;
  await addAnalysedStudy(opened, {
    ...PATIENT,
    slices: 64,
    fracture: 'dens-2@C2',
    accessionNumber: 'E26-4479',
    at: {
      firstSlice: at(402),
      lastSlice: at(377.4),
      chosen: at(375.3),
      inferred: at(371.2),
      reported: at(370.5),
      sent: at(369.8),
      confirmed: at(367),
    },
    setClock,
  });
  setClock(SHOWN_AT_MS);
  const page = await guidePage(opened, '', { width: 1280, height: 1000 });
  await page.locator('.opener').first().click();
  await page.locator('canvas.slice[data-slice]').waitFor();
  await expect.poll(() => page.evaluate<boolean>(SAGITTAL_HAS_EMPTY_ROWS)).toBe(false);
  await awayFromAll(page);
  // The case is read again once the server has noted that its flag was opened.
  await page.locator('.views li').waitFor();
  await draw(page, 'case');
  await page.keyboard.press('o');
  await draw(page.locator('.viewport'), 'case-heatmap');
  await page.keyboard.press('o');

  await addKeptPrior(opened, PATIENT);
  await page.getByRole('button', { name: 'Compare with prior of 12-Mar-2025' }).click();
  await page.getByText('Same height by body outline, bone and air').waitFor();
  await page.locator('.pane.prior canvas.slice[data-slice]').waitFor();
  await awayFromAll(page);
  await draw(page, 'case-prior');
});

test('thresholds', async () => {
  const { opened } = await stillSite();
  await seedThresholdHistory(opened);
  const page = await guidePage(opened, '/thresholds', { width: 1280, height: 1120 });
  await page.getByLabel('As a number').fill('0.60');
  await page.locator('.sentence', { hasText: 'Past cases only' }).waitFor();
  await awayFromAll(page);
  await draw(page, 'thresholds');
});

test('proof of life', async () => {
  const { opened, setClock } = await stillSite({
    admin: (worklist) => {
      const runs = createProofRuns(worklist.database, worklist.clock);
      const status = async () => {
        const last = await runs.last(['passed', 'failed']);
        return {
          running: null,
          last,
          lastPassedAtMs: (await runs.last(['passed']))?.finishedAtMs ?? null,
          alarm: null,
          takeBack: null,
        };
      };
      return adminOf(worklist, {
        proof: {
          begin: async (cause, by) => ({ id: await runs.begin(cause, by) }),
          status,
          newest: (limit) => runs.newest(limit),
        },
        nextProofMs: () => new Date(2026, 10, 23, 17, 40).getTime(),
      });
    },
  });
  const model = (await loadModelPackage('models/compact')).identity;
  const runs = createProofRuns(opened.database, opened.clock);
  const run = async (
    cause: 'schedule' | 'person',
    by: string,
    startedAtMs: number,
    over: Partial<ProofMeasures>,
    failure: string | null,
  ) => {
    setClock(startedAtMs);
    const id = await runs.begin(cause, by);
    const stageMs = { make: 1_420, receive: 610, assemble: 2_080, infer: 3_350, report: 740, destinations: 24 };
    const measures = {
      stageMs,
      totalMs: 6_804,
      slices: 48,
      decision: 'suspected' as const,
      probability: 0.983,
      threshold: 0.325,
      model,
      destinations: [{ name: 'pacs', ms: 11.4, error: null }],
      ...over,
    };
    setClock(startedAtMs + 8_300);
    await runs.finish(id, { outcome: failure === null ? 'passed' : 'failed', failure, measures });
  };
  const refused = 'ECONNREFUSED';
  await run('schedule', 'odontoid', new Date(2026, 10, 22, 23, 40).getTime(), {}, null);
  await run(
    'schedule',
    'odontoid',
    new Date(2026, 10, 23, 5, 40).getTime(),
    { destinations: [{ name: 'pacs', ms: null, error: refused }] },
    'Results cannot get out: PACS at 10.1.0.4:104: nothing listens there.',
  );
  await run('person', 'ada', new Date(2026, 10, 23, 5, 58).getTime(), {}, null);
  await run('schedule', 'odontoid', new Date(2026, 10, 23, 11, 40).getTime(), { totalMs: 6_712 }, null);
  setClock(SHOWN_AT_MS);
  const page = await guidePage(opened, '/proof-of-life', { width: 1280, height: 640 });
  await page.getByRole('cell', { name: 'Passed' }).first().waitFor();
  await awayFromAll(page);
  await draw(page, 'admin-proof-of-life');
});

test('what waits for a person', async () => {
  const { opened } = await stillSite();
  await addStudy(opened, {
    id: 'refused',
    outcome: 0.9,
    receipt: 'refused',
    patientName: 'Okafor^Chidi',
    patientId: '40198',
    arrivedMinutesAgo: 14,
  });
  await addStudy(opened, {
    id: 'held',
    outcome: 0.2,
    patientName: 'Moreau^Camille',
    patientId: '40165',
    arrivedMinutesAgo: 31,
  });
  await opened.store.recordInstances([
    instanceOf({
      study: 'held',
      number: 9,
      patientId: '40166',
      patientName: 'Moreau^Camille',
      receivedAtMs: SHOWN_AT_MS - 29 * MINUTE_MS,
    }),
  ]);
  const page = await guidePage(opened, '/waiting', { width: 1280, height: 560 });
  await page.getByRole('cell', { name: 'SOP class not supported' }).waitFor();
  await awayFromAll(page);
  await draw(page, 'admin-waiting');
});

test('connections, and what would happen to a file', async () => {
  const config = configFrom({
    receive: {
      sources: [
        { aeTitle: 'CT_TRAUMA', addresses: ['10.1.2.0/24'], echo: { host: '10.1.2.11', port: 104 } },
        { aeTitle: 'CT_ED', addresses: ['10.1.3.7'] },
      ],
    },
    destinations: [
      { name: 'pacs', kind: 'dimse', aeTitle: 'ARCHIVE', host: '10.1.0.4', port: 104 },
      { name: 'research', kind: 'dicomweb', url: 'https://research.example/dicom-web' },
    ],
  });
  // The seeded worklist calls it PACS.
  const destinations = config.destinations.map((one) => (one.name === 'pacs' ? { ...one, name: 'PACS' } : one));
  const { opened } = await stillSite({
    admin: (worklist) =>
      adminOf(worklist, {
        config: { ...config, destinations },
        destinations: { ...destinationsOfFile({ destinations }), mayChange: true, place: 'odontoid.yaml:21:3' },
        receiver: () => ({
          port: 11112,
          tlsPort: null,
          isUp: () => true,
          openAssociations: () => ({ size: 1 }),
          counters: () => ({ stored: 48_211, refused: 0, rejected: 2, refusedTls: 0 }),
        }),
        echoes: () => [
          { name: 'PACS', echo: () => Promise.resolve(11.4) },
          { name: 'research', echo: () => Promise.resolve(38) },
        ],
        echoSource: () => () => Promise.resolve(7.2),
      }),
  });
  await addStudy(opened, {
    id: 'sent',
    outcome: 0.9,
    receipt: 'confirmed',
    arrivedMinutesAgo: 6,
    sourceAeTitle: 'CT_TRAUMA',
  });
  await addStudy(opened, {
    id: 'waits',
    outcome: 0.1,
    receipt: 'pending',
    arrivedMinutesAgo: 2,
    sourceAeTitle: 'CT_ED',
  });
  const audit = createAuditLog(opened.database, { ...systemClock, now: () => SHOWN_AT_MS - 190 * MINUTE_MS });
  await audit.append({
    action: 'association.rejected',
    actor: 'CT_OLD',
    address: '10.1.9.30',
    detail: { why: 'the calling AE title is not among the sources' },
  });
  const page = await guidePage(opened, '/connections', { width: 1280, height: 1350 });
  await page.getByRole('button', { name: 'Echo PACS' }).click();
  await page.getByText(/^Answered in/).waitFor();
  await page.getByLabel('Sender’s AE title').fill('CT_TRAUMA');
  await page.getByLabel('Sender’s address').fill('10.1.2.11');
  const phantom = generatePhantom(drawPhantomParams(3, { rows: 64, columns: 64, slices: 5, fractures: 'none' }));
  const scout = await writeIneligibleStudy(phantom, { dir: join(opened.folder, 'scout') });
  await page.locator('.drop input').setInputFiles(scout.files[0]!.path);
  await page.getByRole('cell', { name: /a localizer/ }).waitFor();
  await awayFromAll(page);
  await draw(page, 'admin-connections');
});

test('system', async () => {
  const { opened, setClock } = await stillSite({
    admin: (worklist) => ({
      ...adminOf(worklist),
      systemDetail: () =>
        Promise.resolve({
          version: '1.0.0',
          startedAtMs: new Date(2026, 10, 21, 6, 12).getTime(),
          disk: { freeBytes: 412e9, totalBytes: 960e9, refuseBelowBytes: 2e9, removeBelowBytes: 20e9 },
          memory: { agent: 214e6, receiver: 118e6, inference: 486e6 },
          nodes: [],
          takenOverWithinMs: 60_000,
        }),
    }),
  });
  // A day of an emergency department: few at night, most in the evening before.
  for (const [index, minutesAgo] of [
    1390, 1371, 1330, 1312, 1290, 1262, 1255, 1201, 1150, 1144, 1061, 980, 861, 702, 560, 431, 402, 380, 322, 290, 255,
    231, 190, 162, 141, 118, 97, 64, 41, 12,
  ].entries()) {
    const arrivedMs = SHOWN_AT_MS - minutesAgo * MINUTE_MS;
    const takenMs = arrivedMs + 3_000 + 700 * ((index * 7) % 11);
    const arrivedMinutesAgo = (takenMs - arrivedMs) / MINUTE_MS;
    setClock(takenMs, 150 + 35 * ((index * 5) % 13));
    await addStudy(opened, {
      id: `s${index}`,
      outcome: index % 7 === 3 ? 0.9 : 0.1,
      arrivedMinutesAgo,
      receipt: 'confirmed',
    });
  }
  setClock(SHOWN_AT_MS);
  await addStudy(opened, { id: 'moving', outcome: 'running', arrivedMinutesAgo: 0.5 });
  const page = await guidePage(opened, '/system', { width: 1280, height: 880 });
  await page.getByRole('heading', { name: 'How long it took' }).waitFor();
  await awayFromAll(page);
  await draw(page, 'admin-system');
});

test('models, and the card of one', async () => {
  const { opened, setClock } = await stillSite();
  const { identity: active, defaultThreshold } = await loadModelPackage('models/compact');
  const shadow = {
    name: active.name,
    version: '2.0.0',
    sha256: await packageVariant(join(opened.folder, 'models/two'), '2.0.0'),
  };
  opened.system.model = { ...active, provider: 'cpu' };
  await validatedHere(opened.database, active, new Date(2026, 8, 30, 15, 20).getTime());
  opened.system.shadow = { model: shadow, error: null, toScore: 0 };
  setClock(new Date(2026, 9, 5, 9, 14).getTime());
  await opened.store.noteModelInUse(
    await opened.store.activateModel({
      role: 'active',
      model: active,
      threshold: defaultThreshold,
      reason: 'First network of this site, minute 9',
      by: 'chief',
    }),
    defaultThreshold,
  );
  setClock(new Date(2026, 10, 2, 16, 40).getTime());
  await opened.store.noteModelInUse(
    await opened.store.activateModel({
      role: 'shadow',
      model: shadow,
      threshold: null,
      reason: 'Trial for four weeks, minute 14',
      by: 'chief',
    }),
    defaultThreshold,
  );
  setClock(SHOWN_AT_MS);
  for (let index = 0; index < 40; index++) {
    const study = `s${index}`;
    const score = index % 4 === 0 ? 0.75 + (index % 5) / 25 : 0.08 + (index % 7) / 40;
    await addStudy(opened, { id: study, outcome: score });
    const other = index % 13 === 5 ? 0.62 : score - 0.03;
    const scored = {
      studyInstanceUid: studyUid(study),
      revision: 1,
      manifest: manifestOf([instanceOf({ study })]),
      findings: findingsOf(score, { model: active }),
    };
    await opened.store.saveShadowScore(shadow, scored, { findings: findingsOf(other, { model: shadow }), seconds: 21 });
    await opened.store.recordVerdict(studyUid(study), {
      revision: 1,
      verdict: index === 16 ? 'disagree' : 'agree',
      actor: 'reader',
    });
  }
  const page = await guidePage(opened, '/models', { width: 1280, height: 1180 });
  await page.getByText(/cases scored by both/).waitFor();
  await page.getByText(/^Files last checked/).waitFor();
  await awayFromAll(page);
  await draw(page, 'admin-models');

  await page.getByRole('button', { name: `Card: ${active.name} ${active.version}` }).click();
  await page.setViewportSize({ width: 1280, height: 640 });
  await page.getByRole('region', { name: 'What it reaches, by its own account' }).scrollIntoViewIfNeeded();
  await awayFromAll(page);
  await draw(page, 'admin-model-card');
});

test('every picture of a page in the guides is one of these', async () => {
  const guides = await Promise.all(
    ['readers-guide.md', 'admins-guide.md', 'thresholds.md'].map((name) => readFile(resolve('docs', name), 'utf8')),
  );
  const named = guides.flatMap((guide) => [...guide.matchAll(/]\(pictures\/(.*?)\.png\)/g)].map(([, name]) => name!));
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !drawn.includes(name))).toEqual([]);
});
