import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { caseRef } from '../../../src/case/caseRef.ts';
import { addStudy, studyUid } from '../../browser/seededWorklist.ts';
import { PASSWORD, Visitor, addUser, shiftedClock } from './visitor.ts';
import { hashPassword } from '../../../src/web/access/passwords.ts';
import { hurried, startWeb } from './webFixture.ts';

const MINUTE = 60_000;
const BY = { name: 'test', address: '' };

async function site(options: Parameters<typeof startWeb>[0] = {}) {
  const clock = shiftedClock();
  const web = await startWeb({ clock, ...options, signIn: { signIn: 'local', ...options.signIn } });
  await addUser(web, 'ann', 'reader');
  await addUser(web, 'root', 'admin');
  const visitor = new Visitor(web.url);
  const actions = async () => (await web.access.audit.page({}, 100)).map(({ action, actor }) => `${action} ${actor}`);
  return { ...web, clock, visitor, actions };
}

test('signing in gives a cookie that scripts cannot read and other sites do not send, and the audit says so', async () => {
  const { visitor, actions } = await site();
  expect((await visitor.session()).user).toBeNull();
  const answer = await visitor.signIn('Ann');
  expect(answer.status).toBe(204);
  expect(answer.headers['set-cookie']).toEqual([
    // What the browser is known by, and the session.
    expect.stringMatching(
      /^odontoid-device=[^;]+; Max-Age=34560000; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/,
    ),
    expect.stringMatching(/^odontoid=[^;]+; Path=\/; HttpOnly; SameSite=Strict$/),
  ]);
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(await visitor.session()).toMatchObject({ signIn: 'local', user: { name: 'ann', role: 'reader' } });
  expect((await visitor.ask('GET', '/api/worklist')).status).toBe(200);
  expect(await actions()).toContain('sign-in ann');
});

test('who may not sign in learns nothing of why, and what was typed as a name is not kept', async () => {
  const { visitor, access } = await site();
  const gone = await addUser({ access }, 'gone', 'reader');
  await access.accounts.setDisabled(gone.id, true, { name: 'test', address: '' });
  const { user: fresh } = await access.accounts.add('fresh', 'reader', { name: 'test', address: '' });
  const answers = [];
  for (const [name, password] of [
    ['ann', 'not the password'],
    ['Canary typed a password here', 'x'],
    ['gone', PASSWORD],
    [fresh.name, PASSWORD],
    ['', PASSWORD],
  ] as const)
    answers.push(await visitor.signIn(name, password));
  for (const answer of answers) {
    expect([answer.status, answer.json]).toEqual([
      401,
      { error: 'sign-in-failed', message: 'The name or the password is wrong.' },
    ]);
    expect(answer.headers['set-cookie']).toBeUndefined();
  }
  const failed = await access.audit.page({ action: 'sign-in.failed' }, 10);
  expect(failed.map(({ actor }) => actor).sort()).toEqual(['ann', 'fresh', 'gone', 'unknown', 'unknown']);
  expect(JSON.stringify(failed)).not.toContain('Canary');
});

test('a session known before sign-in is worth nothing after it', async () => {
  const { visitor, url } = await site();
  await visitor.signIn('ann');
  const first = visitor.cookie;
  // Somebody plants their own cookie in another's browser, who then signs in.
  const victim = new Visitor(url);
  victim.cookie = first;
  await victim.session();
  await victim.signIn('root');
  expect(victim.cookie).not.toBe(first);
  expect((await victim.session()).user).toEqual({ name: 'root', role: 'admin' });
  visitor.cookie = first;
  expect((await visitor.session()).user).toBeNull();
  visitor.cookie = 'odontoid=s%3Achosen-by-me.signature';
  await visitor.signIn('ann');
  expect(visitor.cookie).not.toContain('chosen-by-me');
});

