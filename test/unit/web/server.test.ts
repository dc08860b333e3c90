import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import BetterSqlite3 from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { addStudy, studyUid } from '../../browser/seededWorklist.ts';
import { addUser, Visitor } from './visitor.ts';
import { READY, ask, hurried, listen, startWeb } from './webFixture.ts';

const json = { 'Content-Type': 'application/json' };
const mark = (url: string, study: string, body: unknown) =>
  fetch(`${url}/api/cases/${study}/read`, { method: 'PUT', headers: json, body: JSON.stringify(body) });

test('the worklist comes ranked, with the state of the agent beside it', async () => {
  const web = await startWeb();
  await addStudy(web, { id: 'plain', outcome: 0.1, arrivedMinutesAgo: 20 });
  await addStudy(web, { id: 'flag', outcome: 0.9 });
  const response = await fetch(`${web.url}/api/worklist`);
  const answer = (await response.json()) as {
    rows: { studyInstanceUid: string; rank: number }[];
    maxWaitMinutes: number;
    system: unknown;
    totals: { unread: number };
  };
  expect(response.status).toBe(200);
  expect(answer.rows.map(({ studyInstanceUid, rank }) => [studyInstanceUid, rank])).toEqual([
    [studyUid('flag'), 1],
    [studyUid('plain'), 2],
  ]);
  expect(answer).toMatchObject({ maxWaitMinutes: 60, system: READY, totals: { unread: 2 } });
});

test('a study of three thousand series makes its case large, and not the list', async () => {
  const web = await startWeb();
  await addStudy(web, { id: 'many', outcome: 0.1 });
  const series = Array.from({ length: 3_000 }, (_, number) => ({
    seriesInstanceUid: `2.25.${number}`,
    seriesNumber: number,
    seriesDescription: `Localizer ${number}`,
    modality: 'CT',
    instances: 1,
    eligible: false,
    chosen: false,
    code: 'localizer',
    reason: 'A localizer.',
  }));
  web.database.sqlite.prepare('update analyses set series = ?').run(JSON.stringify(series));
  expect((await (await fetch(`${web.url}/api/worklist`)).text()).length).toBeLessThan(10_000);
  const { series: shown } = (await (await fetch(`${web.url}/api/cases/${studyUid('many')}`)).json()) as {
    series: unknown[];
  };
  expect(shown).toHaveLength(3_000);
});

test('a case can be opened, and its answer names no file of this machine', async () => {
  const web = await startWeb();
  await addStudy(web, { id: 'flag', outcome: 0.9, receipt: 'confirmed' });
  const text = await (await fetch(`${web.url}/api/cases/${studyUid('flag')}`)).text();
  const detail = JSON.parse(text) as { row: { decision: string }; results: unknown[]; events: unknown[] };
  expect(detail.row.decision).toBe('suspected');
  expect(detail.results).toHaveLength(2);
  expect(detail.events.length).toBeGreaterThan(3);
  expect(text).not.toMatch(/"path"|\.dcm/);
});

test('a case that is not held is said so, and a wrong address is no page', async () => {
  const { url } = await startWeb();
  for (const path of ['/api/cases/1.2.3', '/api/nothing', '/nothing'])
    expect((await fetch(url + path)).status, path).toBe(404);
  // A browser gets the page, which says so; a program gets a sentence.
  const asked = async (path: string, accept: string) => {
    const response = await fetch(url + path, { headers: { Accept: accept } });
    return [response.status, response.headers.get('content-type')?.split(';')[0], await response.text()];
  };
  const page = await (await fetch(`${url}/`)).text();
  expect(await asked('/nothing', 'text/html,application/xhtml+xml,*/*;q=0.8')).toEqual([404, 'text/html', page]);
  for (const accept of ['*/*', 'text/plain'])
    expect(await asked('/nothing.js', accept)).toEqual([404, 'text/plain', 'Not found. The worklist is at /']);
  expect((await mark(url, '1.2.3', { read: true })).status).toBe(404);
  expect(await (await fetch(`${url}/api/cases/1.2.3`)).json()).toEqual({
    error: 'not-found',
    message: 'There is no such study on the worklist.',
  });
});

