import BetterSqlite3 from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { TriageError, type ErrorCode } from '../../../src/base/errors.ts';
import { installationFault } from '../../../src/base/installationFault.ts';
import { fromErrorMessage, toErrorMessage } from '../../../src/base/errorMessage.ts';

const system = (code: string): Error => Object.assign(new Error(`${code}: write`), { code });

/** A file that may not grow: what SQLite says on a full disk. */
function fullDatabase(): unknown {
  const database = new BetterSqlite3(':memory:');
  database.exec('create table t (x text)');
  const pages = database.pragma('page_count', { simple: true }) as number;
  database.pragma(`max_page_count = ${pages}`);
  try {
    database.prepare('insert into t values (?)').run('x'.repeat(100_000));
  } catch (error) {
    return error;
  } finally {
    database.close();
  }
  throw new Error('a full database took a row');
}

describe('a fault of the installation', () => {
  it.each(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'EACCES', 'ENOMEM', 'ESTALE'])(
    'is %s, of any call',
    (code) => {
      expect(installationFault(system(code))).toBe(code);
    },
  );

  it.each([
    'SQLITE_FULL',
    'SQLITE_BUSY',
    'SQLITE_BUSY_SNAPSHOT',
    'SQLITE_IOERR_WRITE',
    'SQLITE_CORRUPT',
    'SQLITE_READONLY_DBMOVED',
  ])('is %s', (code) => {
    expect(installationFault(new BetterSqlite3.SqliteError('as SQLite says it', code))).toBe(code);
  });

  it('is what SQLite really throws on a full disk', () => {
    expect(installationFault(fullDatabase())).toBe('SQLITE_FULL');
  });

  it.each(['database-busy', 'spool-full', 'model-tampered'] satisfies ErrorCode[])('is %s', (code) => {
    expect(installationFault(new TriageError(code, 'Some sentence.'))).toBe(code);
  });

  const over = (error: unknown): TriageError =>
    fromErrorMessage(
      structuredClone(toErrorMessage(error, 'inference-failed', 'Inference failed')),
      'inference-failed',
    );

  it('is found behind the error of a stage, and beyond the border of a process', () => {
    const report = new TriageError('report-failed', 'The folder of results cannot be written to.', {
      cause: new Error('while writing', { cause: system('ENOSPC') }),
    });
    expect(installationFault(report)).toBe('ENOSPC');
    const raw = over(system('EIO'));
    expect([raw.code, installationFault(raw)]).toEqual(['inference-failed', 'EIO']);
    const told = over(report);
    expect([told.code, installationFault(told)]).toEqual(['report-failed', 'ENOSPC']);
  });

  it('is none of a case: poison, bugs, files that are gone, broken rules of the schema', () => {
    const none = [
      new TriageError('inference-died', 'The process ended.'),
      new TriageError('pixel-data-undecodable', 'cut', { cause: new RangeError('short') }),
      system('ENOENT'),
      new TypeError('undefined is not a function'),
      new BetterSqlite3.SqliteError('UNIQUE constraint failed', 'SQLITE_CONSTRAINT_UNIQUE'),
      'a string',
      null,
    ];
    expect(none.map(installationFault)).toEqual(none.map(() => null));
    expect(installationFault(over(none[0]))).toBeNull();
  });

  it('ends its search in a circle of causes', () => {
    const error = new Error('round');
    error.cause = error;
    expect(installationFault(error)).toBeNull();
  });
});
