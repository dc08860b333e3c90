import type { Kysely, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { CaseManifest, Findings, ImageReference, InstanceHeader, SeriesVerdict } from '../../case/case.ts';
import { imageReference } from '../../case/frames.ts';
import { nextCaseState } from '../../case/caseState.ts';
import type { CaseEvent, CaseEventType, CaseState } from '../../case/caseState.ts';
import { TriageError } from '../../base/errors.ts';
import type { AttemptFailure, ClaimedCase, StageName } from '../../case/claim.ts';
import { namingObject } from '../../case/namingObject.ts';
import { acquiredAt } from '../../case/scanAge.ts';
import type { SelectionRule } from '../../case/selection.ts';
import { currentAnalysis, onCurrentRevision } from './currentAnalysis.ts';
import { backoffMs } from '../../base/backoff.ts';
import { asOfPatient, caseRecordOf, patientOf, storedInstanceOf } from '../list/caseRecord.ts';
import { settle } from './deliveryOutcomes.ts';
import { previousReports } from './earlierResults.ts';
import { enqueue } from './outbox.ts';
import { claiming, databaseNow } from '../db/dialect.ts';
import type { AnalysesTable, CaseRow, Schema } from '../db/schema.ts';
import { dropSliceFeatures } from './sliceFeatures.ts';
import { refusedObjects } from './refusedObjects.ts';
import { appendEvent, caseRow, NO_LEASE, write } from './storeContext.ts';
import type { StoreContext } from './storeContext.ts';
import { noteReceived } from './studyReceived.ts';

/** The events that each stage may report; other events do not come from a stage. */
const STAGE_EVENTS: Readonly<Record<StageName, readonly CaseEventType[]>> = {
  assemble: ['seriesChosen', 'notEligible'],
  infer: ['inferred'],
  report: ['reported'],
};

/** Leases the most urgent case that is due for `stage`: patients before synthetic studies, new scans before priors, then STAT, then suspected by probability, then by arrival. */
export async function claim(context: StoreContext, stage: StageName, leaseMs: number): Promise<ClaimedCase | null> {
  return write(context, async (trx) => {
    const now = context.clock.now();
    // Nodes hold leases by the clock that they share.
    const leaseNow = databaseNow(trx, context.clock);
    const most = trx
      .selectFrom('cases')
      .leftJoin('analyses', onCurrentRevision)
      .select('cases.study_instance_uid')
      .where('cases.quarantine_reason', 'is', null)
      .where('cases.removing', '=', 0)
      .where('cases.not_before', '<=', now)
      .where((row) => row.or([row('cases.lease_token', 'is', null), row('cases.lease_until', '<=', leaseNow)]))
      .where((row) => {
        if (stage === 'infer') return row('cases.state', '=', 'assembled');
        if (stage === 'report') return row('cases.report_due', '=', 1);
        return row.and([
          row('cases.state', '=', 'receiving'),
          row.or([
            row('cases.complete_hint', '=', 1),
            row('cases.last_received_at', '<=', now - context.options.quietMs),
          ]),
        ]);
      })
      // A synthetic study comes after all patients' studies.
      .orderBy('cases.proof')
      // New scans come before priors.
      .orderBy(sql`cases.recency = 'prior'`)
      .orderBy('cases.stat', 'desc')
      .orderBy(sql`case when analyses.decision = 'suspected' then analyses.probability else -1 end`, 'desc')
      .orderBy('cases.first_received_at')
      .orderBy('cases.study_instance_uid')
      .limit(1);
    const due = await claiming(trx, most).executeTakeFirst();
    if (due === undefined) return null;
    const found = await caseRow(trx, due.study_instance_uid);
    if (found === undefined) return null;
    // The lease count never decreases, so no two leases of a case share a token.
    const token = `${stage}-${found.lease_count + 1}`;
    const attempts = found.attempts + 1;
    await trx
      .updateTable('cases')
      .set({
        lease_token: token,
        lease_stage: stage,
        lease_until: sql<number>`${leaseNow} + ${leaseMs}`,
        lease_node: context.options.nodeName,
        lease_boot: context.bootId,
        lease_count: found.lease_count + 1,
        attempts,
      })
      .where('study_instance_uid', '=', found.study_instance_uid)
      .execute();
    return await loadClaim(trx, found, token, attempts, context.options.maxAttempts);
  });
}

async function loadClaim(
  db: Kysely<Schema>,
  row: CaseRow,
  token: string,
  attempt: number,
  maxAttempts: number,
): Promise<ClaimedCase> {
  const study = row.study_instance_uid;
  const analysis = await currentAnalysis(db, row);
  const instances = await db
    .selectFrom('instances')
    .selectAll()
    .where('study_instance_uid', '=', study)
    .where('kind', '!=', 'own')
    .where('set_aside', '=', 0)
    .orderBy('received_at')
    .orderBy('sop_instance_uid')
    .execute();
  return {
    record: caseRecordOf(row, analysis),
    instances: instances.map((instance) => asOfPatient(storedInstanceOf(instance), patientOf(row))),
    refused: (await refusedObjects(db, [study])).get(study) ?? null,
    token,
    attempt,
    exhausted: attempt > maxAttempts,
    previousSr: await previousReports(db, study, row.revision),
  };
}

/** The row of the case while the claim still holds its lease: same state, revision and token. */
async function leasedRow(trx: Transaction<Schema>, held: ClaimedCase): Promise<CaseRow | undefined> {
  const { record, token } = held;
  return trx
    .selectFrom('cases')
    .selectAll()
    .where('study_instance_uid', '=', record.studyInstanceUid)
    .where('state', '=', record.state)
    .where('revision', '=', record.revision)
    .where('lease_token', '=', token)
    .executeTakeFirst();
}

/** Extends the lease; false when it was lost. */
export async function heartbeat(context: StoreContext, held: ClaimedCase, leaseMs: number): Promise<boolean> {
  return write(context, async (trx) => {
    const row = await leasedRow(trx, held);
    if (row === undefined) return false;
    await trx
      .updateTable('cases')
      .set({ lease_until: sql<number>`${databaseNow(trx, context.clock)} + ${leaseMs}` })
      .where('study_instance_uid', '=', row.study_instance_uid)
      .execute();
    return true;
  });
}

/** Applies a stage's event, or drops it when newer input or another worker intervened. @throws TriageError `case-event-illegal`, `identity-mismatch` */
export async function apply(context: StoreContext, held: ClaimedCase, event: CaseEvent): Promise<'applied' | 'stale'> {
  const state = nextCaseState(held.record.state, event.type);
  return write(context, async (trx, touched) => {
    const row = await leasedRow(trx, held);
    if (row === undefined) return 'stale';
    const stage = row.lease_stage!;
    if (!STAGE_EVENTS[stage].includes(event.type)) {
      throw new TriageError('case-event-illegal', `The stage ${stage} does not give the event ${event.type}.`, {
        context: { stage, event: event.type },
      });
    }
    const now = context.clock.now();
    let reportDue: 0 | 1 = 0;
    switch (event.type) {
      case 'seriesChosen':
        await saveAnalysis(trx, row, { manifest: event.manifest, series: event.manifest.series });
        await describeByAnalysed(trx, held, event.manifest);
        break;
      case 'notEligible':
        await saveAnalysis(trx, row, {
          series: event.series,
          findings: event.findings,
          ...(event.manifest && { manifest: event.manifest }),
        });
        await dropSliceFeatures(trx, row.study_instance_uid);
        // A report takes its patient and study from an object; of a study of which all were refused there is none.
        reportDue =
          context.options.reportNotEligible &&
          event.isPrior !== true &&
          isReportedRule(event.rule) &&
          held.instances.length > 0
            ? 1
            : 0;
        break;
      case 'inferred':
        await saveAnalysis(trx, row, {
          findings: event.findings,
          ...(event.manifest && { manifest: event.manifest, series: event.manifest.series }),
        });
        if (event.manifest) await describeByAnalysed(trx, held, event.manifest);
        reportDue = 1;
        break;
      case 'reported': {
        if (event.objects.some((object) => object.studyInstanceUid !== row.study_instance_uid)) {
          throw new TriageError('identity-mismatch', 'A result names another study than its case.');
        }
        if (!event.objects.some((object) => object.kind === 'sr'))
          throw new TriageError('report-failed', 'A report without a structured report says nothing.');
        await enqueue(trx, context, row, event.objects);
        break;
      }
      case 'instanceReceived':
      case 'delivered':
      case 'gaveUp':
        break;
    }
    await trx
      .updateTable('cases')
      .set({
        state,
        report_due: reportDue,
        ...NO_LEASE,
        attempts: 0,
        not_before: 0,
        ...(event.type === 'seriesChosen' || event.type === 'notEligible'
          ? {
              recency:
                event.isPrior === true || event.rule?.do === 'ignore'
                  ? 'prior'
                  : row.recency === 'prior'
                    ? 'new'
                    : row.recency,
              ignored: event.rule?.do === 'ignore' ? 1 : 0,
              selection_rule: event.rule?.name ?? null,
              selected_destinations:
                event.rule?.destinations === undefined ? null : JSON.stringify(event.rule.destinations),
            }
          : {}),
      })
      .where('study_instance_uid', '=', row.study_instance_uid)
      .execute();
    await appendEvent(trx, {
      studyInstanceUid: row.study_instance_uid,
      revision: row.revision,
      at: now,
      type: event.type,
      from: row.state,
      to: state,
      actor: stage,
      node: context.options.nodeName,
      detail: { attempt: row.attempts, ...detailOf(event), ...('rule' in event ? { rule: event.rule?.name } : {}) },
    });
    if (row.state === 'receiving') await noteReceived(trx, row, now);
    if (event.type === 'reported') await settle(trx, { ...row, state }, now, context.options.nodeName);
    touched.add(row.study_instance_uid);
    return 'applied';
  });
}

/** Head and neck may be ordered separately within one study: the case, like its report, takes the study's attributes from the analysed series. */
async function describeByAnalysed(
  trx: Transaction<Schema>,
  { record, instances }: ClaimedCase,
  manifest: CaseManifest,
): Promise<void> {
  const named = namingObject(manifest, instances);
  const header = instances.find(({ path }) => path === named?.path)?.header;
  if (header === undefined) return;
  const acquired = acquiredAt(header);
  await trx
    .updateTable('cases')
    .set({
      accession_number: header.accessionNumber,
      study_date: header.studyDate,
      study_time: header.studyTime,
      study_description: header.studyDescription,
      ...(acquired === '' ? {} : { acquired_at: acquired }),
    })
    .where('study_instance_uid', '=', record.studyInstanceUid)
    .execute();
}

/** Of a study that a rule only keeps or ignores, nothing is written. */
function isReportedRule(rule: SelectionRule | null | undefined): boolean {
  return rule == null || rule.do === 'accept';
}

/** What the audit keeps of an event: facts only, no text from the headers. */
function detailOf(event: CaseEvent): Record<string, unknown> {
  if (event.type === 'seriesChosen')
    return {
      seriesInstanceUid: event.manifest.seriesInstanceUid,
      slices: event.manifest.slices.length,
      inputSha256: event.manifest.inputSha256,
    };
  if (event.type === 'inferred' || event.type === 'notEligible') {
    const { decision, reasonCode, probability, threshold, model } = event.findings;
    return { decision, reasonCode, probability, threshold, model };
  }
  return event.type === 'reported' ? { objects: event.objects.map((object) => object.sopInstanceUid) } : {};
}

/** SeriesInstanceUID by SOPInstanceUID: viewers that name an image by all its levels need it. */
async function seriesOfImages(
  trx: Transaction<Schema>,
  studyInstanceUid: string,
  images: readonly ImageReference[],
): Promise<ReadonlyMap<string, string>> {
  if (images.length === 0) return new Map();
  const rows = await trx
    .selectFrom('instances')
    .select(['sop_instance_uid', 'header'])
    .where('study_instance_uid', '=', studyInstanceUid)
    .where(
      'sop_instance_uid',
      'in',
      images.map(({ sopInstanceUid }) => sopInstanceUid),
    )
    .execute();
  return new Map(
    rows.map((row) => [row.sop_instance_uid, (JSON.parse(row.header) as InstanceHeader).seriesInstanceUid]),
  );
}

async function saveAnalysis(
  trx: Transaction<Schema>,
  row: CaseRow,
  what: { manifest?: CaseManifest; series?: SeriesVerdict[]; findings?: Findings },
): Promise<void> {
  const { manifest, series, findings } = what;
  const seriesOf = await seriesOfImages(trx, row.study_instance_uid, findings?.keySlices ?? []);
  const values: Partial<AnalysesTable> = {
    ...(manifest && { manifest: JSON.stringify(manifest) }),
    ...(series && { series: JSON.stringify(series) }),
    ...(findings && {
      findings: JSON.stringify(findings),
      decision: findings.decision,
      reason_code: findings.reasonCode,
      reason: findings.reason,
      probability: findings.probability,
      threshold: findings.threshold?.value ?? null,
      threshold_version: findings.threshold?.version ?? null,
      key_slices: JSON.stringify(
        findings.keySlices.map(({ sliceIndex, seriesNumber, instanceNumber, score, levels, side, ...keySlice }) => ({
          ...imageReference(keySlice),
          seriesInstanceUid: seriesOf.get(keySlice.sopInstanceUid) ?? '',
          sliceIndex,
          seriesNumber,
          instanceNumber,
          score,
          levels,
          side,
        })),
      ),
      model_name: findings.model.name,
      model_version: findings.model.version,
      model_sha256: findings.model.sha256,
      analysed_at: findings.analysedAtMs,
    }),
  };
  await trx
    .insertInto('analyses')
    .values({
      study_instance_uid: row.study_instance_uid,
      revision: row.revision,
      manifest: null,
      series: '[]',
      findings: null,
      decision: null,
      reason_code: null,
      reason: null,
      probability: null,
      threshold: null,
      threshold_version: null,
      key_slices: '[]',
      model_name: null,
      model_version: null,
      model_sha256: null,
      analysed_at: null,
      ...values,
    })
    .onConflict((conflict) => conflict.columns(['study_instance_uid', 'revision']).doUpdateSet(values))
    .execute();
}

/** Ends a failed attempt: schedules another one, or marks the case as failed, visibly. Returns the new state of the case. */
export async function fail(context: StoreContext, held: ClaimedCase, failure: AttemptFailure): Promise<CaseState> {
  return write(context, async (trx, touched) => {
    const { options, clock } = context;
    const now = clock.now();
    const row = await leasedRow(trx, held);
    if (row === undefined) return (await caseRow(trx, held.record.studyInstanceUid))?.state ?? held.record.state;
    const stage = row.lease_stage!;
    const again = failure.retry && row.attempts < options.maxAttempts;
    const state = again ? row.state : nextCaseState(row.state, 'gaveUp');
    if (again) {
      const wait = backoffMs(row.study_instance_uid, row.attempts, options.retryMinMs, options.retryMaxMs);
      await trx
        .updateTable('cases')
        .set({ ...NO_LEASE, not_before: now + wait })
        .where('study_instance_uid', '=', row.study_instance_uid)
        .execute();
    } else {
      await dropSliceFeatures(trx, row.study_instance_uid);
      // A report that cannot be written cannot be sent either: the case shows as failed on the worklist only.
      const reportable = failure.findings !== undefined && stage !== 'report';
      if (reportable) await saveAnalysis(trx, row, { findings: failure.findings! });
      await trx
        .updateTable('cases')
        .set({
          state,
          ...NO_LEASE,
          report_due: reportable ? 1 : 0,
          attempts: 0,
          not_before: 0,
          failure_code: failure.code,
          failure_message: failure.message,
          failure_stage: stage,
        })
        .where('study_instance_uid', '=', row.study_instance_uid)
        .execute();
      if (row.state === 'receiving') await noteReceived(trx, row, now);
    }
    await appendEvent(trx, {
      studyInstanceUid: row.study_instance_uid,
      revision: row.revision,
      at: now,
      type: again ? 'attemptFailed' : 'gaveUp',
      from: row.state,
      to: state,
      actor: stage,
      node: context.options.nodeName,
      detail: { code: failure.code, attempt: row.attempts },
    });
    touched.add(row.study_instance_uid);
    return state;
  });
}

/** Gives the lease back without an attempt counted (shutdown, or not yet complete); the case is due again at `notBeforeMs`. */
export async function release(context: StoreContext, held: ClaimedCase, notBeforeMs = 0): Promise<void> {
  await write(context, async (trx, touched) => {
    const row = await leasedRow(trx, held);
    if (row === undefined) return;
    // "Nothing more is expected" came while the stage was deciding to wait: there is no longer a reason to wait.
    const hinted = row.complete_hint === 1 && !held.record.completeHint;
    await trx
      .updateTable('cases')
      .set({ ...NO_LEASE, attempts: row.attempts - 1, not_before: hinted ? 0 : notBeforeMs })
      .where('study_instance_uid', '=', row.study_instance_uid)
      .execute();
    touched.add(row.study_instance_uid);
  });
}

/**
 * Notes that nothing more is expected: a case that is still receiving is assembled at once, unless it is waiting after a failure or has lost a connection.
 * With `waitMs`, once nothing more has come for so long, or the quiet time is over.
 */
export async function nudgeComplete(
  context: StoreContext,
  studyInstanceUids: readonly string[],
  waitMs = 0,
): Promise<void> {
  await write(context, async (trx, touched) => {
    for (const study of studyInstanceUids) {
      const row = await caseRow(trx, study);
      if (row?.state !== 'receiving' || row.broken_off_at !== null) continue;
      const quietUntilMs = row.last_received_at + context.options.quietMs;
      const dueMs = waitMs === 0 ? 0 : Math.min(context.clock.now() + waitMs, quietUntilMs);
      await trx
        .updateTable('cases')
        .set({ complete_hint: 1, ...(row.attempts === 0 ? { not_before: dueMs } : {}) })
        .where('study_instance_uid', '=', study)
        .execute();
      touched.add(study);
    }
  });
}