test('reading is recorded, taken back, and stands in the history', async () => {
  const web = await startWeb();
  const study = studyUid('plain');
  await addStudy(web, { id: 'plain', outcome: 0.1 });
  expect((await mark(web.url, study, { read: true })).status).toBe(204);
  expect((await web.query.rows())[0]).toMatchObject({ rank: null, readAtMs: expect.any(Number) as number });
  expect((await mark(web.url, study, { read: false })).status).toBe(204);
  expect((await web.query.rows())[0]).toMatchObject({ rank: 1, readAtMs: null });
  expect((await web.query.caseDetail(study)).events.slice(-2).map(({ type, actor }) => [type, actor])).toEqual([
    ['read', 'web'],
    ['unread', 'web'],
  ]);
});

test.each([['{"read": "yes"}'], ['{}'], ['[]'], ['{'], ['"read"']])(
  'reading is not recorded for the body %s',
  async (body) => {
    const web = await startWeb();
    await addStudy(web, { id: 'plain', outcome: 0.1 });
    const response = await fetch(`${web.url}/api/cases/${studyUid('plain')}/read`, {
      method: 'PUT',
      headers: json,
      body,
    });
    expect(response.status).toBe(400);
    expect((await web.query.rows())[0]?.readAtMs).toBeNull();
  },
);

test('a body of more than 16 kB is refused', async () => {
  const { url } = await startWeb();
  expect((await mark(url, '1.2', { read: true, padding: 'x'.repeat(20_000) })).status).toBe(413);
});

test('healthy and ready', async () => {
  const { url } = await startWeb();
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ ok: true });
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([200, { ready: true, missing: [], alarms: [] }]);
});

test('not ready says what is missing', async () => {
  const { url } = await startWeb({
    system: () =>
      Promise.resolve({
        ...READY,
        model: null,
        modelError: 'The golden case differs.',
        receiver: { ...READY.receiver, up: false },
      }),
  });
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([
    503,
    { ready: false, missing: ['The receiver is down.', 'The golden case differs.'], alarms: [] },
  ]);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test('alive is answered while nothing else can be', async () => {
  const { url } = await startWeb({ system: () => new Promise(() => {}) });
  const alive = await fetch(`${url}/healthz`);
  expect([alive.status, await alive.json()]).toEqual([200, { ok: true }]);
});

test('not ready without a known reason still says something', async () => {
  const { url } = await startWeb({ system: () => Promise.resolve({ ...READY, model: null }) });
  expect(await (await fetch(`${url}/readyz`)).json()).toEqual({
    ready: false,
    missing: ['No network is loaded.'],
    alarms: [],
  });
});

test('the page is served with headers that allow nothing inline, no frame and no copy', async () => {
  const { url } = await startWeb();
  const page = await fetch(url);
  expect(await page.text()).toContain('<title>page</title>');
  for (const path of ['/', '/api/worklist', '/nothing']) {
    const { headers } = await fetch(url + path);
    const policy = headers.get('content-security-policy');
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ])
      expect(policy).toContain(part);
    expect(policy).not.toContain('unsafe');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(headers.get('x-powered-by')).toBeNull();
  }
});