test.each([
  ['no token', { 'X-CSRF-Token': '' }, 'csrf-token'],
  ['another token', { 'X-CSRF-Token': 'x'.repeat(64) }, 'csrf-token'],
  ['no origin', { Origin: '' }, 'cross-origin'],
  ['another origin', { Origin: 'https://elsewhere.example' }, 'cross-origin'],
  ['a sandboxed page', { Origin: 'null' }, 'cross-origin'],
])('nothing is changed by a request with the cookie and %s', async (_what, headers: Record<string, string>, error) => {
  const web = await site();
  await addStudy(web, { id: 'plain', outcome: 0.1 });
  await web.visitor.signIn('ann');
  const path = `/api/cases/${studyUid('plain')}/read`;
  const answer = await web.visitor.ask('PUT', path, { read: true }, headers);
  expect([answer.status, answer.json['error']]).toEqual([403, error]);
  expect((await web.query.rows())[0]?.readAtMs).toBeNull();
  expect((await web.visitor.ask('PUT', path, { read: true })).status).toBe(204);
  expect((await web.query.caseDetail(studyUid('plain'))).events.at(-1)).toMatchObject({ type: 'read', actor: 'ann' });
});

test('a session ends when nobody is there, however much the page reads by itself', async () => {
  const { visitor, clock } = await site();
  await visitor.signIn('ann');
  for (let minute = 0; minute < 29; minute += 7) {
    clock.advance(7 * MINUTE);
    await visitor.ask('GET', '/api/worklist');
  }
  expect((await visitor.session()).user).toBeNull();
  expect((await visitor.ask('GET', '/api/worklist')).status).toBe(401);
});

test('a session in use goes on, to its absolute end and no longer', async () => {
  const { visitor, clock } = await site();
  await visitor.signIn('ann');
  const { endsAtMs } = (await visitor.session()) as unknown as { endsAtMs: number };
  while (clock.now() < endsAtMs - 21 * MINUTE) {
    clock.advance(20 * MINUTE);
    expect((await visitor.ask('POST', '/api/session/activity', {})).status).toBe(204);
  }
  clock.advance(22 * MINUTE);
  expect((await visitor.ask('POST', '/api/session/activity', {})).status).toBe(401);
});

test('guessing one account from one desk is stopped, also when all guesses come at once', async () => {
  const { visitor, clock } = await site();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, guess) => visitor.signIn('ann', `guess number ${guess}`)),
  );
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(8);
  const stopped = answers.filter(({ status }) => status === 429);
  expect(stopped).toHaveLength(12);
  expect(Number(stopped[0]?.headers['retry-after'])).toBeGreaterThan(600);
  // The right password does not get through either; another account does.
  expect((await visitor.signIn('ann')).status).toBe(429);
  expect((await visitor.signIn('root')).status).toBe(204);
  clock.advance(15 * MINUTE);
  expect((await visitor.signIn('ann')).status).toBe(204);
});

test('a guess at another’s desk does not lock the owner out', async () => {
  const { url } = await site({ trustProxy: ['127.0.0.1'] });
  const from = (address: string) => new Visitor(url, { 'X-Forwarded-For': address });
  const guesses = await Promise.all(Array.from({ length: 9 }, () => from('203.0.113.9').signIn('ann', 'wrong')));
  expect(guesses.filter(({ status }) => status === 429)).toHaveLength(1);
  expect((await from('198.51.100.4').signIn('ann')).status).toBe(204);
});

