import { sql } from 'kysely';
import { hasItsFiles } from '../cases/removedFiles.ts';
import type { WorklistDatabase } from '../db/database.ts';

/** Counts by which every study can be accounted for. They balance when every study that was ever received is accounted for and every file on record is on disk. */
export interface Ledger {
  /** Studies of which an object was acknowledged, or was refused although its study was known, according to the events. */
  received: number;
  /** A report with a score has been written. */
  resulted: number;
  /** Not analysed, with the reason on record. */
  ineligible: number;
  /** Set aside until a person decides. */
  held: number;
  failed: number;
  inFlight: number;
  /** Removed by retention. */
  removed: number;
  /** Of those that are here: retention has removed what was received of them, their results are kept until they are delivered. */
  withoutFiles: number;
  /** Results that a destination has not confirmed yet. */
  undelivered: number;
  /** Studies that were received and cannot be found anywhere. */
  lost: string[];
  /** Files on record. */
  files: number;
  /** Received objects on record that are missing on disk or have another size: the study must be sent again. */
  missing: { studyInstanceUid: string; path: string }[];
  /** Written results that are not on disk. `due`: a destination has yet to receive it, so the case must be analysed again. */
  missingResults: { studyInstanceUid: string; path: string; due: boolean }[];
  balances: boolean;
}

interface FileOnRecord {
  studyInstanceUid: string;
  path: string;
  sizeBytes: number;
  due: 0 | 1;
}

const WHERE_CASES_ARE = `
  select case
    when c.quarantine_reason is not null then 'held'
    when c.state = 'failed' then 'failed'
    when c.state = 'ineligible' or (c.state in ('reported', 'delivered') and a.decision = 'not-analysed') then 'ineligible'
    when c.state in ('reported', 'delivered') then 'resulted'
    else 'inFlight' end as place, count(*) as n
  from cases c left join analyses a on a.study_instance_uid = c.study_instance_uid and a.revision = c.revision
  group by place`;

/** Studies that should still be here according to the events alone: last received after they were last removed. */
const LAST_EVENTS = `
  select study_instance_uid as uid,
    max(case when type = 'removed' then 0 else id end) > max(case when type = 'removed' then id else 0 end) as "isHere"
  from case_events where type in ('instanceReceived', 'removed') group by study_instance_uid`;

const NOT_BEING_REMOVED = 'study_instance_uid not in (select study_instance_uid from cases where removing = 1)';
const FILES = {
  object: `select study_instance_uid as "studyInstanceUid", path, size_bytes as "sizeBytes", 0 as due from instances where ${NOT_BEING_REMOVED}`,
  result: `select study_instance_uid as "studyInstanceUid", path, size_bytes as "sizeBytes", exists (
      select 1 from deliveries d where d.sop_instance_uid = r.sop_instance_uid and d.status in ('pending', 'sent')) as due
    from result_objects r where r.file_removed_at is null and ${NOT_BEING_REMOVED}`,
};

/** Computes the counts. `sizeOf` gives the size of a file on record, in bytes, or null where there is none: of the spool (relative) or of a result (absolute). */
export async function readLedger(
  { reads }: Pick<WorklistDatabase, 'reads'>,
  sizeOf: (kind: 'object' | 'result', path: string) => Promise<number | null>,
): Promise<Ledger> {
  const all = async <Row>(text: string): Promise<Row[]> => (await sql.raw<Row>(text).execute(reads)).rows;
  const places = new Map((await all<{ place: string; n: number }>(WHERE_CASES_ARE)).map(({ place, n }) => [place, n]));
  const place = (name: string) => places.get(name) ?? 0;
  const events = await all<{ uid: string; isHere: 0 | 1 }>(LAST_EVENTS);
  const cases = new Set(
    (await reads.selectFrom('cases').select('study_instance_uid').execute()).map((row) => row.study_instance_uid),
  );
  const here = events.filter(({ isHere }) => isHere === 1);
  const lost = here.filter(({ uid }) => !cases.has(uid)).map(({ uid }) => uid);
  const missing: Ledger['missing'] = [];
  const missingResults: Ledger['missingResults'] = [];
  let files = 0;
  for (const kind of ['object', 'result'] as const) {
    for (const row of await all<FileOnRecord>(FILES[kind])) {
      files++;
      const { studyInstanceUid, path, sizeBytes, due } = row;
      if ((await sizeOf(kind, path)) === sizeBytes) continue;
      if (kind === 'object') missing.push({ studyInstanceUid, path });
      else missingResults.push({ studyInstanceUid, path, due: due === 1 });
    }
  }
  const { undelivered } = await reads
    .selectFrom('deliveries')
    .select(({ fn }) => fn.countAll<number>().as('undelivered'))
    .where('status', 'in', ['pending', 'sent'])
    .executeTakeFirstOrThrow();
  const { withoutFiles } = await reads
    .selectFrom('cases')
    .select(({ fn }) => fn.countAll<number>().as('withoutFiles'))
    .where(sql<boolean>`not ${hasItsFiles}`)
    .executeTakeFirstOrThrow();
  const sum = ['resulted', 'ineligible', 'held', 'failed', 'inFlight'].reduce((total, name) => total + place(name), 0);
  return {
    received: events.length,
    resulted: place('resulted'),
    ineligible: place('ineligible'),
    held: place('held'),
    failed: place('failed'),
    inFlight: place('inFlight'),
    removed: events.length - here.length,
    withoutFiles,
    undelivered,
    lost,
    files,
    missing,
    missingResults,
    balances:
      lost.length === 0 && missing.length === 0 && !missingResults.some(({ due }) => due) && sum === here.length,
  };
}