test.each([
  ['a name that someone else points at this machine', 421, { Host: 'rebound.example' }],
  ['a name that begins like an address of this machine', 421, { Host: '127.0.0.1.rebound.example' }],
  ['a name with user and password', 421, { Host: 'localhost@rebound.example' }],
  ['another origin', 403, { Origin: 'https://rebound.example' }],
  ['a sandboxed page', 403, { Origin: 'null' }],
  ['another port of this machine', 403, { Origin: 'http://127.0.0.1:1' }],
  ['another site, without an origin', 403, { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' }],
  [
    'another port of this machine, without an origin',
    403,
    { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'no-cors' },
  ],
])(
  'requests from %s are refused on every route, with the same headers',
  async (_from, status, headers: Record<string, string>) => {
    const web = await startWeb();
    await addStudy(web, { id: 'plain', outcome: 0.1 });
    for (const path of [
      '/',
      '/api/worklist',
      '/api/events',
      '/metrics',
      '/healthz',
      `/api/cases/${studyUid('plain')}`,
    ]) {
      const answer = await ask(web.url + path, 'GET', headers);
      expect(answer.status, path).toBe(status);
      expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
      expect(answer.body).not.toContain('Doe');
    }
    const change = await ask(
      `${web.url}/api/cases/${studyUid('plain')}/read`,
      'PUT',
      { ...json, ...headers },
      '{"read": true}',
    );
    expect(change.status).toBe(status);
    expect((await web.query.rows())[0]?.readAtMs).toBeNull();
  },
);

test.each(['localhost', '127.0.0.1', '127.1.2.3', '[::1]'])('a browser on this machine gets in by %s', async (name) => {
  const { url, port } = await startWeb();
  const headers = { Host: `${name}:${port}`, Origin: `http://${name}:${port}`, 'Sec-Fetch-Site': 'same-origin' };
  expect((await ask(`${url}/api/worklist`, 'GET', headers)).status).toBe(200);
});

test('a link from elsewhere may open the page, and change nothing', async () => {
  const web = await startWeb();
  await addStudy(web, { id: 'plain', outcome: 0.1 });
  const link = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' };
  expect((await ask(`${web.url}/`, 'GET', link)).status).toBe(200);
  expect(
    (await ask(`${web.url}/api/cases/${studyUid('plain')}/read`, 'PUT', { ...json, ...link }, '{"read": true}')).status,
  ).toBe(403);
});

test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
  'a form (%s) changes nothing',
  async (type) => {
    const web = await startWeb();
    await addStudy(web, { id: 'plain', outcome: 0.1 });
    expect(
      (await ask(`${web.url}/api/cases/${studyUid('plain')}/read`, 'PUT', { 'Content-Type': type }, '{"read": true}'))
        .status,
    ).toBe(415);
    expect((await web.query.rows())[0]?.readAtMs).toBeNull();
  },
);

test.each([
  ['a bug', new Error('SELECT patient_name FROM cases /srv/odontoid'), 'unexpected'],
  [
    'one of our own errors',
    new TriageError('database-invalid', 'The database /srv/odontoid/cases is broken.'),
    'database-invalid',
  ],
])('a failure by %s is logged and tells the browser nothing', async (_by, failure, code) => {
  const { url, logged } = await startWeb({ system: () => Promise.reject(failure) });
  const response = await fetch(`${url}/api/worklist`);
  expect([response.status, await response.json()]).toEqual([
    500,
    { error: code, message: 'The request failed; the log says why.' },
  ]);
  expect(logged).toEqual([
    { message: 'request failed', fields: { method: 'GET', route: '/api/worklist', error: failure } },
  ]);
});

test('an address that cannot be decoded is the sender’s fault', async () => {
  const { url, logged } = await startWeb();
  const answer = await ask(`${url}/api/cases/%E0%A4%A`, 'GET', {});
  expect([answer.status, JSON.parse(answer.body)]).toEqual([
    400,
    { error: 'not-understood', message: 'The request could not be understood.' },
  ]);
  expect(logged).toEqual([]);
});

test('no path leads out of the page’s folder', async () => {
  const { url } = await startWeb();
  for (const path of [
    '/../worklist.sqlite',
    '/assets/../../worklist.sqlite',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/..%2f..%2fetc/passwd',
  ]) {
    const answer = await ask(`${url}${path}`, 'GET', {});
    expect(answer.body).not.toMatch(/root:|SQLite/);
    expect(answer.status, path).toBeGreaterThanOrEqual(400);
  }
});

test('a change in the store reaches every open page at once, without saying whose', async () => {
  const web = await startWeb();
  const pages = [await listen(web.url), await listen(web.url)];
  const began = Date.now();
  await addStudy(web, { id: 'flag', outcome: 0.9, patientName: 'Canary^Jane' });
  for (const page of pages) expect(await page.next('change')).toMatch(/^\d+$/);
  expect(Date.now() - began).toBeLessThan(10_000);
});

test('the feed beats while nothing happens', async () => {
  const { url } = await startWeb({ clock: hurried(50) });
  const page = await listen(url);
  for (let beat = 0; beat < 4; beat += 1) expect(await page.next('heartbeat')).toMatch(/^\d+$/);
});

test('pages that went make room for others', async () => {
  const { url } = await startWeb();
  const open = await Promise.all(Array.from({ length: 100 }, () => listen(url)));
  expect((await fetch(`${url}/api/events`)).status).toBe(503);
  open[0]?.leave();
  await expect
    .poll(async () => {
      const response = await fetch(`${url}/api/events`);
      await response.body?.cancel();
      return response.status;
    })
    .toBe(200);
});

test('one session, one token and one address have shares of the feed, and others come in beside them', async () => {
  const web = await startWeb({ signIn: { signIn: 'local' }, trustProxy: ['127.0.0.1'] });
  await addUser(web, 'ann', 'reader');
  const ann = new Visitor(web.url);
  await ann.signIn('ann');
  const { secret } = await web.access.tokens.add('monitor', null, 'test');
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  // An answer that nobody refers to is collected, and its connection with it.
  const answers: Response[] = [];
  const open = async (headers: Record<string, string>) => {
    const answer = await fetch(`${web.url}/api/events`, { headers, signal: controller.signal });
    answers.push(answer);
    return answer.status;
  };
  const statuses = await Promise.all(
    Array.from({ length: 120 }, (_, n) => open({ Cookie: ann.cookie, 'X-Forwarded-For': `10.0.0.${n}` })),
  );
  expect(statuses.filter((status) => status === 200)).toHaveLength(12);
  const token = { Authorization: `Bearer ${secret}` };
  const ofToken = await Promise.all(
    Array.from({ length: 20 }, () => open({ ...token, 'X-Forwarded-For': '10.1.0.1' })),
  );
  expect(ofToken.filter((status) => status === 200)).toHaveLength(12);
  const ben = new Visitor(web.url);
  await addUser(web, 'ben', 'reader');
  await ben.signIn('ben');
  expect(await open({ Cookie: ben.cookie })).toBe(200);
  expect(answers).toHaveLength(141);
});

test('HEAD is answered wherever GET is, and lets go', async () => {
  const web = await startWeb();
  for (const path of ['/api/events', '/healthz', '/metrics', '/api/worklist', '/']) {
    const answer = await fetch(web.url + path, { method: 'HEAD', signal: AbortSignal.timeout(5_000) });
    expect([answer.status, await answer.text()], path).toEqual([200, '']);
  }
});

test('another process that holds the write lock keeps no page waiting', async () => {
  const web = await startWeb({ signIn: { signIn: 'local' } });
  await addStudy(web, { id: 'flag', outcome: 0.9 });
  await addUser(web, 'ann', 'reader');
  const ann = new Visitor(web.url);
  await ann.signIn('ann');
  const { secret } = await web.access.tokens.add('monitor', null, 'test');
  const token = new Visitor(web.url, { Origin: '', Authorization: `Bearer ${secret}` });
  const foreign = new BetterSqlite3(web.database.path);
  foreign.exec('begin immediate');
  const marked = web.store.markRead(studyUid('flag'), true, 'ann');
  const began = Date.now();
  for (const [who, path] of [
    [ann, '/api/worklist'],
    [ann, '/api/session'],
    [token, '/api/worklist'],
    [token, '/metrics'],
    [ann, '/healthz'],
  ] as const)
    expect((await who.ask('GET', path)).status, path).toBe(200);
  // Each would wait five seconds for the lock.
  expect(Date.now() - began).toBeLessThan(5_000);
  foreign.exec('rollback');
  foreign.close();
  await marked;
  expect((await web.query.rows())[0]?.readBy).toBe('ann');
});

test('alive is told without counting the cases', async () => {
  const web = await startWeb();
  const { url } = await startWeb({ query: { ...web.query, totals: () => Promise.reject(new Error('counted')) } });
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ ok: true });
  const explained = web.database.sqlite
    .prepare('explain query plan select study_instance_uid from cases limit 1')
    .all();
  expect(explained).toHaveLength(1);
});

