import { createHmac } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { WorklistDatabase } from '../db/database.ts';
import type { Schema } from '../db/schema.ts';
import { inTransaction } from '../db/transactions.ts';
import { newSecret } from '../people/secrets.ts';

/** A stage of a study's way: from the stage before it, its wait included, to the fact that it left behind. */
export interface StudySpan {
  /** 16 bytes in hexadecimal; one for each analysis of a study. Made with a key that never leaves the database: it leads back to no UID. */
  traceId: string;
  /** 8 bytes in hexadecimal, the same however often the span is sent. */
  spanId: string;
  /** Null for the first span of its trace. */
  parentSpanId: string | null;
  name: SpanName;
  startMs: number;
  endMs: number;
  /** Code of the failure by which the case was given up; null where it went on. */
  failure: string | null;
  /** Node that did the work; null where that is not on record. */
  node: string | null;
  counts: Partial<Record<'attempt' | 'slices' | 'objects', number>>;
}

type SpanName = 'receive' | 'assemble' | 'infer' | 'report' | 'deliver';

/** The history of cases as the outbox of spans: what comes after a stored position has still to be sent, so that nothing is lost while the collector is away. */
export interface TraceOutbox {
  /** Starts sending: from the current end of the history, or from the position at which it stopped. */
  begin(): Promise<void>;
  /** No collector is configured any more: forget the position, and the key. */
  forget(): Promise<void>;
  /** The spans of the oldest events that have not been sent (there may be none among them), and the number of the last of these events; null where all were sent. */
  next(limit: number): Promise<{ spans: StudySpan[]; sentId: number } | null>;
  /** Records that the collector has everything up to the event `sentId`. */
  sent(sentId: number): Promise<void>;
}

type Event = Selectable<Schema['case_events']>;

/** The facts that stages leave behind; a case that is given up is a fact of the stage that its event names as actor. */
const SPAN_OF: Readonly<Record<string, SpanName>> = {
  seriesChosen: 'assemble',
  notEligible: 'assemble',
  inferred: 'infer',
  reported: 'report',
  delivered: 'deliver',
};

export function createTraceOutbox({ db }: Pick<WorklistDatabase, 'db'>): TraceOutbox {
  const eventsOf = db.selectFrom('case_events').selectAll().orderBy('id');

  /** When the last object of each study came; a study that was removed is not among them. */
  const lastReceivedAt = async (studies: readonly string[]): Promise<Map<string, number>> => {
    const rows = await db
      .selectFrom('cases')
      .select(['study_instance_uid', 'last_received_at'])
      .where('study_instance_uid', 'in', studies)
      .execute();
    return new Map(rows.map((row) => [row.study_instance_uid, row.last_received_at]));
  };

  return {
    begin: () =>
      inTransaction(db, async (trx) => {
        const newest = await trx
          .selectFrom('case_events')
          .select(({ fn }) => fn.max('id').as('id'))
          .executeTakeFirst();
        await trx
          .insertInto('trace_position')
          .values({ id: 1, sent_id: newest?.id ?? 0, key: newSecret() })
          .onConflict((conflict) => conflict.column('id').doNothing())
          .execute();
      }),
    forget: () =>
      inTransaction(db, async (trx) => {
        await trx.deleteFrom('trace_position').execute();
      }),
    next: async (limit) => {
      const position = await db.selectFrom('trace_position').selectAll().executeTakeFirst();
      if (position === undefined) return null;
      const unsent = await eventsOf.where('id', '>', position.sent_id).limit(limit).execute();
      if (unsent.length === 0) return null;
      const ends = unsent.filter(({ type, actor }) => spanNameOf(type, actor) !== null);
      const studies = [...new Set(ends.map((event) => event.study_instance_uid))];
      if (studies.length === 0) return { spans: [], sentId: unsent.at(-1)!.id };
      const histories = Map.groupBy(
        await eventsOf.where('study_instance_uid', 'in', studies).execute(),
        (event) => event.study_instance_uid,
      );
      const received = await lastReceivedAt(studies);
      return {
        spans: ends.flatMap((end) =>
          spansOf(end, histories.get(end.study_instance_uid)!, {
            lastReceivedMs: received.get(end.study_instance_uid) ?? 0,
            key: position.key,
          }),
        ),
        sentId: unsent.at(-1)!.id,
      };
    },
    sent: (sentId) =>
      inTransaction(db, async (trx) => {
        await trx.updateTable('trace_position').set({ sent_id: sentId }).execute();
      }),
  };
}

function spanNameOf(type: string, actor: string): SpanName | null {
  return type === 'gaveUp' ? (actor as SpanName) : (SPAN_OF[type] ?? null);
}

/** The span that ends with this event; with the first stage, also the one of what was received before. */
function spansOf(
  end: Event,
  history: readonly Event[],
  { lastReceivedMs, key }: { lastReceivedMs: number; key: string },
): StudySpan[] {
  const before = history.filter(({ id, revision }) => id < end.id && revision === end.revision);
  const fact = before.findLast(({ type, actor }) => spanNameOf(type, actor) !== null) ?? before[0];
  const startMs = Math.min(fact?.at ?? end.at, end.at);
  const idOf = (...words: string[]): string =>
    createHmac('sha256', key)
      .update([end.study_instance_uid, end.revision, ...words].join('\n'))
      .digest('hex');
  const span = (name: SpanName, times: { startMs: number; endMs: number }): StudySpan => ({
    traceId: idOf().slice(0, 32),
    spanId: idOf(name).slice(0, 16),
    parentSpanId: name === 'receive' ? null : idOf('receive').slice(0, 16),
    name,
    ...times,
    failure: null,
    node: null,
    counts: {},
  });
  const name = spanNameOf(end.type, end.actor)!;
  const detail = JSON.parse(end.detail) as { attempt?: number; slices?: number; objects?: unknown[]; code?: string };
  const counts = { attempt: detail.attempt, slices: detail.slices, objects: detail.objects?.length };
  const wholeMs = name === 'assemble' ? Math.min(Math.max(lastReceivedMs, startMs), end.at) : startMs;
  const own: StudySpan = {
    ...span(name, { startMs: wholeMs, endMs: end.at }),
    failure: end.type === 'gaveUp' ? (detail.code ?? 'unknown') : null,
    node: end.node,
    counts: Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== undefined)),
  };
  return name === 'assemble'
    ? [{ ...span('receive', { startMs, endMs: wholeMs }), node: fact?.node ?? null }, own]
    : [own];
}
