import { expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createPatientNames, type NamesRule } from '../../../src/web/patientNames.ts';
import { findingsWithoutLocations, withoutLocations } from '../../../src/web/maskedRow.ts';
import type { Findings } from '../../../src/case/case.ts';
import type { WorklistRow } from '../../../src/answers/worklistAnswer.ts';
import type { SqliteDatabase } from '../../../src/worklist/db/database.ts';
import { addStudy, studyUid } from '../../browser/seededWorklist.ts';
import { instanceOf } from '../worklist/facts.ts';
import { addUser, shiftedClock, Visitor } from './visitor.ts';
import { ask, startWeb } from './webFixture.ts';

test('a masked answer tells nobody who the patients are', async () => {
  const web = await startWeb();
  await addStudy(web, {
    id: 'flag',
    outcome: 0.9,
    slices: 8,
    patientName: 'Lindqvist^Maja',
    patientId: 'ID-77',
    patientBirthDate: '19480312',
    patientAge: '078Y',
    accessionNumber: 'E26-4471',
    receipt: 'sent',
  });
  const open = await (await fetch(`${web.url}/api/worklist`)).text();
  const masked = await (await fetch(`${web.url}/api/worklist?masked=true`)).text();
  const secrets = /Lindqvist|ID-77|19480312|078Y|E26|2\.25\.\d{5}|"C5"/;
  expect(open).toMatch(secrets);
  expect(masked).not.toMatch(secrets);
  // Where to look is no identity.
  expect(JSON.parse(masked)).toMatchObject({
    rows: [{ finding: 'C5-C6, series 2 image 3' }],
    flags: { open: [{ finding: 'C5-C6, series 2 image 3' }] },
  });
  const { rows } = JSON.parse(masked) as { rows: { accessionNumber: string; age: string; caseRef: string }[] };
  expect(rows[0]).toMatchObject({
    accessionNumber: '4471',
    age: '70-79 y',
    caseRef: expect.stringMatching(/^[0-9a-f]{20}$/) as string,
  });
});

test('a row without locations says how suspicious, and not where', async () => {
  const web = await startWeb();
  await addStudy(web, { id: 'flag', outcome: 0.9, slices: 8 });
  const { rows } = JSON.parse(await (await fetch(`${web.url}/api/worklist`)).text()) as { rows: WorklistRow[] };
  const [row] = rows;
  expect(row!.levels).toEqual(['C5', 'C6']);
  expect(row!.keySlices).not.toEqual([]);
  expect(withoutLocations(row!)).toEqual({ ...row!, levels: [], finding: null, keySlices: [] });
});

test('findings without locations name no slice and no vertebra', () => {
  const findings = {
    decision: 'suspected',
    probability: 0.9,
    slices: [{ sopInstanceUid: '1', score: 0.9, imageProbability: 0.8 }],
    vertebrae: [{ level: 'C5', probability: 0.9 }],
    keySlices: [{ sopInstanceUid: '1' }],
  } as unknown as Findings;
  expect(findingsWithoutLocations(findings)).toStrictEqual({
    decision: 'suspected',
    probability: 0.9,
    slices: [],
    keySlices: [],
  });
});

const MINUTE_MS = 60_000;

async function siteWith(patientNames: 'shown' | 'on-request' | 'hidden') {
  const clock = shiftedClock();
  const web = await startWeb({ clock, signIn: { signIn: 'local' }, patientNames });
  await addStudy(web, { id: 'flag', outcome: 0.9, patientName: 'Lindqvist^Maja' });
  await addUser(web, 'ann', 'reader');
  await addUser(web, 'ben', 'reader');
  const signedIn = async (name: string) => {
    const visitor = new Visitor(web.url);
    await visitor.signIn(name);
    return visitor;
  };
  const { secret } = await web.access.tokens.add('monitor', null, 'test');
  const token = new Visitor(web.url, { Origin: '', Authorization: `Bearer ${secret}` });
  return { clock, web, ann: await signedIn('ann'), ben: await signedIn('ben'), token };
}
const namesIn = async (visitor: Visitor, path = '/api/worklist?masked=false') =>
  (await visitor.ask('GET', path)).body.includes('Lindqvist');

