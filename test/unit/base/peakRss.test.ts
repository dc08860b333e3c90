import { fork } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { peakRssBytes } from '../../../src/base/peakRss.ts';

test('a child does not count what its parent held when it forked', async () => {
  const held = Buffer.alloc(400 * 1024 * 1024, 1);
  expect(peakRssBytes()).toBeGreaterThan(held.length);
  const child = fork(new URL('sayPeakRss.mjs', import.meta.url));
  const [said] = (await once(child, 'message')) as [number];
  expect(said).toBeGreaterThan(20 * 1024 * 1024);
  expect(said).toBeLessThan(300 * 1024 * 1024);
  expect(held[0]).toBe(1);
});
