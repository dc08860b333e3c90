import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import { createCaseStore } from '../../../src/worklist/cases/caseStore.ts';
import type { CaseStoreOptions, WorklistStore } from '../../../src/worklist/cases/caseStore.ts';
import { migrate, openDatabase } from '../../../src/worklist/db/database.ts';
import type { WorklistDatabase } from '../../../src/worklist/db/database.ts';
import { createWorklistQuery } from '../../../src/worklist/list/worklistQuery.ts';
import type { WorklistQuery } from '../../../src/worklist/list/worklistQuery.ts';
import { findingsOf, instanceOf, manifestOf, objectsOf, START_MS, studyUid } from './facts.ts';

export * from './facts.ts';

/** Time that passes only when a test says so. */
export interface TestClock extends Clock {
  advance(ms: number): void;
}

export function testClock(startMs = START_MS): TestClock {
  let now = startMs;
  return {
    now: () => now,
    monotonicMs: () => now,
    sleep: () => Promise.reject(new Error('nothing here sleeps')),
    after: () => () => undefined,
    advance: (ms) => {
      now += ms;
    },
  };
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'odontoid-worklist-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface Worklist {
  path: string;
  clock: TestClock;
  database: WorklistDatabase;
  store: WorklistStore;
  query: WorklistQuery;
}

/** A migrated worklist on a real file. */
export async function openWorklist(options: Partial<CaseStoreOptions> = {}): Promise<Worklist> {
  const path = join(await temporaryFolder(), 'worklist.sqlite');
  await migrate(path);
  const database = await openDatabase(path);
  onTestFinished(() => database.close());
  const clock = testClock();
  return {
    path,
    clock,
    database,
    store: createCaseStore(database, clock, { destinations: ['pacs'], ...options }),
    query: createWorklistQuery(database, clock, { maxWaitMs: 60 * 60_000 }),
  };
}

/** Brings a study of `slices` slices through assembling and inference; one that has fewer becomes a new revision. */
export async function toInferred(
  { store }: Worklist,
  study: number | string,
  probability: number,
  slices = 3,
): Promise<void> {
  await store.recordInstances(Array.from({ length: slices }, (_, index) => instanceOf({ study, number: index + 1 })));
  await store.nudgeComplete([studyUid(study)]);
  const assembling = await claimed(store, 'assemble');
  await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) });
  await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings: findingsOf(probability) });
}

export async function toReported(
  worklist: Worklist,
  study: number | string,
  probability: number,
  revision = 1,
): Promise<void> {
  await toInferred(worklist, study, probability);
  await worklist.store.apply(await claimed(worklist.store, 'report'), {
    type: 'reported',
    objects: objectsOf(study, revision),
  });
}

export async function deliverAll({ store }: Worklist, destination = 'pacs'): Promise<void> {
  for (const due of await store.dueDeliveries(destination, 1000)) {
    await store.recordDelivery(due.id, { kind: 'sent', status: '0000' });
    await store.recordDelivery(due.id, { kind: 'confirmed' });
  }
}

export async function claimed(store: WorklistStore, stage: 'assemble' | 'infer' | 'report') {
  const claim = await store.claim(stage, 60_000);
  if (claim === null) throw new Error(`nothing is due for ${stage}`);
  return claim;
}