test('strangers who guess from everywhere keep the owner’s known browser neither from signing in nor from confirming', async () => {
  const { url, access, visitor } = await site({ trustProxy: ['127.0.0.1'] });
  const from = (address: string) => new Visitor(url, { 'X-Forwarded-For': address });
  const owner = from('198.51.100.4');
  const first = await owner.signIn('root');
  const device = /^odontoid-device=[^;]+/m.exec((first.headers['set-cookie'] ?? []).join('\n'))?.[0] ?? '';
  expect((first.headers['set-cookie'] ?? []).find((set) => set.startsWith('odontoid-device='))).toMatch(
    /; Max-Age=34560000; .*HttpOnly; SameSite=Strict$/,
  );
  // Sixty from as many addresses, and fifty from the owner's own.
  for (let guess = 0; guess < 60; guess += 1) await from(`203.0.113.${guess}`).signIn('root', 'wrong');
  for (let guess = 0; guess < 50; guess += 1) await from('198.51.100.4').signIn(guess % 2 ? 'ann' : 'root', 'wrong');
  // A stranger does not get in with the right password, wherever they are ...
  expect((await from('192.0.2.7').signIn('root')).status).toBe(429);
  expect((await from('198.51.100.4').signIn('root')).status).toBe(429);
  // ... nor with a browser that is known of another account.
  const ann = new Visitor(url, { 'X-Forwarded-For': '192.0.2.8', Cookie: device });
  expect((await ann.signIn('ann')).status).toBe(204);
  // The owner confirms a stop of AI flags, and comes in again by the browser that is known.
  expect((await owner.ask('POST', '/api/session/confirm', { password: PASSWORD })).status).toBe(204);
  const again = new Visitor(url, { 'X-Forwarded-For': '192.0.2.9', Cookie: device });
  expect((await again.signIn('root')).status).toBe(204);
  // The known browser has a count of its own, and lets nobody in by itself.
  const stolen = () => new Visitor(url, { 'X-Forwarded-For': '192.0.2.10', Cookie: device });
  expect((await stolen().session()).user).toBeNull();
  for (let guess = 0; guess < 8; guess += 1) expect((await stolen().signIn('root', 'wrong')).status).toBe(401);
  expect((await stolen().signIn('root', 'wrong')).status).toBe(429);
  // A new password makes it a stranger.
  const root = (await access.accounts.byName('root'))!;
  await access.accounts.changePassword(root.id, await hashPassword(`${PASSWORD}!`, 'root'), '', BY);
  const stranger = new Visitor(url, { 'X-Forwarded-For': '192.0.2.11', Cookie: device });
  expect((await stranger.signIn('root', `${PASSWORD}!`)).status).toBe(429);
  expect((await visitor.session()).user).toBeNull();
});

test('junk secrets from everywhere block no set-up link and no wall screen', async () => {
  const { url, access } = await site({ trustProxy: ['127.0.0.1'] });
  const from = (address: string) => new Visitor(url, { 'X-Forwarded-For': address });
  const junk = (n: number) => `junk-${String(n).padStart(20, '0')}`;
  const statuses = new Set<number>();
  for (let n = 0; n < 60; n += 1) {
    const there = n < 30 ? from('198.51.100.4') : from(`203.0.113.${n}`);
    statuses.add((await there.ask('POST', '/api/set-up', { secret: junk(n), password: PASSWORD })).status);
    statuses.add((await there.ask('POST', '/api/wall/open', { secret: junk(n) })).status);
  }
  expect(statuses).toEqual(new Set([403, 429]));
  const { link } = await access.accounts.add('new', 'reader', BY);
  const { secret } = await access.tokens.addWall('ed', BY);
  const here = from('198.51.100.4');
  expect((await here.ask('POST', '/api/set-up', { secret: link.secret, password: PASSWORD })).status).toBe(204);
  expect((await from('198.51.100.4').ask('POST', '/api/wall/open', { secret })).status).toBe(204);
});

test('without a trusted proxy nobody chooses the address that they are counted by', async () => {
  const { url, access } = await site();
  await new Visitor(url, { 'X-Forwarded-For': '203.0.113.9' }).signIn('ann', 'wrong');
  expect((await access.audit.page({ action: 'sign-in.failed' }, 1))[0]?.address).toBe('127.0.0.1');
});

test('one’s sessions are listed, ended one by one, and all at once', async () => {
  const { url, visitor } = await site();
  await visitor.signIn('ann');
  const other = new Visitor(url, { 'User-Agent': 'Other browser' });
  await other.signIn('ann');
  const stranger = new Visitor(url);
  await stranger.signIn('root');
  const { sessions } = (await visitor.ask('GET', '/api/sessions')).json as {
    sessions: { id: string; current: boolean; userAgent: string }[];
  };
  expect(sessions.map(({ current, userAgent }) => [current, userAgent])).toEqual(
    expect.arrayContaining([
      [false, 'Other browser'],
      [true, ''],
    ]),
  );
  const { id } = sessions.find(({ current }) => !current)!;
  expect((await stranger.ask('DELETE', `/api/sessions/${id}`)).status).toBe(404);
  expect((await other.session()).user).not.toBeNull();
  expect((await visitor.ask('DELETE', `/api/sessions/${id}`)).status).toBe(204);
  expect((await other.session()).user).toBeNull();
  await other.signIn('ann');
  expect((await visitor.ask('DELETE', '/api/sessions')).status).toBe(204);
  expect([(await visitor.session()).user, (await other.session()).user]).toEqual([null, null]);
  expect((await stranger.session()).user).not.toBeNull();
});

