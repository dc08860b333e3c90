import type { Kysely, Transaction } from 'kysely';
import { appendAudit, type AuditAction, type AuditFact } from '../audit/audit.ts';
import type { Schema } from '../db/schema.ts';
import type { Actor } from './accountRows.ts';

/** The transaction of one change, and its time. */
export interface Now {
  trx: Transaction<Schema>;
  atMs: number;
}

/** Records a change in the audit, in the transaction of the change. */
export function record(
  { trx, atMs }: Now,
  action: AuditAction,
  by: Actor,
  target: string,
  detail?: AuditFact['detail'],
): Promise<void> {
  return appendAudit(trx, atMs, { action, actor: by.name, address: by.address, target, ...(detail && { detail }) });
}

export async function endSessions(trx: Kysely<Schema>, userId: string): Promise<void> {
  await trx.deleteFrom('sessions').where('user_id', '=', userId).execute();
}
