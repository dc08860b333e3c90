import type { Transaction } from 'kysely';
import type { OpenFlags } from '../../answers/worklistAnswer.ts';
import { findingLine } from '../../case/findingLine.ts';
import type { Schema } from '../db/schema.ts';
import { readKeySlices } from './keySlices.ts';

/** Unread suspected cases, newest flag first, `limit` at the most; it names no patient. */
export async function openFlags(db: Transaction<Schema>, limit: number): Promise<OpenFlags> {
  const suspected = db
    .selectFrom('cases')
    .where('cases.decision', '=', 'suspected')
    .where('cases.removing', '=', 0)
    .where('cases.proof', '=', 0)
    .where('cases.recency', '!=', 'prior');
  const open = await suspected
    .leftJoin('analyses', (join) =>
      join
        .onRef('analyses.study_instance_uid', '=', 'cases.study_instance_uid')
        .onRef('analyses.revision', '=', 'cases.revision'),
    )
    .select([
      'analyses.key_slices',
      'cases.case_ref',
      'cases.revision',
      'cases.claimed_by',
      'cases.attended_at',
      'cases.rings_from',
      'cases.analysed_at',
    ])
    .where('cases.read_at', 'is', null)
    .orderBy('cases.analysed_at', 'desc')
    .limit(limit)
    .execute();
  const counted = suspected.select((row) => row.fn.countAll<number>().as('cases'));
  const openCount =
    open.length < limit
      ? open.length
      : (await counted.where('cases.read_at', 'is', null).executeTakeFirstOrThrow()).cases;
  const late = await counted
    .where('cases.read_at', 'is not', null)
    .whereRef('cases.analysed_at', '>', 'cases.read_at')
    .executeTakeFirstOrThrow();
  return {
    open: open.map((row) => ({
      caseRef: row.case_ref ?? '',
      finding: findingLine(readKeySlices(row.key_slices ?? '[]')),
      revision: row.revision,
      flaggedAtMs: row.analysed_at ?? 0,
      claimed: row.claimed_by !== null,
      attended: (row.attended_at ?? -1) >= (row.analysed_at ?? 0),
      ringsFromMs: Math.max(row.analysed_at ?? 0, row.rings_from ?? 0),
    })),
    openCount,
    afterRead: late.cases,
  };
}
