import type { Transaction } from 'kysely';
import { RINGS_AGAIN_AFTER_MS } from '../../case/attention.ts';
import { TriageError } from '../../base/errors.ts';
import { sendAgain } from '../cases/deliveryOrders.ts';
import { reopen } from '../cases/reopen.ts';
import { filesRemovedSentence } from '../cases/removedCases.ts';
import { removedFilesOf } from '../cases/removedFiles.ts';
import type { CaseRow, Schema, Verdict } from '../db/schema.ts';
import { appendEvent, caseRow, write } from '../cases/storeContext.ts';
import type { StoreContext } from '../cases/storeContext.ts';

/** Marks a study as read by a person, or takes that back. New slices make it unread again. @throws TriageError `not-found` */
export async function markRead(
  context: StoreContext,
  studyInstanceUid: string,
  read: boolean,
  actor: string,
): Promise<void> {
  await change(context, studyInstanceUid, actor, read ? 'read' : 'unread', (now) => ({
    read_at: read ? now : null,
    read_by: read ? actor : null,
    ...(read ? { read_before: null } : {}),
    // Whoever has finished reading it is no longer reading it.
    ...(read ? NOT_CLAIMED : {}),
  }));
}

/** Marks a study as clinically urgent, or takes that back; no order changes it any more. @throws TriageError `not-found` */
export async function markStat(
  context: StoreContext,
  studyInstanceUid: string,
  stat: boolean,
  actor: string,
): Promise<void> {
  await change(context, studyInstanceUid, actor, stat ? 'stat' : 'notStat', () => ({
    stat: stat ? 1 : 0,
    urgent_by: 'person' as const,
  }));
}

/**
 * Claims a study ("I'm reading") or gives the claim back. Of two readers who press at the same time, only one gets it.
 *
 * @throws TriageError `not-found`; `case-taken` when somebody else is reading it, unless `takeOver`
 */
export async function claimReading(
  context: StoreContext,
  studyInstanceUid: string,
  { claimed, takeOver, actor }: { claimed: boolean; takeOver: boolean; actor: string },
): Promise<void> {
  await change(context, studyInstanceUid, actor, claimed ? 'claimed' : 'released', (now, row) => {
    if (row.claimed_by !== null && row.claimed_by !== actor && !takeOver)
      throw new TriageError('case-taken', `${row.claimed_by} is reading this scan.`);
    if (claimed) return { claimed_by: actor, claimed_at: now };
    // A flag given back is nobody's again: the next reader has a while before it rings.
    return { ...NOT_CLAIMED, attended_at: null, rings_from: now + RINGS_AGAIN_AFTER_MS };
  });
}

/**
 * Stores a reader's verdict on the result that they saw.
 *
 * @throws TriageError `not-found`; `case-changed` when the case has a newer revision, or no result to judge
 */
export async function recordVerdict(
  context: StoreContext,
  studyInstanceUid: string,
  { revision, verdict, actor }: { revision: number; verdict: Verdict; actor: string },
): Promise<void> {
  await write(context, async (trx, touched) => {
    const row = await known(trx, studyInstanceUid);
    const analysis = await trx
      .selectFrom('analyses')
      .selectAll()
      .where('study_instance_uid', '=', studyInstanceUid)
      .where('revision', '=', row.revision)
      .executeTakeFirst();
    if (row.revision !== revision)
      throw new TriageError('case-changed', 'New slices have come since. Look at the case again.');
    if (analysis?.probability == null || analysis.decision === null || analysis.decision === 'not-analysed')
      throw new TriageError('case-changed', 'The AI has given no result that could be judged.');
    const flagged = analysis.decision === 'suspected';
    const fracture = verdict === 'unsure' ? null : flagged === (verdict === 'agree') ? 'yes' : 'no';
    const now = context.clock.now();
    await trx
      .insertInto('verdicts')
      .values({
        study_instance_uid: studyInstanceUid,
        revision,
        verdict,
        fracture,
        model_name: analysis.model_name ?? '',
        model_version: analysis.model_version ?? '',
        model_sha256: analysis.model_sha256 ?? '',
        probability: analysis.probability,
        threshold: analysis.threshold,
        threshold_version: analysis.threshold_version,
        created_at: now,
        created_by: actor,
      })
      .execute();
    await appendEvent(trx, {
      studyInstanceUid,
      revision,
      at: now,
      type: 'verdict',
      from: row.state,
      to: row.state,
      actor,
      detail: { verdict },
    });
    touched.add(studyInstanceUid);
  });
}

