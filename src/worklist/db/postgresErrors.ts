import { TriageError } from '../../base/errors.ts';

/** The connection is gone, or the server cannot work yet or any more: class 08, the operator's shutdowns (57P01 to 57P03), and what the system says of a socket. */
const LOST = new Set([
  '57P01',
  '57P02',
  '57P03',
  '57P05',
  // Ended because it stood idle in a transaction: this process was stopped for too long.
  '25P03',
  // A server that was promoted elsewhere is a read-only standby now.
  '25006',
  // Another connection of ours is still being closed.
  '53300',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'EAI_AGAIN',
]);
/** node-postgres has no codes for these. */
const LOST_WORDS =
  /connection terminated|connection ended|not queryable|timeout exceeded when trying to connect|client was closed/i;

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Whether the statement failed because the connection to the server did. */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error);
  return LOST.has(code) || code.startsWith('08') || (error instanceof Error && LOST_WORDS.test(error.message));
}

/**
 * Whether the transaction would go through when it is run once more: it could not be put in an order with others (40001), was chosen to end a deadlock
 * (40P01), or met a row that another has added meanwhile (23505).
 */
export function isCrossed(error: unknown, attempt: number): boolean {
  const code = codeOf(error);
  // A row that is there twice stays there twice, unless the other was added while this transaction ran.
  return code === '40001' || code === '40P01' || (code === '23505' && attempt <= 3);
}

/**
 * PostgreSQL's own troubles, which are no case's fault: transactions that crossed others again and again (class 40), a full disk or too little memory (53), a
 * statement that took too long or was cancelled (57), a failing disk (58), damaged data (XX), a lock that was not to be had (55P03).
 */
const FAULT = /^(40|53|57|58|XX|55P03)/;

/** The error as the rest of the agent knows it: faults of the installation are `database-busy`; everything else is returned unchanged. */
export function asDatabaseError(error: unknown): unknown {
  if (error instanceof TriageError || !(error instanceof Error)) return error;
  if (isConnectionLost(error))
    return new TriageError('database-busy', `PostgreSQL cannot be reached: ${error.message}`, { cause: error });
  if (FAULT.test(codeOf(error)))
    return new TriageError('database-busy', `PostgreSQL cannot do its work: ${error.message}`, { cause: error });
  return error;
}
