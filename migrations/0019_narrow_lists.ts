import { SqliteAdapter, sql, type Kysely } from 'kysely';

/** What `case_counts` counts a case under. */
const PLACE = (row: 'new' | 'old' | 'cases') =>
  `${row}.state, ${row}.proof, ${row}.quarantine_reason is not null, ${row}.read_at is null and ${row}.recency != 'prior', ${row}.report_due`;
const COUNTED = 'state, proof, held, unread, report_due';

/**
 * Lists without large rows. The columns that order a list stood in `analyses`, behind hundreds of kilobytes of JSON, so each look read gigabytes. They are
 * kept in `cases` too, by triggers, so that no writer can forget them; a covering index has what a row shows; and counts over all cases are kept.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('cases').addColumn('decision', 'text').execute();
  await db.schema.alterTable('cases').addColumn('probability', 'double precision').execute();
  await db.schema.alterTable('cases').addColumn('analysed_at', 'bigint').execute();
  const run: Run = (text) => sql.raw(text).execute(db);
  await (db.getExecutor().adapter instanceof SqliteAdapter ? onSqlite(run) : onPostgres(db, run));
}

type Run = (text: string) => Promise<unknown>;

async function onSqlite(run: Run): Promise<void> {
  await run(`create index analyses_listed on analyses (study_instance_uid, revision, decision, probability, analysed_at, threshold, threshold_version,
    reason_code, reason, key_slices, model_name, model_version, model_sha256)`);
  const copied = (study: string, revision: string) => `update cases set (decision, probability, analysed_at) = (
      select a.decision, a.probability, a.analysed_at from analyses a
      where a.study_instance_uid = cases.study_instance_uid and a.revision = cases.revision)
    where study_instance_uid = ${study} and revision = ${revision}`;
  await run(copied('study_instance_uid', 'revision'));
  await run(`create trigger analyses_listed_insert after insert on analyses begin
    ${copied('new.study_instance_uid', 'new.revision')}; end`);
  await run(`create trigger analyses_listed_update after update of revision, decision, probability, analysed_at on analyses begin
    ${copied('new.study_instance_uid', 'new.revision')}; end`);
  await run(`create trigger analyses_listed_delete after delete on analyses begin
    ${copied('old.study_instance_uid', 'old.revision')}; end`);
  await run(`create trigger cases_listed_revision after update of revision on cases begin
    ${copied('new.study_instance_uid', 'new.revision')}; end`);

  await run(`create index cases_listed on cases (proof, removing, read_at, recency, location, stat, first_received_at, quarantine_reason,
    decision, probability, study_instance_uid)`);
  await indexes(run);

  await run(`create table case_counts (state text not null, proof integer not null, held integer not null, unread integer not null,
    report_due integer not null, cases integer not null, primary key (${COUNTED})) without rowid`);
  await run(`insert into case_counts select ${PLACE('cases')}, count(*) from cases group by 1, 2, 3, 4, 5`);
  const add = (row: 'new' | 'old', change: 1 | -1) => `insert into case_counts (${COUNTED}, cases)
    values (${PLACE(row)}, ${change}) on conflict (${COUNTED}) do update set cases = cases + excluded.cases;`;
  await run(`create trigger cases_counted_insert after insert on cases begin ${add('new', 1)} end`);
  await run(`create trigger cases_counted_delete after delete on cases begin ${add('old', -1)} end`);
  await run(`create trigger cases_counted_update after update of state, proof, quarantine_reason, read_at, recency, report_due on cases begin
    ${add('old', -1)} ${add('new', 1)} end`);

  // Search by any part of a word of three characters or more. Rows are found by rowid, which nothing here renumbers; where somebody else did, the index is rebuilt at the next start.
  const words = 'patient_name, patient_id, accession_number';
  const wordsOf = (row: 'new' | 'old') =>
    `${row}.rowid, ${row}.patient_name, ${row}.patient_id, ${row}.accession_number`;
  await run(`create virtual table case_words using fts5 (${words}, content = 'cases', tokenize = 'trigram')`);
  await run(`insert into case_words (rowid, ${words}) select rowid, ${words} from cases`);
  const forget = `insert into case_words (case_words, rowid, ${words}) values ('delete', ${wordsOf('old')});`;
  const learn = `insert into case_words (rowid, ${words}) values (${wordsOf('new')});`;
  await run(`create trigger case_words_insert after insert on cases begin ${learn} end`);
  await run(`create trigger case_words_delete after delete on cases begin ${forget} end`);
  await run(`create trigger case_words_update after update of ${words} on cases begin ${forget} ${learn} end`);
}

async function indexes(run: Run): Promise<void> {
  await run('create index cases_flagged on cases (decision, proof, removing, read_at, analysed_at, recency)');
  await run('create index cases_analysed on cases (proof, analysed_at, last_slice_at, recency)');
  await run('create index cases_arrived on cases (proof, first_received_at, recency, decision)');
  await run('create index cases_read_last on cases (proof, stat, read_at, recency, decision)');
  await run('create index cases_received on cases (proof, last_received_at)');
  await run('create index cases_held on cases (first_received_at) where quarantine_reason is not null');
  await run('create index deliveries_status on deliveries (status, created_at)');
}

const PLACE_ON_POSTGRES = (row: 'new' | 'old') =>
  `${row}.state, ${row}.proof, (${row}.quarantine_reason is not null)::int, (${row}.read_at is null and ${row}.recency != 'prior')::int, ${row}.report_due`;

/**
 * The same on PostgreSQL, which keeps large texts out of its rows by itself, and whose indexes cannot hold them. No database there is older than this step,
 * so nothing is copied.
 */
