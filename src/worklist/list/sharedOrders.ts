import type { Clock } from '../../base/clock.ts';
import type { WorklistDatabase } from '../db/database.ts';
import { isPostgres } from '../db/dialect.ts';
import { inTransaction } from '../db/transactions.ts';
import { placeAmong, type DonePlace, type ListOrder } from './listOrders.ts';

/** Lists that pages show, where any of several nodes may be asked for more of one. */
export interface SharedOrders {
  /** Keeps a list for the other nodes. It costs nothing while it is kept anyway. */
  keep(order: ListOrder): Promise<void>;
  /** A list that this or another node has kept; null for one that is over. `latest`: the same list as it is now. */
  find(id: string, latest: ListOrder): Promise<ListOrder | null>;
}

/** A list that nobody asks for is over. */
const KEPT_MS = 15 * 60_000;
const KEPT_ANEW_MS = 5 * 60_000;
/** Read cases that are kept with a list: as many as a page may ask for at once. What comes after them are years, in which hardly anything moves. */
const MOST_DONE = 500;
const MOST_REMEMBERED = 100;

/** Null on a SQLite file, whose only node has its lists in memory. */
export function createSharedOrders(
  { db, reads }: Pick<WorklistDatabase, 'db' | 'reads'>,
  clock: Pick<Clock, 'now'>,
): SharedOrders | null {
  if (!isPostgres(db)) return null;
  const keptAtMs = new Map<string, number>();
  return {
    keep: async ({ id, unread, done }) => {
      const now = clock.now();
      if (now - (keptAtMs.get(id) ?? Number.NEGATIVE_INFINITY) < KEPT_ANEW_MS) return;
      const list = {
        unread: JSON.stringify(unread),
        done: JSON.stringify(
          done.slice(0, MOST_DONE).map(({ studyInstanceUid, doneAtMs }) => [studyInstanceUid, doneAtMs]),
        ),
        ends_at: now + KEPT_MS,
      };
      await inTransaction(db, async (trx) => {
        await trx.deleteFrom('list_orders').where('ends_at', '<=', now).execute();
        await trx
          .insertInto('list_orders')
          .values({ id, ...list })
          .onConflict((conflict) => conflict.column('id').doUpdateSet({ ends_at: list.ends_at }))
          .execute();
      });
      keptAtMs.delete(id);
      keptAtMs.set(id, now);
      for (const oldest of keptAtMs.keys()) {
        if (keptAtMs.size <= MOST_REMEMBERED) break;
        keptAtMs.delete(oldest);
      }
    },
    find: async (id, latest) => {
      const row = await reads
        .selectFrom('list_orders')
        .select(['unread', 'done'])
        .where('id', '=', id)
        .where('ends_at', '>', clock.now())
        .executeTakeFirst();
      if (row === undefined) return null;
      const first = (JSON.parse(row.done) as [string, number][]).map(([studyInstanceUid, doneAtMs]): DonePlace => ({
        studyInstanceUid,
        doneAtMs,
      }));
      const rest = first.length < MOST_DONE ? [] : after(first.at(-1)!, latest.done);
      return { id, unread: JSON.parse(row.unread) as string[], done: [...first, ...rest] };
    },
  };
}

function after(last: DonePlace, places: readonly DonePlace[]): readonly DonePlace[] {
  const at = placeAmong(places, last);
  return places.slice(places[at]?.studyInstanceUid === last.studyInstanceUid ? at + 1 : at);
}
