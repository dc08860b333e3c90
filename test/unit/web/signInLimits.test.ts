import { expect, test } from 'vitest';
import { TriageError } from '../../../src/base/errors.ts';
import { createSignInLimits } from '../../../src/web/access/signInLimits.ts';
import { createSignInCounts } from '../../../src/worklist/people/signInCounts.ts';
import { openWorklist, testClock } from '../worklist/fixture.ts';
import { limitsOfFile } from './limitsOfFile.ts';

const MINUTE = 60_000;
const ANN = { account: 'ann', address: '10.0.0.1', device: null };

const limitsAt = limitsOfFile();

function limits() {
  const clock = testClock();
  const kept = limitsAt(clock);
  /** How many of `attempts` get through. */
  const through = async (attempts: number, account: (n: number) => string, address: (n: number) => string) => {
    let count = 0;
    for (let n = 0; n < attempts; n += 1) {
      try {
        await kept.attempt({ account: account(n), address: address(n), device: null });
        count += 1;
      } catch (error) {
        expect(error).toBeInstanceOf(TriageError);
      }
    }
    return count;
  };
  return { ...kept, clock, through };
}

test('one account from one address, one address for all accounts, one account from everywhere', async () => {
  expect(
    await limits().through(
      10,
      () => 'ann',
      () => '10.0.0.1',
    ),
  ).toBe(8);
  expect(
    await limits().through(
      42,
      (n) => `account-${n}`,
      () => '10.0.0.1',
    ),
  ).toBe(40);
  expect(
    await limits().through(
      52,
      () => 'ann',
      (n) => `10.0.0.${n}`,
    ),
  ).toBe(50);
});

test('an account is the same in capitals, an IPv6 network is one address, and a mapped IPv4 address is that address', async () => {
  expect(
    await limits().through(
      10,
      (n) => (n % 2 === 0 ? 'ANN' : 'ann'),
      () => '10.0.0.1',
    ),
  ).toBe(8);
  expect(
    await limits().through(
      42,
      (n) => `x${n}`,
      (n) => `2001:db8:0:1::${n.toString(16)}`,
    ),
  ).toBe(40);
  expect(
    await limits().through(
      42,
      (n) => `x${n}`,
      (n) => `2001:db8:0:${n.toString(16)}::1`,
    ),
  ).toBe(42);
  expect(
    await limits().through(
      10,
      () => 'ann',
      (n) => (n % 2 === 0 ? '::ffff:10.0.0.1' : '10.0.0.1'),
    ),
  ).toBe(8);
});

test('what was right does not count, and time forgives', async () => {
  const { through, succeeded, attempt, clock } = limits();
  for (let day = 0; day < 52; day += 1) {
    await attempt(ANN);
    await succeeded(ANN);
  }
  expect(
    await through(
      10,
      () => 'ann',
      () => '10.0.0.1',
    ),
  ).toBe(8);
  clock.advance(15 * MINUTE - 1);
  expect(
    await through(
      10,
      () => 'ann',
      () => '10.0.0.1',
    ),
  ).toBe(0);
  clock.advance(1);
  expect(
    await through(
      10,
      () => 'ann',
      () => '10.0.0.1',
    ),
  ).toBe(8);
});

test('who is stopped is told for how long', async () => {
  const { through, attempt } = limits();
  await through(
    8,
    () => 'ann',
    () => '10.0.0.1',
  );
  await expect(attempt(ANN)).rejects.toThrow('Try again in 15 min.');
});

test('counts that are over leave nothing behind, and none says what was typed', async () => {
  const { database, clock } = await openWorklist();
  const { attempt } = createSignInLimits(createSignInCounts(database, clock), 'a key', clock);
  for (const account of ['bob', 'a password, typed in the wrong field']) await attempt({ ...ANN, account });
  const rows = () => database.db.selectFrom('sign_in_counts').selectAll().execute();
  expect((await rows()).map(({ count }) => count).sort()).toEqual([1, 1, 1, 1, 2]);
  for (const { name } of await rows()) expect(name).toMatch(/^[\w-]{43}$/);
  clock.advance(15 * MINUTE);
  await attempt({ ...ANN, device: 'browser-1' });
  expect(await rows()).toMatchObject([{ count: 1, ends_at: clock.now() + 15 * MINUTE }]);
});