async function onPostgres(db: Kysely<unknown>, run: Run): Promise<void> {
  await run(`create function analyses_listed() returns trigger language plpgsql as $$
    declare changed analyses := case when tg_op = 'DELETE' then old else new end;
    begin
      update cases set (decision, probability, analysed_at) = (
          select a.decision, a.probability, a.analysed_at from analyses a
          where a.study_instance_uid = cases.study_instance_uid and a.revision = cases.revision)
        where study_instance_uid = changed.study_instance_uid and revision = changed.revision;
      return null;
    end $$`);
  await run(`create trigger analyses_listed after insert or update of revision, decision, probability, analysed_at or delete on analyses
    for each row execute function analyses_listed()`);
  await run(`create function cases_listed() returns trigger language plpgsql as $$ begin
      select a.decision, a.probability, a.analysed_at into new.decision, new.probability, new.analysed_at from analyses a
        where a.study_instance_uid = new.study_instance_uid and a.revision = new.revision;
      return new;
    end $$`);
  await run(
    'create trigger cases_listed before update of revision on cases for each row execute function cases_listed()',
  );
  await run(`create index cases_listed on cases (proof, removing, read_at, recency, location, stat, first_received_at,
    decision, probability, study_instance_uid)`);
  await indexes(run);

  await db.schema
    .createTable('case_counts')
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('proof', 'integer', (c) => c.notNull())
    .addColumn('held', 'integer', (c) => c.notNull())
    .addColumn('unread', 'integer', (c) => c.notNull())
    .addColumn('report_due', 'integer', (c) => c.notNull())
    .addColumn('cases', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('case_counts_key', ['state', 'proof', 'held', 'unread', 'report_due'])
    .execute();
  const add = (row: 'new' | 'old', change: 1 | -1) => `insert into case_counts (${COUNTED}, cases)
    values (${PLACE_ON_POSTGRES(row)}, ${change}) on conflict (${COUNTED}) do update set cases = case_counts.cases + excluded.cases;`;
  await run(`create function cases_counted() returns trigger language plpgsql as $$ begin
      if tg_op = 'UPDATE' and row(${PLACE_ON_POSTGRES('old')}) is not distinct from row(${PLACE_ON_POSTGRES('new')}) then return null; end if;
      if tg_op != 'INSERT' then ${add('old', -1)} end if;
      if tg_op != 'DELETE' then ${add('new', 1)} end if;
      return null;
    end $$`);
  await run(`create trigger cases_counted after insert or delete or update of state, proof, quarantine_reason, read_at, recency, report_due on cases
    for each row execute function cases_counted()`);

  // The order in which cases were recorded, which is SQLite's rowid.
  await run('alter table cases add column recorded bigint generated by default as identity');
  await run('create extension if not exists pg_trgm');
  // Lower case of every script, whatever the language of the database.
  await run(`create function case_words(patient_name text, patient_id text, accession_number text) returns text language sql immutable parallel safe
    return lower((patient_name || chr(10) || patient_id || chr(10) || accession_number) collate "und-x-icu") collate "C"`);
  await run(
    'create index cases_words on cases using gin (case_words(patient_name, patient_id, accession_number) gin_trgm_ops)',
  );
}
