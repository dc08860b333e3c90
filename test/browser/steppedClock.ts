import { setImmediate } from 'node:timers/promises';
import type { Page, Request } from 'playwright-core';
import { systemClock } from '../../src/base/clock.ts';
import type { Clock } from '../../src/base/clock.ts';

export interface SteppedClock extends Clock {
  /** What waits for a time within these seconds runs, in order. */
  pass: (seconds: number) => Promise<void>;
}

/** Time that stands still for the server until it is told to pass. Waits within one request are real. */
export function steppedClock(): SteppedClock {
  let nowMs = systemClock.now();
  const timers = new Set<{ atMs: number; run: () => void }>();
  return {
    ...systemClock,
    now: () => nowMs,
    after: (ms, run) => {
      const timer = { atMs: nowMs + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    pass: async (seconds) => {
      const endMs = nowMs + 1000 * seconds;
      for (;;) {
        const next = [...timers].sort((a, b) => a.atMs - b.atMs).find(({ atMs }) => atMs <= endMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = Math.max(nowMs, next.atMs);
        next.run();
        // What it does at once may start the next one.
        await setImmediate();
      }
      nowMs = endMs;
    },
  };
}

const MOST_SECONDS_OF_WAIT = 60;

/** Waits until the page has its answers: in a page whose time runs fast, ten seconds are over before a server has drawn breath. A request that nobody ends is named. */
export function answersOf(page: Page): () => Promise<void> {
  const waiting = new Set<Request>();
  page.on('request', (request) => request.url().endsWith('/api/events') || waiting.add(request));
  for (const event of ['requestfinished', 'requestfailed'] as const)
    page.on(event as 'requestfinished', (request) => waiting.delete(request));
  return async () => {
    const until = systemClock.monotonicMs() + 1000 * MOST_SECONDS_OF_WAIT;
    while (waiting.size > 0) {
      if (systemClock.monotonicMs() > until)
        throw new Error(
          `No answer in ${MOST_SECONDS_OF_WAIT} s: ${[...waiting].map((request) => request.url()).join(', ')}`,
        );
      await systemClock.sleep(2);
    }
  };
}