test('closing ends the open feeds and does not wait for idle browsers', async () => {
  const { url, server } = await startWeb();
  const page = await listen(url);
  await fetch(`${url}/healthz`);
  const began = Date.now();
  await server.close();
  await page.ended;
  // A connection is kept for five seconds.
  expect(Date.now() - began).toBeLessThan(4_500);
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
});

test('closing does not wait for an answer that never ends', async () => {
  let asked = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const { url, server } = await startWeb({
    system: () => {
      asked();
      return new Promise(() => undefined);
    },
  });
  const hanging = fetch(`${url}/api/worklist`).catch(() => 'cut');
  await arrived;
  const began = Date.now();
  await server.close();
  expect(await hanging).toBe('cut');
  expect(Date.now() - began).toBeLessThan(20_000);
});

test('a port that is taken is named, with what to do', async () => {
  const { port } = await startWeb();
  const second = startWeb({ port });
  await expect(second).rejects.toBeInstanceOf(TriageError);
  await expect(second).rejects.toMatchObject({
    code: 'config-invalid',
    message: `Port ${port} is taken: set web.port to a free one, or stop what uses it.`,
  });
});

test('metrics are lines that a scraper can read, and tell what is the matter', async () => {
  const web = await startWeb();
  await addStudy(web, { id: 'flag', outcome: 0.9 });
  await addStudy(web, { id: 'plain', outcome: 0.1, receipt: 'refused' });
  await addStudy(web, { id: 'moving', outcome: 'running' });
  const metrics = await scrape(web.url);
  expect(metrics).toMatchObject({
    'odontoid_cases{state="reported"}': 2,
    'odontoid_cases{state="receiving"}': 1,
    'odontoid_stage_queue{stage="assemble"}': 1,
    'odontoid_deliveries{status="pending"}': 2,
    'odontoid_deliveries{status="refused"}': 2,
    odontoid_cases_unread: 3,
    odontoid_cases_held: 0,
    odontoid_model_ready: 1,
    odontoid_receiver_up: 1,
    odontoid_received_objects_total: 12,
    odontoid_rejected_associations_total: 3,
    odontoid_accepted_messages_total: 41,
    odontoid_refused_messages_total: 42,
    odontoid_refused_message_connections_total: 43,
    odontoid_refused_objects_total: 4,
    odontoid_refused_contexts_total: 5,
    odontoid_aborted_associations_total: 6,
    odontoid_dropped_connections_total: 7,
    odontoid_refused_tls_connections_total: 29,
    odontoid_slices_encoded_on_arrival_total: 9,
    odontoid_spool_free_bytes: 5_000_000,
  });
  expect(metrics['odontoid_oldest_delivery_age_seconds']).toBeGreaterThanOrEqual(0);
});

