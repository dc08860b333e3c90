// Draws docs/pictures/thresholds.png: the real page on the past scans of an invented site, at a fixed time.
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { buildPage, launchBrowser, openSite, temporaryFolder } from '../test/browser/page.ts';
import { seedThresholdHistory } from '../test/browser/seededThresholds.ts';

const pictures = resolve(import.meta.dirname, '../docs/pictures');
const shownAtMs = new Date(2026, 10, 23, 14, 7, 30).getTime();
const folder = await temporaryFolder();
const site = await openSite(await buildPage(folder), { ...systemClock, now: () => shownAtMs });
const browser = await launchBrowser();
try {
  await seedThresholdHistory(site);
  await mkdir(pictures, { recursive: true });
  const page = await browser.newPage({ viewport: { width: 1280, height: 1120 } });
  await page.goto(`${site.url}/thresholds`);
  await page.getByLabel('As a number').fill('0.60');
  await page.locator('.sentence', { hasText: 'Past cases only' }).waitFor();
  await page.mouse.move(640, 4);
  await page.screenshot({ path: join(pictures, 'thresholds.png') });
} finally {
  await browser.close();
  await site.end();
  await rm(folder, { recursive: true, force: true });
}
