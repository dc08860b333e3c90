import type { Transaction } from 'kysely';
import type { ModelActivation } from '../../answers/modelAnswers.ts';
import { TriageError } from '../../base/errors.ts';
import type { ModelIdentity } from '../../case/triageModel.ts';
import { appendAudit } from '../audit/audit.ts';
import type { ModelActivationsTable, Schema } from '../db/schema.ts';
import { inSnapshot } from '../db/transactions.ts';
import { write } from '../cases/storeContext.ts';
import type { StoreContext } from '../cases/storeContext.ts';
import { bringThreshold, SHIPPED_BY } from '../thresholds/thresholds.ts';

/** `active`: its results are reported. `shadow`: it scores the same cases, and nothing of it is reported. */
export type ModelRole = ModelActivationsTable['role'];

/** The decisions that the agent needs for a role. */
export interface ModelInForce {
  /** The newest decision; null when there was none. */
  wanted: ModelActivation | null;
  /** The newest decision that has been in use: what served before, if `wanted` never did. */
  lastInUse: ModelActivation | null;
}

/**
 * Decides which package a role has from now on. A shadow that becomes active leaves the shadow's role empty.
 * @throws TriageError `command-invalid` for an empty reason, an empty active role, or a shadow that is the active package
 */
export async function activateModel(
  context: StoreContext,
  change: {
    role: ModelRole;
    model: ModelIdentity | null;
    threshold: number | null;
    reason: string;
    by: string;
    /** Where the request came from; empty from this machine's own command line. */
    address?: string;
    /** Who signed second; left out where nobody had to. */
    approvedBy?: string | null;
  },
): Promise<ModelActivation> {
  const { role, model, threshold, by, address = '', approvedBy = null } = change;
  const reason = change.reason.trim();
  if (reason === '') throw new TriageError('command-invalid', 'An activation needs a reason.');
  if (role === 'active' && model === null)
    throw new TriageError('command-invalid', 'There is always an active package: activate another one.');
  const decide = async (
    trx: Transaction<Schema>,
    what: { role: ModelRole; model: ModelIdentity | null; reason: string },
  ) => {
    const { id } = await trx
      .insertInto('model_activations')
      .values({
        role: what.role,
        event: 'activated',
        activation_id: null,
        model_name: what.model?.name ?? null,
        model_version: what.model?.version ?? null,
        model_sha256: what.model?.sha256 ?? null,
        threshold,
        reason: what.reason,
        created_at: context.clock.now(),
        created_by: by,
        approved_by: what.role === 'active' ? approvedBy : null,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    await appendAudit(trx, context.clock.now(), {
      action: 'model.activated',
      actor: by,
      address,
      target: what.model === null ? 'none' : `${what.model.name}@${what.model.version}`,
      detail: { role: what.role, sha256: what.model?.sha256 ?? null, threshold, reason: what.reason, approvedBy },
    });
    return id;
  };
  return write(context, async (trx) => {
    const other = await wantedFor(trx, role === 'active' ? 'shadow' : 'active');
    const isOthers = model !== null && other?.model?.sha256 === model.sha256;
    if (isOthers && role === 'shadow')
      throw new TriageError(
        'command-invalid',
        `${model.name}@${model.version} is the active package: it cannot be its own shadow.`,
      );
    const id = await decide(trx, { role, model, reason });
    if (isOthers) await decide(trx, { role: 'shadow', model: null, reason: `It became the active package: ${reason}` });
    return (await activationOf(trx, id))!;
  });
}

export async function modelInForce(context: StoreContext, role: ModelRole): Promise<ModelInForce> {
  return inSnapshot(context.db, async (trx) => {
    const used = await newest(trx, role, 'in-use');
    return {
      wanted: await wantedFor(trx, role),
      lastInUse: used === undefined ? null : await activationOf(trx, used.activation_id!),
    };
  });
}

/**
 * Whether results of a package count: it is the one that was put into use last, or none ever was. Its operating point came into force with it, so a node that
 * still has the network before waits for its own.
 */
export async function isModelInForce({ db }: StoreContext, modelSha256: string): Promise<boolean> {
  const last = await db
    .selectFrom('model_activations')
    .select('model_sha256')
    .where('role', '=', 'active')
    .where('event', '=', 'in-use')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return last === undefined || last.model_sha256 === modelSha256;
}

/** Decisions about both roles with their outcome, newest first. */
export async function modelHistory(context: StoreContext, limit: number): Promise<ModelActivation[]> {
  return inSnapshot(context.db, async (trx) => {
    const decisions = await trx
      .selectFrom('model_activations')
      .select('id')
      .where('event', '=', 'activated')
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
    const history: ModelActivation[] = [];
    for (const { id } of decisions) history.push((await activationOf(trx, id))!);
    return history;
  });
}

/**
 * Records that the agent has loaded the package, and puts its operating point into force: once for each activation, however often the agent starts.
 * `shippedThreshold` is the package's own: an operating point equal to it counts as shipped, not as chosen by the site.
 */
export async function noteModelInUse(
  context: StoreContext,
  activation: ModelActivation,
  shippedThreshold: number,
): Promise<void> {
  await write(context, async (trx) => {
    const answers = await trx
      .selectFrom('model_activations')
      .select('event')
      .where('activation_id', '=', activation.id)
      .orderBy('id')
      .execute();
    if (answers.at(-1)?.event === 'in-use') return;
    await answer(trx, context, activation, 'in-use', activation.reason);
    if (answers.some(({ event }) => event === 'in-use')) return;
    if (activation.role !== 'active' || activation.threshold === null || activation.model === null) return;
    const { name, version } = activation.model;
    const isShipped = activation.threshold === shippedThreshold;
    await bringThreshold(trx, context.clock.now(), {
      modelName: name,
      value: activation.threshold,
      reason: isShipped
        ? `Shipped with ${name} ${version}`
        : `Set with the activation of ${name} ${version}: ${activation.reason}`,
      by: isShipped ? SHIPPED_BY : activation.by,
    });
  });
}

/** Records why the agent could not load the package; a repeated reason is recorded once. */
export async function noteModelFailed(
  context: StoreContext,
  activation: ModelActivation,
  failure: string,
): Promise<void> {
  await write(context, async (trx) => {
    const last = await trx
      .selectFrom('model_activations')
      .select(['event', 'reason'])
      .where('activation_id', '=', activation.id)
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (last?.event === 'failed' && last.reason === failure) return;
    await answer(trx, context, activation, 'failed', failure);
  });
}

async function wantedFor(trx: Transaction<Schema>, role: ModelRole): Promise<ModelActivation | null> {
  const wanted = await newest(trx, role, 'activated');
  return wanted === undefined ? null : activationOf(trx, wanted.id);
}

async function newest(trx: Transaction<Schema>, role: ModelRole, event: ModelActivationsTable['event']) {
  return trx
    .selectFrom('model_activations')
    .select(['id', 'activation_id'])
    .where('role', '=', role)
    .where('event', '=', event)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
}

async function activationOf(trx: Transaction<Schema>, id: number): Promise<ModelActivation | null> {
  const rows = await trx
    .selectFrom('model_activations')
    .selectAll()
    .where((row) => row.or([row('id', '=', id), row('activation_id', '=', id)]))
    .orderBy('id')
    .execute();
  const decision = rows.find((row) => row.id === id);
  if (decision === undefined) return null;
  const used = rows.find((row) => row.event === 'in-use');
  const last = rows.at(-1)!;
  return {
    id,
    role: decision.role,
    model:
      decision.model_name === null
        ? null
        : { name: decision.model_name, version: decision.model_version!, sha256: decision.model_sha256! },
    threshold: decision.threshold,
    reason: decision.reason,
    atMs: decision.created_at,
    by: decision.created_by,
    approvedBy: decision.approved_by,
    inUseAtMs: used?.created_at ?? null,
    failure: last.event === 'failed' ? last.reason : null,
  };
}

async function answer(
  trx: Transaction<Schema>,
  context: StoreContext,
  activation: ModelActivation,
  event: 'in-use' | 'failed',
  reason: string,
): Promise<void> {
  await trx
    .insertInto('model_activations')
    .values({
      role: activation.role,
      event,
      activation_id: activation.id,
      model_name: activation.model?.name ?? null,
      model_version: activation.model?.version ?? null,
      model_sha256: activation.model?.sha256 ?? null,
      threshold: null,
      reason,
      created_at: context.clock.now(),
      created_by: 'odontoid',
    })
    .execute();
}
