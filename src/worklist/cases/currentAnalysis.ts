import type { JoinBuilder } from 'kysely';
import type { Schema } from '../db/schema.ts';

type Joined = JoinBuilder<Schema, 'cases' | 'analyses'>;

/** Joins cases with the analysis of their current revision. Analyses of earlier revisions stay on record and must not be shown as the case's own. */
export function onCurrentRevision(join: Joined): Joined {
  return join
    .onRef('analyses.study_instance_uid', '=', 'cases.study_instance_uid')
    .onRef('analyses.revision', '=', 'cases.revision');
}
