import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import { createSignInLimits, type SignInLimits } from '../../../src/web/access/signInLimits.ts';
import { migrate, openDatabase, type SqliteDatabase } from '../../../src/worklist/db/database.ts';
import { createSignInCounts } from '../../../src/worklist/people/signInCounts.ts';

/** Makes limits that know nothing of each other, on one database for the whole test file: making one takes longer than most of these tests. */
export function limitsOfFile(): (clock: Clock) => SignInLimits {
  let database: SqliteDatabase;
  let folder: string;
  let made = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'odontoid-limits-'));
    const path = join(folder, 'worklist.sqlite');
    await migrate(path);
    database = await openDatabase(path);
  });
  afterAll(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });
  return (clock) => createSignInLimits(createSignInCounts(database, clock), `key ${(made += 1)}`, clock);
}
