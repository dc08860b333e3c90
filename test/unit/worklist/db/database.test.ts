import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { migrate, openDatabase } from '../../../../src/worklist/db/database.ts';
import { temporaryFolder } from '../fixture.ts';

describe('database', () => {
  it('migrates once, and opens each time in WAL with synchronous FULL and foreign keys', async () => {
    const path = join(await temporaryFolder(), 'worklist.sqlite');
    const steps = (await readdir(new URL('../../../../migrations/', import.meta.url)))
      .map((file) => file.replace(/\.ts$/, ''))
      .sort();
    expect(await migrate(path)).toEqual({ applied: steps, version: steps.at(-1) });
    expect(await migrate(path)).toEqual({ applied: [], version: steps.at(-1) });
    for (let opening = 0; opening < 2; opening++) {
      const database = await openDatabase(path);
      expect(
        ['journal_mode', 'synchronous', 'foreign_keys'].map((name) => database.sqlite.pragma(name, { simple: true })),
      ).toEqual(['wal', 2, 1]);
      await database.close();
    }
  });

  it('refuses a database that was never migrated, and says what to do', async () => {
    const path = join(await temporaryFolder(), 'worklist.sqlite');
    await expect(openDatabase(path)).rejects.toMatchObject({
      code: 'database-invalid',
      message: expect.stringContaining('odontoid migrate'),
    });
  });

  it('refuses a newer schema, to open and to migrate', async () => {
    const path = join(await temporaryFolder(), 'worklist.sqlite');
    await migrate(path);
    const sqlite = new BetterSqlite3(path);
    sqlite.prepare("insert into schema_migrations (name, timestamp) values ('9999_later', '2027')").run();
    sqlite.close();
    await expect(openDatabase(path)).rejects.toMatchObject({ code: 'database-newer' });
    await expect(migrate(path)).rejects.toMatchObject({ code: 'database-newer' });
  });

  it('refuses a file that is no database, and a folder that is not there', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'worklist.sqlite');
    await writeFile(path, 'this is not a database, and it is longer than a header would be'.repeat(20));
    await expect(openDatabase(path)).rejects.toMatchObject({ code: 'database-invalid' });
    await expect(openDatabase(join(folder, 'none', 'worklist.sqlite'))).rejects.toMatchObject({
      code: 'database-invalid',
    });
  });

  it('lets two processes’ worth of migrations run into each other', async () => {
    const path = join(await temporaryFolder(), 'worklist.sqlite');
    await migrate(path);
    expect((await Promise.all([migrate(path), migrate(path)])).map((result) => result.applied)).toEqual([[], []]);
  });
});
