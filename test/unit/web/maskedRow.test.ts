import { expect, test } from 'vitest';
import { withoutLocations } from '../../../src/web/maskedRow.ts';
import type { WorklistRow } from '../../../src/worklist/list/worklistQuery.ts';
import { addStudy } from '../../browser/seededWorklist.ts';
import { addUser, shiftedClock, Visitor } from './visitor.ts';
import { startWeb } from './webFixture.ts';

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
  expect(withoutLocations(row!)).toEqual({ ...row!, levels: [], keySlices: [] });
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
