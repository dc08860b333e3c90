import type { Transaction } from 'kysely';
import { appendAudit } from '../audit/audit.ts';
import type { CaseRow, Schema } from '../db/schema.ts';

/** Records in the audit that a study, or more of it, was received; not for one that is only analysed again, nor for a synthetic one. */
export async function noteReceived(trx: Transaction<Schema>, row: CaseRow, now: number): Promise<void> {
  if (row.proof === 1) return;
  const { objects } = await trx
    .selectFrom('instances')
    .select(({ fn }) => fn.countAll<number>().as('objects'))
    .where('study_instance_uid', '=', row.study_instance_uid)
    .where('kind', '!=', 'own')
    .executeTakeFirstOrThrow();
  const before = await trx
    .selectFrom('audit_log')
    .select(['action', 'detail'])
    .where('target', '=', row.study_instance_uid)
    .where('action', 'in', ['study.received', 'study.removed', 'study.filesRemoved'])
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const known = before?.action === 'study.received' ? (JSON.parse(before.detail) as { objects: number }).objects : 0;
  if (objects === known) return;
  await appendAudit(trx, now, {
    action: 'study.received',
    actor: row.source_ae_title,
    target: row.study_instance_uid,
    detail: { objects, more: known > 0 },
  });
}
