import type { ModelIdentity } from '../../../src/case/triageModel.ts';
import type { WorklistDatabase } from '../../../src/worklist/db/database.ts';

const NO_FIGURES = { analysed: null, sensitivity: null, specificity: null, auc: null, inTheLarge: null, slope: null };

/** Puts a validation that suffices on record, without an entry in the audit: for tests of something else. */
export async function validatedHere(
  { db }: WorklistDatabase,
  { name, version, sha256 }: ModelIdentity,
  atMs = Date.UTC(2026, 9, 5, 9),
): Promise<void> {
  await db
    .insertInto('model_validations')
    .values({
      model_name: name,
      model_version: version,
      model_sha256: sha256,
      dataset: '/data/necks-2025',
      kind: 'folder',
      synthetic: 0,
      cases: 420,
      patients: 397,
      positives: 61,
      negatives: 348,
      threshold: 0.5,
      figures: JSON.stringify(NO_FIGURES),
      created_at: atMs,
      created_by: 'grace',
    })
    .execute();
}