test('signing out ends the session at the server, and the feed of an ended session falls silent', async () => {
  const shifted = shiftedClock();
  const fast = hurried(50);
  const { visitor, url } = await site({ clock: { ...shifted, after: (ms, run) => fast.after(ms, run) } });
  await visitor.signIn('ann');
  const feed = await fetch(`${url}/api/events`, { headers: { Cookie: visitor.cookie } });
  const reader = feed.body!.getReader();
  await reader.read();
  const kept = visitor.cookie;
  expect((await visitor.ask('DELETE', '/api/session')).status).toBe(204);
  visitor.cookie = kept;
  expect((await visitor.ask('GET', '/api/worklist')).status).toBe(401);
  for (;;) if ((await reader.read()).done) break;
});

test('accounts are changed only soon after a sign-in; confirming it changes the cookie and not the other tabs', async () => {
  const { visitor, clock, url } = await site();
  await visitor.signIn('root');
  clock.advance(11 * MINUTE);
  const add = () => visitor.ask('POST', '/api/users', { name: 'new', role: 'reader' });
  expect([(await add()).status, (await add()).json['error']]).toEqual([403, 'sign-in-again']);
  const before = visitor.cookie;
  expect((await visitor.ask('POST', '/api/session/confirm', { password: 'wrong' })).status).toBe(401);
  expect((await visitor.ask('POST', '/api/session/confirm', { password: PASSWORD })).status).toBe(204);
  expect(visitor.cookie).not.toBe(before);
  // The token that the page holds is still good.
  expect((await add()).status).toBe(201);
  const old = new Visitor(url);
  old.cookie = before;
  expect((await old.session()).user).toBeNull();
});

test('a first admin is made by the printed link, once, in time, and with a password that is none of the first tried', async () => {
  const clock = shiftedClock();
  const web = await startWeb({ clock, signIn: { signIn: 'local' } });
  const visitor = new Visitor(web.url);
  const old = (await web.access.accounts.firstAdminLink())!;
  const link = (await web.access.accounts.firstAdminLink())!;
  const use = (secret: string, password = PASSWORD, name = 'chief') =>
    visitor.ask('POST', '/api/set-up', { secret, name, password });
  expect((await use(old.secret)).status).toBe(403);
  for (const weak of ['short', 'password password', 'chief of radiology', 'odontoid odontoid', 'aaaaaaaaaaaaaaaa'])
    expect((await use(link.secret, weak)).status, weak).toBe(400);
  for (const name of ['web', 'a', '-x', 'odontoid', '<script>'])
    expect((await use(link.secret, PASSWORD, name)).status, name).toBe(400);
  expect((await visitor.ask('POST', '/api/set-up/link', { secret: link.secret })).json).toEqual({ account: null });
  expect((await use(link.secret)).status).toBe(204);
  expect((await visitor.session()).user).toEqual({ name: 'chief', role: 'admin' });
  expect((await use(link.secret, PASSWORD, 'second')).status).toBe(403);
  expect(await web.access.accounts.firstAdminLink()).toBeNull();

  const { json } = await visitor.ask('POST', '/api/users', { name: 'Late', role: 'reader' });
  const { path } = json['link'] as { path: string };
  const [page, secret] = path.split('#') as [string, string];
  expect(page).toBe('/set-up');
  clock.advance(24 * 60 * MINUTE);
  expect((await new Visitor(web.url).ask('POST', '/api/set-up', { secret, password: PASSWORD })).status).toBe(403);
});

