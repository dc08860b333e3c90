import type { Selectable } from 'kysely';
import { backoffMs } from '../../base/backoff.ts';
import type { Clock } from '../../base/clock.ts';
import type { CommitmentRequest, DueCommitment } from '../../case/commitment.ts';
import type { SopReference } from '../../dicom/commitmentDataSet.ts';
import type { WorklistDatabase } from '../db/database.ts';
import { jsonText } from '../db/dialect.ts';
import type { Schema } from '../db/schema.ts';
import { inTransaction } from '../db/transactions.ts';

/** An object on record, and where it should lie. */
export interface RecordedObject extends SopReference {
  /** Relative to the spool. */
  path: string;
  sizeBytes: number;
}

/** Reports that a sender has still to take. */
export interface CommitmentStatus {
  waiting: number;
  /** Why the last attempt failed; null without one. */
  lastError: string | null;
}

/** Requests for Storage Commitment until their report has been taken. */
export interface CommitmentRequests {
  /** The same transaction again takes the place of the earlier one, and is reported on at once. */
  note(request: CommitmentRequest): Promise<void>;
  /** Requests that are due, one array for each sender: up to `limit`, the longest due first. */
  due(limit: number): Promise<DueCommitment[][]>;
  /** It is due again later, and later each time. */
  noteFailed(request: CommitmentRequest, why: string): Promise<void>;
  /** Nothing is to be reported any more. */
  close(request: CommitmentRequest): Promise<void>;
  status: (sourceAeTitle: string) => Promise<CommitmentStatus>;
  /** What is on record of these objects; several versions of one where they came. Studies that retention is removing do not count. */
  recorded(references: readonly SopReference[]): Promise<RecordedObject[]>;
}

const RETRY_MIN_MS = 5_000;
const RETRY_MAX_MS = 3_600_000;
const MOST_IN_ONE_QUERY = 1_000;

export function createCommitmentRequests({ db, reads }: WorklistDatabase, clock: Clock): CommitmentRequests {
  return {
    note: async ({ sourceAeTitle, calledAeTitle, transactionUid, references }) => {
      const nowMs = clock.now();
      const values = {
        called_ae_title: calledAeTitle,
        sop_references: JSON.stringify(references),
        asked_at: nowMs,
        due_at: nowMs,
        attempts: 0,
        last_error: null,
      };
      await inTransaction(db, (trx) =>
        trx
          .insertInto('commitment_requests')
          .values({ source_ae_title: sourceAeTitle, transaction_uid: transactionUid, ...values })
          .onConflict((conflict) => conflict.columns(['source_ae_title', 'transaction_uid']).doUpdateSet(values))
          .execute(),
      );
    },
    due: async (limit) => {
      const nowMs = clock.now();
      const senders = await db
        .selectFrom('commitment_requests')
        .select('source_ae_title')
        .distinct()
        .where('due_at', '<=', nowMs)
        .execute();
      const due = await Promise.all(
        senders.map((sender) =>
          db
            .selectFrom('commitment_requests')
            .selectAll()
            .where('source_ae_title', '=', sender.source_ae_title)
            .where('due_at', '<=', nowMs)
            .orderBy('due_at')
            .limit(limit)
            .execute(),
        ),
      );
      return due.map((rows) => rows.map(requestOf));
    },
    noteFailed: ({ sourceAeTitle, transactionUid }, why) =>
      inTransaction(db, async (trx) => {
        const known = await trx
          .selectFrom('commitment_requests')
          .select('attempts')
          .where('source_ae_title', '=', sourceAeTitle)
          .where('transaction_uid', '=', transactionUid)
          .executeTakeFirst();
        if (known === undefined) return;
        const attempts = known.attempts + 1;
        const due_at = clock.now() + backoffMs(transactionUid, attempts, RETRY_MIN_MS, RETRY_MAX_MS);
        await trx
          .updateTable('commitment_requests')
          .set({ attempts, due_at, last_error: why })
          .where('source_ae_title', '=', sourceAeTitle)
          .where('transaction_uid', '=', transactionUid)
          .execute();
      }),
    close: async ({ sourceAeTitle, transactionUid }) => {
      await inTransaction(db, (trx) =>
        trx
          .deleteFrom('commitment_requests')
          .where('source_ae_title', '=', sourceAeTitle)
          .where('transaction_uid', '=', transactionUid)
          .execute(),
      );
    },
    status: async (sourceAeTitle) => {
      const rows = await reads
        .selectFrom('commitment_requests')
        .select('last_error')
        .where('source_ae_title', '=', sourceAeTitle)
        .orderBy('due_at', 'desc')
        .execute();
      return { waiting: rows.length, lastError: rows.find((row) => row.last_error !== null)?.last_error ?? null };
    },
    recorded: async (references) => {
      const uids = [...new Set(references.map(({ sopInstanceUid }) => sopInstanceUid))];
      const found: RecordedObject[] = [];
      for (let at = 0; at < uids.length; at += MOST_IN_ONE_QUERY) {
        const rows = await db
          .selectFrom('instances')
          .innerJoin('cases', 'cases.study_instance_uid', 'instances.study_instance_uid')
          .select([
            'instances.sop_instance_uid',
            'instances.path',
            'instances.size_bytes',
            jsonText(db, 'instances.header', 'sopClassUid').as('sop_class_uid'),
          ])
          .where('instances.sop_instance_uid', 'in', uids.slice(at, at + MOST_IN_ONE_QUERY))
          .where('cases.removing', '=', 0)
          .execute();
        for (const row of rows)
          found.push({
            sopClassUid: row.sop_class_uid,
            sopInstanceUid: row.sop_instance_uid,
            path: row.path,
            sizeBytes: row.size_bytes,
          });
      }
      return found;
    },
  };
}

function requestOf(row: Selectable<Schema['commitment_requests']>): DueCommitment {
  return {
    sourceAeTitle: row.source_ae_title,
    calledAeTitle: row.called_ae_title,
    transactionUid: row.transaction_uid,
    references: JSON.parse(row.sop_references) as SopReference[],
    askedAtMs: row.asked_at,
    attempts: row.attempts,
  };
}
