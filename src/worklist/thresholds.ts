import type { Kysely, Transaction } from 'kysely';
import { TriageError } from '../errors.ts';
import type { Threshold } from '../ports.ts';
import { appendAudit } from './audit.ts';
import type { Schema } from './schema.ts';
import { write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';

/** Who set an operating point that came with a package. */
export const SHIPPED_BY = 'odontoid';

/** The newest version for a model is the one in force. */
function inForce(db: Kysely<Schema>, modelName: string) {
  return db
    .selectFrom('thresholds')
    .select(['version', 'value', 'created_by'])
    .where('model_name', '=', modelName)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** The operating point in force for a model. @throws TriageError `not-found` when none was ever set. */
export async function threshold(context: StoreContext, modelName: string): Promise<Threshold> {
  const row = await inForce(context.db, modelName);
  if (row === undefined)
    throw new TriageError('not-found', `There is no threshold for the model ${modelName}.`, {
      context: { model: modelName },
    });
  return { version: row.version, value: row.value };
}

/** The operating point in force for a name, and whether somebody at the site chose it; null when there is none. */
export async function siteThreshold(
  context: StoreContext,
  modelName: string,
): Promise<{ value: number; isSites: boolean } | null> {
  const row = await inForce(context.db, modelName);
  return row === undefined ? null : { value: row.value, isSites: row.created_by !== SHIPPED_BY };
}

/** Sets the operating point that a model ships with, unless the site has one for it already. */
export async function seedThreshold(context: StoreContext, modelName: string, value: number): Promise<void> {
  await write(context, async (trx) => {
    if ((await inForce(trx, modelName)) !== undefined) return;
    await putThreshold(trx, context.clock.now(), { modelName, value, reason: 'Shipped with the model', createdBy: SHIPPED_BY });
  });
}

interface ThresholdChange {
  modelName: string;
  value: number;
  reason: string;
  createdBy: string;
}

/** Sets a new version of the operating point: earlier ones stay on record, and findings name the version that they were judged by. */
export async function setThreshold(context: StoreContext, change: ThresholdChange): Promise<Threshold> {
  return write(context, (trx) => putThreshold(trx, context.clock.now(), change));
}

/** Puts an operating point into force, with its audit entry in the same transaction: nothing else writes one. */
export async function putThreshold(trx: Transaction<Schema>, atMs: number, change: ThresholdChange): Promise<Threshold> {
  const before = await inForce(trx, change.modelName);
  const row = await trx
    .insertInto('thresholds')
    .values({
      model_name: change.modelName,
      value: checked(change.value),
      reason: change.reason,
      created_at: atMs,
      created_by: change.createdBy,
    })
    .returning(['version', 'value'])
    .executeTakeFirstOrThrow();
  await appendAudit(trx, atMs, {
    action: 'threshold.changed',
    actor: change.createdBy,
    target: change.modelName,
    detail: { from: before?.value ?? null, to: row.value, version: row.version, reason: change.reason },
  });
  return row;
}

function checked(value: number): number {
  if (!(value >= 0 && value <= 1)) throw new TriageError('command-invalid', 'A threshold is a number from 0 to 1.');
  return value;
}
