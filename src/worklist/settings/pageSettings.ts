import type { Clock } from '../../base/clock.ts';
import type { WorklistDatabase } from '../db/database.ts';
import { inTransaction } from '../db/transactions.ts';
import { record } from '../people/recordedChange.ts';

/** One change of a setting on the page. */
interface PageSettingChange {
  key: string;
  /** Null: what the page had said was taken back. */
  value: unknown;
  reason: string;
  by: string;
  atMs: number;
}

/** Who changes a setting, and why. */
export type Why = { reason: string; by: { name: string; address: string } };

/** What becomes of a setting: a new value from the present one; null takes back what the page had said. */
export interface NextSetting {
  key: string;
  next: (current: unknown) => unknown;
}

/** Settings that admins change on the page, each change with its reason; nothing is overwritten. */
export interface PageSettings {
  /** What the page says of a key now; null when it says nothing. */
  current(key: string): Promise<unknown>;
  /** Counts up with each change of any key, in this process or another; 0 before the first. */
  version(): Promise<number>;
  /** Everything that the page has ever said of a key, oldest first. */
  past(key: string): Promise<unknown[]>;
  /** Newest first. */
  changes(limit: number): Promise<PageSettingChange[]>;
  /** Sets them and records each in the audit, in one transaction: all of them, or none. */
  change(settings: readonly NextSetting[], why: Why): Promise<void>;
}

export function createPageSettings({ db, reads }: WorklistDatabase, clock: Clock): PageSettings {
  const newest = (from: Pick<typeof db, 'selectFrom'>, key: string) =>
    from
      .selectFrom('page_settings')
      .select('value')
      .where('key', '=', key)
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst()
      .then((row) => valueOf(row?.value ?? null));
  return {
    current: (key) => newest(reads, key),
    version: async () => {
      const row = await reads
        .selectFrom('page_settings')
        .select(({ fn }) => fn.max('version').as('version'))
        .executeTakeFirst();
      return row?.version ?? 0;
    },
    past: async (key) => {
      const rows = await reads
        .selectFrom('page_settings')
        .select('value')
        .where('key', '=', key)
        .orderBy('version')
        .execute();
      return rows.map(({ value }) => valueOf(value));
    },
    changes: async (limit) => {
      const rows = await reads
        .selectFrom('page_settings')
        .selectAll()
        .orderBy('version', 'desc')
        .limit(limit)
        .execute();
      return rows.map((row) => ({
        key: row.key,
        value: valueOf(row.value),
        reason: row.reason,
        by: row.changed_by,
        atMs: row.changed_at,
      }));
    },
    change: (settings, { reason, by }) =>
      inTransaction(db, async (trx) => {
        const atMs = clock.now();
        for (const { key, next } of settings) {
          const before = await newest(trx, key);
          const after = next(before);
          const text = after === null ? null : JSON.stringify(after);
          await trx
            .insertInto('page_settings')
            .values({ key, value: text, reason, changed_by: by.name, changed_at: atMs })
            .execute();
          const detail = { before: before === null ? null : JSON.stringify(before), after: text, reason };
          await record({ trx, atMs }, 'setting.changed', by, key, detail);
        }
      }),
  };
}

const valueOf = (text: string | null): unknown => (text === null ? null : (JSON.parse(text) as unknown));
