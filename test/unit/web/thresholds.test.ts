import { expect, test } from 'vitest';
import { caseRef } from '../../../src/case/caseRef.ts';
import { addStudy, studyUid } from '../../browser/seededWorklist.ts';
import { addUser, shiftedClock, Visitor } from './visitor.ts';
import { READY, startWeb } from './webFixture.ts';

const REASON = 'Two subtle fractures were missed in October.';
const MINUTE_MS = 60_000;

async function site({ secondPerson = false } = {}) {
  const clock = shiftedClock();
  const web = await startWeb({ clock, signIn: { signIn: 'local' }, secondPerson });
  await web.store.seedThreshold('compact', 0.5);
  for (const [id, outcome, verdict] of [
    ['found', 0.9, 'agree'],
    ['subtle', 0.55, 'agree'],
    ['artefact', 0.56, 'disagree'],
    ['missed', 0.3, 'disagree'],
    ['plain', 0.1, null],
  ] as const) {
    await addStudy(web, { id, outcome });
    if (verdict !== null) await web.store.recordVerdict(studyUid(id), { revision: 1, verdict, actor: 'rita' });
    await web.store.markRead(studyUid(id), true, 'rita');
  }
  const signedIn = async (name: string, role: 'admin' | 'reader') => {
    await addUser(web, name, role);
    const visitor = new Visitor(web.url);
    await visitor.signIn(name);
    return visitor;
  };
  return { ...web, clock, signedIn };
}

