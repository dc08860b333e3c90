import { TriageError, type ErrorCode } from './errors.ts';

/** Error codes of the operating system that mean "the machine cannot do this now", whatever was asked of it. */
const SYSTEM_FAULTS: ReadonlySet<string> = new Set([
  'EACCES',
  'EAGAIN',
  'EDQUOT',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENODEV',
  'ENOMEM',
  'ENOSPC',
  'EPERM',
  'EROFS',
  'ESTALE',
  'ETXTBSY',
]);

/** SQLite result codes about the file, its disk or its lock; extended codes (`SQLITE_IOERR_WRITE`) begin with one of these. */
const SQLITE_FAULTS = [
  'SQLITE_BUSY',
  'SQLITE_CANTOPEN',
  'SQLITE_CORRUPT',
  'SQLITE_FULL',
  'SQLITE_IOERR',
  'SQLITE_LOCKED',
  'SQLITE_NOMEM',
  'SQLITE_NOTADB',
  'SQLITE_PERM',
  'SQLITE_PROTOCOL',
  'SQLITE_READONLY',
] as const;

const ODONTOID_FAULTS: ReadonlySet<ErrorCode> = new Set([
  'config-invalid',
  'database-busy',
  'database-invalid',
  'database-newer',
  'model-invalid',
  'model-tampered',
  'report-unready',
  'spool-full',
  'spool-write-failed',
]);

function isFaultCode(code: string): boolean {
  return SYSTEM_FAULTS.has(code) || SQLITE_FAULTS.some((fault) => code === fault || code.startsWith(`${fault}_`));
}

/** Whether the operating system says that there is no room: the disk is full, or what this account may use of it. */
export function isDiskFull(error: unknown): boolean {
  const { code } = Object(error) as { code?: unknown };
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** None of our own chains of causes is longer. */
const DEEPEST_CAUSE = 10;

/**
 * The code of a fault in the machine or its set-up, not in the case at hand (full disk, locked database, damaged package), wherever it stands in the chain of
 * causes; null when there is none. Work that met such a fault is retried without limit, and the attempt is not counted for the case.
 */
export function installationFault(error: unknown): string | null {
  let link: unknown = error;
  for (let depth = 0; depth < DEEPEST_CAUSE && link instanceof Error; depth++) {
    const { code } = link as { code?: unknown };
    if (link instanceof TriageError) {
      if (ODONTOID_FAULTS.has(link.code)) return link.code;
    } else if (typeof code === 'string' && isFaultCode(code)) return code;
    link = link.cause;
  }
  return null;
}
