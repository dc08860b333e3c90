import type { ConnectionsAnswer } from '../../answers/adminAnswers.ts';
import { waitingResults } from '../cases/waitingPictures.ts';
import type { WorklistDatabase } from '../db/database.ts';

/** The outbox of one destination. */
export type DestinationFacts = Pick<
  ConnectionsAnswer['destinations'][number],
  | 'lastSentAtMs'
  | 'lastConfirmedAtMs'
  | 'pending'
  | 'unconfirmed'
  | 'refused'
  | 'openBytes'
  | 'oldestOpenAtMs'
  | 'lastError'
>;
type SourceFacts = Pick<ConnectionsAnswer['sources'][number], 'studies'> & { lastReceivedAtMs: number };

export interface ConnectionFacts {
  destination(name: string): Promise<DestinationFacts>;
  /** By calling AE title, over studies on record. */
  sources(): Promise<Map<string, SourceFacts>>;
  /** How many studies on record each selection rule took, by its name. */
  selected(): Promise<Map<string, number>>;
}

/** What the database knows of the peers. */
export function createConnectionFacts({ reads: db }: WorklistDatabase): ConnectionFacts {
  return {
    destination: async (name) => {
      const rows = await db
        .selectFrom('deliveries')
        .select(({ fn }) => [
          'status',
          fn.count<number>('id').as('count'),
          fn.max('sent_at').as('sent'),
          fn.max('confirmed_at').as('confirmed'),
          fn.min('created_at').as('oldest'),
        ])
        .where('destination', '=', name)
        .groupBy('status')
        .execute();
      const [waiting] = await waitingResults(db, name);
      const wrong = await db
        .selectFrom('deliveries')
        .select('last_error')
        .where('destination', '=', name)
        .where('status', 'in', ['pending', 'sent', 'refused'])
        .where('last_error', 'is not', null)
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst();
      const countOf = (status: string) => rows.find((row) => row.status === status)?.count ?? 0;
      const open = rows.filter(({ status }) => status === 'pending' || status === 'sent' || status === 'refused');
      return {
        lastSentAtMs: newest(rows.map(({ sent }) => sent)),
        lastConfirmedAtMs: newest(rows.map(({ confirmed }) => confirmed)),
        pending: countOf('pending'),
        unconfirmed: countOf('sent'),
        refused: countOf('refused'),
        openBytes: waiting?.bytes ?? 0,
        oldestOpenAtMs: open.length === 0 ? null : Math.min(...open.map(({ oldest }) => oldest)),
        lastError: wrong?.last_error ?? null,
      };
    },
    selected: async () => {
      const rows = await db
        .selectFrom('cases')
        .select(({ fn }) => ['selection_rule as rule', fn.countAll<number>().as('count')])
        .where('selection_rule', 'is not', null)
        .groupBy('selection_rule')
        .execute();
      return new Map(rows.map(({ rule, count }) => [rule!, count]));
    },
    sources: async () => {
      const rows = await db
        .selectFrom('cases')
        .select(({ fn }) => [
          'source_ae_title',
          fn.count<number>('study_instance_uid').as('studies'),
          fn.max('last_received_at').as('last'),
        ])
        .where('proof', '=', 0)
        .groupBy('source_ae_title')
        .execute();
      return new Map(
        rows.map(({ source_ae_title: aeTitle, studies, last }) => [aeTitle, { studies, lastReceivedAtMs: last }]),
      );
    },
  };
}

function newest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.max(...known);
}
