import type { Request, Response } from 'express';
import { describe, expect, it } from 'vitest';
import type { Session } from '../../../src/worklist/people/sessions.ts';
import type { ServiceTokens } from '../../../src/worklist/people/serviceTokens.ts';
import { addressOf } from '../../../src/web/access/address.ts';
import { identification } from '../../../src/web/access/identification.ts';
import { createKnownDevices } from '../../../src/web/access/knownDevice.ts';
import { keepWallSecret, wallSecretOf } from '../../../src/web/access/wallCookie.ts';
import type { Principal } from '../../../src/web/principal.ts';

// Who a request comes from, by what it brings: a table for each of tokens, sessions, screens and known browsers.

/** A request, and the cookies that its response sets: `name=value` and the options. */
function exchange(over: { cookie?: string; secure?: boolean; authorization?: string; session?: Partial<Session> }) {
  const set: [cookie: string, options: object][] = [];
  const refused: unknown[] = [];
  const response = {
    cookie: (name: string, value: string, options: object) => set.push([`${name}=${value}`, options]),
    status: (status: number) => (refused.push(status), response),
    set: (name: string, value: string) => (refused.push(`${name}: ${value}`), response),
    json: (body: { error: string }) => (refused.push(body.error), response),
  };
  const request = {
    headers: { cookie: over.cookie, authorization: over.authorization },
    secure: over.secure ?? false,
    session: { found: over.session },
    res: response,
  };
  return { request: request as unknown as Request, response: response as unknown as Response, set, refused };
}

const MACHINE = 'machine-secret-of-some-length';
const SENDER = 'sender-secret-of-some-length';
const WALL = 'wall-secret-of-some-length';
const SECRETS: Record<string, [kind: string, name: string]> = {
  [MACHINE]: ['machine', 'grafana'],
  [SENDER]: ['sender', 'ct3'],
  [WALL]: ['wall', 'ed'],
};
const tokens = {
  find: (kind: string, secret: string) =>
    Promise.resolve(SECRETS[secret]?.[0] === kind ? { kind, name: SECRETS[secret][1] } : null),
} as unknown as ServiceTokens;
const ANN: Partial<Session> = { userName: 'ann', role: 'reader', locked: false };

async function identified(over: Parameters<typeof exchange>[0], site = { isSignInOff: false, secure: false }) {
  const principals = new WeakMap<Request, Principal>();
  const { request, response, refused } = exchange(over);
  let isPassedOn = false;
  await identification({ ...site, tokens }, principals)(request, response, () => (isPassedOn = true));
  const { name, role, session } = principals.get(request) ?? {};
  return { who: name === undefined ? null : [name, role, session?.userName ?? null], refused, isPassedOn };
}

describe('who a request comes from', () => {
  it.each([
    ['a machine', { authorization: `Bearer ${MACHINE}` }, ['token:grafana', 'service', null]],
    ['a sender', { authorization: `Bearer ${SENDER}` }, ['token:ct3', 'sender', null]],
    ['a session', { session: ANN }, ['ann', 'reader', 'ann']],
    ['a locked session', { session: { ...ANN, locked: true } }, ['ann', 'wall', 'ann']],
    ['a screen', { cookie: `odontoid-wall=${WALL}` }, ['wall:ed', 'wall', null]],
    ['a person at a screen', { session: ANN, cookie: `odontoid-wall=${WALL}` }, ['ann', 'reader', 'ann']],
    [
      'a machine with a cookie',
      { session: ANN, authorization: `Bearer ${MACHINE}` },
      ['token:grafana', 'service', null],
    ],
    ['nobody', {}, null],
    ['a screen with the secret of a machine', { cookie: `odontoid-wall=${MACHINE}` }, null],
    ['a screen whose cookie is for TLS', { cookie: `__Host-odontoid-wall=${WALL}` }, null],
  ])('%s', async (_, over, who) => {
    expect(await identified(over)).toEqual({ who, refused: [], isPassedOn: true });
  });

  it.each([
    ['of a wall screen', `Bearer ${WALL}`],
    ['that nobody has', 'Bearer unknown-secret-of-some-length'],
    ['that is too short for one', 'Bearer short'],
    ['in another scheme', `Basic ${MACHINE}`],
    ['with more behind it', `Bearer ${MACHINE} x`],
    ['that is empty', ''],
  ])('a token %s is refused, whatever session comes with it', async (_, authorization) => {
    expect(await identified({ authorization, session: ANN })).toEqual({
      who: null,
      refused: [401, 'WWW-Authenticate: Bearer', 'not-signed-in'],
      isPassedOn: false,
    });
  });

  it('where nobody signs in, everybody is the admin of this machine, token or not', async () => {
    const off = { isSignInOff: true, secure: false };
    for (const over of [{}, { session: ANN }, { authorization: 'Bearer short' }])
      expect(await identified(over, off)).toEqual({ who: ['web', 'admin', null], refused: [], isPassedOn: true });
  });

  it.each([
    ['::ffff:10.0.0.7', '10.0.0.7'],
    ['10.0.0.8', '10.0.0.8'],
    ['2001:db8::ffff:9', '2001:db8::ffff:9'],
    [undefined, ''],
  ])('the address %s is %s', (ip, address) => {
    expect(addressOf({ ip } as unknown as Request)).toBe(address);
  });
});

