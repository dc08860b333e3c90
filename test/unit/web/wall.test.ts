import { expect, test } from 'vitest';
import { wallFontPx } from '../../../src/page/wall/wallSize.ts';
import { addStudy, studyUid } from '../../browser/seededWorklist.ts';
import { instanceOf } from '../worklist/facts.ts';
import { addUser, shiftedClock, Visitor } from './visitor.ts';
import { ask, hurried, startWeb, type WebUnderTest } from './webFixture.ts';

const BY = { name: 'test', address: '' };

async function siteWithWall(options: Parameters<typeof startWeb>[0] = {}) {
  const clock = shiftedClock();
  const web = await startWeb({ clock, signIn: { signIn: 'local' }, ...options });
  await addUser(web, 'ada', 'admin');
  const ada = new Visitor(web.url);
  await ada.signIn('ada');
  return { web, clock, ada };
}

/** Opens a link as the page does; resolves with the cookie that came. */
async function open(
  { url }: WebUnderTest,
  path: string,
): Promise<{ status: number; cookie: string; attributes: string }> {
  const secret = path.slice(path.indexOf('#') + 1);
  const answer = await ask(
    `${url}/api/wall/open`,
    'POST',
    { Origin: url, 'Content-Type': 'application/json' },
    JSON.stringify({ secret }),
  );
  const set = answer.headers['set-cookie']?.[0] ?? '';
  return { status: answer.status, cookie: set.split(';', 1)[0]!, attributes: set };
}

const wallAs = async ({ url }: WebUnderTest, cookie: string, path = '/api/wall') => {
  const answer = await ask(url + path, 'GET', { Cookie: cookie });
  return {
    ...answer,
    json: (answer.headers['content-type']?.includes('json') === true ? JSON.parse(answer.body) : {}) as Record<
      string,
      never
    >,
  };
};

