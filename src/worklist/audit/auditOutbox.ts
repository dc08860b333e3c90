import type { Kysely, Selectable, Transaction } from 'kysely';
import type { Clock } from '../../base/clock.ts';
import { appendOnceTo, entryOf, FIRST_HASH, objectionTo, type AuditEntry, type AuditHead } from './audit.ts';
import type { WorklistDatabase } from '../db/database.ts';
import type { AuditTable, CaseRow, Schema } from '../db/schema.ts';

type Row = Selectable<AuditTable>;

/** Whose study an entry is about, where it is on record. */
interface AuditedPatient {
  patientId: string;
  patientName: string;
}

export interface OutgoingEntry extends AuditEntry {
  patient: AuditedPatient | null;
}

/**
 * The audit as the outbox of messages to the site's repository: what is still to be sent are the entries after a position, so that nothing that is on record can be
 * lost on the way.
 */
export interface AuditOutbox {
  /** From now on entries are to be sent: those after the end of today, or after where it stood when the agent stopped. */
  begin(): Promise<void>;
  /** No repository is configured any more: nothing is kept for one. */
  forget(): Promise<void>;
  /** The oldest entries that have not been sent. An entry that is not as it was written is told of by one of its own, at the end of the audit. */
  next(limit: number): Promise<OutgoingEntry[]>;
  /** Everything up to `seq` is in the repository. */
  sent(seq: number): Promise<void>;
  waiting(): Promise<{ sentSeq: number; count: number; oldestAtMs: number | null }>;
}

/** Entries of the audit, both ends included, with their patients, oldest first: for an export. */
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

  /** The first of these entries with which the chain does not go on, if there is one. */
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
      db.transaction().execute(async (trx) => {
        const sentSeq = await sentSeqOf(trx);
        const head = await headOf(trx);
        if (sentSeq === null) await trx.insertInto('audit_position').values({ id: 1, sent_seq: head }).execute();
        // Entries were cut off the end: those that take their numbers are to be sent, too.
        else if (sentSeq > head) await trx.updateTable('audit_position').set({ sent_seq: head }).execute();
      }),
    forget: () =>
      db.transaction().execute(async (trx) => {
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
      db.transaction().execute(async (trx) => {
        await trx.updateTable('audit_position').set({ sent_seq: seq }).execute();
        await trx.deleteFrom('audit_patients').where('removed_seq', '<=', seq).execute();
      }),
    waiting: async () => {
      const sentSeq = (await sentSeqOf(reads)) ?? 0;
      // Entries are numbered without gaps: nothing is counted, however many wait.
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

/** A removed study's patient is kept until the repository has been told of the removal, and where there is one to be told. Its entry is the newest. */
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
  // A study that has come again is the one that is there.
  const present = await db.selectFrom('cases').select(columns).where('study_instance_uid', 'in', studies).execute();
  const patients = new Map(
    [...kept, ...present].map((row) => [
      row.study_instance_uid,
      { patientId: row.patient_id, patientName: row.patient_name },
    ]),
  );
  return rows.map((row) => ({ ...entryOf(row), patient: patients.get(row.target) ?? null }));
}
