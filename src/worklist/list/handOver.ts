import type { Transaction } from 'kysely';
import type { HandOverAnswer } from '../../answers/handOverAnswer.ts';
import { onCurrentRevision } from '../cases/currentAnalysis.ts';
import type { Schema } from '../db/schema.ts';
import { describeCases, listedRows, type ReadingContext } from './listedRows.ts';

/** A sheet of paper that is read aloud at a change of shift has no more. */
const MOST_ROWS = 100;

/** What has happened on the list since a moment, and what is open now. `unread`: every unread study, in reading order. */
export async function handOver(
  db: Transaction<Schema>,
  context: ReadingContext,
  sinceMs: number,
  unread: readonly string[],
): Promise<Omit<HandOverAnswer, 'masked'>> {
  const nowMs = context.clock.now();
  const flagged = await scans(db)
    .select('cases.study_instance_uid as study')
    .where('cases.decision', '=', 'suspected')
    .where('cases.analysed_at', '>=', sinceMs)
    .orderBy('cases.analysed_at', 'desc')
    .execute();
  const disagreed = await scans(db)
    .innerJoin('verdicts', 'verdicts.study_instance_uid', 'cases.study_instance_uid')
    .select('cases.study_instance_uid as study')
    .select(({ fn }) => fn.max('verdicts.created_at').as('at'))
    .where('verdicts.verdict', '=', 'disagree')
    .where('verdicts.created_at', '>=', sinceMs)
    .groupBy('cases.study_instance_uid')
    .orderBy('at', 'desc')
    .execute();
  const came = scans(db).where('cases.first_received_at', '>=', sinceMs);
  const open = scans(db).where('cases.read_at', 'is', null);
  return {
    nowMs,
    sinceMs,
    came: await counted(came),
    flagged: flagged.length,
    notAnalysed: await counted(
      came.innerJoin('analyses', onCurrentRevision).where('analyses.decision', '=', 'not-analysed'),
    ),
    read: await counted(scans(db).where('cases.read_at', '>=', sinceMs)),
    disagreed: disagreed.length,
    open: unread.length,
    openFlagged: await counted(open.where('cases.decision', '=', 'suspected')),
    flaggedRows: await rowsOf(db, nowMs, flagged),
    disagreedRows: await rowsOf(db, nowMs, disagreed),
    openRows: (await listedRows(db, context, unread.slice(0, MOST_ROWS), 0)).filter((row) => row !== null),
  };
}

/** Patients' scans that somebody is to read. */
function scans(db: Transaction<Schema>) {
  return db
    .selectFrom('cases')
    .where('cases.proof', '=', 0)
    .where('cases.removing', '=', 0)
    .where('cases.recency', '!=', 'prior');
}

async function counted(of: ReturnType<typeof scans>): Promise<number> {
  return (await of.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow()).count;
}

async function rowsOf(db: Transaction<Schema>, nowMs: number, of: readonly { study: string }[]) {
  const studies = of.slice(0, MOST_ROWS).map(({ study }) => study);
  if (studies.length === 0) return [];
  const cases = await db.selectFrom('cases').selectAll().where('study_instance_uid', 'in', studies).execute();
  const described = new Map((await describeCases(db, nowMs, cases)).map((row) => [row.studyInstanceUid, row]));
  return studies.map((study) => described.get(study)!);
}
