import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { launchBrowser, openSite, PATIENCE_MS } from './page.ts';
import type { Site, SiteOptions } from './page.ts';

let browser: Browser;

/** Starts Chromium, with these switches too, for the tests of one file. */
export function startBrowser(switches: readonly string[] = []): void {
  beforeAll(async () => {
    browser = await launchBrowser(switches);
  });
  afterAll(async () => {
    await browser.close();
  });
}

/** Any complaint of the browser fails the test, save those of a server that the test has stopped. With `clock`, time passes in the page only when told to; `refusals` are those that the page is made to meet. */
export async function openPage(
  site: Site,
  options: { clock?: boolean; path?: string; refusals?: RegExp; before?: (page: Page) => Promise<unknown> } = {},
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB' });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  /** Console errors and warnings, uncaught errors, violations of the content security policy. */
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (
      ['error', 'warning'].includes(message.type()) &&
      // Tests read canvases, the page does not.
      !/^Canvas2D: Multiple readback/.test(message.text()) &&
      !(options.refusals?.test(message.text()) ?? false) &&
      !/ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|CONNECTION_RESET)/.test(message.text())
    )
      complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  onTestFinished(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });
  if (options.clock) {
    const time = Date.now();
    await page.clock.install({ time });
    await page.clock.pauseAt(time + 60_000);
  }
  await options.before?.(page);
  await page.goto(site.url + (options.path ?? ''));
  // Effects wait for a frame, which a stopped clock never brings.
  if (options.clock) {
    await page.locator('.toolbar, .case, .page, .wall').first().waitFor();
    await page.clock.runFor(50);
  }
  return page;
}

export async function site(clock = systemClock, options: SiteOptions = {}): Promise<Site> {
  const opened = await openSite(clock, options);
  onTestFinished(opened.end);
  return opened;
}

/** Fails on any violation. In legacy mode axe stays in this page: it opens no other one to gather the results of frames, of which there are none. */
export async function complaintsOfAxe(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  expect(
    violations.map(({ id, nodes }) => ({
      id,
      nodes: nodes.map(({ html, failureSummary }) => `${html}: ${failureSummary ?? ''}`),
    })),
  ).toEqual([]);
}

/** The same, in either theme; the light one stays. */
export async function complaintsInBothThemes(page: Page): Promise<void> {
  for (const theme of ['dark', 'light']) {
    await page.evaluate((value) => {
      document.documentElement.dataset['theme'] = value;
    }, theme);
    await complaintsOfAxe(page);
  }
}
