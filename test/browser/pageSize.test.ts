import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { caseRef } from '../../src/case/caseRef.ts';
import { PAGE_PATHS } from '../../src/answers/pagePaths.ts';
import { openPage, site, startBrowser } from './openPage.ts';
import { addStudy, studyUid } from './seededWorklist.ts';

startBrowser();

/** Of the scripts that a screen loads, as they travel through a proxy that compresses. */
const MOST_GZIP_BYTES = 100_000;
/** Of the worklist and of the wall: what readers wait for holds nothing of the plots and of the admins' screens. */
const MOST_READING_GZIP_BYTES = 50_000;

test('no screen loads more script than its budget', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'flag', outcome: 0.9, slices: 4 });
  const sizes: Record<string, number> = {};
  for (const path of PAGE_PATHS) {
    const page = await openPage(opened, {
      path: path.replace(':caseRef', caseRef(studyUid('flag'))),
      refusals: /status of 40\d/,
    });
    await page.locator('h1').first().waitFor();
    const scripts = await page.evaluate(() =>
      performance
        .getEntriesByType('resource')
        .map(({ name }) => name)
        .filter((name) => name.endsWith('.js')),
    );
    const bytes = await Promise.all(
      scripts.map(async (script) => gzipSync(await (await fetch(script)).bytes()).length),
    );
    sizes[path] = bytes.reduce((sum, one) => sum + one, 0);
  }
  expect(Object.entries(sizes).filter(([, bytes]) => bytes === 0 || bytes > MOST_GZIP_BYTES)).toEqual([]);
  expect(sizes['/']).toBeLessThan(MOST_READING_GZIP_BYTES);
  expect(sizes['/wall']).toBeLessThan(MOST_READING_GZIP_BYTES);
});
