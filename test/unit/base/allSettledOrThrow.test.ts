import { expect, it } from 'vitest';
import { allSettledOrThrow } from '../../../src/base/allSettledOrThrow.ts';

it('gives the results in order', async () => {
  await expect(allSettledOrThrow([Promise.resolve(7), Promise.resolve('eight')])).resolves.toEqual([7, 'eight']);
});

it('rejects only when all have ended, with the failure that stands first', async () => {
  const ended: string[] = [];
  const slow = (async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    ended.push('slow');
    throw new Error('slow failed');
  })();
  const quick = Promise.reject(new Error('quick failed'));
  await expect(allSettledOrThrow([slow, quick])).rejects.toThrow('slow failed');
  expect(ended).toEqual(['slow']);
  const open = Promise.reject(new Error('open failed'));
  const sync = (async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    ended.push('sync');
  })();
  await expect(allSettledOrThrow([open, sync])).rejects.toThrow('open failed');
  expect(ended).toEqual(['slow', 'sync']);
});
