import { expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { createLog } from '../../../src/base/log.ts';
import type { RetrieveOutcome } from '../../../src/pacs/retrieveOutcome.ts';
import type { ArchiveClient, FoundStudy } from '../../../src/pacs/archiveClient.ts';
import { lookAtArchive, watchArchives } from '../../../src/pull/watchArchives.ts';
import { createWatchedArchives } from '../../../src/worklist/cases/watchedArchives.ts';
import { openWorklist } from '../worklist/fixture.ts';

/** Noon of a day in local time. */
const noon = (day: number): number => new Date(2026, 10, day, 12).getTime();
const SENT: RetrieveOutcome = { completed: 4, failed: 0, problem: null };

/** An archive that answers what a test says, and the watch of it over a real database. */
async function watched(answers: Partial<ArchiveClient>, overlapDays = 2) {
  const { database } = await openWorklist();
  let nowMs = noon(20);
  const clock = { ...systemClock, now: () => nowMs };
  const store = createWatchedArchives(database, clock);
  const asked: string[] = [];
  const moved: string[] = [];
  const client: ArchiveClient = {
    find: () => Promise.resolve({ studies: [], others: 0 }),
    findOfPatient: () => Promise.reject(new Error('nobody asks for priors')),
    findCts: (from, to) => {
      asked.push(`${from}-${to ?? ''}`);
      return answers.findCts?.(from, to) ?? Promise.resolve([]);
    },
    retrieve: (study, destination) => {
      moved.push(`${study.studyInstanceUid} to ${destination}`);
      return answers.retrieve?.(study, destination) ?? Promise.resolve(SENT);
    },
    ...(answers.find && { find: answers.find }),
  };
  const options = {
    archives: [
      { name: 'old-pacs', client, mayBeWanted: ({ studyDescription }: FoundStudy) => studyDescription !== 'Chest' },
    ],
    store,
    overlapDays,
    mostStudies: 5,
    pull: { receivingAeTitle: 'ODONTOID', onRecord: () => Promise.resolve({ objects: 4, patientId: 'P' }), clock },
    clock,
    log: createLog('silent'),
  };
  const look = async (day: number): Promise<void> => {
    nowMs = noon(day);
    await lookAtArchive(options.archives[0]!, options, new AbortController().signal);
  };
  const watch = (isOurs?: () => Promise<boolean>) => watchArchives({ ...options, ...(isOurs && { isOurs }) });
  return { look, watch, store, asked, moved };
}

const study = (studyInstanceUid: string, over: Partial<FoundStudy> = {}): FoundStudy => ({
  studyInstanceUid,
  accessionNumber: '',
  patientId: 'P',
  studyDate: '20261120',
  studyDescription: 'Neck',
  patientSex: 'F',
  statedInstances: 4,
  modalities: ['CT'],
  ...over,
});

test('however long the agent was down, every day since is asked for, and the last days again', async () => {
  const { look, asked } = await watched({});
  await look(20);
  expect(asked.splice(0)).toEqual(['20261118-20261118', '20261119-20261119', '20261120-']);
  await look(23);
  expect(asked.splice(0)).toEqual(
    ['20261118', '20261119', '20261120', '20261121', '20261122'].map((day) => `${day}-${day}`).concat('20261123-'),
  );
});

test('a look that breaks off goes on at the day at which it broke off', async () => {
  let isDown = true;
  const down = () => Promise.reject(new TriageError('pacs-unreachable', 'OLD at pacs:104: it does not answer.'));
  const { look, asked, store } = await watched(
    { findCts: (from) => (isDown && from === '20261120' ? down() : Promise.resolve([])) },
    1,
  );
  await look(20);
  expect((await store.status('old-pacs')).lastError).toMatch(/it does not answer/);
  expect(await store.askedTo('old-pacs')).toBe('20261119');
  asked.length = 0;
  isDown = false;
  await look(24);
  expect(asked[0]).toBe('20261118-20261118');
  expect(await store.status('old-pacs')).toMatchObject({ lastError: null });
});

test('only what may be wanted is fetched, and once', async () => {
  const { look, moved } = await watched({
    findCts: (_from, to) =>
      Promise.resolve(to === null ? [study('1.2'), study('1.3', { studyDescription: 'Chest' })] : []),
  });
  await look(20);
  await look(20);
  expect(moved).toEqual(['1.2 to ODONTOID']);
});

test('an archive that sends less than it states has not sent it, and one that no longer has it is not asked for it again', async () => {
  let has = true;
  const { look, moved, store } = await watched({
    findCts: (_from, to) => Promise.resolve(to === null && has ? [study('1.2', { statedInstances: 9 })] : []),
    find: () => Promise.resolve({ studies: has ? [study('1.2')] : [], others: 0 }),
  });
  await look(20);
  expect(await store.status('old-pacs')).toMatchObject({
    waiting: 1,
    fetchError: 'it sent 4 of 9 objects and says that this is all',
  });
  has = false;
  moved.length = 0;
  await look(21);
  expect([moved, (await store.status('old-pacs')).waiting]).toEqual([[], 0]);
});

test('a stop does not wait for an archive that does not answer', async () => {
  const { watch, moved, store } = await watched({
    findCts: (_from, to) => Promise.resolve(to === null ? [study('1.2')] : []),
    retrieve: () => new Promise<RetrieveOutcome>(() => undefined),
  });
  const watching = watch();
  await expect.poll(() => moved.length).toBe(1);
  await watching.stop();
  expect([moved.length, (await store.status('old-pacs')).waiting]).toEqual([1, 1]);
});

test('an archive that another process watches is not asked', async () => {
  const { watch, asked } = await watched({});
  const isOurs = vi.fn(() => Promise.resolve(false));
  const watching = watch(isOurs);
  await expect.poll(() => isOurs.mock.calls.length).toBe(1);
  await watching.stop();
  expect(asked).toEqual([]);
});
