import type { Kysely, Transaction } from 'kysely';
import type { ThresholdVersion } from '../../answers/thresholdAnswers.ts';
import { TriageError } from '../../base/errors.ts';
import type { Threshold } from '../../case/threshold.ts';
import type { ThresholdRule } from '../../answers/thresholdAnswers.ts';
import { appendAudit } from '../audit/audit.ts';
import type { Schema, ThresholdMode } from '../db/schema.ts';
import { write } from '../cases/storeContext.ts';
import type { StoreContext } from '../cases/storeContext.ts';

/** Who set an operating point that came with a package. */
export const SHIPPED_BY = 'odontoid';

/** The operating point in force for scans of a model from a source. @throws TriageError `not-found` when none was ever set. */
export async function threshold(context: StoreContext, modelName: string, sourceAeTitle: string): Promise<Threshold> {
  const versions = await thresholdsInForce(context.db, modelName);
  const site = versions.find((version) => version.sourceAeTitle === '');
  if (site === undefined)
    throw new TriageError('not-found', `There is no threshold for the model ${modelName}.`, {
      context: { model: modelName },
    });
  const own = versions.find((version) => version.sourceAeTitle === sourceAeTitle && version.mode !== 'follows-site');
  // A stop applies to every source.
  const { version, value, mode } = site.mode === 'stopped' ? site : (own ?? site);
  return { version, value, stopped: mode === 'stopped' };
}

/** The newest version for the site and for each source that ever had its own. */
export async function thresholdsInForce(db: Kysely<Schema>, modelName: string): Promise<ThresholdVersion[]> {
  const newest = new Map(
    (await thresholdHistory(db, modelName)).reverse().map((version) => [version.sourceAeTitle, version]),
  );
  return [...newest.values()];
}

/** The version that set the site's threshold that is in force, who set it, and what it was before; null when it is the network's own. */
export async function thresholdChange(
  { reads }: StoreContext,
  modelName: string,
): Promise<{ version: number; by: string; atMs: number; from: number | null } | null> {
  const [newest, before] = (await thresholdHistory(reads, modelName)).filter(
    ({ sourceAeTitle }) => sourceAeTitle === '',
  );
  if (newest === undefined || newest.by === 'odontoid') return null;
  return { version: newest.version, by: newest.by, atMs: newest.atMs, from: before?.value ?? null };
}

/** Every version of a model's thresholds, newest first. */
export async function thresholdHistory(db: Kysely<Schema>, modelName: string): Promise<ThresholdVersion[]> {
  const rows = await db
    .selectFrom('thresholds')
    .selectAll()
    .where('model_name', '=', modelName)
    .orderBy('version', 'desc')
    .execute();
  return rows.map((row) => ({
    version: row.version,
    sourceAeTitle: row.source_ae_title,
    mode: row.mode,
    value: row.value,
    reason: row.reason,
    atMs: row.created_at,
    by: row.created_by,
    approvedBy: row.approved_by,
    reverts: row.reverts,
  }));
}

/** The rule that the versions in force add up to. */
export function ruleOf(versions: readonly ThresholdVersion[]): ThresholdRule {
  const valueOf = ({ mode, value }: ThresholdVersion) => (mode === 'stopped' ? null : value);
  const site = versions.find((version) => version.sourceAeTitle === '');
  return {
    site: site === undefined ? null : valueOf(site),
    bySource: Object.fromEntries(
      versions
        .filter((version) => version.sourceAeTitle !== '' && version.mode !== 'follows-site')
        .map((version) => [version.sourceAeTitle, valueOf(version)]),
    ),
  };
}

/** What the site has set for a model name: the value, whether somebody here chose it, and the sources with a value of their own; null when there is none. */
export async function siteThreshold(
  context: StoreContext,
  modelName: string,
): Promise<{ value: number; isSites: boolean; ownSources: string[] } | null> {
  const versions = await thresholdsInForce(context.db, modelName);
  const site = versions.find((version) => version.sourceAeTitle === '');
  if (site === undefined) return null;
  return { value: site.value, isSites: site.by !== SHIPPED_BY, ownSources: Object.keys(ruleOf(versions).bySource) };
}

/** Sets the operating point that a model ships with, unless the site already has one for the model. */
export async function seedThreshold(context: StoreContext, modelName: string, value: number): Promise<void> {
  await write(context, async (trx) => {
    if ((await thresholdsInForce(trx, modelName)).length > 0) return;
    await putThreshold(trx, context.clock.now(), {
      modelName,
      value,
      reason: 'Shipped with the model',
      by: SHIPPED_BY,
    });
  });
}

/**
 * Puts the operating point that comes with a package into force. Scores of different versions are not comparable, so sources follow the site again. Flags
 * that were stopped stay stopped until a person requests otherwise.
 */
export async function bringThreshold(
  trx: Transaction<Schema>,
  atMs: number,
  brought: { modelName: string; value: number; reason: string; by: string },
): Promise<void> {
  const versions = await thresholdsInForce(trx, brought.modelName);
  const site = versions.find((version) => version.sourceAeTitle === '');
  await putThreshold(trx, atMs, { ...brought, mode: site?.mode ?? 'on' });
  for (const sourceAeTitle of Object.keys(ruleOf(versions).bySource))
    await putThreshold(trx, atMs, { ...brought, sourceAeTitle, mode: 'follows-site' });
}

interface ThresholdChange {
  modelName: string;
  /** Empty or left out: the whole site. */
  sourceAeTitle?: string;
  mode?: ThresholdMode;
  value: number;
  reason: string;
  by: string;
  /** The person's address; empty: at this machine. */
  address?: string;
  approvedBy?: string | null;
  /** Why it takes force although the proof of life is not flagged under it. */
  despiteProof?: string;
  reverts?: number | null;
}

/**
 * Appends a version together with its audit entry in one transaction; nothing else writes one. From now on it is in force for new scans. Earlier versions
 * stay on record, and findings name the version that they were judged by.
 *
 * @returns its number
 */
export async function putThreshold(trx: Transaction<Schema>, atMs: number, change: ThresholdChange): Promise<number> {
  const {
    modelName,
    sourceAeTitle = '',
    mode = 'on',
    value,
    reason,
    by,
    address = '',
    approvedBy = null,
    despiteProof,
    reverts = null,
  } = change;
  const before = (await thresholdsInForce(trx, modelName)).find((version) => version.sourceAeTitle === sourceAeTitle);
  const { version } = await trx
    .insertInto('thresholds')
    .values({
      model_name: modelName,
      source_ae_title: sourceAeTitle,
      mode,
      value: checkedThreshold(value),
      reason,
      created_at: atMs,
      created_by: by,
      approved_by: approvedBy,
      reverts,
    })
    .returning('version')
    .executeTakeFirstOrThrow();
  await appendAudit(trx, atMs, {
    action: 'threshold.changed',
    actor: approvedBy ?? by,
    address,
    target: modelName,
    detail: {
      source: sourceAeTitle,
      from: before === undefined ? null : spoken(before),
      to: spoken({ mode, value }),
      version,
      reason,
      ...(approvedBy !== null && { askedBy: by }),
      ...(despiteProof !== undefined && { despiteProof }),
      ...(reverts !== null && { reverts }),
    },
  });
  return version;
}

const spoken = ({ mode, value }: { mode: ThresholdMode; value: number }): number | string =>
  mode === 'on' ? value : mode;

/** @throws TriageError `command-invalid` */
export function checkedThreshold(value: number): number {
  if (!(value >= 0 && value <= 1)) throw new TriageError('command-invalid', 'A threshold is a number from 0 to 1.');
  return value;
}
