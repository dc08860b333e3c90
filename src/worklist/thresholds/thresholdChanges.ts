import { LEAST_REASON_CHARACTERS } from '../../case/leastReason.ts';
import type { Kysely, Transaction } from 'kysely';
import { TriageError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import { flipsBetween } from '../../thresholds/flips.ts';
import type { ProofUnderAnswer, ThresholdRule } from '../../answers/thresholdAnswers.ts';
import { scoreTexts } from '../../case/scoreTexts.ts';
import { appendAudit, type AuditFact } from '../audit/audit.ts';
import type { WorklistDatabase } from '../db/database.ts';
import type { Schema } from '../db/schema.ts';
import { inTransaction } from '../db/transactions.ts';
import {
  closeDraft,
  lastClosed,
  draftIfOpen,
  lostOf,
  newestVersion,
  onDraft,
  openDraft,
  stillThere,
  viewsOf,
  type ClosedDraft,
  type DraftRow,
  type ThresholdDraft,
} from './thresholdDrafts.ts';
import { proofUnder } from './proofUnder.ts';
import { factsDigest, thresholdFacts } from './thresholdFacts.ts';
import type { ThresholdFacts } from './thresholdFacts.ts';
import { checkedThreshold, putThreshold, ruleOf, thresholdHistory, thresholdsInForce } from './thresholds.ts';
import type { ThresholdVersion } from '../../answers/thresholdAnswers.ts';

/** Older scans say little about today's scanners and patients. */
const LOOK_BACK_MS = 365 * 24 * 3_600_000;

/** Confirmed fractures from which on a site may choose any threshold: fewer say nothing (as on the page, which shows counts only). */
const FRACTURES_FOR_FREE_CHOICE = 10;

/** Who makes the change, and from which address. */
interface Person {
  name: string;
  address: string;
}

/** What somebody wants to change: the site's threshold, or that of one source. */
export interface ThresholdProposal {
  /** Empty: the whole site. */
  sourceAeTitle: string;
  /** 0..1; null removes the source's own threshold, so that it follows the site. */
  value: number | null;
}

interface ThresholdBoard {
  rule: ThresholdRule;
  inForce: ThresholdVersion[];
  history: ThresholdVersion[];
  /** The open request, or null. */
  draft: (ThresholdDraft & { proof: ProofUnderAnswer | null }) | null;
  /** How the last request ended without being activated, shown for a day. */
  lastClosed: ClosedDraft | null;
  facts: ThresholdFacts;
}

type Confirmation = { kind: 'activated'; version: number } | { kind: 'awaits-second-person' };

/** Everything that people do to thresholds. Every change is one transaction together with its record. */
export interface ThresholdChanges {
  /** A change takes two signatures of different people. */
  readonly secondPerson: boolean;
  /** What is in force, what is requested, and the past scans of a model version that show the consequences. */
  board(model: { name: string; sha256: string }): Promise<ThresholdBoard>;
  /** @throws TriageError `command-invalid` for a short reason, a value out of range or one that changes nothing; `threshold-draft-closed` while another request is open. */
  draft(
    model: { name: string; sha256: string },
    proposal: ThresholdProposal,
    reason: string,
    by: Person,
  ): Promise<number>;
  /** Which of these studies are still on the worklist; the others can only be counted. */
  present(studyInstanceUids: readonly string[]): Promise<Set<string>>;
  /**
   * Signs a request; the caller has checked for a recent sign-in. The signer must have opened every confirmed fracture that would be lost and is still on the
   * worklist, according to the audit. Where the proof of life has not flagged its fracture under the requested threshold, each signer says why nevertheless.
   *
   * @throws TriageError `threshold-draft-closed`, `threshold-draft-incomplete`
   */
  confirm(draftId: number, by: Person, despiteProof?: string): Promise<Confirmation>;
  /** @throws TriageError `threshold-draft-closed` */
  withdraw(draftId: number, by: Person): Promise<void>;
  /** Reverts the newest change of a source (or the site). @throws TriageError `not-found`, `threshold-draft-closed` when a newer change is in force */
  revert(modelName: string, version: number, by: Person): Promise<number>;
  /** Stops all flags: no scan is flagged from now on. @throws TriageError `command-invalid` without a reason */
  stop(modelName: string, reason: string, by: Person): Promise<number>;
}

/** The rule as it would be with a proposal in force. */
export function proposedRule(rule: ThresholdRule, { sourceAeTitle, value }: ThresholdProposal): ThresholdRule {
  if (sourceAeTitle === '') return { ...rule, site: value };
  const others = Object.entries(rule.bySource).filter(([name]) => name !== sourceAeTitle);
  return { ...rule, bySource: Object.fromEntries(value === null ? others : [...others, [sourceAeTitle, value]]) };
}

/** The threshold that the site, or a source, has set for itself; null: it is stopped, or the source follows the site. */
function ownThreshold(rule: ThresholdRule, sourceAeTitle: string): number | null {
  if (sourceAeTitle === '') return rule.site;
  return Object.hasOwn(rule.bySource, sourceAeTitle) ? (rule.bySource[sourceAeTitle] ?? null) : null;
}

/** What the functions below share. */
interface Context {
  db: Kysely<Schema>;
  clock: Clock;
  /** The site asks for two signatures of different people. */
  secondPerson: boolean;
  /** A proof of life is to be flagged: `proofOfLife.expect` is `suspected`. */
  proofExpectsFlag: boolean;
}

/**
 * The thresholds of an open database. `secondPerson`: the site asks for two signatures of different people. `proofExpectsFlag`: the synthetic fracture of the
 * proof of life is to be flagged under every threshold (no, where left out).
 */
export function createThresholdChanges(
  { db }: WorklistDatabase,
  clock: Clock,
  { secondPerson, proofExpectsFlag = false }: { secondPerson: boolean; proofExpectsFlag?: boolean },
): ThresholdChanges {
  const context: Context = { db, clock, secondPerson, proofExpectsFlag };
  return {
    secondPerson,
    present: (studies) => stillThere(db, studies),
    board: (model) => boardOf(context, model),
    draft: (model, proposal, reason, by) => request(context, model, proposal, reason, by),
    confirm: (draftId, by, despiteProof = '') => confirm(context, draftId, by, despiteProof.trim()),
    withdraw: (draftId, by) => withdraw(context, draftId, by),
    revert: (modelName, version, by) => revert(context, modelName, version, by),
    stop: (modelName, reason, by) => stop(context, modelName, reason, by),
  };
}

const audit = (
  trx: Transaction<Schema>,
  { clock }: Context,
  by: Person,
  fact: Pick<AuditFact, 'action' | 'target' | 'detail'>,
) => appendAudit(trx, clock.now(), { ...fact, actor: by.name, address: by.address });

function boardOf(context: Context, model: { name: string; sha256: string }): Promise<ThresholdBoard> {
  const { db, clock } = context;
  return inTransaction(db, async (trx) => {
    const open = await trx
      .selectFrom('threshold_drafts')
      .select('id')
      .where('model_name', '=', model.name)
      .where('outcome', 'is', null)
      .execute();
    for (const { id } of open) await draftIfOpen(trx, id, clock.now());
    const inForce = await thresholdsInForce(trx, model.name);
    return {
      rule: ruleOf(inForce),
      inForce,
      history: await thresholdHistory(trx, model.name),
      draft: await openRequest(trx, context, model.name),
      lastClosed: await lastClosed(trx, model.name, clock.now()),
      facts: await thresholdFacts(trx, model.sha256, clock.now() - LOOK_BACK_MS),
    };
  });
}

async function openRequest(trx: Transaction<Schema>, context: Context, modelName: string) {
  const draft = await openDraft(trx, modelName);
  if (draft === null) return null;
  const row = await trx.selectFrom('threshold_drafts').selectAll().where('id', '=', draft.id).executeTakeFirstOrThrow();
  return { ...draft, proof: context.proofExpectsFlag ? await proofUnder(trx, row, context.clock.now()) : null };
}

function request(
  context: Context,
  model: { name: string; sha256: string },
  proposal: ThresholdProposal,
  reason: string,
  by: Person,
): Promise<number> {
  const { db, clock } = context;
  return inTransaction(db, async (trx) => {
    const since = clock.now() - LOOK_BACK_MS;
    const words = reason.trim();
    if (words.length < LEAST_REASON_CHARACTERS)
      throw new TriageError('command-invalid', `Give a reason of at least ${LEAST_REASON_CHARACTERS} characters.`);
    if (proposal.value === null && proposal.sourceAeTitle === '')
      throw new TriageError('command-invalid', 'The site needs a threshold. To end flagging, use "Stop AI flags".');
    if ((await openDraft(trx, model.name)) !== null)
      throw new TriageError('threshold-draft-closed', 'Another request is open. Withdraw it first.');
    const inForce = await thresholdsInForce(trx, model.name);
    const rule = ruleOf(inForce);
    const proposed = proposedRule(rule, {
      ...proposal,
      value: proposal.value === null ? null : checkedThreshold(proposal.value),
    });
    if (ownThreshold(rule, proposal.sourceAeTitle) === proposal.value)
      throw new TriageError('command-invalid', 'This is the threshold in force: nothing would change.');
    const { scored } = await thresholdFacts(trx, model.sha256, since);
    if (proposal.sourceAeTitle !== '' && !scored.some((scan) => scan.sourceAeTitle === proposal.sourceAeTitle))
      throw new TriageError(
        'command-invalid',
        'This source has sent no scan that this model has scored. Its threshold is the site’s.',
      );
    if (proposal.value !== null)
      checkBounds(proposal.value, scored, networkOwn(await thresholdHistory(trx, model.name)));
    const lost = flipsBetween(scored, rule, proposed).filter(
      (flip) => flip.fracture === true && flip.change === 'lost',
    );
    const before = ownThreshold(rule, proposal.sourceAeTitle);
    const { id } = await trx
      .insertInto('threshold_drafts')
      .values({
        model_name: model.name,
        model_sha256: model.sha256,
        source_ae_title: proposal.sourceAeTitle,
        mode: proposal.value === null ? 'follows-site' : 'on',
        value: proposal.value ?? 0,
        reason: words,
        base_version: await newestVersion(trx, model.name),
        since,
        facts_sha256: factsDigest(scored),
        lost_fractures: JSON.stringify(lost.map((flip) => flip.studyInstanceUid)),
        created_at: clock.now(),
        created_by: by.name,
        signed_at: null,
        closed_at: null,
        closed_by: null,
        outcome: null,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    await audit(trx, context, by, {
      action: 'threshold.requested',
      target: model.name,
      detail: {
        request: id,
        source: proposal.sourceAeTitle,
        from: before,
        to: proposal.value,
        fracturesLost: lost.length,
        reason: words,
      },
    });
    return id;
  });
}

/** The threshold that came with the network; null when a person set the first one. */
function networkOwn(history: readonly ThresholdVersion[]): number | null {
  const first = history.filter(({ sourceAeTitle }) => sourceAeTitle === '').at(-1);
  return first?.by === 'odontoid' && first.mode === 'on' ? first.value : null;
}

/**
 * Nobody sets a threshold blindly: while few fractures are confirmed, it stays within half the way from the network's own to either end.
 *
 * @throws TriageError `command-invalid` with the bounds
 */
function checkBounds(value: number, scored: readonly { fracture: boolean | null }[], own: number | null): void {
  const fractures = scored.filter(({ fracture }) => fracture === true).length;
  if (own === null || fractures >= FRACTURES_FOR_FREE_CHOICE) return;
  const [low, high] = [own / 2, (1 + own) / 2];
  if (value >= low && value <= high) return;
  throw new TriageError(
    'command-invalid',
    `Only ${fractures} confirmed fractures show what a threshold does here. Until there are ${FRACTURES_FOR_FREE_CHOICE}, it stays between ${low.toFixed(2)} and ${high.toFixed(2)}: half the way from the network’s own ${own.toFixed(2)} to either end. To end flagging, use "Stop AI flags".`,
  );
}

/** @throws TriageError `threshold-draft-incomplete` unless the proof of life is flagged under the request, or the signer says why it takes force nevertheless */
async function checkProof(
  trx: Transaction<Schema>,
  { clock, proofExpectsFlag }: Context,
  draft: DraftRow,
  despiteProof: string,
): Promise<{ despiteProof?: string }> {
  if (!proofExpectsFlag) return {};
  const { state, score, threshold } = await proofUnder(trx, draft, clock.now());
  if (state === 'flagged') return {};
  if (despiteProof.length >= LEAST_REASON_CHARACTERS) return { despiteProof };
  const how = `or say in ${LEAST_REASON_CHARACTERS} characters or more why it is to take force nevertheless.`;
  if (score === null || threshold === null)
    throw new TriageError(
      'threshold-draft-incomplete',
      state === 'running'
        ? `The proof of life under this threshold is running. Sign when it has ended, ${how}`
        : `No proof of life has a score of this network. Run one, ${how}`,
    );
  const shown = scoreTexts(score, threshold);
  throw new TriageError(
    'threshold-draft-incomplete',
    `The proof of life fails under this threshold: its obvious fracture scores ${shown.score} and would be flagged from ${shown.threshold}. Choose another threshold, ${how}`,
  );
}

function confirm(context: Context, draftId: number, by: Person, despite: string): Promise<Confirmation> {
  const { clock } = context;
  return onDraft(context, draftId, async (trx, draft): Promise<Confirmation> => {
    const lost = await stillThere(trx, lostOf(draft));
    const opened = await viewsOf(trx, draft, by.name);
    const unopened = [...lost].filter((study) => !opened.some((view) => view.study === study));
    if (unopened.length > 0)
      throw new TriageError(
        'threshold-draft-incomplete',
        `Open each fracture that would be lost first: ${unopened.length} not yet opened by you.`,
      );
    const proof = await checkProof(trx, context, draft, despite);
    if (draft.signed_at === null) {
      if (by.name !== draft.created_by) throw new TriageError('threshold-draft-incomplete', 'Its author signs first.');
      if (context.secondPerson) {
        await trx.updateTable('threshold_drafts').set({ signed_at: clock.now() }).where('id', '=', draftId).execute();
        await audit(trx, context, by, {
          action: 'threshold.signed',
          target: draft.model_name,
          detail: { request: draftId, ...proof },
        });
        return { kind: 'awaits-second-person' };
      }
    } else if (by.name === draft.created_by)
      throw new TriageError('threshold-draft-incomplete', 'A second, different person must sign.');
    const version = await putThreshold(trx, clock.now(), {
      modelName: draft.model_name,
      sourceAeTitle: draft.source_ae_title,
      mode: draft.mode,
      value: draft.value,
      reason: draft.reason,
      by: draft.created_by,
      address: by.address,
      approvedBy: by.name === draft.created_by ? null : by.name,
      ...proof,
    });
    await closeDraft(trx, draftId, clock.now(), 'activated', by.name);
    return { kind: 'activated', version };
  });
}

function withdraw(context: Context, draftId: number, by: Person): Promise<void> {
  const { clock } = context;
  return onDraft(context, draftId, async (trx, draft) => {
    await closeDraft(trx, draftId, clock.now(), 'withdrawn', by.name);
    await audit(trx, context, by, {
      action: 'threshold.requestClosed',
      target: draft.model_name,
      detail: { request: draftId, outcome: 'withdrawn' },
    });
  });
}

function revert(context: Context, modelName: string, version: number, by: Person): Promise<number> {
  const { db, clock } = context;
  return inTransaction(db, async (trx) => {
    const history = await thresholdHistory(trx, modelName);
    const change = history.find((entry) => entry.version === version);
    if (change === undefined) throw new TriageError('not-found', 'There is no such version.');
    const ofSource = history.filter((entry) => entry.sourceAeTitle === change.sourceAeTitle);
    if (ofSource[0] !== change)
      throw new TriageError('threshold-draft-closed', 'A newer change is in force. Revert that one.');
    const before = ofSource[1];
    if (before === undefined && change.sourceAeTitle === '')
      throw new TriageError('command-invalid', 'This is the first version: there is nothing to go back to.');
    return putThreshold(trx, clock.now(), {
      modelName,
      sourceAeTitle: change.sourceAeTitle,
      mode: before?.mode ?? 'follows-site',
      value: before?.value ?? 0,
      reason: `Reverts version ${version}`,
      by: by.name,
      address: by.address,
      reverts: version,
    });
  });
}

function stop(context: Context, modelName: string, reason: string, by: Person): Promise<number> {
  const { db, clock } = context;
  return inTransaction(db, async (trx) => {
    const words = reason.trim();
    if (words === '') throw new TriageError('command-invalid', 'Say why AI flags are stopped.');
    const site = (await thresholdsInForce(trx, modelName)).find((version) => version.sourceAeTitle === '');
    if (site === undefined) throw new TriageError('not-found', 'This model has no threshold yet.');
    if (site.mode === 'stopped') throw new TriageError('command-invalid', 'AI flags are stopped already.');
    return putThreshold(trx, clock.now(), {
      modelName,
      mode: 'stopped',
      value: site.value,
      reason: words,
      by: by.name,
      address: by.address,
    });
  });
}
