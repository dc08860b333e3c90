import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompiledQuery } from 'kysely';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import { createCaseStore } from '../../../src/worklist/cases/caseStore.ts';
import type { CaseStoreOptions, WorklistStore } from '../../../src/worklist/cases/caseStore.ts';
import { migrate, openDatabase } from '../../../src/worklist/db/database.ts';
import type { DatabasePlace, SqliteDatabase, WorklistDatabase } from '../../../src/worklist/db/database.ts';
import { isPostgres } from '../../../src/worklist/db/dialect.ts';
import { createWorklistQuery } from '../../../src/worklist/list/worklistQuery.ts';
import type { WorklistQuery } from '../../../src/worklist/list/worklistQuery.ts';
import { copiedDatabase, onPostgres, spoil } from '../../postgres/copiedDatabase.ts';
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
  place: DatabasePlace;
  clock: TestClock;
  database: WorklistDatabase;
  store: WorklistStore;
  query: WorklistQuery;
}

/** A migrated worklist: on a real file, or, in the project `postgres`, on a real server. */
export async function openWorklist(options: Partial<CaseStoreOptions> = {}): Promise<Worklist> {
  return onPostgres() ? openOn(await copiedDatabase(), openDatabase, options) : openFileWorklist(options);
}

/** A migrated worklist on a real file, for tests of what only SQLite does. */
export async function openFileWorklist(
  options: Partial<CaseStoreOptions> = {},
): Promise<Worklist & { place: string; database: SqliteDatabase }> {
  const path = join(await temporaryFolder(), 'worklist.sqlite');
  await migrate(path);
  return openOn(path, (place) => openDatabase(place), options);
}

async function openOn<Place extends DatabasePlace, Database extends WorklistDatabase>(
  place: Place,
  open: (place: Place) => Promise<Database>,
  options: Partial<CaseStoreOptions>,
): Promise<Worklist & { place: Place; database: Database }> {
  const database = await open(place);
  onTestFinished(() => database.close());
  const clock = testClock();
  return {
    place,
    clock,
    database,
    store: createCaseStore(database, clock, { destinations: ['pacs'], ...options }),
    query: createWorklistQuery(database, clock, { maxWaitMs: 60 * 60_000 }),
  };
}

/** Runs a statement past the worklist's own code; `?` stands for each value. */
export async function runSql<Row>(
  { db }: Pick<WorklistDatabase, 'db'>,
  statement: string,
  ...values: unknown[]
): Promise<Row[]> {
  let count = 0;
  const text = isPostgres(db) ? statement.replaceAll('?', () => `$${(count += 1)}`) : statement;
  return (await db.executeQuery<Row>(CompiledQuery.raw(text, values))).rows;
}

/** Lets so much of every lease on a case pass: on PostgreSQL they end by the server's clock, which no test sets. */
export async function passOfLeases(
  { database, clock }: Pick<Worklist, 'database' | 'clock'>,
  ms: number,
): Promise<void> {
  if (isPostgres(database.db)) await runSql(database, 'update cases set lease_until = lease_until - ?', ms);
  else clock.advance(ms);
}

/** From now on the audit takes no entry. */
export async function fillAudit({ database, place }: Pick<Worklist, 'database' | 'place'>): Promise<void> {
  if (typeof place !== 'string') spoil(place);
  if (!isPostgres(database.db))
    await runSql(
      database,
      "create temp trigger full before insert on audit_log begin select raise(abort, 'no room'); end",
    );
  else {
    await runSql(
      database,
      "create function no_room() returns trigger language plpgsql as $$ begin raise exception 'no room'; end $$",
    );
    await runSql(database, 'create trigger no_room before insert on audit_log for each row execute function no_room()');
  }
}

/** Lets a test change the audit, as somebody with the right to the database can. */
export async function unprotectAudit({ database, place }: Pick<Worklist, 'database' | 'place'>): Promise<void> {
  if (typeof place !== 'string') spoil(place);
  if (isPostgres(database.db)) await runSql(database, 'alter table audit_log disable trigger user');
  else for (const change of ['update', 'delete']) await runSql(database, `drop trigger audit_log_no_${change}`);
}

/** Brings a study of `slices` slices through assembling and inference; one that has fewer becomes a new revision. */
export async function toInferred(
  { store }: Pick<Worklist, 'store'>,
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
