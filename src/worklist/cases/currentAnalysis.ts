import type { JoinBuilder, Kysely } from 'kysely';
import type { AnalysisRow, CaseRow, Schema } from '../db/schema.ts';

type Joined = JoinBuilder<Schema, 'cases' | 'analyses'>;

/** Joins cases with the analysis of their current revision. Analyses of earlier revisions stay on record and must not be shown as the case's own. */
export function onCurrentRevision(join: Joined): Joined {
  return join
    .onRef('analyses.study_instance_uid', '=', 'cases.study_instance_uid')
    .onRef('analyses.revision', '=', 'cases.revision');
}

/** The analysis of a case's current revision; undefined until it is assembled. */
export async function currentAnalysis(
  db: Kysely<Schema>,
  row: Pick<CaseRow, 'study_instance_uid' | 'revision'>,
): Promise<AnalysisRow | undefined> {
  return db
    .selectFrom('analyses')
    .selectAll()
    .where('study_instance_uid', '=', row.study_instance_uid)
    .where('revision', '=', row.revision)
    .executeTakeFirst();
}