test('what is in force and what another threshold would do, for readers too, by case references and without a patient', async () => {
  const web = await site();
  const reader = await web.signedIn('rita', 'reader');
  const board = await reader.ask('GET', '/api/thresholds');
  expect(board.json).toMatchObject({
    rule: { site: 0.5, bySource: {} },
    draft: null,
    scans: 5,
    fractures: 3,
    withoutFracture: 1,
    unconfirmed: 1,
    sources: [{ scans: 5 }],
  });
  const whatIf = await reader.ask('GET', '/api/thresholds/what-if?value=0.6');
  expect(whatIf.json).toMatchObject({
    fracturesLost: 1,
    fracturesGained: 0,
    flipsTotal: 2,
    flips: [
      { caseRef: caseRef(studyUid('subtle')), fracture: true, change: 'lost', present: true },
      { caseRef: caseRef(studyUid('artefact')), fracture: false, change: 'lost' },
    ],
    now: { flags: 3, sensitivity: { hits: 2, total: 3, estimate: null, standing: 'counts-only' } },
    proposed: { flags: 1, sensitivity: { hits: 1, total: 3 } },
    queue: {
      scans: 5,
      now: { fractures: { scans: 3 }, lostFractures: { scans: 1 }, gainedFractures: { scans: 0 } },
      proposed: { fractures: { scans: 3 }, lostFractures: { scans: 1 }, gainedFractures: { scans: 0 } },
    },
  });
  for (const { body } of [board, whatIf]) expect(body).not.toMatch(/Doe|PATIENT|"patient/);
  expect((await reader.ask('GET', '/api/thresholds/what-if?value=1.5')).status).toBe(400);
});

test('a change: asked for, refused while a lost fracture is unopened, signed after a fresh sign-in, in force at once, taken back', async () => {
  const web = await site();
  const admin = await web.signedIn('ada', 'admin');
  expect(
    (await admin.ask('POST', '/api/thresholds/drafts', { sourceAeTitle: '', value: 0.6, reason: 'short' })).status,
  ).toBe(400);
  const asked = await admin.ask('POST', '/api/thresholds/drafts', { sourceAeTitle: '', value: 0.6, reason: REASON });
  expect(asked.status).toBe(201);
  const confirm = `/api/thresholds/drafts/${String(asked.json['id'])}/confirm`;
  expect(await admin.ask('POST', confirm)).toMatchObject({
    status: 409,
    json: { error: 'threshold-draft-incomplete' },
  });
  await admin.ask('GET', `/api/cases/${studyUid('subtle')}`);
  expect((await admin.ask('GET', '/api/thresholds')).json).toMatchObject({
    draft: { mine: true, lostFractures: [{ caseRef: caseRef(studyUid('subtle')), openedByMe: true }] },
  });

  web.clock.advance(11 * MINUTE_MS);
  for (const [path, body] of [
    [confirm, undefined],
    ['/api/thresholds/revert', { version: 1 }],
    ['/api/thresholds/stop', { reason: 'Flags every implant' }],
  ] as const)
    expect(await admin.ask('POST', path, body), path).toMatchObject({ status: 403, json: { error: 'sign-in-again' } });
  expect((await web.store.threshold('compact', 'CT1')).value).toBe(0.5);
  await admin.signIn('ada');
  const activated = await admin.ask('POST', confirm);
  expect(activated.json).toMatchObject({ kind: 'activated' });
  expect(await web.store.threshold('compact', 'CT1')).toEqual({
    version: activated.json['version'],
    value: 0.6,
    stopped: false,
  });
  expect((await admin.ask('GET', '/api/thresholds')).json).toMatchObject({
    draft: null,
    recentChange: { by: 'ada', reason: REASON },
  });

  expect((await admin.ask('POST', '/api/thresholds/revert', { version: activated.json['version'] })).status).toBe(200);
  expect((await web.store.threshold('compact', 'CT1')).value).toBe(0.5);
  expect(await admin.ask('POST', '/api/thresholds/revert', { version: activated.json['version'] })).toMatchObject({
    status: 409,
  });
  const changes = await web.access.audit.page({ action: 'threshold.changed' }, 10);
  expect(changes.map(({ actor, address, detail }) => [actor, address, detail['to']])).toEqual([
    ['ada', '127.0.0.1', 0.5],
    ['ada', '127.0.0.1', 0.6],
    ['odontoid', '', 0.5],
  ]);
});

test('where the site asks for two, the second person must be another one; a stop takes one', async () => {
  const web = await site({ secondPerson: true });
  const ada = await web.signedIn('ada', 'admin');
  const bob = await web.signedIn('bob', 'admin');
  const asked = await ada.ask('POST', '/api/thresholds/drafts', { sourceAeTitle: '', value: 0.4, reason: REASON });
  const confirm = `/api/thresholds/drafts/${String(asked.json['id'])}/confirm`;
  expect((await bob.ask('POST', confirm)).status).toBe(409);
  expect((await ada.ask('POST', confirm)).json).toEqual({ kind: 'awaits-second-person' });
  expect((await ada.ask('POST', confirm)).status).toBe(409);
  expect((await web.store.threshold('compact', 'CT1')).value).toBe(0.5);
  expect((await bob.ask('POST', confirm)).json).toMatchObject({ kind: 'activated' });
  expect((await bob.ask('GET', '/api/thresholds')).json).toMatchObject({
    secondPerson: true,
    history: [{ value: 0.4, by: 'ada', approvedBy: 'bob' }, { value: 0.5 }],
  });
  expect((await bob.ask('POST', '/api/thresholds/stop', { reason: 'Flags every implant' })).status).toBe(200);
  expect((await web.store.threshold('compact', 'CT1')).stopped).toBe(true);
  expect((await bob.ask('DELETE', `/api/thresholds/drafts/${String(asked.json['id'])}`)).status).toBe(409);
});

test('without a network there is nothing to change, and the board says so', async () => {
  const web = await startWeb({
    system: () => Promise.resolve({ ...READY, model: null, modelError: 'It does not load.' }),
  });
  const visitor = new Visitor(web.url);
  expect((await visitor.ask('GET', '/api/thresholds')).json).toMatchObject({
    model: null,
    rule: { site: null },
    scans: 0,
  });
  expect((await visitor.ask('GET', '/api/thresholds/what-if?value=0.5')).status).toBe(404);
  expect((await visitor.ask('POST', '/api/thresholds/stop', { reason: 'Flags every implant' })).status).toBe(404);
});
