import { expect, test } from 'vitest';
import type { Role } from '../../../src/answers/accessAnswers.ts';
import { mayUse, type LeastRole } from '../../../src/web/principal.ts';
import { ROUTES } from '../../../src/web/routes.ts';
import { studyUid, addStudy } from '../../browser/seededWorklist.ts';
import { addUser, cookieFor, shiftedClock } from './visitor.ts';
import { LEAST_ROLES } from './leastRoles.ts';
import { ask, startWeb } from './webFixture.ts';

/** By the table written by hand. */
const leastOf = ({ method, path }: { method: string; path: string }): LeastRole =>
  LEAST_ROLES[`${method} ${path}`]!.split(' ')[0] as LeastRole;

const METHODS = ['get', 'put', 'post', 'patch', 'delete'] as const;

test('every route, with each method, as each role: only who may gets in', async () => {
  const clock = shiftedClock();
  const web = await startWeb({ clock, signIn: { signIn: 'local' } });
  await addStudy(web, { id: 'plain', outcome: 0.1 });
  const { access } = web;
  const reader = await addUser(web, 'reader', 'reader');
  const admin = await addUser(web, 'admin', 'admin');
  await addUser(web, 'other-admin', 'admin');
  const disabled = await addUser(web, 'gone', 'admin');
  const goneCookie = await cookieFor(access, disabled, clock);
  await access.accounts.setDisabled(disabled.id, true, { name: 'test', address: '' });
  const { secret: token } = await access.tokens.add('monitor', null, 'test');
  const { secret: sender } = await access.tokens.add('ct-9', null, 'test', 'sender');
  const { secret: revoked } = await access.tokens.add('revoked', null, 'test');
  await access.tokens.revoke('revoked', 'test');
  const wall = await access.tokens.openWall(
    (await access.tokens.addWall('ed', { name: 'test', address: '' })).secret,
    '',
  );
  const { secret: link } = await access.tokens.addWall('unopened', { name: 'test', address: '' });
  // A session serves until a request may have ended it.
  const sessions = new Map<string, Record<string, string>>();
  const signedIn = async (user: typeof reader) => {
    const known = sessions.get(user.name);
    if (known !== undefined) return known;
    const { cookie, csrfToken } = await cookieFor(access, user, clock);
    const headers = { Cookie: cookie, 'X-CSRF-Token': csrfToken };
    sessions.set(user.name, headers);
    return headers;
  };
  const people: [
    who: string,
    role: Role | null,
    headers: () => Promise<Record<string, string>> | Record<string, string>,
  ][] = [
    ['nobody', null, () => ({})],
    ['a made-up cookie', null, () => ({ Cookie: 'odontoid=s%3Amade.up' })],
    ['a disabled admin', null, () => ({ Cookie: goneCookie.cookie, 'X-CSRF-Token': goneCookie.csrfToken })],
    ['a revoked token', null, () => ({ Authorization: `Bearer ${revoked}` })],
    ['a wall screen', 'wall', () => ({ Cookie: `odontoid-wall=${wall}` })],
    ['the link of a wall screen that nobody has opened', null, () => ({ Cookie: `odontoid-wall=${link}` })],
    ['a token', 'service', () => ({ Authorization: `Bearer ${token}` })],
    ['the token of a sender', 'sender', () => ({ Authorization: `Bearer ${sender}` })],
    ['a reader', 'reader', () => signedIn(reader)],
    ['an admin', 'admin', () => signedIn(admin)],
  ];

  const paths = [...new Set(ROUTES.map(({ path }) => path))];
  let asked = 0;
  for (const path of paths) {
    const address = path.replace(':studyInstanceUid', studyUid('plain')).replace(/:\w+/g, 'nothing');
    for (const method of METHODS) {
      const entry = ROUTES.find((candidate) => candidate.path === path && candidate.method === method);
      for (const [who, role, headers] of people) {
        if (entry === undefined && who !== 'nobody' && who !== 'an admin') continue;
        const controller = new AbortController();
        const response = await fetch(web.url + address, {
          method: method.toUpperCase(),
          redirect: 'manual',
          signal: controller.signal,
          headers: {
            Origin: web.url,
            ...(await headers()),
            ...(method === 'get' ? {} : { 'Content-Type': 'application/json' }),
          },
          ...(method === 'get' ? {} : { body: '{}' }),
        });
        const what = `${method} ${path} as ${who}: ${response.status}`;
        const { error } = (
          response.headers.get('content-type')?.includes('json') === true ? await response.json() : {}
        ) as { error?: string };
        controller.abort();
        asked += 1;
        if (method !== 'get' && path.startsWith('/api/session')) sessions.clear();
        // A token that is not known is refused wherever it is shown.
        if (who === 'a revoked token' && /^\/(api|metrics|dicom-web)/.test(path))
          expect([response.status, error], what).toEqual([401, 'not-signed-in']);
        else if (entry === undefined) expect(response.status, what).toBe(404);
        else if (mayUse(role, leastOf(entry)))
          expect(['not-signed-in', 'not-allowed', 'csrf-token', 'sign-in-again'], what).not.toContain(error);
        else
          expect([response.status, error], what).toEqual(role === null ? [401, 'not-signed-in'] : [403, 'not-allowed']);
      }
    }
  }
  expect(asked).toBe(ROUTES.length * people.length + (paths.length * METHODS.length - ROUTES.length) * 2);
  const denied = await access.audit.page({ action: 'access.denied' }, 500);
  expect(new Set(denied.map(({ actor }) => actor))).toEqual(
    new Set(['token:monitor', 'token:ct-9', 'reader', 'wall:ed']),
  );
  expect(denied.map(({ target }) => target)).toContain('get /api/audit');
}, 180_000);

