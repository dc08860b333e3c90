import { expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createLog } from '../../../src/base/log.ts';
import { inheritance } from '../../../src/compose/inheritance.ts';

const MINUTE_MS = 60_000;

/** Beats at the given minutes; `gone` says who is gone for this node to take over at each, `fails` at which a look does not succeed. */
async function looksAt(
  minutes: readonly number[],
  gone: (minute: number) => string[],
  fails: (minute: number) => boolean = () => false,
): Promise<string[]> {
  let minute = 0;
  const looks: string[] = [];
  const beat = inheritance(
    { leftToThis: () => gone(minute) },
    {
      takeInOf: (nodes) => {
        looks.push(`${minute}: ${nodes.join(' ')}`);
        return fails(minute) ? Promise.reject(new Error('the receiver is being started again')) : Promise.resolve();
      },
      clock: { ...systemClock, monotonicMs: () => minute * MINUTE_MS },
      log: createLog('silent'),
    },
  );
  for (minute of minutes) {
    beat();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return looks;
}

test('looks for what a gone node has left at once, and then less and less often while it stays away', async () => {
  const minutes = Array.from({ length: 80 }, (_, minute) => minute + 5);
  expect(await looksAt(minutes, () => ['ct-2'])).toEqual(['5: ct-2', '15: ct-2', '35: ct-2', '75: ct-2']);
  const days = Array.from({ length: 240 }, (_, hour) => hour * 60);
  const late = await looksAt(days, () => ['ct-2']);
  expect(Number.parseInt(late.at(-1)!) - Number.parseInt(late.at(-2)!)).toBe(24 * 60);
});

test('one that came back and goes again is looked after again, and one that goes later, by itself', async () => {
  const gone = (minute: number) => (minute < 3 ? ['ct-2'] : minute < 5 ? [] : minute < 7 ? ['ct-2'] : ['ct-2', 'ct-3']);
  expect(await looksAt([1, 2, 3, 4, 5, 6, 7, 8], gone)).toEqual(['1: ct-2', '5: ct-2', '7: ct-3']);
});

test('looks again at the next beat where it did not succeed', async () => {
  expect(
    await looksAt(
      [1, 2, 3, 4],
      () => ['ct-2'],
      (minute) => minute < 3,
    ),
  ).toEqual(['1: ct-2', '2: ct-2', '3: ct-2']);
});