test('a reset takes the password and every session away; the link gives a new one', async () => {
  const { visitor, url } = await site();
  const ann = new Visitor(url);
  await ann.signIn('ann');
  await visitor.signIn('root');
  const { users } = (await visitor.ask('GET', '/api/users')).json as { users: { id: string; name: string }[] };
  const { id } = users.find(({ name }) => name === 'ann')!;
  const { path } = (await visitor.ask('POST', `/api/users/${id}/reset`, {})).json as { path: string };
  expect((await ann.session()).user).toBeNull();
  expect((await ann.signIn('ann')).status).toBe(401);
  expect(
    (await ann.ask('POST', '/api/set-up', { secret: path.split('#')[1], password: 'three new words here' })).status,
  ).toBe(204);
  expect((await ann.session()).user).toEqual({ name: 'ann', role: 'reader' });
});

test('a role counts from the next request on, and the last admin stays', async () => {
  const { visitor, url, access } = await site();
  const ann = new Visitor(url);
  await ann.signIn('ann');
  await visitor.signIn('root');
  const id = (await access.accounts.byName('ann'))!.id;
  const root = (await access.accounts.byName('root'))!.id;
  expect((await visitor.ask('PUT', `/api/users/${root}/role`, { role: 'reader' })).status).toBe(409);
  expect((await visitor.ask('PUT', `/api/users/${root}/disabled`, { disabled: true })).status).toBe(409);
  expect((await ann.ask('GET', '/api/users')).status).toBe(403);
  expect((await visitor.ask('PUT', `/api/users/${id}/role`, { role: 'admin' })).status).toBe(204);
  expect((await ann.ask('GET', '/api/users')).status).toBe(200);
  expect((await ann.ask('PUT', `/api/users/${root}/disabled`, { disabled: true })).status).toBe(204);
  expect((await visitor.session()).user).toBeNull();
});

test('changing the password needs the old one and ends the other sessions', async () => {
  const { visitor, url } = await site();
  await visitor.signIn('ann');
  const other = new Visitor(url);
  await other.signIn('ann');
  const change = (current: string, next: string) => visitor.ask('PUT', '/api/session/password', { current, next });
  expect((await change('wrong', 'three new words here')).status).toBe(401);
  expect((await change(PASSWORD, 'short')).status).toBe(400);
  expect((await change(PASSWORD, 'three new words here')).status).toBe(204);
  expect((await visitor.session()).user).not.toBeNull();
  expect((await other.session()).user).toBeNull();
  expect((await other.signIn('ann')).status).toBe(401);
  expect((await other.signIn('ann', 'three new words here')).status).toBe(204);
});

test('a machine reads with its token, decides nothing, and is in the audit by its name', async () => {
  const web = await site();
  await addStudy(web, { id: 'plain', outcome: 0.1 });
  const { secret } = await web.access.tokens.add('monitor', web.clock.now() + 60 * MINUTE, 'test');
  const machine = new Visitor(web.url, { Origin: '', Authorization: `Bearer ${secret}` });
  for (const path of ['/api/worklist', '/metrics', `/api/cases/${studyUid('plain')}`])
    expect((await machine.ask('GET', path)).status, path).toBe(200);
  expect((await machine.ask('PUT', `/api/cases/${studyUid('plain')}/read`, { read: true })).status).toBe(403);
  expect(await web.actions()).toEqual(
    expect.arrayContaining(['case.fetched token:monitor', 'access.denied token:monitor']),
  );
  expect(await web.actions()).not.toContain('case.viewed token:monitor');
  web.clock.advance(60 * MINUTE);
  expect((await machine.ask('GET', '/metrics')).status).toBe(401);
});

test('the database keeps no secret that would let anybody in', async () => {
  const web = await site();
  await web.visitor.signIn('ann');
  const { secret: token } = await web.access.tokens.add('monitor', null, 'test');
  const { link } = await web.access.accounts.add('ben', 'reader', { name: 'test', address: '' });
  web.database.sqlite.pragma('wal_checkpoint(TRUNCATE)');
  const bytes = await readFile(join(web.folder, 'worklist.sqlite'), 'latin1');
  const sessionSecret = /^odontoid=s%3A([^.]+)\./.exec(web.visitor.cookie)![1]!;
  for (const secret of [PASSWORD, token, link.secret, sessionSecret]) expect(bytes).not.toContain(secret);
  expect(bytes).toContain('$argon2id$v=19$m=19456,t=2,p=1$');
});

