import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { openPage, site, startBrowser } from './openPage.ts';
import { proxyBefore } from './proxyBefore.ts';
import { addStudy, studyUid } from './seededWorklist.ts';

startBrowser();

const row = (page: Page, id: string) => page.locator(`tr.row[data-study="${studyUid(id)}"]`);

test('eight tabs of one browser share a line: each loads, hears of changes, and the line goes on when its tab is closed', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'flag', outcome: 0.9 });
  const first = await openPage(opened);
  const context = first.context();
  const lines: string[] = [];
  context.on('request', (request) => {
    if (request.url().endsWith('/api/events')) lines.push(request.url());
  });
  await row(first, 'flag').waitFor();
  const tabs = [first];
  while (tabs.length < 8) {
    const tab = await context.newPage();
    await tab.goto(opened.url);
    await row(tab, 'flag').waitFor();
    tabs.push(tab);
  }
  // At the most the first tab's own.
  const linesOfFirst = lines.length;
  expect(linesOfFirst).toBeLessThanOrEqual(1);
  await first.bringToFront();
  await first.keyboard.press('j');
  await first.keyboard.press('a');
  for (const tab of tabs) await tab.getByText('Being read by web').waitFor();

  // The next one takes the line over, and what came meanwhile is read.
  await first.close();
  await expect.poll(() => lines.length).toBe(linesOfFirst + 1);
  await addStudy(opened, { id: 'next', outcome: 0.97 });
  for (const tab of tabs.slice(1)) {
    await row(tab, 'next').waitFor();
    expect(await tab.locator('.feed').textContent()).toBe('Feed live');
  }
  expect(lines).toHaveLength(linesOfFirst + 1);
});

/** A reverse proxy that holds an answer back until it has ended, as some are configured. */
const bufferingProxy = (upstream: string): Promise<string> =>
  proxyBefore(upstream, {
    passOn: (answer, response) => {
      const held: Buffer[] = [];
      answer.on('data', (part: Buffer) => held.push(part));
      answer.on('end', () => {
        response.writeHead(answer.statusCode!, answer.headers);
        response.end(Buffer.concat(held));
      });
    },
  });

test('behind a proxy that holds the line back the list says so, is asked for every few seconds, and is right', async () => {
  const opened = await site();
  await addStudy(opened, { id: 'flag', outcome: 0.9 });
  const page = await openPage({ ...opened, url: await bufferingProxy(opened.url) });
  await row(page, 'flag').waitFor();
  await expect
    .poll(() => page.locator('.feed').textContent())
    .toBe('Live line held back on its way: asked for every 5 s');
  await addStudy(opened, { id: 'news', outcome: 0.97 });
  await row(page, 'news').waitFor();
  // It stays so, and the list is never called lost while it is right.
  await systemClock.sleep(20_000);
  expect(await page.locator('.feed').textContent()).toContain('held back');
  expect(await page.locator('.list').evaluate((list: HTMLElement) => list.inert)).toBe(false);
  await opened.stop();
  await page.getByText(/^LIVE FEED LOST/).waitFor();
});