/**
 * Analyses a study again, as if its slices had just arrived: a new revision, whose report names the old one. A study that was left out as
 * a prior or by a selection rule is taken as new from then on.
 *
 * @throws TriageError `not-found`; `case-changed` while it is still being received, held or removed
 */
export async function reprocess(
  context: StoreContext,
  studyInstanceUid: string,
  { actor, reason }: { actor: string; reason: string },
): Promise<void> {
  await write(context, async (trx, touched) => {
    const row = await known(trx, studyInstanceUid);
    if (row.state === 'receiving')
      throw new TriageError('case-changed', 'Its slices are still waiting to be analysed.');
    if (row.quarantine_reason !== null)
      throw new TriageError('case-changed', 'It is held for checking: release it first.');
    if (row.removing === 1 || row.last_slice_at === null)
      throw new TriageError('case-changed', 'Its slices are not here any more.');
    const removed = await removedFilesOf(trx, row);
    if (removed !== undefined && !(await hasImages(trx, studyInstanceUid)))
      throw new TriageError('case-changed', filesRemovedSentence(removed));
    const now = context.clock.now();
    await reopen(trx, row, now, actor, { type: 'reprocessed', detail: { reason } });
    const isLeftOut = row.recency === 'prior' || (row.selection_rule !== null && row.state === 'ineligible');
    // Nothing more is expected, so it is due for assembly at once.
    await trx
      .updateTable('cases')
      .set({ complete_hint: 1, ...(isLeftOut ? { recency: 'taken-as-new' as const, ignored: 0 as const } : {}) })
      .where('study_instance_uid', '=', studyInstanceUid)
      .execute();
    touched.add(studyInstanceUid);
  });
}

/**
 * Sends every object of the current revision again with the same bytes: for a PACS that refused it, or lost what it had confirmed.
 * Returns how many deliveries are due again.
 *
 * @throws TriageError `not-found`
 */
export async function resend(
  context: StoreContext,
  studyInstanceUid: string,
  { actor, reason }: { actor: string; reason: string },
): Promise<number> {
  return write(context, async (trx, touched) => {
    const row = await known(trx, studyInstanceUid);
    touched.add(studyInstanceUid);
    return sendAgain(
      trx,
      row,
      { statuses: ['refused', 'sent', 'confirmed'], everyRevision: false },
      { at: context.clock.now(), actor, reason },
    );
  });
}

async function hasImages(trx: Transaction<Schema>, studyInstanceUid: string): Promise<boolean> {
  const image = await trx
    .selectFrom('instances')
    .select('path')
    .where('study_instance_uid', '=', studyInstanceUid)
    .where('kind', '=', 'ct')
    .executeTakeFirst();
  return image !== undefined;
}

const NOT_CLAIMED = { claimed_by: null, claimed_at: null } as const;

async function known(trx: Transaction<Schema>, studyInstanceUid: string): Promise<CaseRow> {
  const row = await caseRow(trx, studyInstanceUid);
  if (row === undefined) throw new TriageError('not-found', 'There is no such study on the worklist.');
  return row;
}

async function change(
  context: StoreContext,
  studyInstanceUid: string,
  actor: string,
  type: string,
  values: (
    now: number,
    row: CaseRow,
  ) => Partial<
    Pick<
      CaseRow,
      'read_at' | 'read_by' | 'claimed_by' | 'claimed_at' | 'attended_at' | 'rings_from' | 'stat' | 'urgent_by'
    >
  >,
): Promise<void> {
  await write(context, async (trx, touched) => {
    const row = await known(trx, studyInstanceUid);
    const now = context.clock.now();
    await trx.updateTable('cases').set(values(now, row)).where('study_instance_uid', '=', studyInstanceUid).execute();
    await appendEvent(trx, {
      studyInstanceUid,
      revision: row.revision,
      at: now,
      type,
      from: row.state,
      to: row.state,
      actor,
    });
    touched.add(studyInstanceUid);
  });
}