test('admins read the audit by filters; its CSV runs nothing in a spreadsheet', async () => {
  const { visitor, access } = await site();
  for (const actor of ['=HYPERLINK("http://x")', '+1+1', '-2+3', '@SUM(A1)', '  =1+1', '＝1', 'quote "and, comma'])
    await access.audit.append({ action: 'association.rejected', actor, address: '10.0.0.9', detail: { why: '=x' } });
  await visitor.signIn('root');
  const page = (await visitor.ask('GET', '/api/audit?action=association.rejected&limit=3')).json as {
    entries: { actor: string; seq: number }[];
    nextBeforeSeq: number;
  };
  expect(page.entries.map(({ actor }) => actor)).toEqual(['quote "and, comma', '＝1', '  =1+1']);
  const next = (
    await visitor.ask('GET', `/api/audit?action=association.rejected&limit=9&beforeSeq=${page.nextBeforeSeq}`)
  ).json as { entries: unknown[]; nextBeforeSeq: null };
  expect([next.entries.length, next.nextBeforeSeq]).toEqual([4, null]);
  expect((await visitor.ask('GET', '/api/audit?limit=0')).status).toBe(400);
  expect((await visitor.ask('GET', '/api/audit?action=nothing')).status).toBe(400);

  const csv = await visitor.ask('GET', '/api/audit.csv?action=association.rejected');
  expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8');
  expect(csv.headers['content-disposition']).toContain('attachment');
  const lines = csv.body.trimEnd().split('\r\n');
  expect(lines).toHaveLength(8);
  expect(lines[1]).toContain('"quote ""and, comma"');
  for (const line of lines)
    for (const cell of line.matchAll(/(?:^|,)"((?:""|[^"])*)"/g)) expect(cell[1]).not.toMatch(/^\s*[=+\-@＝＋－＠]/u);
  expect((await access.audit.page({ action: 'audit.exported' }, 1))[0]?.actor).toBe('root');
});

test('a view is a person who opened the case: a page left open is one, a picture beside the list is none, and each is on record', async () => {
  const web = await site();
  await addStudy(web, { id: 'flag', outcome: 0.9, slices: 8 });
  const study = studyUid('flag');
  const at = `/api/cases/${caseRef(study)}`;
  const { visitor, clock } = web;
  await visitor.signIn('ann');
  const looks = async () =>
    (await web.access.audit.page({ target: study }, 20))
      .map(({ action, actor }) => `${action} ${actor}`)
      .filter((look) => look.startsWith('case.'))
      .reverse();
  // Pointed at beside the list, again and again: one entry a session, and no view.
  for (let times = 0; times < 3; times += 1) {
    const { status, headers } = await visitor.ask('GET', `${at}/preview`);
    expect([status, headers['content-type']]).toEqual([200, 'image/png']);
    clock.advance(11 * MINUTE);
    await visitor.ask('POST', '/api/session/activity', {});
  }
  expect(await looks()).toEqual(['case.previewed ann']);
  // Opened by the reference that addresses hold: the audit names the study. Changes arrive for an hour, slices are turned.
  expect(((await visitor.ask('GET', at)).json as { views: unknown[] }).views).toEqual([]);
  for (let times = 0; times < 6; times += 1) {
    clock.advance(11 * MINUTE);
    await visitor.ask('POST', '/api/session/activity', {});
    await visitor.ask('GET', `${at}?as=still-open`);
    await visitor.ask('GET', `${at}/slices/${times}`);
    await visitor.ask('GET', `${at}/preview`);
  }
  expect(await looks()).toEqual(['case.previewed ann', 'case.viewed ann']);
  // Opened once more, and again within ten minutes.
  for (let times = 0; times < 2; times += 1) await visitor.ask('GET', at);
  expect(await looks()).toEqual(['case.previewed ann', 'case.viewed ann', 'case.viewed ann']);
  // Another session says nothing that it could not say truly: its first look is a view, whatever it calls it.
  const other = new Visitor(web.url);
  clock.advance(1);
  await other.signIn('ann');
  await other.ask('GET', `${at}?as=still-open`);
  expect(await looks()).toHaveLength(4);
  const third = new Visitor(web.url);
  clock.advance(1);
  await third.signIn('root');
  await third.ask('GET', `${at}/slices/0`);
  expect((await looks()).at(-1)).toBe('case.viewed root');
  // And the case says who opened it, the newest first.
  const { views } = (await visitor.ask('GET', at)).json as { views: { by: string; atMs: number }[] };
  expect(views.map(({ by }) => by)).toEqual(['root', 'ann', 'ann', 'ann']);
  // A study that is not there is no look at anything.
  for (const path of ['/api/cases/1.2.3', '/api/cases/1.2.3/slices/0', '/api/cases/1.2.3/preview'])
    expect((await visitor.ask('GET', path)).status).toBe(404);
  expect(await web.access.audit.page({ target: '1.2.3' }, 5)).toEqual([]);
});

