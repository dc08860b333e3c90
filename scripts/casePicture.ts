// Draws docs/pictures/case.png and case-heatmap.png: the real agent on the synthetic studies of the demo. Needs `npm run build`.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runDemo } from '../src/demo/runDemo.ts';
import { launchBrowser } from '../test/browser/page.ts';

const pictures = resolve(import.meta.dirname, '../docs/pictures');
/** Runs in the page. */
const SAGITTAL_HAS_EMPTY_ROWS = `(() => {
  const canvas = document.querySelector('[role="img"][aria-label="Sagittal"], .reformat canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  for (let row = 0; row < canvas.height; row++)
    if (!data.subarray(4 * row * canvas.width, 4 * (row + 1) * canvas.width).some((value, at) => at % 4 === 0 && value > 0)) return true;
  return false;
})()`;
const folder = await mkdtemp(join(tmpdir(), 'odontoid-pictures-'));
const demo = await runDemo({
  dir: join(folder, 'demo'),
  port: 0,
  progress: () => ({ set: () => undefined, stop: () => undefined }),
  note: (text) => {
    console.error(text);
  },
});
const browser = await launchBrowser();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  await page.goto(demo.url);
  await page.locator('.opener').first().click();
  await page.locator('canvas.slice[data-slice]').waitFor();
  await page.keyboard.press('m');
  // The reformats fill slice by slice.
  while (await page.evaluate<boolean>(SAGITTAL_HAS_EMPTY_ROWS)) await page.waitForTimeout(200);
  await page.screenshot({ path: join(pictures, 'case.png') });
  await page.keyboard.press('o');
  await page.locator('.viewport').screenshot({ path: join(pictures, 'case-heatmap.png') });
} finally {
  await browser.close();
  await demo.close();
  await rm(folder, { recursive: true, force: true });
}