test('metrics do not call an unknown disk a full one, nor a missing network a ready one', async () => {
  const { url } = await startWeb({
    system: () =>
      Promise.resolve({ ...READY, model: null, freeBytes: null, receiver: { ...READY.receiver, up: false } }),
  });
  const metrics = await scrape(url);
  expect(metrics['odontoid_spool_free_bytes']).toBeNaN();
  expect(metrics).toMatchObject({ odontoid_model_ready: 0, odontoid_receiver_up: 0 });
});

/** Every sample of the Prometheus text format, version 0.0.4; anything else fails. */
async function scrape(url: string): Promise<Record<string, number>> {
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain;.*version=0\.0\.4/);
  const samples = new Map<string, number>();
  for (const line of (await response.text()).split('\n').filter((text) => text !== '' && !text.startsWith('#'))) {
    const match = /^([a-z_]+(?:\{[a-z0-9_]+="[^"]*"(?:,[a-z0-9_]+="[^"]*")*\})?) (nan|-?[\d.e+]+)$/i.exec(line);
    expect(match, line).not.toBeNull();
    expect(samples.has(match![1]!)).toBe(false);
    samples.set(match![1]!, Number(match![2]));
  }
  return Object.fromEntries(samples);
}

test('the shipped page holds no script or style inline, which the policy would refuse', async () => {
  const page = await readFile(new URL('../../../src/page/index.html', import.meta.url), 'utf8');
  expect(page).not.toMatch(/<style|style=|\son\w+=|<script(?![^>]*src=)/);
});

test('the page’s files come compressed, what is said of patients does not', async () => {
  const web = await startWeb();
  for (let index = 0; index < 20; index++) await addStudy(web, { id: `s${index}`, outcome: 0.1 });
  const encodingOf = async (path: string) => {
    const response = await fetch(`${web.url}${path}`, { headers: { 'Accept-Encoding': 'gzip' } });
    expect((await response.text()).length).toBeGreaterThan(5_000);
    return response.headers.get('content-encoding');
  };
  expect(await encodingOf('/page.js')).toBe('gzip');
  expect(await encodingOf('/api/worklist')).toBeNull();
});

test('a connection that never asked anything keeps no stop waiting, and no clock that stands still does', async () => {
  const { server, port } = await startWeb({ clock: { ...systemClock, after: () => () => undefined } });
  const silent = connect(port, '127.0.0.1');
  const ended = once(silent, 'close');
  await once(silent, 'connect');
  await fetch(`${server.url}/healthz`);
  await server.close();
  await ended;
}, 10_000);