test('each route asks for the role that the table written by hand says, and for a recent sign-in where it says so', () => {
  expect(
    Object.fromEntries(
      ROUTES.map(({ method, path, least, recentSignIn }) => [
        `${method} ${path}`,
        recentSignIn === true ? `${least} recent` : least,
      ]),
    ),
  ).toEqual(LEAST_ROLES);
});

test('whatever is no GET and asks for somebody is refused with the cookie alone, whichever page sends it', async () => {
  const clock = shiftedClock();
  const web = await startWeb({ clock, signIn: { signIn: 'local' } });
  await addStudy(web, { id: 'plain', outcome: 0.1 });
  const admin = await addUser(web, 'admin', 'admin');
  const { cookie, csrfToken } = await cookieFor(web.access, admin, clock);
  const before = JSON.stringify(await web.access.audit.page({}, 500));
  const changes = ROUTES.filter((entry) => entry.method !== 'get' && leastOf(entry) !== 'public');
  expect(changes.length).toBeGreaterThan(30);
  for (const { method, path } of changes) {
    const address = path.replace(':studyInstanceUid', studyUid('plain')).replace(/:\w+/g, 'nothing');
    for (const [what, headers, error] of [
      ['no token', {}, 'csrf-token'],
      ['another token', { 'X-CSRF-Token': 'x'.repeat(csrfToken.length) }, 'csrf-token'],
      ['another origin', { Origin: 'https://elsewhere.example', 'X-CSRF-Token': csrfToken }, 'cross-origin'],
    ] as const) {
      const answer = await ask(
        web.url + address,
        method.toUpperCase(),
        { Origin: web.url, Cookie: cookie, 'Content-Type': 'application/json', 'Content-Length': '2', ...headers },
        '{}',
      );
      const { error: said } = JSON.parse(answer.body) as { error: string };
      expect([answer.status, said], `${method} ${path} with ${what}`).toEqual([403, error]);
    }
  }
  expect(JSON.stringify(await web.access.audit.page({}, 500))).toBe(before);
  expect((await ask(`${web.url}/api/session`, 'GET', { Cookie: cookie })).body).toContain('"name":"admin"');
});

test('whatever changes something is audited, but for what changes only the session’s own clock', () => {
  const silent = ROUTES.filter(({ method, audit }) => method !== 'get' && audit === undefined).map(
    ({ method, path }) => `${method} ${path}`,
  );
  expect(silent.sort()).toEqual(['post /api/session/activity', 'post /api/set-up/link']);
});

test('whatever puts a threshold into force, or out of it, asks for an admin and a recent sign-in', () => {
  const changes = ROUTES.filter(
    ({ audit }) => audit?.by === 'store' && [audit.action].flat().includes('threshold.changed'),
  );
  expect(changes.map(({ path }) => path)).toEqual([
    '/api/thresholds/drafts/:id/confirm',
    '/api/thresholds/revert',
    '/api/thresholds/stop',
  ]);
  for (const { path, least, recentSignIn } of changes) expect([least, recentSignIn], path).toEqual(['admin', true]);
});

test('what takes a model into use asks for an admin and a recent sign-in', () => {
  const activations = ROUTES.filter(({ audit }) => audit?.by === 'store' && audit.action === 'model.activated');
  expect(activations.map(({ path, least, recentSignIn }) => [path, least, recentSignIn])).toEqual([
    ['/api/models/activations', 'admin', true],
  ]);
});

test('what changes accounts asks for a recent sign-in', () => {
  const accounts = ROUTES.filter(({ path, method }) => path.startsWith('/api/users') && method !== 'get');
  expect(accounts.length).toBeGreaterThan(3);
  // Signing an account out takes nothing from anybody that they cannot have back.
  expect(accounts.filter(({ recentSignIn }) => recentSignIn !== true).map(({ path }) => path)).toEqual([
    '/api/users/:id/sessions',
  ]);
});