test('where names come on request, they come to the reader who asked, for half an hour, on record', async () => {
  const { clock, web, ann, ben, token } = await siteWith('on-request');
  const caseOf = `/api/cases/${((await ann.ask('GET', '/api/worklist')).json as { rows: { caseRef: string }[] }).rows[0]!.caseRef}`;
  expect([await namesIn(ann), await namesIn(ben), await namesIn(token)]).toEqual([false, false, false]);
  expect((await ann.ask('POST', '/api/worklist/names')).status).toBe(204);
  expect((await token.ask('POST', '/api/worklist/names')).status).toBe(403);
  expect([await namesIn(ann), await namesIn(ben), await namesIn(token)]).toEqual([true, false, false]);
  expect((await web.access.audit.page({ action: 'names.shown' }, 5)).map(({ actor }) => actor)).toEqual(['ann']);
  // Who opens a case must know whose it is; a machine need not.
  expect([await namesIn(ben, caseOf), await namesIn(token, caseOf)]).toEqual([true, false]);
  clock.advance(20 * MINUTE_MS);
  await ann.ask('POST', '/api/session/activity');
  expect(await namesIn(ann)).toBe(true);
  clock.advance(11 * MINUTE_MS);
  expect(await namesIn(ann)).toBe(false);
});

test('where names are hidden, no asking brings them into the list', async () => {
  const { ann } = await siteWith('hidden');
  await ann.ask('POST', '/api/worklist/names');
  expect(await namesIn(ann)).toBe(false);
  expect((await ann.ask('GET', '/api/worklist')).json).toMatchObject({ masked: true, namesMayBeShown: false });
});

test('where names are shown, a token reads them too', async () => {
  const { ann, token } = await siteWith('shown');
  expect([await namesIn(ann), await namesIn(token)]).toEqual([true, true]);
});

/** Text that is no free text: keys, states and codes of our own, without which there is no row. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  cases: [
    'study_instance_uid',
    'state',
    'case_ref',
    'lease_token',
    'lease_stage',
    'lease_node',
    'lease_boot',
    'failure_code',
    'failure_stage',
  ],
  analyses: ['study_instance_uid', 'decision'],
  result_objects: ['sop_instance_uid', 'study_instance_uid', 'kind'],
  deliveries: ['sop_instance_uid', 'status'],
  case_events: ['study_instance_uid', 'type', 'from_state', 'to_state'],
  verdicts: ['study_instance_uid', 'verdict', 'fracture', 'model_sha256'],
  instances: ['study_instance_uid', 'sop_instance_uid', 'sha256', 'kind'],
};
/** What a masked answer may show: machines, staff, networks, and the place that the site has chosen to show. */
const SHOWN = new Set([
  'cases.source_ae_title',
  'cases.location',
  'cases.read_by',
  'cases.claimed_by',
  'analyses.model_name',
  'analyses.model_version',
  'analyses.model_sha256',
  'deliveries.destination',
  'case_events.actor',
  'verdicts.created_by',
]);
/** Strings of JSON columns that are enums, or the names of the network and of its runtime. */
const PLAIN = new Set(['decision', 'levels', 'name', 'version', 'sha256', 'provider']);

function poisoned(value: unknown, canary: string, key = ''): unknown {
  if (typeof value === 'string') return PLAIN.has(key) ? value : canary;
  if (Array.isArray(value)) return value.map((item) => poisoned(item, canary, key));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, poisoned(item, canary, name)]));
}