const YEAR_AND_A_BIT_MS = 400 * 24 * 3_600_000;

describe('the cookie of a wall screen', () => {
  it.each([
    [false, 'odontoid-wall'],
    [true, '__Host-odontoid-wall'],
  ])('over TLS %s: %s, out of reach of scripts and other sites', (secure, name) => {
    const { response, set } = exchange({});
    keepWallSecret(response, 'a=b', secure);
    expect(set).toEqual([
      [`${name}=a=b`, { httpOnly: true, sameSite: 'strict', secure, path: '/', maxAge: YEAR_AND_A_BIT_MS }],
    ]);
    expect(wallSecretOf(exchange({ cookie: `x=1; ${set[0]![0]}; y=2` }).request, secure)).toBe('a=b');
    expect(wallSecretOf(exchange({ cookie: 'x=1' }).request, secure)).toBeNull();
    expect(wallSecretOf(exchange({}).request, secure)).toBeNull();
  });
});

describe('a known browser', () => {
  const ann = { userId: 'u-ann', passwordHash: 'hash-1' };

  it.each([
    [false, false, 'odontoid-device'],
    [true, true, '__Host-odontoid-device'],
  ])('over TLS %s: is known again by its cookie, and of its own account and password alone', (secure, isTls, name) => {
    const devices = createKnownDevices('key-1', secure);
    const { request, set } = exchange({ secure: isTls });
    devices.remember(request, ann);
    const [[cookie, options]] = set as [[string, object]];
    expect(cookie).toMatch(new RegExp(`^${name}=[\\w-]{43}\\.[\\w-]{43}$`));
    expect(options).toEqual({ httpOnly: true, sameSite: 'strict', secure, path: '/', maxAge: YEAR_AND_A_BIT_MS });
    const find = (text: string, owner = ann, by = devices) => by.find(exchange({ cookie: text }).request, owner);
    const device = cookie.slice(name.length + 1, cookie.indexOf('.'));
    expect(find(cookie)).toBe(device);
    expect(find(`a=1; ${cookie}; b=2`)).toBe(device);
    const last = cookie.at(-1) === 'A' ? 'Q' : 'A';
    for (const wrong of [
      find(cookie, { ...ann, userId: 'u-bob' }),
      find(cookie, { ...ann, passwordHash: 'hash-2' }),
      find(cookie, ann, createKnownDevices('key-2', secure)),
      find(`${cookie.slice(0, -1)}${last}`),
      find(cookie.slice(0, -5)),
      find(cookie.replace('=', '=x')),
      find(cookie.split('.')[0]!),
      find(''),
      devices.find(exchange({}).request, ann),
    ])
      expect(wrong).toBeNull();
  });

  it('gets no cookie over plain HTTP where the site has TLS', () => {
    const { request, set } = exchange({ secure: false });
    createKnownDevices('key-1', true).remember(request, ann);
    expect(set).toEqual([]);
  });
});
