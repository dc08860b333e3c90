import type { Selectable } from 'kysely';
import type { ModelValidation } from '../../answers/modelAnswers.ts';
import { appendAudit } from '../audit/audit.ts';
import { write, type StoreContext } from '../cases/storeContext.ts';
import type { ModelValidationsTable } from '../db/schema.ts';

/** Below this many cases of either class a validation says too little to rest an activation on. */
export const FEWEST_OF_A_CLASS = 10;

/** Records what a package reached on cases of the site. */
export async function recordValidation(
  context: StoreContext,
  found: Omit<ModelValidation, 'id' | 'atMs' | 'suffices'>,
): Promise<ModelValidation> {
  const { model, by } = found;
  return write(context, async (trx) => {
    const row = await trx
      .insertInto('model_validations')
      .values({
        model_name: model.name,
        model_version: model.version,
        model_sha256: model.sha256,
        dataset: found.dataset,
        kind: found.kind,
        synthetic: found.synthetic ? 1 : 0,
        cases: found.cases,
        patients: found.patients,
        positives: found.positives,
        negatives: found.negatives,
        threshold: found.threshold,
        figures: JSON.stringify(found.figures),
        created_at: context.clock.now(),
        created_by: by,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    const validation = validationFrom(row);
    await appendAudit(trx, context.clock.now(), {
      action: 'model.validated',
      actor: by,
      address: '',
      target: `${model.name}@${model.version}`,
      detail: {
        sha256: model.sha256,
        validation: validation.id,
        positives: found.positives,
        negatives: found.negatives,
        suffices: validation.suffices,
      },
    });
    return validation;
  });
}

/** The validations of a package here, newest first. */
export async function validationsOf({ reads }: StoreContext, modelSha256: string): Promise<ModelValidation[]> {
  const rows = await reads
    .selectFrom('model_validations')
    .selectAll()
    .where('model_sha256', '=', modelSha256)
    .orderBy('id', 'desc')
    .execute();
  return rows.map(validationFrom);
}

function validationFrom(row: Selectable<ModelValidationsTable>): ModelValidation {
  const synthetic = row.synthetic === 1;
  return {
    id: row.id,
    model: { name: row.model_name, version: row.model_version, sha256: row.model_sha256 },
    dataset: row.dataset,
    kind: row.kind,
    synthetic,
    atMs: row.created_at,
    by: row.created_by,
    cases: row.cases,
    patients: row.patients,
    positives: row.positives,
    negatives: row.negatives,
    threshold: row.threshold,
    figures: JSON.parse(row.figures) as ModelValidation['figures'],
    suffices: !synthetic && row.positives >= FEWEST_OF_A_CLASS && row.negatives >= FEWEST_OF_A_CLASS,
  };
}