/** Puts a word of its own into every text column; returns those words. */
function plantCanaries({ sqlite }: SqliteDatabase): string[] {
  const planted: string[] = [];
  for (const [table, keys] of Object.entries(KEYS)) {
    const columns = sqlite.pragma(`table_info(${table})`) as { name: string; type: string }[];
    for (const { name, type } of columns) {
      if (type.toLowerCase() !== 'text' || keys.includes(name)) continue;
      const canary = `CANARY-${table}.${name}-YRANAC`;
      planted.push(canary);
      const rows = sqlite.prepare(`select rowid as id, ${name} as text from ${table}`).all() as {
        id: number;
        text: string | null;
      }[];
      for (const { id, text } of rows) {
        // The kind of this state is told by its code alone.
        if (name === 'reason_code' && text === 'outside-domain') continue;
        if (text === null && !/^last_|_by$|reason/.test(name)) continue;
        if (name === 'quarantine_reason' && text === null) continue;
        const isJson = text !== null && /^[[{]/.test(text);
        sqlite
          .prepare(`update ${table} set ${name} = ? where rowid = ?`)
          .run(isJson ? JSON.stringify(poisoned(JSON.parse(text), canary)) : canary, id);
      }
    }
  }
  return planted;
}

test('no word of any text column leaves with names hidden but those that a masked answer may show', async () => {
  const clock = shiftedClock();
  const web = await startWeb({ clock, signIn: { signIn: 'local' }, patientNames: 'hidden' });
  const thick = { reasonCode: 'too-thick', reason: 'Slices are 5 mm thick' };
  await addStudy(web, { id: 'flag', outcome: 0.9, slices: 8, receipt: 'refused', location: 'ED bay 3' });
  await addStudy(web, { id: 'plain', outcome: 0.1, receipt: 'confirmed' });
  await addStudy(web, { id: 'thick', outcome: thick });
  await addStudy(web, {
    id: 'metal',
    outcome: { reasonCode: 'outside-domain', reason: 'Outside tested range (metal)' },
  });
  await addStudy(web, { id: 'failed', outcome: 0.2 });
  await addStudy(web, { id: 'held', outcome: 0.2 });
  await web.store.recordInstances([instanceOf({ study: 'held', number: 9, patientId: 'ANOTHER' })]);
  await addStudy(web, { id: 'held flag', outcome: 0.8 });
  await web.store.recordInstances([instanceOf({ study: 'held flag', number: 9, patientId: 'ANOTHER' })]);
  await web.store.recordInstances([instanceOf({ study: 'running', number: 1, receivedAtMs: clock.now() })]);
  await web.store.recordVerdict(studyUid('flag'), { revision: 1, verdict: 'agree', actor: 'ann' });
  web.database.sqlite
    .prepare(
      `update cases set state = 'failed', failure_code = 'unexpected', failure_message = 'x', failure_stage = 'infer'
      where study_instance_uid = ?`,
    )
    .run(studyUid('failed'));
  web.database.sqlite.prepare('delete from analyses where study_instance_uid = ?').run(studyUid('failed'));
  const canaries = plantCanaries(web.database);
  expect(canaries.length).toBeGreaterThan(40);

  await addUser(web, 'ann', 'reader');
  const ann = new Visitor(web.url);
  await ann.signIn('ann');
  const { secret } = await web.access.tokens.add('monitor', null, 'test');
  const token = new Visitor(web.url, { Origin: '', Authorization: `Bearer ${secret}` });
  const wall = await web.access.tokens.openWall(
    (await web.access.tokens.addWall('ed', { name: 'test', address: '' })).secret,
    '',
  );
  const list = await ann.ask('GET', '/api/worklist');
  const rows = list.json['rows'] as { caseRef: string; status: string }[];
  expect(new Set(rows.map(({ status }) => status))).toEqual(
    new Set(['flagged', 'unflagged', 'not-analysed', 'outside-domain', 'failed', 'held', 'running']),
  );
  const answers: Record<string, string> = {
    list: list.body,
    'list of a token': (await token.ask('GET', '/api/worklist')).body,
    wall: (await ask(`${web.url}/api/wall`, 'GET', { Cookie: `odontoid-wall=${wall}` })).body,
    metrics: (await token.ask('GET', '/metrics')).body,
    readyz: (await token.ask('GET', '/readyz')).body,
  };
  for (const { caseRef } of rows) {
    const answer = await token.ask('GET', `/api/cases/${caseRef}`);
    expect(answer.status, answer.body).toBe(200);
    answers[`case ${caseRef}`] = answer.body;
  }
  for (const [where, body] of Object.entries(answers)) {
    expect(body.length).toBeGreaterThan(20);
    const seen = canaries.filter((canary) => body.includes(canary)).map((canary) => canary.slice(7, -7));
    expect(
      seen.filter((column) => !SHOWN.has(column)),
      where,
    ).toEqual([]);
    for (const id of ['flag', 'plain', 'held', 'thick']) expect(body, where).not.toContain(studyUid(id));
  }
  // The canaries sing: who may see names is shown them.
  const open = await ann.ask('GET', `/api/cases/${rows[0]!.caseRef}`);
  for (const column of ['cases.patient_name', 'deliveries.last_error', 'cases.study_description'])
    expect(open.body, column).toContain(`CANARY-${column}-YRANAC`);
});

test('a rule that changes counts at the next look', async () => {
  let rule: NamesRule = 'shown';
  const names = createPatientNames(
    () => rule,
    { showNames: () => Promise.reject(new Error('nobody is signed in')) },
    systemClock,
  );
  const ann = { role: 'reader', name: 'ann', session: null } as const;
  const seen = () => [names.mayBeShown, names.inListFor(ann)];
  expect(seen()).toEqual([true, true]);
  rule = 'on-request';
  expect(seen()).toEqual([true, false]);
  await names.show(ann);
  expect(seen()).toEqual([true, true]);
  rule = 'hidden';
  expect(seen()).toEqual([false, false]);
});