test('an admin makes a link, it lets one browser in once, and that screen stays in until it is revoked', async () => {
  const { web, clock, ada } = await siteWithWall();
  const made = await ada.ask('POST', '/api/walls', { name: 'ed-1' });
  expect(made.status).toBe(201);
  const path = made.json['path'] as string;
  expect(path).toMatch(/^\/wall#odontoid_/);
  const opened = await open(web, path);
  expect(opened.status).toBe(204);
  expect(opened.attributes).toMatch(/HttpOnly/);
  expect(opened.attributes).toMatch(/SameSite=Strict/);
  expect((await open(web, path)).status).toBe(403);
  // Longer than any person's session, and the cookie is given anew.
  clock.advance(40 * 86_400_000);
  const seen = await wallAs(web, opened.cookie);
  expect(seen.status).toBe(200);
  expect(seen.headers['set-cookie']?.[0]).toMatch(/^odontoid-wall=.*Max-Age=34560000/);
  await ada.signIn('ada');
  expect((await ada.ask('GET', '/api/walls')).json).toEqual({
    walls: [
      {
        name: 'ed-1',
        createdAtMs: expect.any(Number) as number,
        linkUntilMs: null,
        lastSeenAtMs: expect.any(Number) as number,
      },
    ],
  });
  expect((await ada.ask('DELETE', '/api/walls/ed-1')).status).toBe(204);
  expect((await wallAs(web, opened.cookie)).status).toBe(401);
  expect(
    (await web.access.audit.page({}, 50))
      .filter(({ action }) => action.startsWith('wall.'))
      .map(({ action, actor, target }) => [action, actor, target]),
  ).toEqual([
    ['wall.revoked', 'ada', 'ed-1'],
    ['wall.opened', 'wall:ed-1', 'ed-1'],
    ['wall.added', 'ada', 'ed-1'],
  ]);
});

test('a link ends after a day, and neither a machine’s token nor a screen’s secret is the other', async () => {
  const { web, clock } = await siteWithWall();
  const late = await web.access.tokens.addWall('late', BY);
  clock.advance(24 * 3_600_000 + 1);
  expect((await open(web, `/wall#${late.secret}`)).status).toBe(403);
  const wall = await web.access.tokens.openWall((await web.access.tokens.addWall('ed', BY)).secret, '');
  const { secret: machine } = await web.access.tokens.add('monitor', null, 'test');
  const bearer = (secret: string) => ask(`${web.url}/api/worklist`, 'GET', { Authorization: `Bearer ${secret}` });
  expect((await bearer(machine)).status).toBe(200);
  expect((await bearer(wall)).status).toBe(401);
  expect((await wallAs(web, `odontoid-wall=${machine}`)).status).toBe(401);
  // Nor does its name free a machine.
  await expect(web.access.tokens.revoke('monitor', 'test', { kind: 'wall', address: '' })).rejects.toMatchObject({
    code: 'not-found',
  });
  await expect(web.access.tokens.addWall('monitor', BY)).rejects.toMatchObject({ code: 'name-taken' });
});

test('a screen sees no word of who the patients are, and nothing but its list', async () => {
  const { web } = await siteWithWall();
  const { cookie } = await open(web, `/wall#${(await web.access.tokens.addWall('ed', BY)).secret}`);
  await addStudy(web, {
    id: 'flag',
    outcome: 0.9,
    patientName: 'Lindqvist^Maja',
    patientId: 'ID-77',
    patientBirthDate: '19480312',
    patientAge: '078Y',
    accessionNumber: 'E26-4471',
    location: 'ED bay 3',
    slices: 8,
  });
  await addStudy(web, { id: 'held', outcome: 0.2, patientName: 'Moreau^Camille' });
  await web.store.recordInstances([instanceOf({ study: 'held', number: 9, patientId: 'ANOTHER' })]);
  const { body, json } = await wallAs(web, cookie);
  const rows = json['rows'] as unknown as Record<string, unknown>[];
  expect(rows[0]).toMatchObject({
    status: 'flagged',
    stateText: 'AI flag: possible fracture. Review now. Not a diagnosis.',
    finding: 'C5-C6, series 2 image 3',
    ageBand: '70-79 y',
    accessionEnd: '4471',
    location: 'ED bay 3',
    claimed: false,
  });
  expect(rows).toHaveLength(2);
  for (const word of [
    'Lindqvist',
    'Maja',
    'ID-77',
    '19480312',
    '078Y',
    'E26',
    'Moreau',
    'ANOTHER',
    studyUid('flag'),
    studyUid('held'),
  ])
    expect(body, word).not.toContain(word);
  for (const path of ['/api/worklist', `/api/cases/${String(rows[0]!['caseRef'])}`, '/metrics', '/api/walls'])
    expect((await wallAs(web, cookie, path)).status, path).toBe(403);
});

test('the feed of a revoked screen, or token, ends with the next heartbeat', async () => {
  const { web } = await siteWithWall({ clock: hurried(20) });
  const wall = await web.access.tokens.openWall((await web.access.tokens.addWall('ed', BY)).secret, '');
  const { secret } = await web.access.tokens.add('monitor', null, 'test');
  for (const [name, headers] of [
    ['ed', { Cookie: `odontoid-wall=${wall}` }],
    ['monitor', { Authorization: `Bearer ${secret}` }],
  ] as const) {
    const feed = await fetch(`${web.url}/api/events`, { headers });
    expect(feed.status).toBe(200);
    const ended = feed.text();
    await web.access.tokens.revoke(name, 'test');
    expect(await ended).toContain('heartbeat');
  }
});

test('letters subtend 20 arc minutes: 26 px on 55 inches, 60 px on 24 inches, at 2 m', () => {
  const at = (diagonalInches: number, distanceMetres = 2) =>
    Math.round(wallFontPx({ diagonalInches, distanceMetres, widthPx: 1920, heightPx: 1080 }));
  expect([at(55), at(24), at(24, 1)]).toEqual([26, 60, 30]);
});
