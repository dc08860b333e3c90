import type { Clock } from '../../base/clock.ts';
import type { WorklistDatabase } from '../db/database.ts';
import { inTransaction } from '../db/transactions.ts';

/** What is counted under one name, and how much of it there may be at a time. */
export interface CountLimit {
  name: string;
  most: number;
}

/** Counts of attempts, the same for every process on the database and after a restart. A count ends a while after its first attempt. */
export interface SignInCounts {
  /** Counts one more under each name. Where one of them is full, nothing is counted, and the time at which the last of those has room again is returned. */
  add(limits: readonly CountLimit[], windowMs: number): Promise<number | null>;
  /** Forgets one count, and takes one attempt back from others. */
  takeBack(counts: { forgotten: string; lessOne: readonly string[] }): Promise<void>;
}

export function createSignInCounts({ db }: Pick<WorklistDatabase, 'db'>, clock: Pick<Clock, 'now'>): SignInCounts {
  return {
    add: (limits, windowMs) =>
      inTransaction(db, async (trx) => {
        const now = clock.now();
        const names = limits.map(({ name }) => name);
        const present = await trx
          .selectFrom('sign_in_counts')
          .selectAll()
          .where('name', 'in', names)
          .where('ends_at', '>', now)
          .execute();
        const full = present.filter(({ name, count }) => limits.some((one) => one.name === name && count >= one.most));
        if (full.length > 0) return Math.max(...full.map(({ ends_at }) => ends_at));
        await trx.deleteFrom('sign_in_counts').where('ends_at', '<=', now).execute();
        await trx
          .insertInto('sign_in_counts')
          .values(names.map((name) => ({ name, count: 1, ends_at: now + windowMs })))
          .onConflict((conflict) =>
            conflict.column('name').doUpdateSet(({ eb }) => ({ count: eb('sign_in_counts.count', '+', 1) })),
          )
          .execute();
        return null;
      }),
    takeBack: ({ forgotten, lessOne }) =>
      inTransaction(db, async (trx) => {
        await trx.deleteFrom('sign_in_counts').where('name', '=', forgotten).execute();
        if (lessOne.length === 0) return;
        await trx
          .updateTable('sign_in_counts')
          .set(({ eb }) => ({ count: eb('count', '-', 1) }))
          .where('name', 'in', lessOne)
          .execute();
      }),
  };
}
