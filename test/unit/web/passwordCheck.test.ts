import type { Request } from 'express';
import { beforeAll, describe, expect, it } from 'vitest';
import { TriageError } from '../../../src/base/errors.ts';
import type { Accounts } from '../../../src/worklist/people/accounts.ts';
import type { AuditLog } from '../../../src/worklist/audit/audit.ts';
import type { User } from '../../../src/answers/accessAnswers.ts';
import { createPasswordCheck } from '../../../src/web/access/passwordCheck.ts';
import { hashPassword } from '../../../src/web/access/passwords.ts';
import { testClock } from '../worklist/fixture.ts';
import { limitsOfFile } from './limitsOfFile.ts';

const RIGHT = 'axis and atlas, seven';
let hash: string;
beforeAll(async () => {
  hash = await hashPassword(RIGHT, 'ann');
});

const user = (name: string, over: Partial<User> = {}) =>
  ({ id: `u-${name}`, name, kind: 'local', disabledAtMs: null, ...over }) as User;
const USERS = [user('ann'), user('gone', { disabledAtMs: 7 }), user('elsewhere', { kind: 'oidc' }), user('fresh')];

const limitsAt = limitsOfFile();

function site(knownDevice: string | null = null) {
  const audited: string[] = [];
  const remembered: string[] = [];
  const clock = testClock();
  const check = createPasswordCheck({
    accounts: {
      byName: (name: string) => Promise.resolve(USERS.find((one) => one.name === name) ?? null),
      // Who has a link only has no password yet.
      passwordHash: (id: string) => Promise.resolve(id === 'u-fresh' ? null : hash),
    } as unknown as Accounts,
    audit: {
      append: ({
        action,
        actor,
        address,
        detail,
      }: {
        action: string;
        actor: string;
        address: string;
        detail: object;
      }) => {
        audited.push(`${action} ${actor} ${address} ${JSON.stringify(detail)}`);
        return Promise.resolve();
      },
    } as unknown as AuditLog,
    devices: {
      find: (_request, { passwordHash }) => (passwordHash === hash ? knownDevice : null),
      remember: (_request, { userId }) => remembered.push(userId),
    },
    limits: limitsAt(clock),
  });
  const headers: string[] = [];
  const from = (ip: string) =>
    ({ ip, res: { set: (name: string, value: string) => headers.push(`${name}: ${value}`) } }) as unknown as Request;
  return { passwords: check, audited, remembered, headers, from, clock };
}
const outcome = (answer: Promise<unknown>) =>
  answer.then(
    () => 'in',
    (error: unknown) => (error instanceof TriageError ? error.code : String(error)),
  );

describe('a password', () => {
  it.each([
    ['ann', RIGHT, 'in', []],
    ['ann', 'wrong', 'sign-in-failed', ['sign-in.failed ann 10.0.0.1 {"why":"wrong password"}']],
    ['gone', RIGHT, 'sign-in-failed', ['sign-in.failed gone 10.0.0.1 {"why":"account disabled"}']],
    ['gone', 'wrong', 'sign-in-failed', ['sign-in.failed gone 10.0.0.1 {"why":"wrong password"}']],
    ['elsewhere', RIGHT, 'sign-in-failed', ['sign-in.failed elsewhere 10.0.0.1 {"why":"account disabled"}']],
    ['fresh', RIGHT, 'sign-in-failed', ['sign-in.failed fresh 10.0.0.1 {"why":"wrong password"}']],
    ['nobody', RIGHT, 'sign-in-failed', ['sign-in.failed unknown 10.0.0.1 {"why":"no such account"}']],
  ])('of %s, %s: %s', async (name, password, expected, audited) => {
    const { passwords, from, ...kept } = site();
    expect(await outcome(passwords.check(from('10.0.0.1'), { name, password }))).toBe(expected);
    expect(kept.audited).toEqual(audited);
    expect(kept.remembered).toEqual(expected === 'in' ? ['u-ann'] : []);
  });

  it('makes a browser known when it is none yet and nobody is signed in', async () => {
    const known = site('browser-1');
    await known.passwords.check(known.from('10.0.0.1'), { name: 'ann', password: RIGHT });
    expect(known.remembered).toEqual([]);
    const confirming = site();
    await confirming.passwords.check(confirming.from('10.0.0.1'), { name: 'ann', password: RIGHT, session: 's-1' });
    expect(confirming.remembered).toEqual([]);
  });

  it('is checked no more after eight wrong ones, which a right one forgives; who is stopped is told for how long', async () => {
    const { passwords, from, headers, clock } = site();
    const here = (password: string) => outcome(passwords.check(from('10.0.0.1'), { name: 'ann', password }));
    for (let guess = 0; guess < 7; guess += 1) await here('wrong');
    expect(await here(RIGHT)).toBe('in');
    for (let guess = 0; guess < 8; guess += 1) expect(await here('wrong')).toBe('sign-in-failed');
    clock.advance(60_000);
    expect(await here(RIGHT)).toBe('too-many-attempts');
    expect(headers).toEqual(['Retry-After: 840']);
    // Whoever is signed in has a count of their own.
    expect(await outcome(passwords.check(from('10.0.0.1'), { name: 'ann', password: RIGHT, session: 's-1' }))).toBe(
      'in',
    );
  });
});

describe('a link', () => {
  const fails = (code: 'link-invalid' | 'command-invalid') => () => Promise.reject(new TriageError(code, 'No.'));

  it('counts against who comes with unknown ones, and the right one works all the same', async () => {
    const { passwords, from } = site();
    const junk = () => outcome(passwords.link(from('10.0.0.1'), 'set-up link', fails('link-invalid')));
    for (let guess = 0; guess < 8; guess += 1) expect(await junk()).toBe('link-invalid');
    expect(await junk()).toBe('too-many-attempts');
    expect(await passwords.link(from('10.0.0.1'), 'set-up link', () => Promise.resolve('in'))).toBe('in');
    // Of another kind, or from elsewhere.
    expect(await outcome(passwords.link(from('10.0.0.1'), 'wall link', fails('link-invalid')))).toBe('link-invalid');
    expect(await outcome(passwords.link(from('10.0.0.2'), 'set-up link', fails('link-invalid')))).toBe('link-invalid');
  });

  it('that is right with a password that is not does not count', async () => {
    const { passwords, from } = site();
    const weak = () => outcome(passwords.link(from('10.0.0.1'), 'set-up link', fails('command-invalid')));
    for (let attempt = 0; attempt < 20; attempt += 1) expect(await weak()).toBe('command-invalid');
    expect(await outcome(passwords.link(from('10.0.0.1'), 'set-up link', fails('link-invalid')))).toBe('link-invalid');
  });
});
