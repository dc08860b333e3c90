import { LEAST_REASON_CHARACTERS } from '../../case/leastReason.ts';
import type { Kysely, Transaction } from 'kysely';
import { TriageError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import { flipsBetween } from '../../thresholds/flips.ts';
import type { ThresholdRule } from '../../thresholds/scoredScan.ts';
import { appendAudit, SAME_VIEW_MS, type AuditFact } from '../audit/audit.ts';
import type { WorklistDatabase } from '../db/database.ts';
import type { DraftOutcome, Schema, ThresholdDraftsTable } from '../db/schema.ts';
import { factsDigest, thresholdFacts } from './thresholdFacts.ts';
import type { ThresholdFacts } from './thresholdFacts.ts';
import { checkedThreshold, putThreshold, ruleOf, thresholdHistory, thresholdsInForce } from './thresholds.ts';
import type { ThresholdVersion } from '../../answers/thresholdAnswers.ts';

/** A request that dies by itself after this long. */
const DRAFT_LIFE_MS = 24 * 3_600_000;
/** Older scans say little about today's scanners and patients. */
const LOOK_BACK_MS = 365 * 24 * 3_600_000;

/** Who does it, and from where. */
interface Person {
  name: string;
  address: string;
}

/** What somebody wants to change: the site's threshold, or that of one source. */
export interface ThresholdProposal {
  /** Empty: the whole site. */
  sourceAeTitle: string;
  /** 0..1; null takes the source's own threshold away, so that it follows the site. */
  value: number | null;
}

interface ThresholdDraft {
  id: number;
  sourceAeTitle: string;
  value: number | null;
  reason: string;
  atMs: number;
  by: string;
  expiresAtMs: number;
  /** Confirmed fractures that would no longer be flagged, and who has opened each since. */
  lostFractures: { studyInstanceUid: string; openedBy: string[] }[];
  /** The author has signed; a second person must. */
  awaitsSecondPerson: boolean;
}

interface ThresholdBoard {
  rule: ThresholdRule;
  inForce: ThresholdVersion[];
  history: ThresholdVersion[];
  /** The open request, or null. */
  draft: ThresholdDraft | null;
  /** How the last request ended without being activated, while that is news (a day). */
  lastClosed: { id: number; outcome: Exclude<DraftOutcome, 'activated'>; atMs: number; by: string | null } | null;
  facts: ThresholdFacts;
}

type Confirmation = { kind: 'activated'; version: number } | { kind: 'awaits-second-person' };

/** Everything that people do to thresholds. Every change is one transaction with its record. */
export interface ThresholdDesk {
  /** A change takes two signatures of different people. */
  readonly secondPerson: boolean;
  /** What is in force, what is asked for, and the past scans of a model version that show the consequences. */
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
   * Signs a request; the caller has made sure of a recent sign-in. Whoever signs has opened every fracture that would be lost and that is still on the
   * worklist: the audit of who looked at what says so.
   *
   * @throws TriageError `threshold-draft-closed`, `threshold-draft-incomplete`
   */
  confirm(draftId: number, by: Person): Promise<Confirmation>;
  /** @throws TriageError `threshold-draft-closed` */
  withdraw(draftId: number, by: Person): Promise<void>;
  /** Takes the newest change of a source (or the site) back. @throws TriageError `not-found`, `threshold-draft-closed` when a newer change is in force */
  revert(modelName: string, version: number, by: Person): Promise<number>;
  /** No scan is flagged from now on. @throws TriageError `command-invalid` without a reason */
  stop(modelName: string, reason: string, by: Person): Promise<number>;
}

/** The rule with a proposal in force. */
export function proposedRule(rule: ThresholdRule, { sourceAeTitle, value }: ThresholdProposal): ThresholdRule {
  if (sourceAeTitle === '') return { ...rule, site: value };
  const others = Object.entries(rule.bySource).filter(([name]) => name !== sourceAeTitle);
  return { ...rule, bySource: Object.fromEntries(value === null ? others : [...others, [sourceAeTitle, value]]) };
}

/** What the site, or a source, has for itself; null: it is stopped, or the source follows the site. */
function ownThreshold(rule: ThresholdRule, sourceAeTitle: string): number | null {
  if (sourceAeTitle === '') return rule.site;
  return Object.hasOwn(rule.bySource, sourceAeTitle) ? (rule.bySource[sourceAeTitle] ?? null) : null;
}

/** `secondPerson`: the site asks for two signatures of different people. */
export function createThresholdDesk(
  database: WorklistDatabase,
  clock: Clock,
  { secondPerson }: { secondPerson: boolean },
): ThresholdDesk {
  const write = <T>(run: (trx: Transaction<Schema>) => Promise<T>): Promise<T> =>
    database.db.transaction().execute(run);

  /** Why an open request cannot go on, or null. */
  async function deathOf(db: Kysely<Schema>, draft: DraftRow): Promise<DraftOutcome | null> {
    if (clock.now() - draft.created_at >= DRAFT_LIFE_MS) return 'expired';
    if ((await newestVersion(db, draft.model_name)) !== draft.base_version) return 'threshold-changed';
    const { scored } = await thresholdFacts(db, draft.model_sha256, draft.since);
    return factsDigest(scored) === draft.facts_sha256 ? null : 'data-changed';
  }

  const audit = (trx: Transaction<Schema>, by: Person, fact: Pick<AuditFact, 'action' | 'target' | 'detail'>) =>
    appendAudit(trx, clock.now(), { ...fact, actor: by.name, address: by.address });

  const close = (trx: Transaction<Schema>, id: number, outcome: DraftOutcome, by: string | null) =>
    trx
      .updateTable('threshold_drafts')
      .set({ outcome, closed_at: clock.now(), closed_by: by })
      .where('id', '=', id)
      .execute();

  /** The request, if it is alive; a dead one is closed on the way. The caller throws after the transaction, so that the closing stays. */
  async function living(trx: Transaction<Schema>, id: number): Promise<DraftRow | DraftOutcome | undefined> {
    const draft = await trx.selectFrom('threshold_drafts').selectAll().where('id', '=', id).executeTakeFirst();
    if (draft === undefined) return undefined;
    if (draft.outcome !== null) return draft.outcome;
    const death = await deathOf(trx, draft);
    if (death === null) return draft;
    await close(trx, id, death, null);
    await appendAudit(trx, clock.now(), {
      action: 'threshold.requestClosed',
      actor: 'odontoid',
      target: draft.model_name,
      detail: { request: id, outcome: death },
    });
    return death;
  }

  /** Runs `act` on a living request. @throws TriageError `not-found`, `threshold-draft-closed` */
  async function onDraft<T>(id: number, act: (trx: Transaction<Schema>, draft: DraftRow) => Promise<T>): Promise<T> {
    const result = await write(async (trx) => {
      const draft = await living(trx, id);
      return typeof draft === 'object' ? { done: await act(trx, draft) } : { draft };
    });
    if ('done' in result) return result.done;
    if (result.draft === undefined) throw new TriageError('not-found', 'There is no such request.');
    throw new TriageError('threshold-draft-closed', CLOSED_WORDS[result.draft]);
  }

  return {
    secondPerson,
    present: (studies) => stillThere(database.db, studies),
    board: (model) =>
      write(async (trx) => {
        const open = await trx
          .selectFrom('threshold_drafts')
          .select('id')
          .where('model_name', '=', model.name)
          .where('outcome', 'is', null)
          .execute();
        for (const { id } of open) await living(trx, id);
        const inForce = await thresholdsInForce(trx, model.name);
        return {
          rule: ruleOf(inForce),
          inForce,
          history: await thresholdHistory(trx, model.name),
          draft: await openDraft(trx, model.name),
          lastClosed: await lastClosed(trx, model.name, clock.now()),
          facts: await thresholdFacts(trx, model.sha256, clock.now() - LOOK_BACK_MS),
        };
      }),

    draft: (model, proposal, reason, by) =>
      write(async (trx) => {
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
        await audit(trx, by, {
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
      }),

    confirm: (draftId, by) =>
      onDraft(draftId, async (trx, draft): Promise<Confirmation> => {
        const lost = await stillThere(trx, lostOf(draft));
        const opened = await viewsOf(trx, draft, by.name);
        const unopened = [...lost].filter((study) => !opened.some((view) => view.study === study));
        if (unopened.length > 0)
          throw new TriageError(
            'threshold-draft-incomplete',
            `Open each fracture that would be lost first: ${unopened.length} not yet opened by you.`,
          );
        if (draft.signed_at === null) {
          if (by.name !== draft.created_by)
            throw new TriageError('threshold-draft-incomplete', 'Its author signs first.');
          if (secondPerson) {
            await trx
              .updateTable('threshold_drafts')
              .set({ signed_at: clock.now() })
              .where('id', '=', draftId)
              .execute();
            await audit(trx, by, {
              action: 'threshold.signed',
              target: draft.model_name,
              detail: { request: draftId },
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
        });
        await close(trx, draftId, 'activated', by.name);
        return { kind: 'activated', version };
      }),

    withdraw: (draftId, by) =>
      onDraft(draftId, async (trx, draft) => {
        await close(trx, draftId, 'withdrawn', by.name);
        await audit(trx, by, {
          action: 'threshold.requestClosed',
          target: draft.model_name,
          detail: { request: draftId, outcome: 'withdrawn' },
        });
      }),

    revert: (modelName, version, by) =>
      write(async (trx) => {
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
      }),

    stop: (modelName, reason, by) =>
      write(async (trx) => {
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
      }),
  };
}

type DraftRow = Omit<ThresholdDraftsTable, 'id'> & { id: number };

const CLOSED_WORDS: Readonly<Record<DraftOutcome, string>> = {
  activated: 'This request is in force already.',
  withdrawn: 'This request was withdrawn.',
  expired: 'This request is older than 24 hours. Make a new one.',
  'data-changed':
    'Verdicts have changed since this request was made. Look at the consequences again and make a new one.',
  'threshold-changed': 'The threshold has changed since this request was made. Make a new one.',
};

const lostOf = (draft: Pick<ThresholdDraftsTable, 'lost_fractures'>): string[] =>
  JSON.parse(draft.lost_fractures) as string[];

/** Who, or whether `by`, has looked at the fractures that a request would lose. A look shortly before it counts too: the audit notes another one only later. */
async function viewsOf(
  db: Kysely<Schema>,
  draft: Pick<DraftRow, 'lost_fractures' | 'created_at'>,
  by?: string,
): Promise<{ study: string; by: string }[]> {
  const lost = lostOf(draft);
  if (lost.length === 0) return [];
  let views = db
    .selectFrom('audit_log')
    .select(['target', 'actor'])
    .distinct()
    .where('action', '=', 'case.viewed')
    .where('at', '>', draft.created_at - SAME_VIEW_MS)
    .where('target', 'in', lost);
  if (by !== undefined) views = views.where('actor', '=', by);
  return (await views.execute()).map(({ target, actor }) => ({ study: target, by: actor }));
}

async function stillThere(db: Kysely<Schema>, studies: readonly string[]): Promise<Set<string>> {
  const rows = await db
    .selectFrom('cases')
    .select('study_instance_uid')
    .where('study_instance_uid', 'in', [...studies])
    .where('removing', '=', 0)
    .execute();
  return new Set(rows.map((row) => row.study_instance_uid));
}

async function newestVersion(db: Kysely<Schema>, modelName: string): Promise<number> {
  return (await thresholdHistory(db, modelName))[0]?.version ?? 0;
}

async function openDraft(db: Kysely<Schema>, modelName: string): Promise<ThresholdDraft | null> {
  const draft = await db
    .selectFrom('threshold_drafts')
    .selectAll()
    .where('model_name', '=', modelName)
    .where('outcome', 'is', null)
    .executeTakeFirst();
  if (draft === undefined) return null;
  const views = await viewsOf(db, draft);
  return {
    id: draft.id,
    sourceAeTitle: draft.source_ae_title,
    value: draft.mode === 'follows-site' ? null : draft.value,
    reason: draft.reason,
    atMs: draft.created_at,
    by: draft.created_by,
    expiresAtMs: draft.created_at + DRAFT_LIFE_MS,
    lostFractures: lostOf(draft).map((studyInstanceUid) => ({
      studyInstanceUid,
      openedBy: [...new Set(views.filter((view) => view.study === studyInstanceUid).map((view) => view.by))],
    })),
    awaitsSecondPerson: draft.signed_at !== null,
  };
}

async function lastClosed(db: Kysely<Schema>, modelName: string, nowMs: number): Promise<ThresholdBoard['lastClosed']> {
  const draft = await db
    .selectFrom('threshold_drafts')
    .selectAll()
    .where('model_name', '=', modelName)
    .where('outcome', 'is not', null)
    .where('closed_at', '>', nowMs - DRAFT_LIFE_MS)
    .orderBy('id', 'desc')
    .executeTakeFirst();
  if (draft?.outcome == null || draft.outcome === 'activated') return null;
  return { id: draft.id, outcome: draft.outcome, atMs: draft.closed_at ?? 0, by: draft.closed_by };
}
