import { expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { createLog } from '../../../src/base/log.ts';
import type { RetrieveOutcome } from '../../../src/pacs/retrieveOutcome.ts';
import type { ArchiveClient } from '../../../src/pacs/archiveClient.ts';
import { searchOne, startFetchingPriors, type PriorArchive } from '../../../src/pull/fetchPriors.ts';
import { createAuditLog } from '../../../src/worklist/audit/audit.ts';
import { createPriorSearches } from '../../../src/worklist/cases/priorSearches.ts';
import { instanceOf, openWorklist, studyUid, toInferred } from '../worklist/fixture.ts';

type Found = Awaited<ReturnType<ArchiveClient['findOfPatient']>>[number];
const WHOLE: RetrieveOutcome = { completed: 4, failed: 0, problem: null };

const found = (study: number | string, over: Partial<Found> = {}): Found => ({
  studyInstanceUid: studyUid(study),
  accessionNumber: '',
  patientId: 'P-1',
  studyDate: '20250312',
  studyDescription: 'CT C-spine',
  patientSex: 'F',
  statedInstances: 4,
  modalities: ['CT'],
  patient: {
    patientId: 'P-1',
    issuerOfPatientId: '',
    patientName: 'Doe^Jane',
    patientBirthDate: '19700101',
    patientSex: 'F',
  },
  ...over,
});

async function open(
  answers: {
    find?: () => Promise<Found[]>;
    retrieve?: (study: string) => Promise<RetrieveOutcome>;
  },
  patientId = 'P-1',
) {
  const worklist = await openWorklist();
  const { database, clock } = worklist;
  clock.advance(60_000);
  await toInferred(worklist, 1, 0.9);
  const searches = createPriorSearches(database, clock);
  const audit = createAuditLog(database, clock);
  const asked: string[] = [];
  const fetched: string[] = [];
  const archive: PriorArchive = {
    name: 'old-pacs',
    client: {
      findOfPatient: (patient) => {
        asked.push(patient);
        return answers.find?.() ?? Promise.resolve([]);
      },
      retrieve: ({ studyInstanceUid }) => {
        fetched.push(studyInstanceUid);
        return answers.retrieve?.(studyInstanceUid) ?? Promise.resolve(WHOLE);
      },
    },
    mayBeWanted: ({ studyDescription }) => studyDescription !== 'Not for us',
  };
  if (patientId !== 'P-1') await database.db.updateTable('cases').set({ patient_id: patientId }).execute();
  const options = {
    archives: [archive],
    searches,
    limits: { mostStudies: 2, maxAgeYears: 5, minAgeMs: 3 * 86_400_000 },
    pull: {
      receivingAeTitle: 'ODONTOID',
      onRecord: () => Promise.resolve({ objects: 4, patientId: 'P-1' }),
      clock: systemClock,
    },
    audit,
    clock,
    log: createLog('silent'),
  };
  await searches.noteNew(['old-pacs']);
  const look = () => searchOne(archive, options, new AbortController().signal);
  return { ...worklist, searches, audit, asked, fetched, options, look };
}

test('priors of the patient are fetched, what is not wanted is left there, and nothing is asked twice', async () => {
  const { look, asked, fetched, audit, searches } = await open({
    find: () =>
      Promise.resolve([
        found('prior'),
        found('namesake', { patient: { ...found(0).patient, patientName: 'Roe^Ronja' } }),
        // An archive that does not know the key answers with everything.
        found('unasked', { patient: { ...found(0).patient, patientId: 'P-99' } }),
        found('refused', { studyDescription: 'Not for us' }),
        found('chest', { studyDescription: 'CT chest' }),
      ]),
  });
  expect([await look(), await look()]).toEqual([true, false]);
  expect([asked, fetched]).toEqual([['P-1'], [studyUid('prior')]]);
  // The ID may be a mistake.
  expect((await searches.status('old-pacs')).lastError).toBe(
    '1 left there: under the same patient ID, but another name',
  );
  const [entry] = await audit.page({ action: 'pull.ended' }, 5);
  expect(entry).toMatchObject({
    actor: 'odontoid',
    target: studyUid('prior'),
    detail: { archive: 'old-pacs', objects: 4, whole: true, priorOf: studyUid(1) },
  });
});

test('a prior that is here already is not fetched again', async () => {
  const { store, look, fetched } = await open({ find: () => Promise.resolve([found('here', { statedInstances: 1 })]) });
  await store.recordInstances([instanceOf({ study: 'here' })]);
  await look();
  expect(fetched).toEqual([]);
});

test.each<[what: string, answers: Parameters<typeof open>[0], why: RegExp]>([
  [
    'an archive that does not answer',
    { find: () => Promise.reject(new TriageError('pacs-unreachable', 'OLD at pacs:104: nothing listens there.')) },
    /^OLD at pacs:104/,
  ],
  [
    'a prior that comes in part',
    {
      find: () => Promise.resolve([found('prior')]),
      retrieve: () => Promise.resolve({ completed: 2, failed: 2, problem: 'it could not send 2 of 4 objects' }),
    },
    /it could not send 2 of 4 objects/,
  ],
  [
    'a prior of which nothing comes',
    {
      find: () => Promise.resolve([found('prior')]),
      retrieve: () => Promise.resolve({ completed: 0, failed: 0, problem: null }),
    },
    /it sent no object/,
  ],
])('%s is tried again, told to admins, and changes nothing for the scan', async (_what, answers, why) => {
  const { look, searches, query, clock } = await open(answers);
  const before = await query.rows();
  await look();
  expect(await searches.status('old-pacs')).toEqual({ waiting: 1, lastError: expect.stringMatching(why) as string });
  expect(await query.rows()).toEqual(before);
  expect(await look()).toBe(false);
  clock.advance(60_000);
  expect(await look()).toBe(true);
});

test.each(['P*', 'P?1', 'P\\1', 'Pé'])(
  'a patient ID that could match others (%s) is not asked for',
  async (patientId) => {
    const { look, asked, searches } = await open({}, patientId);
    expect([await look(), asked]).toEqual([true, []]);
    expect(await searches.status('old-pacs')).toEqual({
      waiting: 0,
      lastError: expect.stringContaining('cannot be asked') as string,
    });
  },
);

test('a stop does not wait for an archive that does not answer, and the search is due again', async () => {
  const { options, fetched, searches } = await open({
    find: () => Promise.resolve([found('prior')]),
    retrieve: () => new Promise<RetrieveOutcome>(() => undefined),
  });
  const fetching = startFetchingPriors({ ...options, clock: { ...systemClock, now: () => options.clock.now() } });
  await expect.poll(() => fetched.length).toBe(1);
  await fetching.stop();
  expect((await searches.nextDue('old-pacs'))?.studyInstanceUid).toBe(studyUid(1));
});

test('priors that another process looks for are not looked for here', async () => {
  let asked = 0;
  const { options } = await open({
    find: () => {
      asked += 1;
      return Promise.resolve([found('prior')]);
    },
  });
  const isOurs = vi.fn(() => Promise.resolve(false));
  const fetching = startFetchingPriors({
    ...options,
    isOurs,
    clock: { ...systemClock, now: () => options.clock.now() },
  });
  await expect.poll(() => isOurs.mock.calls.length).toBe(1);
  await fetching.stop();
  expect(asked).toBe(0);
});
