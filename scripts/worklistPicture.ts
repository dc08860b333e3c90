// Draws docs/pictures/worklist.png, worklist-light.png and wall.png: the real page on a real worklist of invented patients, at a fixed time.
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { buildPage, launchBrowser, openSite, temporaryFolder } from '../test/browser/page.ts';
import { addStudy } from '../test/browser/seededWorklist.ts';
import type { SeededStudy } from '../test/browser/seededWorklist.ts';

const STUDIES: (SeededStudy & { arrivedMinutesAgo: number })[] = [
  {
    id: 'flag-1',
    patientName: 'Lindqvist^Maja',
    patientId: '40211',
    patientBirthDate: '19480312',
    patientAge: '078Y',
    accessionNumber: 'E26-4471',
    location: 'ED bay 3',
    arrivedMinutesAgo: 6,
    outcome: 0.94,
    slices: 4,
    receipt: 'confirmed',
  },
  {
    id: 'flag-2',
    patientName: 'Okafor^Chidi',
    patientId: '40198',
    patientBirthDate: '19920504',
    patientAge: '034Y',
    patientSex: 'M',
    accessionNumber: 'E26-4466',
    location: 'ED bay 1',
    arrivedMinutesAgo: 14,
    outcome: 0.71,
    slices: 4,
    receipt: 'sent',
  },
  {
    id: 'thick',
    patientName: "O'Brien^Declan",
    patientId: '40173',
    patientBirthDate: '19750221',
    patientAge: '051Y',
    patientSex: 'M',
    accessionNumber: 'E26-4460',
    location: 'Ward 7',
    arrivedMinutesAgo: 22,
    outcome: { reasonCode: 'no-series', reason: 'slices are 5 mm thick, 3 mm at the most are analysed' },
    receipt: 'confirmed',
  },
  {
    id: 'metal',
    patientName: 'Novák^Eliška',
    patientId: '40180',
    patientBirthDate: '19600918',
    patientAge: '066Y',
    accessionNumber: 'E26-4463',
    location: 'ICU 2',
    arrivedMinutesAgo: 17,
    outcome: {
      reasonCode: 'outside-domain',
      reason: 'Outside tested range (unlike the scans the network was tested on)',
    },
    receipt: 'confirmed',
  },
  {
    id: 'plain',
    patientName: 'Moreau^Camille',
    patientId: '40165',
    patientBirthDate: '19970730',
    patientAge: '029Y',
    accessionNumber: 'E26-4455',
    location: 'ED bay 5',
    arrivedMinutesAgo: 31,
    outcome: 0.06,
    receipt: 'confirmed',
  },
  {
    id: 'overdue',
    patientName: 'Haddad^Samir',
    patientId: '40102',
    patientBirthDate: '19830609',
    patientAge: '043Y',
    patientSex: 'M',
    accessionNumber: 'E26-4431',
    location: 'Ward 4',
    arrivedMinutesAgo: 64,
    outcome: 0.11,
    receipt: 'confirmed',
  },
  {
    id: 'moving',
    patientName: 'Kowalska^Zofia',
    patientId: '40219',
    patientBirthDate: '20070115',
    patientAge: '019Y',
    accessionNumber: 'E26-4474',
    location: 'ED bay 2',
    arrivedMinutesAgo: 0.5,
    outcome: 'running',
  },
];

const pictures = resolve(import.meta.dirname, '../docs/pictures');
const shownAtMs = new Date(2026, 10, 23, 14, 7, 30).getTime();
let nowMs = shownAtMs;
const folder = await temporaryFolder();
const site = await openSite(await buildPage(folder), { ...systemClock, now: () => nowMs });
const browser = await launchBrowser();
try {
  for (const { arrivedMinutesAgo, ...study } of STUDIES) {
    // Each is taken through the store 50 s after it came, so that its receipts tell a likely time.
    nowMs = Math.min(shownAtMs, shownAtMs - arrivedMinutesAgo * 60_000 + 50_000);
    await addStudy(site, { ...study, arrivedMinutesAgo: arrivedMinutesAgo - (shownAtMs - nowMs) / 60_000 });
  }
  nowMs = shownAtMs;
  await mkdir(pictures, { recursive: true });
  for (const [theme, name] of [
    ['dark', 'worklist.png'],
    ['light', 'worklist-light.png'],
  ] as const) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 520 } });
    await page.goto(site.url);
    await page.locator('.opener').first().waitFor();
    if (theme === 'light') await page.getByRole('button', { name: 'Light theme' }).click();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.mouse.move(640, 4);
    await page.screenshot({ path: join(pictures, name) });
    await page.close();
  }
  const wall = await browser.newPage({ viewport: { width: 1920, height: 1080 } });
  await wall.goto(`${site.url}/wall`);
  await wall.getByRole('button', { name: 'Show the list' }).click();
  await wall.getByText('ED bay 3').waitFor();
  await wall.screenshot({ path: join(pictures, 'wall.png') });
} finally {
  await browser.close();
  await site.end();
  await rm(folder, { recursive: true, force: true });
}
