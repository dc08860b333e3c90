import type { Page } from 'playwright-core';
import { test } from 'vitest';
import { addAnalysedStudy } from './analysedStudy.ts';
import { openPage, site, startBrowser } from './openPage.ts';

startBrowser();

const STEPS = 150;

/**
 * Measures and judges nothing, because it depends on the machine:
 * `ODONTOID_MEASURE=1 npx vitest run --project browser test/browser/frames.test.ts`
 */
test.runIf(process.env['ODONTOID_MEASURE'])(
  'frames a second while a reader scrolls',
  async () => {
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
    for (const size of [
      { width: 1280, height: 800 },
      { width: 1920, height: 1080 },
    ]) {
      const page = await openPage(opened, { before: (blank) => blank.setViewportSize(size) });
      const most = await framesOf(page, 'none');
      await page.locator('.opener').first().click();
      await page.locator('canvas.slice[data-slice]').waitFor();
      // Until every slice is there.
      await page.waitForTimeout(15_000);
      const three = await framesOf(page, 'ArrowDown');
      await page.keyboard.press('m');
      const one = await framesOf(page, 'ArrowDown');
      console.info({ window: `${size.width} x ${size.height}`, most, three, one });
    }
  },
  180_000,
);

/** The page's own animation frames while a key is pressed in each of them, and the CPU time that all processes of the browser took for one. */
async function framesOf(page: Page, key: string) {
  const session = await page.context().browser()!.newBrowserCDPSession();
  /** Of all processes of the browser, s. */
  const cpuSeconds = async (): Promise<number> => {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
  };
  const before = await cpuSeconds();
  const { seconds, drawn } = await page.evaluate(
    async ([pressed, steps]) => {
      const frame = () =>
        new Promise<number>((resolve) => {
          requestAnimationFrame(resolve);
        });
      const shown = () => document.querySelector<HTMLCanvasElement>('canvas.slice')?.dataset['slice'];
      const press = (one: string) => document.dispatchEvent(new KeyboardEvent('keydown', { key: one, bubbles: true }));
      press('Home');
      const began = await frame();
      let changed = 0;
      for (let step = 0; step < steps; step += 1) {
        const old = shown();
        press(pressed);
        await frame();
        if (shown() !== old) changed += 1;
      }
      return { seconds: ((await frame()) - began) / 1000, drawn: changed };
    },
    [key, STEPS] as const,
  );
  const cpuMs = 1000 * ((await cpuSeconds()) - before);
  await session.detach();
  return {
    framesPerSecond: Math.round((STEPS + 1) / seconds),
    slicesPerSecond: Math.round(drawn / seconds),
    cpuMsAFrame: Number((cpuMs / STEPS).toFixed(1)),
  };
}
