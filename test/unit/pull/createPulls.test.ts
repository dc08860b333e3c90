import { expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { createLog } from '../../../src/base/log.ts';
import type { RetrieveOutcome } from '../../../src/pacs/retrieveOutcome.ts';
import type { FoundStudy } from '../../../src/pacs/archiveClient.ts';
import { createPulls } from '../../../src/pull/createPulls.ts';
import { createAuditLog } from '../../../src/worklist/audit/audit.ts';
import { openWorklist } from '../worklist/fixture.ts';

const study = (studyInstanceUid: string, modalities: string[] = ['CT']): FoundStudy => ({
  studyInstanceUid,
  accessionNumber: 'A7',
  patientId: 'SECRET-9',
  studyDate: '20261130',
  studyDescription: '',
  patientSex: '',
  statedInstances: 4,
  modalities,
});
const whole: RetrieveOutcome = { completed: 4, failed: 0, problem: null };

async function open(
  found: FoundStudy[] | TriageError,
  retrieve: (uid: string, onSent: (objects: number) => void) => Promise<RetrieveOutcome> = () => Promise.resolve(whole),
) {
  const { database, clock } = await openWorklist();
  const audit = createAuditLog(database, clock);
  const pulls = createPulls({
    archives: () =>
      ['old-pacs', 'unheard', 'by-get'].map((name) => ({
        name,
        callingAeTitle: name === 'by-get' ? null : name.toUpperCase(),
        client: {
          find: () =>
            found instanceof TriageError ? Promise.reject(found) : Promise.resolve({ studies: found, others: 0 }),
          retrieve: ({ studyInstanceUid }, _destination, onSent) => retrieve(studyInstanceUid, onSent!),
        },
      })),
    maySend: (aeTitle) => aeTitle === 'OLD-PACS',
    pull: {
      receivingAeTitle: 'ODONTOID',
      onRecord: () => Promise.resolve({ objects: 4, patientId: 'SECRET-9' }),
      clock: systemClock,
    },
    audit,
    clock,
    log: createLog('silent'),
  });
  const begin = (value: string, archive = 'old-pacs', allModalities = false) =>
    pulls.begin({ archive, key: 'patientId', value, allModalities, by: { name: 'anna', address: '10.0.0.8' } });
  const newest = () => pulls.list('anna').runs[0]!;
  const ended = async () => {
    await expect.poll(() => newest().endedAtMs).not.toBeNull();
    return newest();
  };
  return { pulls, begin, newest, ended, audit };
}

test('what is fetched is told of while it comes and at its end, and is in the audit without the patient', async () => {
  let finish = (): void => undefined;
  const { pulls, begin, newest, ended, audit } = await open(
    [study('2.25.1'), study('2.25.2', ['MR'])],
    (_uid, onSent) => {
      onSent(3);
      return new Promise((resolve) => {
        finish = () => resolve(whole);
      });
    },
  );
  expect(await begin(' SECRET-9 ')).toMatchObject({ value: 'SECRET-9', endedAtMs: null });
  await expect.poll(() => newest().says).toMatch('0 of 1 study fetched, 3 objects so far.');
  await expect(begin('SECRET-10')).rejects.toThrow('old-pacs is being asked already');
  finish();
  expect(await ended()).toMatchObject({
    says: '1 study came whole: 4 objects. Without a CT and left out: 1 study.',
    isGood: true,
    studies: [{ studyInstanceUid: '2.25.1', state: 'whole', objects: 4 }],
  });
  expect(pulls.list('berta').runs[0]!.value).toBeNull();
  const entries = await audit.page({}, 10);
  expect(entries.map(({ action, actor, target }) => [action, actor, target]).reverse()).toEqual([
    ['pull.requested', 'anna', 'old-pacs'],
    ['pull.ended', 'anna', '2.25.1'],
  ]);
  expect(JSON.stringify(entries)).not.toContain('SECRET');
});

test('the last sentence says what did not come, and goes on with the rest', async () => {
  const { begin, ended } = await open([study('2.25.1'), study('2.25.2'), study('2.25.3')], (uid) =>
    Promise.resolve(
      uid === '2.25.1'
        ? { completed: 1, failed: 3, problem: 'it could not send 3 of 4 objects' }
        : { completed: uid === '2.25.2' ? 0 : 4, failed: 0, problem: null },
    ),
  );
  await begin('SECRET-9');
  expect(await ended()).toMatchObject({
    says: '1 of 3 studies came whole: 5 objects.',
    isGood: false,
    studies: [
      { state: 'not-whole', problem: 'it could not send 3 of 4 objects' },
      { state: 'not-whole', problem: 'it sent no object, and says that this is all' },
      { state: 'whole', problem: null },
    ],
  });
});

test('an archive that sends on the association of the agent need not be in receive.sources', async () => {
  const { begin, ended } = await open([study('2.25.1')]);
  await begin('SECRET-9', 'by-get');
  expect(await ended()).toMatchObject({ says: '1 study came whole: 4 objects.' });
});

test.each([
  [[], 'old-pacs has no such study.'],
  [[study('2.25.1', ['MR'])], 'old-pacs has no such study with a CT. Without a CT and left out: 1 study.'],
  [
    Array.from({ length: 11 }, (_, at) => study(`2.25.${at}`)),
    '11 studies match, and at most 10 are fetched at once: ask for one of them.',
  ],
  [new TriageError('pacs-unreachable', 'It does not answer.'), 'It does not answer.'],
])('nothing to fetch (%#) is said, and is no success', async (found, says) => {
  const { begin, ended } = await open(found);
  await begin('SECRET-9');
  expect(await ended()).toMatchObject({ says, isGood: false, studies: [] });
});

test('what cannot be asked is refused before anything is recorded', async () => {
  const { pulls, begin, audit } = await open([]);
  await expect(begin('S*')).rejects.toThrow('is no value to ask for');
  await expect(begin('S', 'unheard')).rejects.toThrow('add it to receive.sources');
  await expect(begin('S', 'nowhere')).rejects.toMatchObject({ code: 'not-found' });
  expect([pulls.list('anna').runs, await audit.page({}, 10)]).toEqual([[], []]);
});
