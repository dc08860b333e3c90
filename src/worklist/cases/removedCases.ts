import type { Kysely, Selectable, Transaction } from 'kysely';
import type { RemovedStudies } from '../../answers/adminAnswers.ts';
import { onCurrentRevision } from './currentAnalysis.ts';
import type { CaseRow, RemovedCasesTable, RemovedFilesTable, Schema } from '../db/schema.ts';

/** Keeps what the worklist says of a case, and how much of it is here, before both are deleted. */
export async function keepRemovedCase(
  trx: Transaction<Schema>,
  row: CaseRow,
  removed: { atMs: number; cause: RemovedCasesTable['cause'] },
): Promise<void> {
  const study = row.study_instance_uid;
  const analysis = await trx
    .selectFrom('cases')
    .innerJoin('analyses', onCurrentRevision)
    .select(['analyses.decision', 'analyses.reason', 'analyses.probability', 'analyses.threshold'])
    .where('cases.study_instance_uid', '=', study)
    .executeTakeFirst();
  const sizeOf = (table: 'instances' | 'result_objects') =>
    trx
      .selectFrom(table)
      .select(({ fn }) => [fn.countAll<number>().as('files'), fn.sum<number | null>('size_bytes').as('bytes')])
      .where('study_instance_uid', '=', study)
      .executeTakeFirstOrThrow();
  const objects = await sizeOf('instances');
  const before = await trx
    .selectFrom('removed_files')
    .select(['objects', 'size_bytes'])
    .where('study_instance_uid', '=', study)
    .executeTakeFirst();
  const results = await sizeOf('result_objects');
  const values = {
    case_ref: row.case_ref,
    revision: row.revision,
    state: row.state,
    patient_id: row.patient_id,
    patient_name: row.patient_name,
    accession_number: row.accession_number,
    study_date: row.study_date,
    source_ae_title: row.source_ae_title,
    decision: analysis?.decision ?? null,
    reason: analysis?.reason ?? null,
    probability: analysis?.probability ?? null,
    threshold: analysis?.threshold ?? null,
    first_received_at: row.first_received_at,
    read_at: row.read_at,
    read_by: row.read_by,
    removed_at: removed.atMs,
    cause: removed.cause,
    objects: objects.files + (before?.objects ?? 0),
    results: results.files,
    size_bytes: (objects.bytes ?? 0) + (results.bytes ?? 0) + (before?.size_bytes ?? 0),
  };
  await trx
    .insertInto('removed_cases')
    .values({ study_instance_uid: study, ...values })
    .onConflict((conflict) => conflict.column('study_instance_uid').doUpdateSet(values))
    .execute();
}

/** Removed studies, removed last first, at most `limit`, and how many there are. A study that has come again is on the worklist and not among them. */
export async function removedStudies(db: Kysely<Schema>, limit: number): Promise<RemovedStudies> {
  const gone = db
    .selectFrom('removed_cases')
    .where((row) =>
      row.not(
        row.exists(
          row
            .selectFrom('cases')
            .select('cases.study_instance_uid')
            .whereRef('cases.study_instance_uid', '=', 'removed_cases.study_instance_uid'),
        ),
      ),
    );
  const rows = await gone
    .selectAll()
    .orderBy('removed_at', 'desc')
    .orderBy('study_instance_uid')
    .limit(limit)
    .execute();
  const { total } = await gone.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
  return {
    total,
    studies: rows.map((row) => ({
      studyInstanceUid: row.study_instance_uid,
      patientName: row.patient_name,
      patientId: row.patient_id,
      accessionNumber: row.accession_number,
      studyDate: row.study_date,
      sourceAeTitle: row.source_ae_title,
      decision: row.decision,
      probability: row.probability,
      arrivedAtMs: row.first_received_at,
      readAtMs: row.read_at,
      readBy: row.read_by,
      removedAtMs: row.removed_at,
      cause: row.cause,
      objects: row.objects,
      results: row.results,
      sizeBytes: row.size_bytes,
    })),
  };
}

/** What to tell somebody who looks for a study that was removed; it names no patient. Null when none was removed under this UID or case reference. */
export async function removalSentence(db: Kysely<Schema>, word: string): Promise<string | null> {
  const row = await db
    .selectFrom('removed_cases')
    .select(['removed_at', 'cause', 'objects', 'results'])
    .where(word.includes('.') ? 'study_instance_uid' : 'case_ref', '=', word)
    .executeTakeFirst();
  if (row === undefined) return null;
  return (
    `This study was removed here ${whenAndWhy(row)}: ${row.objects} received objects and ${row.results} result objects. ` +
    'Images and report are in the PACS. To have it analysed again, let the PACS send it once more.'
  );
}

/** What to tell somebody who needs the images of a case whose received files were removed; it names no patient. */
export function filesRemovedSentence(removed: Selectable<RemovedFilesTable>): string {
  return (
    `The ${removed.objects} received objects of this study were removed here ${whenAndWhy(removed)}; its results are kept until they are delivered. ` +
    'Read the images in the PACS. To have it analysed again, let the PACS send it once more, then ask for it here.'
  );
}

function whenAndWhy({ removed_at, cause }: Pick<RemovedCasesTable, 'removed_at' | 'cause'>): string {
  const when = new Date(removed_at).toISOString().slice(0, 16).replace('T', ' ');
  return `on ${when} UTC because ${cause === 'age' ? 'its time here was over' : 'the disk was nearly full'}`;
}
