import { expect, test } from 'vitest';
import { hashPassword, isPassword } from '../../../src/web/access/passwords.ts';

/** From lists of leaked passwords, or by the habits behind them; each is long enough, and none names the account. */
const TRIED_FIRST = [
  'password1234',
  'Password1234!',
  'qwertyuiop12',
  '1q2w3e4r5t6y',
  'iloveyouforever',
  'letmein123456',
  'football1234',
  'trustno1trustno1',
  'abcdefghijkl',
  '111111111111',
  '20262026202620262026',
  'aB3$'.repeat(40),
  'hospital2026',
  'radiology123',
];

test.each(TRIED_FIRST)('%s is among those that are tried first', async (password) => {
  await expect(hashPassword(password, 'ann')).rejects.toMatchObject({
    code: 'command-invalid',
    message: 'This password is among those that are tried first. Take a few words.',
  });
});

test.each(['axis and atlas, seven', 'correct horse battery staple', 'grüne Wiese im Mai', 'vT9#qLm2!xRz'])(
  '%s can be chosen, and matches its hash alone',
  async (password) => {
    const hash = await hashPassword(password, 'ann');
    // What OWASP recommends at the least.
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect([await isPassword(hash, password), await isPassword(hash, `${password}.`)]).toEqual([true, false]);
  },
);

test.each([
  ['eleven char', 'A password has 12 characters at the least; a few words are good.'],
  ['w'.repeat(257), 'A password has 256 characters at the most.'],
  ['the tower of ANNA sings', 'The password may not contain the account’s name or the name of this software.'],
  ['the odontoid peg, twice', 'The password may not contain the account’s name or the name of this software.'],
])('%s is refused with what to do', async (password, message) => {
  await expect(hashPassword(password, 'anna')).rejects.toMatchObject({ message });
});