test('there is no preview of what is not flagged, nor at a site that shows no heatmaps', async () => {
  const web = await site({ triageOnly: true });
  await addStudy(web, { id: 'flag', outcome: 0.9, slices: 8 });
  await web.visitor.signIn('ann');
  expect((await web.visitor.ask('GET', `/api/cases/${studyUid('flag')}/preview`)).status).toBe(404);
  expect(await web.access.audit.page({ action: 'case.previewed' }, 5)).toEqual([]);
  const open = await site();
  await addStudy(open, { id: 'plain', outcome: 0.1, slices: 8 });
  await open.visitor.signIn('ann');
  expect((await open.visitor.ask('GET', `/api/cases/${studyUid('plain')}/preview`)).status).toBe(404);
});

test('what cannot be recorded is not shown', async () => {
  const web = await site();
  await addStudy(web, { id: 'plain', outcome: 0.1, patientName: 'Canary^Jane' });
  await web.visitor.signIn('ann');
  web.database.sqlite.exec(
    "create temp trigger full before insert on audit_log begin select raise(abort, 'no room'); end",
  );
  const answer = await web.visitor.ask('GET', `/api/cases/${studyUid('plain')}`);
  expect(answer.status).toBe(500);
  expect(answer.body).not.toContain('Canary');
});

test('over TLS the cookie is bound to the host; only the public name gets in', async () => {
  const { url } = await site({
    publicUrl: 'https://odontoid.example',
    trustProxy: ['127.0.0.1'],
    signIn: { secure: true },
  });
  const proxied = {
    Host: 'odontoid.example',
    Origin: 'https://odontoid.example',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-For': '10.1.2.3',
  };
  const visitor = new Visitor(url, proxied);
  const answer = await visitor.signIn('ann');
  expect(answer.headers['set-cookie']).toEqual([
    expect.stringMatching(
      /^__Host-odontoid-device=[^;]+; Max-Age=34560000; Path=\/; .*; HttpOnly; Secure; SameSite=Strict$/,
    ),
    expect.stringMatching(/^__Host-odontoid=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Strict$/),
  ]);
  expect(answer.headers['strict-transport-security']).toContain('max-age=31536000');
  expect((await visitor.session()).user).not.toBeNull();
  for (const [headers, status] of [
    [{ Host: 'rebound.example' }, 421],
    [{ Host: 'odontoid.example.evil.example' }, 421],
    [{ Origin: 'http://odontoid.example' }, 403],
    [{ Origin: 'https://evil.example' }, 403],
  ] as const)
    expect((await visitor.ask('GET', '/api/worklist', undefined, headers)).status).toBe(status);
  // Plain HTTP gets no cookie at all.
  const plain = await new Visitor(url, { ...proxied, 'X-Forwarded-Proto': 'http' }).signIn('ann');
  expect(plain.headers['set-cookie']).toBeUndefined();
});

