import { expect, test } from 'vitest';
import { TriageError } from '../../../src/base/errors.ts';
import { createSignInLimits } from '../../../src/web/access/signInLimits.ts';
import { testClock } from '../worklist/fixture.ts';

const MINUTE = 60_000;
const ANN = { account: 'ann', address: '10.0.0.1', device: null };

function limits() {
  const clock = testClock();
  const kept = createSignInLimits(clock);
  /** How many of `attempts` get through. */
  const through = (attempts: number, account: (n: number) => string, address: (n: number) => string) => {
    let count = 0;
    for (let n = 0; n < attempts; n += 1) {
      try {
        kept.attempt({ account: account(n), address: address(n), device: null });
        count += 1;
      } catch (error) {
        expect(error).toBeInstanceOf(TriageError);
      }
    }
    return count;
  };
  return { ...kept, clock, through };
}

test('one account from one address, one address for all accounts, one account from everywhere', () => {
  expect(
    limits().through(
      100,
      () => 'ann',
      () => '10.0.0.1',
    ),
  ).toBe(8);
  expect(
    limits().through(
      100,
      (n) => `account-${n}`,
      () => '10.0.0.1',
    ),
  ).toBe(40);
  expect(
    limits().through(
      100,
      () => 'ann',
      (n) => `10.0.0.${n}`,
    ),
  ).toBe(50);
});

test('an account is the same in capitals, an IPv6 network is one address, and a mapped IPv4 address is that address', () => {
  expect(
    limits().through(
      100,
      (n) => (n % 2 === 0 ? 'ANN' : 'ann'),
      () => '10.0.0.1',
    ),
  ).toBe(8);
  expect(
    limits().through(
      100,
      (n) => `x${n}`,
      (n) => `2001:db8:0:1::${n.toString(16)}`,
    ),
  ).toBe(40);
  expect(
    limits().through(
      100,
      (n) => `x${n}`,
      (n) => `2001:db8:0:${n.toString(16)}::1`,
    ),
  ).toBe(100);
  expect(
    limits().through(
      100,
      () => 'ann',
      (n) => (n % 2 === 0 ? '::ffff:10.0.0.1' : '10.0.0.1'),
    ),
  ).toBe(8);
});

test('what was right does not count, and time forgives', () => {
  const { through, succeeded, attempt, clock } = limits();
  for (let day = 0; day < 200; day += 1) {
    attempt(ANN);
    succeeded(ANN);
  }
  expect(
    through(
      20,
      () => 'ann',
      () => '10.0.0.1',
    ),
  ).toBe(8);
  clock.advance(15 * MINUTE - 1);
  expect(
    through(
      20,
      () => 'ann',
      () => '10.0.0.1',
    ),
  ).toBe(0);
  clock.advance(1);
  expect(
    through(
      20,
      () => 'ann',
      () => '10.0.0.1',
    ),
  ).toBe(8);
});

test('who is stopped is told for how long', () => {
  const { through, attempt } = limits();
  through(
    8,
    () => 'ann',
    () => '10.0.0.1',
  );
  expect(() => attempt(ANN)).toThrow('Try again in 15 min.');
});

test('an attacker with ever new names fills no memory, and does not push out the count of their own address', () => {
  const { through } = limits();
  expect(
    through(
      60_000,
      (n) => `x${n}`,
      (n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
    ),
  ).toBe(60_000);
  expect(
    through(
      100,
      (n) => `y${n}`,
      () => '192.0.2.1',
    ),
  ).toBe(40);
});

test('a known browser has a count of its own: strangers cannot fill it, and it can fill nobody’s', () => {
  const { through, attempt } = limits();
  through(
    1_000,
    (n) => (n % 2 === 0 ? 'ann' : `other-${n}`),
    (n) => `10.0.${n % 7}.${n % 250}`,
  );
  const known = { ...ANN, device: 'browser-1' };
  for (let guess = 0; guess < 8; guess += 1) attempt(known);
  expect(() => attempt(known)).toThrow('Too many attempts');
  attempt({ ...known, device: 'browser-2' });
  expect(() => attempt({ ...ANN, address: '192.0.2.200' })).toThrow('Too many attempts');
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
])('%s and %s are one address for counting: %s', (one, other, isOne) => {
  // Eight of one account from one address; from two addresses eight each.
  expect(
    limits().through(
      40,
      () => 'ann',
      (n) => (n % 2 === 0 ? one : other),
    ),
  ).toBe(isOne ? 8 : 16);
});

test('a right password takes back its own attempt everywhere, and all of the account from that address', () => {
  const { attempt, succeeded, through } = limits();
  const others = (n: number) => `10.1.0.${n}`;
  // 49 of the account from elsewhere, then one here that is right: one more from elsewhere has room.
  through(49, () => 'ann', others);
  attempt(ANN);
  expect(() => attempt({ ...ANN, address: '10.2.0.1' })).toThrow('Too many attempts');
  succeeded(ANN);
  attempt({ ...ANN, address: '10.2.0.1' });
  expect(() => attempt({ ...ANN, address: '10.2.0.2' })).toThrow('Too many attempts');
  // Names count by their first hundred characters.
  const long = limits();
  expect(
    long.through(
      20,
      (n) => `${'x'.repeat(100)}${n}`,
      () => '10.0.0.1',
    ),
  ).toBe(8);
  const short = limits();
  expect(
    short.through(
      20,
      (n) => `${'x'.repeat(98)}${String(n).padStart(2, '0')}`,
      () => '10.0.0.1',
    ),
  ).toBe(20);
});

test('who is stopped is told of the longest of the waits, in seconds and in whole minutes', () => {
  const { attempt, clock } = limits();
  const stop = (): { retryAfterSeconds?: unknown; message: string } => {
    try {
      attempt(ANN);
    } catch (error) {
      if (error instanceof TriageError) return { ...error.context, message: error.message };
    }
    return { message: 'in' };
  };
  // The account from everywhere and this desk are full; the desk's first attempt came six minutes later.
  for (let n = 0; n < 42; n += 1) attempt({ ...ANN, address: `10.1.0.${n}` });
  clock.advance(6 * MINUTE);
  for (let n = 0; n < 8; n += 1) attempt(ANN);
  expect(stop()).toMatchObject({ retryAfterSeconds: 900, message: 'Too many attempts. Try again in 15 min.' });
  clock.advance(9 * MINUTE - 500);
  expect(stop()).toMatchObject({ retryAfterSeconds: 361, message: 'Too many attempts. Try again in 7 min.' });
  clock.advance(6 * MINUTE + 499);
  expect(stop()).toMatchObject({ retryAfterSeconds: 1, message: 'Too many attempts. Try again in 1 min.' });
  clock.advance(1);
  expect(stop()).toEqual({ message: 'in' });
});
