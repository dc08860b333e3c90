// Draws docs/pictures/admin-*.png: the screens of admins, on the real agent with the synthetic studies of the demo. Needs `npm run build`.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { runDemo } from '../src/demo/runDemo.ts';
import { generatePhantom } from '../src/phantom/generatePhantom.ts';
import { drawPhantomParams } from '../src/phantom/phantomParams.ts';
import { writeIneligibleStudy } from '../src/phantom/writePhantomStudy.ts';
import { buildPage, launchBrowser, openSite } from '../test/browser/page.ts';
import { addStudy } from '../test/browser/seededWorklist.ts';
import { instanceOf } from '../test/unit/worklist/facts.ts';

const pictures = resolve(import.meta.dirname, '../docs/pictures');
const folder = await mkdtemp(join(tmpdir(), 'odontoid-pictures-'));
const demo = await runDemo({
  dir: join(folder, 'demo'),
  port: 0,
  progress: () => ({ set: () => undefined, stop: () => undefined }),
  note: (text) => {
    console.error(text);
  },
});
const site = await openSite(await buildPage(folder), systemClock);
const browser = await launchBrowser();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 640 } });
  await page.goto(`${demo.url}/proof-of-life`);
  await page.getByRole('button', { name: 'Run now' }).click();
  await page.getByRole('cell', { name: 'Passed' }).waitFor({ timeout: 300_000 });
  await page.screenshot({ path: join(pictures, 'admin-proof-of-life.png') });

  await page.setViewportSize({ width: 1280, height: 1020 });
  await page.goto(`${demo.url}/connections`);
  await page.getByRole('button', { name: 'Echo demo-pacs' }).click();
  await page.getByText(/^Answered in/).waitFor();
  await page.getByLabel('Sender’s address').fill('127.0.0.1');
  const phantom = generatePhantom(drawPhantomParams(3, { rows: 64, columns: 64, slices: 5, fractures: 'none' }));
  const scout = await writeIneligibleStudy(phantom, { dir: join(folder, 'scout') });
  await page.locator('.drop input').setInputFiles(scout.files[0]!.path);
  await page.getByRole('cell', { name: /a localizer/ }).waitFor();
  await page.screenshot({ path: join(pictures, 'admin-connections.png') });

  await page.setViewportSize({ width: 1280, height: 880 });
  await page.goto(`${demo.url}/system`);
  await page.getByRole('heading', { name: 'How long it took' }).waitFor();
  await page.screenshot({ path: join(pictures, 'admin-system.png') });

  await addStudy(site, { id: 'refused', outcome: 0.9, receipt: 'refused', patientName: 'Okafor^Chidi', patientId: '40198' });
  await addStudy(site, { id: 'held', outcome: 0.2, patientName: 'Moreau^Camille', patientId: '40165' });
  await site.store.recordInstances([instanceOf({ study: 'held', number: 9, patientId: '40166' })]);
  await page.setViewportSize({ width: 1280, height: 480 });
  await page.goto(`${site.url}/waiting`);
  await page.getByRole('cell', { name: 'SOP class not supported' }).waitFor();
  await page.screenshot({ path: join(pictures, 'admin-waiting.png') });
} finally {
  await browser.close();
  await site.end();
  await demo.close();
  await rm(folder, { recursive: true, force: true });
}
