import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { openPage, site, startBrowser } from './openPage.ts';
import { addStudy, studyUid } from './seededWorklist.ts';

startBrowser();

/** WCAG 2.2, 1.4.3. */
const LEAST_CONTRAST = 4.5;

/** Of the lightest against the darkest of a picture. `blank`: a page that may read pictures, which ours may not. */
function contrast(blank: Page, picture: Buffer): Promise<number> {
  return blank.evaluate(async (data) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
    const context = new OffscreenCanvas(image.width, image.height).getContext('2d')!;
    context.drawImage(image, 0, 0);
    const { data: pixels } = context.getImageData(0, 0, image.width, image.height);
    const linear = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const luminances = Array.from(
      { length: pixels.length / 4 },
      (_, at) =>
        0.2126 * linear(pixels[4 * at]! / 255) +
        0.7152 * linear(pixels[4 * at + 1]! / 255) +
        0.0722 * linear(pixels[4 * at + 2]! / 255),
    );
    return (Math.max(...luminances) + 0.05) / (Math.min(...luminances) + 0.05);
  }, picture.toString('base64'));
}

test('every state is legible to whoever sees no colour, or not all of them', async () => {
  const opened = await site();
  const states = {
    flag: 0.9,
    plain: 0.1,
    moving: 'running',
    thick: { reasonCode: 'no-series', reason: 'Slices are 5 mm thick' },
    metal: { reasonCode: 'outside-domain', reason: 'Outside tested range (metal)' },
  } as const;
  for (const [id, outcome] of Object.entries(states)) await addStudy(opened, { id, outcome });
  const page = await openPage(opened);
  const blank = await page.context().newPage();
  await page.bringToFront();
  const session = await page.context().newCDPSession(page);
  const shape = (id: string) => page.locator(`tr.row[data-study="${studyUid(id)}"] .state`);
  await shape('flag').waitFor();
  const poor: string[] = [];
  for (const type of ['achromatopsia', 'protanopia', 'deuteranopia', 'tritanopia'] as const) {
    await session.send('Emulation.setEmulatedVisionDeficiency', { type });
    for (const theme of ['dark', 'light']) {
      await page.evaluate((value) => {
        document.documentElement.dataset['theme'] = value;
      }, theme);
      for (const id of Object.keys(states)) {
        const ratio = await contrast(blank, await shape(id).screenshot());
        if (ratio < LEAST_CONTRAST) poor.push(`${id}, ${type}, ${theme}: ${ratio.toFixed(1)}`);
      }
    }
  }
  expect(poor).toEqual([]);
});
