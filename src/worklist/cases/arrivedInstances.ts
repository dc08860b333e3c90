import type { StoredInstance } from '../../case/case.ts';
import { asOfPatient, patientOf, storedInstanceOf } from '../list/caseRecord.ts';
import type { StoreContext } from './storeContext.ts';

/** Rows read in one statement: SQLite limits the number of parameters. */
const BATCH = 500;

/** Studies of which slices may still come. */
export async function arrivingStudies({ db }: StoreContext): Promise<string[]> {
  const rows = await db
    .selectFrom('cases')
    .select('study_instance_uid')
    .where('state', '=', 'receiving')
    .where('quarantine_reason', 'is', null)
    .execute();
  return rows.map((row) => row.study_instance_uid);
}

/**
 * CT objects of a study that are not among the `known` digests, and whether more may come; null where nobody has to encode its slices any more, because it
 * is held, gone, or has its result.
 */
export async function arrivedInstances(
  { db }: StoreContext,
  studyInstanceUid: string,
  known: ReadonlySet<string>,
): Promise<{ isArriving: boolean; instances: StoredInstance[] } | null> {
  const row = await db
    .selectFrom('cases')
    .selectAll()
    .where('study_instance_uid', '=', studyInstanceUid)
    .where('state', 'in', ['receiving', 'assembled'])
    .where('quarantine_reason', 'is', null)
    .where('removing', '=', 0)
    .executeTakeFirst();
  if (row === undefined) return null;
  const slices = db
    .selectFrom('instances')
    .where('study_instance_uid', '=', studyInstanceUid)
    .where('kind', '=', 'ct')
    .where('set_aside', '=', 0);
  const digests = await slices.select('sha256').orderBy('received_at').orderBy('sop_instance_uid').execute();
  const unknown = digests.map(({ sha256 }) => sha256).filter((sha256) => !known.has(sha256));
  const instances: StoredInstance[] = [];
  for (let start = 0; start < unknown.length; start += BATCH) {
    const rows = await slices
      .selectAll()
      .where('sha256', 'in', unknown.slice(start, start + BATCH))
      .orderBy('received_at')
      .orderBy('sop_instance_uid')
      .execute();
    instances.push(...rows.map((instance) => asOfPatient(storedInstanceOf(instance), patientOf(row))));
  }
  return { isArriving: row.state === 'receiving', instances };
}
