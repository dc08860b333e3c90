import { expect, it, onTestFinished } from 'vitest';
import { createCaseStore } from '../../src/worklist/cases/caseStore.ts';
import { openDatabase, type PostgresPlace } from '../../src/worklist/db/database.ts';
import { instanceOf, openWorklist, studyUid } from '../unit/worklist/fixture.ts';
import { onServer } from './copiedDatabase.ts';

/** A store, and another process that follows it. */
async function followed() {
  const { place, clock, store } = await openWorklist();
  const database = await openDatabase(place);
  const other = createCaseStore(database, clock, { nodeName: 'other' });
  const told: string[] = [];
  const errors: unknown[] = [];
  other.onChange((study) => told.push(study));
  const unfollow = other.followOthers((error) => errors.push(error))!;
  onTestFinished(async () => {
    await unfollow();
    await database.close();
  });
  // It has begun to listen, and may have missed something.
  await expect.poll(() => told).toEqual(['']);
  told.length = 0;
  return { place, store, other, told, errors };
}

const receive = (study: number) => instanceOf({ study, number: 1 });

it('what one process changes, the others are told of, each study by its UID and once', async () => {
  const { store, other, told } = await followed();
  await store.recordInstances([receive(1), receive(2)]);
  await expect.poll(() => [...told].sort()).toEqual([studyUid(1), studyUid(2)]);
  told.length = 0;
  await other.recordInstances([receive(3)]);
  await store.recordInstances([receive(4)]);
  await expect.poll(() => told).toEqual([studyUid(3), studyUid(4)]);
});

it('more studies than one announcement has room for', async () => {
  const { store, told } = await followed();
  const studies = Array.from({ length: 101 }, (_, index) => index + 1);
  await store.recordInstances(studies.map(receive));
  await expect.poll(() => [...told].sort()).toEqual(studies.map((study) => studyUid(study)).sort());
});

it('what was rolled back is not announced', async () => {
  const { store, told } = await followed();
  await expect(
    store.recordInstances([receive(1), { ...receive(2), path: null as unknown as string }]),
  ).rejects.toThrow();
  await store.recordInstances([receive(3)]);
  await expect.poll(() => told).toEqual([studyUid(3)]);
});

it('after a lost connection others are heard again, and what was missed is looked for', async () => {
  const { place, store, told } = await followed();
  const name = new URL((place as PostgresPlace).url).pathname.slice(1);
  const ended = await onServer(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and query ilike 'listen%'`,
  );
  expect(ended).toHaveLength(1);
  await expect.poll(() => told).toEqual(['']);
  await store.recordInstances([receive(1)]);
  await expect.poll(() => told).toEqual(['', studyUid(1)]);
});