test('behind a proxy that does not say https nobody is signed in, is told so, and a one-time link is not used up', async () => {
  const { url, access } = await site({
    publicUrl: 'https://odontoid.example',
    trustProxy: ['127.0.0.1'],
    signIn: { secure: true },
  });
  const { link } = await access.accounts.add('new', 'reader', { name: 'test', address: '' });
  const { secret } = link;
  const silent = { Host: 'odontoid.example', Origin: 'https://odontoid.example' };
  const through = (headers: Record<string, string>) => new Visitor(url, headers);
  for (const [path, body] of [
    ['/api/set-up/link', { secret }],
    ['/api/set-up', { secret, password: 'axis and atlas, seven' }],
    ['/api/session', { name: 'new', password: 'axis and atlas, seven' }],
    ['/api/wall/open', { secret }],
  ] as const) {
    const answer = await through(silent).ask('POST', path, body);
    expect([answer.status, answer.body], path).toEqual([421, expect.stringContaining('X-Forwarded-Proto')]);
  }
  const told = { ...silent, 'X-Forwarded-Proto': 'https' };
  const used = await through(told).ask('POST', '/api/set-up', { secret, password: 'axis and atlas, seven' });
  expect(used.status).toBe(204);
});

test('a session in which nobody was active is locked: it has the masked list and its feed, and the password brings the rest back', async () => {
  const web = await site();
  const { visitor, clock } = web;
  await addStudy(web, { id: 'plain', outcome: 0.9, patientName: 'SECRETNAME' });
  await visitor.signIn('ann');
  clock.advance(31 * MINUTE);
  expect(await visitor.session()).toMatchObject({ user: null, lockedFor: 'ann', csrfToken: visitor.csrfToken });
  const wall = await visitor.ask('GET', '/api/wall');
  expect([wall.status, wall.json['flagged']]).toEqual([200, 1]);
  expect(wall.body).not.toContain('SECRETNAME');
  for (const [method, path] of [
    ['GET', '/api/worklist'],
    ['GET', `/api/cases/${studyUid('plain')}`],
    ['POST', '/api/session/activity'],
    ['POST', '/api/worklist/names'],
    ['GET', '/metrics'],
  ] as const) {
    const { status, json } = await visitor.ask(method, path, method === 'POST' ? {} : undefined);
    expect([path, status, json['error']]).toEqual([path, 401, 'session-locked']);
  }
  // Polling by a locked page is no intrusion.
  expect(await web.access.audit.page({ action: 'access.denied' }, 9)).toEqual([]);
  expect((await visitor.ask('POST', '/api/session/confirm', { password: 'wrong' })).status).toBe(401);
  expect((await visitor.session()).user).toBeNull();
  expect((await visitor.ask('POST', '/api/session/confirm', { password: PASSWORD })).status).toBe(204);
  expect(await visitor.session()).toMatchObject({ user: { name: 'ann', role: 'reader' }, lockedFor: null });
  expect((await visitor.ask('GET', '/api/worklist')).body).toContain('SECRETNAME');
  // However often it is unlocked, it ends with the shift.
  clock.advance(12 * 60 * MINUTE);
  expect(await visitor.session()).toMatchObject({ user: null, lockedFor: null });
  expect((await visitor.ask('GET', '/api/wall')).json['error']).toBe('not-signed-in');
});

test('the feed of a session that is locked meanwhile falls silent, so that its page looks why', async () => {
  const shifted = shiftedClock();
  const fast = hurried(50);
  const { visitor, url } = await site({ clock: { ...shifted, after: (ms, run) => fast.after(ms, run) } });
  await visitor.signIn('ann');
  const open = async () =>
    (await fetch(`${url}/api/events`, { headers: { Cookie: visitor.cookie } })).body!.getReader();
  const reader = await open();
  await reader.read();
  shifted.advance(31 * MINUTE);
  for (;;) if ((await reader.read()).done) break;
  const masked = await open();
  for (let beats = 0; beats < 3; beats += 1) expect((await masked.read()).done).toBe(false);
  await masked.cancel();
});
