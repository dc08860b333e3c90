import { TriageError, type ErrorCode } from './errors.ts';

/** Codes of the operating system that say "the machine cannot do this now", whatever was asked of it. */
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

/** Result codes of SQLite about the file, its disk or its lock; extended codes (`SQLITE_IOERR_WRITE`) begin with one of these. */
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
  'spool-full',
  'spool-write-failed',
]);

function isFaultCode(code: string): boolean {
  return SYSTEM_FAULTS.has(code) || SQLITE_FAULTS.some((fault) => code === fault || code.startsWith(`${fault}_`));
}

/** Longer chains of causes are none of ours. */
const DEEPEST_CAUSE = 10;

/**
 * The code of a fault that lies in the machine or in the set-up and not in the case at hand (full disk, locked database, damaged package), wherever it stands in
 * the chain of causes; null when there is none. Work that met one is tried again without end, and no attempt of the case is counted.
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
