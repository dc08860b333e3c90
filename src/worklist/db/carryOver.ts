import { createHash } from 'node:crypto';
import type pg from 'pg';
import { TriageError } from '../../base/errors.ts';
import type { SqliteDatabase } from './database.ts';
import { MIGRATION_TABLE } from './migrations.ts';
import { clientConfig } from './postgresDatabase.ts';
import { COMMIT_MARKS, withClient, withoutNul } from './postgresDriver.ts';
import type { PostgresPlace } from './postgresPlace.ts';

/** What PostgreSQL alone has: not carried over. */
const OF_POSTGRES = [MIGRATION_TABLE, `${MIGRATION_TABLE}_lock`, COMMIT_MARKS];
/** Rows on their way at once. */
const BATCH = 200;

interface Table {
  name: string;
  /** Those that both engines have. */
  columns: string[];
}

type Row = unknown[];

/**
 * Carries a SQLite worklist over into an empty PostgreSQL worklist of the same version, in one transaction: every row of every table, each compared with
 * where it came from before the commit. The SQLite file stays as it is.
 *
 * @returns rows of each table, by its name
 * @throws TriageError `database-invalid` when the PostgreSQL worklist is not empty, or a row would not be the same there
 */
export async function carryOver(from: SqliteDatabase, to: PostgresPlace): Promise<Map<string, number>> {
  // A large table takes longer than any statement of the agent may.
  const config = { ...clientConfig(to), statement_timeout: 0, idle_in_transaction_session_timeout: 0 };
  return withClient(config, async (client) => {
    await client.query('begin');
    const tables = await carriedTables(from, client);
    await assertEmpty(client);
    // Triggers keep derived columns and counts, which are carried over like the rest.
    for (const { name } of tables) await client.query(`alter table ${name} disable trigger user`);
    for (const { name } of [...tables].reverse()) await client.query(`delete from ${name}`);
    const counts = new Map<string, number>();
    for (const table of tables) counts.set(table.name, await copied(from, client, table));
    for (const { name } of tables) await client.query(`alter table ${name} enable trigger user`);
    await continueCounts(from, client);
    await client.query('commit');
    return counts;
  });
}

/** Every table that both have, those that others refer to first. @throws TriageError `database-invalid` when a column would be left behind */
async function carriedTables({ sqlite }: SqliteDatabase, client: pg.Client): Promise<Table[]> {
  const { rows } = await client.query<{ name: string; columns: string[] }>(
    `select table_name as name, json_agg(column_name order by ordinal_position) as columns
     from information_schema.columns where table_schema = 'public' and not table_name = any($1)
     group by table_name order by table_name`,
    [OF_POSTGRES],
  );
  const columnsOf = sqlite.prepare<[string], { name: string }>('select name from pragma_table_info(?)');
  const tables = rows.map(({ name, columns }) => {
    const own = columnsOf.all(name).map((column) => column.name);
    const left = own.filter((column) => !columns.includes(column));
    if (own.length === 0 || left.length > 0)
      throw new TriageError(
        'database-invalid',
        `PostgreSQL has no place for ${name}: ${left.join(', ') || 'all of it'}.`,
      );
    return { name, columns: own };
  });
  const { rows: references } = await client.query<{ name: string; to: string }>(
    `select conrelid::regclass::text as name, confrelid::regclass::text as "to" from pg_constraint
     where contype = 'f' and conrelid <> confrelid`,
  );
  return inOrder(tables, references);
}

/** Tables, each after those that it refers to. */
function inOrder(tables: readonly Table[], references: readonly { name: string; to: string }[]): Table[] {
  const ordered: Table[] = [];
  const place = (table: Table): void => {
    if (ordered.includes(table)) return;
    for (const { to } of references.filter(({ name }) => name === table.name))
      place(tables.find(({ name }) => name === to)!);
    ordered.push(table);
  };
  tables.forEach(place);
  return ordered;
}

/** @throws TriageError `database-invalid` */
async function assertEmpty(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ used: 0 | 1 }>(
    `select exists (select from cases) or exists (select from removed_cases) or exists (select from users)
       or exists (select from audit_log) as used`,
  );
  if (rows[0]!.used === 1)
    throw new TriageError(
      'database-invalid',
      'The PostgreSQL worklist has entries already, and nothing is written over. Give this site an empty database (database.url).',
    );
}

/** Copies a table and reads it back. @throws TriageError `database-invalid` when a row is not the same there */
async function copied({ sqlite }: SqliteDatabase, client: pg.Client, { name, columns }: Table): Promise<number> {
  const names = columns.map((column) => `"${column}"`).join(', ');
  // In the order in which they were recorded, which PostgreSQL counts anew.
  const hasOrder = sqlite.prepare<[string], 0 | 1>('select not wr from pragma_table_list(?)').pluck().get(name) === 1;
  const order = hasOrder ? 'order by rowid' : '';
  const sent = rowSum();
  let batch: Row[] = [];
  const send = async (): Promise<void> => {
    if (batch.length === 0) return;
    const values = batch.map(
      (row, at) => `(${row.map((_, column) => `$${at * columns.length + column + 1}`).join(', ')})`,
    );
    await client.query(`insert into ${name} (${names}) values ${values.join(', ')}`, batch.flat());
    batch = [];
  };
  for (const row of sqlite.prepare<[], Row>(`select ${names} from ${name} ${order}`).raw().iterate()) {
    const kept = row.map(withoutNul);
    sent.add(kept);
    if (batch.push(kept) === BATCH) await send();
  }
  await send();

  const arrived = rowSum();
  await client.query(`declare carried no scroll cursor for select ${names} from ${name}`);
  for (;;) {
    const { rows } = await client.query<Row>({ text: `fetch ${BATCH} from carried`, rowMode: 'array' });
    if (rows.length === 0) break;
    for (const row of rows) arrived.add(row);
  }
  await client.query('close carried');
  if (sent.text() !== arrived.text())
    throw new TriageError(
      'database-invalid',
      `The rows of ${name} are not the same in PostgreSQL. Nothing was kept there.`,
    );
  return sent.rows();
}

/** A sum over rows that is the same in any order of them. */
function rowSum() {
  let rows = 0;
  let sum = 0n;
  return {
    add: (row: Row): void => {
      const text = JSON.stringify(row.map((value) => (Buffer.isBuffer(value) ? value.toString('base64') : value)));
      sum += BigInt(`0x${createHash('sha256').update(text).digest('hex')}`);
      rows += 1;
    },
    rows: (): number => rows,
    text: (): string => `${rows} ${sum}`,
  };
}

/** Numbers that the databases give out go on where SQLite's ended, so that none is given twice. */
async function continueCounts({ sqlite }: SqliteDatabase, client: pg.Client): Promise<void> {
  const given = new Map(
    sqlite
      .prepare<[], { name: string; seq: number }>('select name, seq from sqlite_sequence')
      .all()
      .map(({ name, seq }) => [name, seq]),
  );
  const { rows } = await client.query<{ name: string; column: string }>(
    `select table_name as name, column_name as column from information_schema.columns
     where table_schema = 'public' and is_identity = 'YES' and not table_name = any($1)`,
    [OF_POSTGRES],
  );
  for (const { name, column } of rows)
    await client.query(
      `select setval(pg_get_serial_sequence('${name}', '${column}'), last) from
         (select greatest(max("${column}"), $1::bigint) as last from ${name}) as given where last is not null`,
      [given.get(name) ?? null],
    );
}
