import { test } from 'vitest';
import { addAnalysedStudy } from './analysedStudy.ts';
import { openPage, site, startBrowser } from './openPage.ts';

startBrowser();

/**
 * Measures and judges nothing, because it depends on the machine:
 * `ODONTOID_MEASURE=1 npx vitest run --project browser test/browser/frames.test.ts`
 */
test.runIf(process.env['ODONTOID_MEASURE'])('frames a second while all three planes follow each slice', async () => {
  const opened = await site();
  const at = Date.now();
  const times = { firstSlice: at, lastSlice: at, chosen: at, inferred: at, reported: at, sent: at, confirmed: at };
  await addAnalysedStudy(opened, {
    seed: 9_000_001,
    slices: 160,
    fracture: 'dens-2@C2',
    patientId: '40233',
    patientName: 'Berg^Jonas',
    accessionNumber: 'E26-4479',
    at: times,
    setClock: () => undefined,
  });
  const page = await openPage(opened, { before: (blank) => blank.setViewportSize({ width: 1920, height: 1080 }) });
  await page.locator('.opener').first().click();
  await page.locator('canvas.slice[data-slice]').waitFor();
  await page.waitForTimeout(15_000);
  const measured = await page.evaluate(async () => {
    const canvas = document.querySelector<HTMLCanvasElement>('canvas.slice')!;
    const frame = () =>
      new Promise<number>((resolve) => {
        requestAnimationFrame(resolve);
      });
    document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Home', bubbles: true }));
    const began = await frame();
    let drawn = 0;
    for (let step = 0; step < 150; step += 1) {
      const before = canvas.dataset['slice'];
      document.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true }));
      await frame();
      if (canvas.dataset['slice'] !== before) drawn += 1;
    }
    const seconds = ((await frame()) - began) / 1000;
    return { pixels: `${canvas.width} x ${canvas.height}`, drawn, framesPerSecond: Math.round(drawn / seconds) };
  });
  console.info(measured);
});
