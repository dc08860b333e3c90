import type { AuditEntry } from '../../answers/accessAnswers.ts';
import type { Kysely, Selectable, Transaction } from 'kysely';
import type { Clock } from '../../base/clock.ts';
import { appendOnceTo, entryOf, FIRST_HASH, objectionTo, type AuditHead } from './audit.ts';
import type { WorklistDatabase } from '../db/database.ts';
import type { AuditTable, CaseRow, Schema } from '../db/schema.ts';
import { inTransaction } from '../db/transactions.ts';

type Row = Selectable<AuditTable>;

/** The patient of the study that an entry is about, where it is on record. */
interface AuditedPatient {
  patientId: string;
  patientName: string;
}

export interface OutgoingEntry extends AuditEntry {
  patient: AuditedPatient | null;
}

/**
 * The audit as the outbox of messages to the site's repository: the entries after a stored position have still to be sent, so nothing that is on record
 * can be lost on the way.
 */
export interface AuditOutbox {
  /** Starts sending: from the current end of the audit, or from the position at which the agent stopped. */
  begin(): Promise<void>;
  /** No repository is configured any more: forget the position and what was kept for it. */
  forget(): Promise<void>;
  /** The oldest entries that have not been sent. An altered entry is reported by a new entry at the end of the audit. */
  next(limit: number): Promise<OutgoingEntry[]>;
  /** Records that the repository has everything up to `seq`. */
  sent(seq: number): Promise<void>;
  waiting(): Promise<{ sentSeq: number; count: number; oldestAtMs: number | null }>;
}

/** Entries of the audit from one number to another (both included) with their patients, oldest first: for an export. */
export async function entriesWithPatients(
  { db }: Pick<WorklistDatabase, 'db'>,
  fromSeq: number,
  toSeq: number,
): Promise<OutgoingEntry[]> {
  return withPatients(
    db,
    await db
      .selectFrom('audit_log')
      .selectAll()
      .where('seq', '>=', fromSeq)
      .where('seq', '<=', toSeq)
      .orderBy('seq')
      .execute(),
  );
}

export function createAuditOutbox({ db, reads }: WorklistDatabase, clock: Clock): AuditOutbox {
  const sentSeqOf = async (on: Kysely<Schema>): Promise<number | null> =>
    (await on.selectFrom('audit_position').select('sent_seq').executeTakeFirst())?.sent_seq ?? null;
  const headOf = async (on: Kysely<Schema>): Promise<number> =>
    (
      await on
        .selectFrom('audit_log')
        .select(({ fn }) => fn.max('seq').as('seq'))
        .executeTakeFirst()
    )?.seq ?? 0;

  /** The first of these entries at which the chain is broken, if there is one. */
  async function brokenAfter(sentSeq: number, rows: readonly Row[]): Promise<{ seq: number; why: string } | null> {
    const before = await db
      .selectFrom('audit_log')
      .select(['seq', 'hash'])
      .where('seq', '=', sentSeq)
      .executeTakeFirst();
    if (before === undefined && sentSeq > 0) return { seq: sentSeq, why: 'it is missing' };
    let last: AuditHead = before ?? { seq: 0, hash: FIRST_HASH };
    for (const row of rows) {
      const broken = objectionTo(last, row);
      if (broken !== null) return broken;
      last = { seq: row.seq, hash: row.hash };
    }
    return null;
  }

  return {
    begin: () =>
      inTransaction(db, async (trx) => {
        const sentSeq = await sentSeqOf(trx);
        const head = await headOf(trx);
        if (sentSeq === null) await trx.insertInto('audit_position').values({ id: 1, sent_seq: head }).execute();
        // Entries were cut off the end: the new ones that take their numbers must be sent too.
        else if (sentSeq > head) await trx.updateTable('audit_position').set({ sent_seq: head }).execute();
      }),
    forget: () =>
      inTransaction(db, async (trx) => {
        await trx.deleteFrom('audit_position').execute();
        await trx.deleteFrom('audit_patients').execute();
      }),
    next: async (limit) => {
      const sentSeq = (await sentSeqOf(db)) ?? 0;
      const rows = await db
        .selectFrom('audit_log')
        .selectAll()
        .where('seq', '>', sentSeq)
        .orderBy('seq')
        .limit(limit)
        .execute();
      if (rows.length === 0) return [];
      const broken = await brokenAfter(sentSeq, rows);
      if (broken !== null)
        await appendOnceTo(
          db,
          clock.now(),
          { action: 'audit.broken', actor: 'odontoid', target: `entry ${broken.seq}`, detail: { why: broken.why } },
          0,
        );
      return withPatients(db, rows);
    },
    sent: (seq) =>
      inTransaction(db, async (trx) => {
        await trx.updateTable('audit_position').set({ sent_seq: seq }).execute();
        await trx.deleteFrom('audit_patients').where('removed_seq', '<=', seq).execute();
      }),
    waiting: async () => {
      const sentSeq = (await sentSeqOf(reads)) ?? 0;
      // Entries are numbered without gaps, so the difference is the count.
      const oldest = await reads
        .selectFrom('audit_log')
        .select('at')
        .where('seq', '>', sentSeq)
        .orderBy('seq')
        .limit(1)
        .executeTakeFirst();
      return { sentSeq, count: Math.max(0, (await headOf(reads)) - sentSeq), oldestAtMs: oldest?.at ?? null };
    },
  };
}

/** Keeps the patient of a removed study until the repository has been told of the removal (only where a repository is configured). Its entry is the newest. */
export async function keepPatientForAudit(trx: Transaction<Schema>, row: CaseRow): Promise<void> {
  if ((await trx.selectFrom('audit_position').select('id').executeTakeFirst()) === undefined) return;
  const { seq } = await trx
    .selectFrom('audit_log')
    .select('seq')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow();
  const values = { patient_id: row.patient_id, patient_name: row.patient_name, removed_seq: seq };
  await trx
    .insertInto('audit_patients')
    .values({ study_instance_uid: row.study_instance_uid, ...values })
    .onConflict((conflict) => conflict.column('study_instance_uid').doUpdateSet(values))
    .execute();
}

async function withPatients(db: Kysely<Schema>, rows: readonly Row[]): Promise<OutgoingEntry[]> {
  if (rows.length === 0) return [];
  const studies = [...new Set(rows.map((row) => row.target))];
  const columns = ['study_instance_uid', 'patient_id', 'patient_name'] as const;
  const kept = await db
    .selectFrom('audit_patients')
    .select(columns)
    .where('study_instance_uid', 'in', studies)
    .execute();
  // If a removed study was received again, the one on the worklist counts.
  const present = await db.selectFrom('cases').select(columns).where('study_instance_uid', 'in', studies).execute();
  const patients = new Map(
    [...kept, ...present].map((row) => [
      row.study_instance_uid,
      { patientId: row.patient_id, patientName: row.patient_name },
    ]),
  );
  return rows.map((row) => ({ ...entryOf(row), patient: patients.get(row.target) ?? null }));
}