test('a known browser has a count of its own: strangers cannot fill it, and it can fill nobody’s', async () => {
  const { through, attempt } = limits();
  await through(
    110,
    (n) => (n % 2 === 0 ? 'ann' : `other-${n}`),
    (n) => `10.0.${n % 7}.${n % 250}`,
  );
  const known = { ...ANN, device: 'browser-1' };
  for (let guess = 0; guess < 8; guess += 1) await attempt(known);
  await expect(attempt(known)).rejects.toThrow('Too many attempts');
  await attempt({ ...known, device: 'browser-2' });
  await expect(attempt({ ...ANN, address: '192.0.2.200' })).rejects.toThrow('Too many attempts');
});

test.each([
  ['2001:db8:0:1::5', '2001:db8:0:1:9::', true],
  ['2001:db8:0:1::5', '2001:db8:0:2::5', false],
  ['2001:db8::1', '2001:db8::2', true],
  ['2001:db8:1::', '2001:db8:2::', false],
  ['1:2:3:4:5:6:7:8', '1:2:3:4:9:9:9:9', true],
  ['1:2:3:4:5:6:7:8', '1:2:3:9:5:6:7:8', false],
  // Three groups are left out, or two: the fourth one differs.
  ['::4:5:6:7:8', '::9:5:6:7:8', false],
  ['1::5:6:7:8', '1::9:6:7:8', true],
  ['1::4:5:6:7:8', '1::9:5:6:7:8', false],
  ['::1', '::2', true],
  ['1::', '2::', false],
  ['::ffff:10.0.0.1', '10.0.0.1', true],
  ['::FFFF:10.0.0.1', '::ffff:10.0.0.2', false],
  ['10.0.0.1', '10.0.0.2', false],
])('%s and %s are one address for counting: %s', async (one, other, isOne) => {
  // Eight of one account from one address; from two addresses eight each.
  expect(
    await limits().through(
      18,
      () => 'ann',
      (n) => (n % 2 === 0 ? one : other),
    ),
  ).toBe(isOne ? 8 : 16);
});

test('a right password takes back its own attempt everywhere, and all of the account from that address', async () => {
  const { attempt, succeeded, through } = limits();
  const others = (n: number) => `10.1.0.${n}`;
  // 49 of the account from elsewhere, then one here that is right: one more from elsewhere has room.
  await through(49, () => 'ann', others);
  await attempt(ANN);
  await expect(attempt({ ...ANN, address: '10.2.0.1' })).rejects.toThrow('Too many attempts');
  await succeeded(ANN);
  await attempt({ ...ANN, address: '10.2.0.1' });
  await expect(attempt({ ...ANN, address: '10.2.0.2' })).rejects.toThrow('Too many attempts');
  // Names count by their first hundred characters.
  const long = limits();
  expect(
    await long.through(
      10,
      (n) => `${'x'.repeat(100)}${n}`,
      () => '10.0.0.1',
    ),
  ).toBe(8);
  const short = limits();
  expect(
    await short.through(
      12,
      (n) => `${'x'.repeat(98)}${String(n).padStart(2, '0')}`,
      () => '10.0.0.1',
    ),
  ).toBe(12);
});

test('who is stopped is told of the longest of the waits, in seconds and in whole minutes', async () => {
  const { attempt, clock } = limits();
  const stop = async (): Promise<{ retryAfterSeconds?: unknown; message: string }> => {
    try {
      await attempt(ANN);
    } catch (error) {
      if (error instanceof TriageError) return { ...error.context, message: error.message };
    }
    return { message: 'in' };
  };
  // The account from everywhere and this desk are full; the desk's first attempt came six minutes later.
  for (let n = 0; n < 42; n += 1) await attempt({ ...ANN, address: `10.1.0.${n}` });
  clock.advance(6 * MINUTE);
  for (let n = 0; n < 8; n += 1) await attempt(ANN);
  expect(await stop()).toMatchObject({ retryAfterSeconds: 900, message: 'Too many attempts. Try again in 15 min.' });
  clock.advance(9 * MINUTE - 500);
  expect(await stop()).toMatchObject({ retryAfterSeconds: 361, message: 'Too many attempts. Try again in 7 min.' });
  clock.advance(6 * MINUTE + 499);
  expect(await stop()).toMatchObject({ retryAfterSeconds: 1, message: 'Too many attempts. Try again in 1 min.' });
  clock.advance(1);
  expect(await stop()).toEqual({ message: 'in' });
});
