import type { Transaction } from 'kysely';
import type { RowDelivery, WorklistRow } from '../../answers/worklistAnswer.ts';
import type { Clock } from '../../base/clock.ts';
import { findingLine } from '../../case/findingLine.ts';
import { imageReference } from '../../case/frames.ts';
import { resultSopClassName } from '../../dicom/sopClasses.ts';
import type { AnalysisRow, CaseRow, Schema, VerdictsTable } from '../db/schema.ts';
import { refusedObjects } from '../cases/refusedObjects.ts';
import { caseStatus } from './caseStatus.ts';
import { heldFacts } from './heldCases.ts';
import { readKeySlices } from './keySlices.ts';
import { scannedAt } from './patientStudies.ts';
import { priorNotes } from './priorNotes.ts';
import { whyHere } from './priority.ts';

/** What reading the list depends on besides the database. */
export interface ReadingContext {
  clock: Clock;
  /** The wait cap of the reading order. */
  maxWaitMs: number;
}

/** Number of recent analyses from which the usual duration is taken. */
const USUAL_SAMPLE = 50;
const BATCH = 500;

/** Rows of a part of a list, each with the rank of its place. */
export async function listedRows(
  db: Transaction<Schema>,
  { clock, maxWaitMs }: ReadingContext,
  studies: readonly string[],
  from: number,
): Promise<(WorklistRow | null)[]> {
  const cases: CaseRow[] = [];
  for (let start = 0; start < studies.length; start += BATCH)
    cases.push(
      ...(await db
        .selectFrom('cases')
        .selectAll()
        .where('study_instance_uid', 'in', studies.slice(start, start + BATCH))
        .where('removing', '=', 0)
        .execute()),
    );
  const now = clock.now();
  const described = new Map((await describeCases(db, now, cases)).map((row) => [row.studyInstanceUid, row]));
  return studies.map((study, index) => {
    const row = described.get(study);
    if (row === undefined) return null;
    if (row.readAtMs !== null || row.offList) return row;
    return { ...row, rank: from + index + 1, ...whyHere(row, now, maxWaitMs) };
  });
}

/** Cases as lists show them, without their ranks. */
export async function describeCases(
  db: Transaction<Schema>,
  now: number,
  cases: readonly CaseRow[],
): Promise<WorklistRow[]> {
  const studies = cases.map((row) => row.study_instance_uid);
  const analyses = await analysesOf(db, cases);
  const deliveries = await deliveriesOf(db, studies);
  const verdicts = await verdictsOf(db, studies);
  const objects = await objectsOf(db, studies);
  const held = await heldFacts(db, cases);
  const usual = await usualMs(db);
  const priors = await priorNotes(db, cases, analyses);
  return cases.map((row) => {
    const study = row.study_instance_uid;
    const verdict = verdicts.get(study);
    return rowOf(
      row,
      analyses.get(study),
      deliveries.get(study) ?? [],
      verdict?.revision === row.revision ? verdict : undefined,
      { ...objects(study), held: held.get(study) ?? null, priorNote: priors.get(study) ?? null },
      now,
      usual,
    );
  });
}

async function usualMs(db: Transaction<Schema>): Promise<number | null> {
  const rows = await db
    .selectFrom('cases')
    .select(['analysed_at', 'last_slice_at'])
    .where('analysed_at', 'is not', null)
    .where('proof', '=', 0)
    .where('recency', '!=', 'prior')
    .where('last_slice_at', 'is not', null)
    .orderBy('analysed_at', 'desc')
    .limit(USUAL_SAMPLE)
    .execute();
  const times = rows.map((row) => row.analysed_at! - row.last_slice_at!).sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)] ?? null;
}

async function analysesOf(db: Transaction<Schema>, cases: readonly CaseRow[]): Promise<Map<string, ListedAnalysis>> {
  const revisions = new Map(cases.map((row) => [row.study_instance_uid, row.revision]));
  const found = new Map<string, ListedAnalysis>();
  for (const batch of batches(cases)) {
    // Findings and manifests are large and not needed in a list. Asked for without a revision, SQLite answers from the index `analyses_listed` alone;
    // with one it takes the primary key, and reads each row past its JSON.
    const rows = await db
      .selectFrom('analyses')
      .select(['revision', ...LISTED_COLUMNS])
      .where('study_instance_uid', 'in', batch)
      .execute();
    for (const row of rows)
      if (row.revision === revisions.get(row.study_instance_uid)) found.set(row.study_instance_uid, row);
  }
  return found;
}

/** Results on their way, of every revision, grouped by study. */
export async function deliveriesOf(
  db: Transaction<Schema>,
  studies: readonly string[],
): Promise<Map<string, RowDelivery[]>> {
  const found = new Map<string, RowDelivery[]>();
  for (let start = 0; start < studies.length; start += BATCH) {
    const rows = await db
      .selectFrom('deliveries')
      .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
      .selectAll('deliveries')
      .select([
        'result_objects.study_instance_uid',
        'result_objects.kind',
        'result_objects.series_instance_uid',
        'result_objects.revision',
        'result_objects.sop_class_uid',
        'result_objects.form_of',
      ])
      .where('result_objects.study_instance_uid', 'in', studies.slice(start, start + BATCH))
      .orderBy('deliveries.id')
      .execute();
    for (const row of rows) {
      const list = found.get(row.study_instance_uid) ?? [];
      list.push({
        destination: row.destination,
        kind: row.kind,
        sopInstanceUid: row.sop_instance_uid,
        seriesInstanceUid: row.series_instance_uid,
        revision: row.revision,
        status: row.status,
        sopClass: resultSopClassName(row.sop_class_uid),
        isLowerClass: row.form_of !== null,
        attempts: row.attempts,
        sentAtMs: row.sent_at,
        confirmedAtMs: row.confirmed_at,
        lastStatus: row.last_status,
        lastError: row.last_error,
        remark: row.remark,
        receipt: row.receipt,
      });
      found.set(row.study_instance_uid, list);
    }
  }
  return found;
}

async function verdictsOf(db: Transaction<Schema>, studies: readonly string[]): Promise<Map<string, ListedVerdict>> {
  const found = new Map<string, ListedVerdict>();
  for (let start = 0; start < studies.length; start += BATCH) {
    const rows = await db
      .selectFrom('verdicts')
      .select(['study_instance_uid', 'revision', 'verdict', 'created_by', 'created_at'])
      .where('study_instance_uid', 'in', studies.slice(start, start + BATCH))
      .orderBy('id')
      .execute();
    for (const row of rows) found.set(row.study_instance_uid, row);
  }
  return found;
}

/** What came beside the CT images, and what was refused. */
async function objectsOf(
  db: Transaction<Schema>,
  studies: readonly string[],
): Promise<(study: string) => Pick<WorklistRow, 'otherObjects' | 'refusedObjects'>> {
  const others = new Map<string, number>();
  const refused = new Map<string, { count: number; why: string }>();
  for (let start = 0; start < studies.length; start += BATCH) {
    const batch = studies.slice(start, start + BATCH);
    const counted = await db
      .selectFrom('instances')
      .select(({ fn }) => ['study_instance_uid as study', fn.countAll<number>().as('count')])
      .where('study_instance_uid', 'in', batch)
      .where('kind', '=', 'other')
      .groupBy('study_instance_uid')
      .execute();
    for (const { study, count } of counted) others.set(study, count);
    for (const [study, { count, why }] of await refusedObjects(db, batch)) refused.set(study, { count, why });
  }
  return (study) => ({ otherObjects: others.get(study) ?? 0, refusedObjects: refused.get(study) ?? null });
}

const LISTED_COLUMNS = [
  'analyses.study_instance_uid',
  'analyses.decision',
  'analyses.reason',
  'analyses.reason_code',
  'analyses.probability',
  'analyses.threshold',
  'analyses.threshold_version',
  'analyses.key_slices',
  'analyses.model_name',
  'analyses.model_version',
  'analyses.model_sha256',
  'analyses.analysed_at',
] as const;

type ListedVerdict = Pick<VerdictsTable, 'study_instance_uid' | 'revision' | 'verdict' | 'created_by' | 'created_at'>;
type ListedAnalysis = Omit<AnalysisRow, 'revision' | 'manifest' | 'findings' | 'series'>;

function* batches(cases: readonly CaseRow[]): Generator<string[]> {
  for (let start = 0; start < cases.length; start += BATCH)
    yield cases.slice(start, start + BATCH).map((row) => row.study_instance_uid);
}

function rowOf(
  row: CaseRow,
  analysis: ListedAnalysis | undefined,
  deliveries: RowDelivery[],
  verdict: ListedVerdict | undefined,
  objects: Pick<WorklistRow, 'otherObjects' | 'refusedObjects' | 'held' | 'priorNote'>,
  now: number,
  usual: number | null,
): WorklistRow {
  const current = deliveries.filter((delivery) => delivery.revision === row.revision);
  const decision = analysis?.decision ?? null;
  const status = caseStatus(
    {
      studyInstanceUid: row.study_instance_uid,
      revision: row.revision,
      state: row.state,
      decision,
      reason: analysis?.reason ?? null,
      reasonCode: analysis?.reason_code ?? null,
      quarantineReason: row.quarantine_reason,
      priorOf: row.recency === 'prior' && row.ignored === 0 ? scannedAt(row) : null,
      elapsedMs: Math.max(0, now - row.last_received_at),
    },
    usual,
  );
  const done =
    row.read_at !== null
      ? 'Read'
      : row.recency !== 'prior'
        ? ''
        : row.ignored === 0
          ? 'Prior, for comparison'
          : 'Ignored by a selection rule';
  const found = analysis === undefined ? [] : readKeySlices(analysis.key_slices);
  const srConfirmed = current.flatMap((delivery) =>
    delivery.kind === 'sr' && delivery.confirmedAtMs !== null ? [delivery.confirmedAtMs] : [],
  );
  return {
    rank: null,
    why: done,
    whyBrief: done,
    studyInstanceUid: row.study_instance_uid,
    caseRef: row.case_ref ?? '',
    revision: row.revision,
    state: row.state,
    status: status.kind,
    stateText: status.text,
    decision,
    reason: analysis?.reason ?? null,
    reasonCode: analysis?.reason_code ?? null,
    probability: analysis?.probability ?? null,
    threshold:
      analysis?.threshold == null || analysis.threshold_version === null
        ? null
        : { value: analysis.threshold, version: analysis.threshold_version },
    levels: found[0]?.levels ?? [],
    finding: findingLine(found),
    keySlices: found.map(({ seriesInstanceUid, sliceIndex, score, levels, ...slice }) => ({
      ...imageReference(slice),
      seriesInstanceUid: seriesInstanceUid ?? '',
      sliceIndex,
      score,
      levels: levels ?? [],
    })),
    patientName: row.patient_name,
    patientId: row.patient_id,
    patientBirthDate: row.patient_birth_date,
    age: row.patient_age,
    sex: row.patient_sex,
    accessionNumber: row.accession_number,
    studyDescription: row.study_description,
    sourceAeTitle: row.source_ae_title,
    location: row.location,
    acquiredAt: scannedAt(row),
    arrivedAtMs: row.first_received_at,
    lastReceivedAtMs: row.last_received_at,
    waitMs: Math.max(0, (row.read_at ?? now) - row.first_received_at),
    offList: row.recency === 'prior',
    prior: row.recency === 'prior' && row.ignored === 0,
    selectionRule: row.selection_rule,
    stat: row.stat === 1,
    urgentBy: row.stat === 1 ? row.urgent_by : null,
    readAtMs: row.read_at,
    readBy: row.read_by,
    readBefore: row.read_before,
    claimedBy: row.claimed_by,
    claimedAtMs: row.claimed_at,
    verdict:
      verdict === undefined ? null : { verdict: verdict.verdict, by: verdict.created_by, atMs: verdict.created_at },
    analysedAtMs: analysis?.analysed_at ?? null,
    model:
      analysis?.model_name == null
        ? null
        : { name: analysis.model_name, version: analysis.model_version ?? '', sha256: analysis.model_sha256 ?? '' },
    deliveries: current,
    secondsToSr:
      srConfirmed.length === 0 || row.last_slice_at === null
        ? null
        : (Math.min(...srConfirmed) - row.last_slice_at) / 1000,
    failure:
      row.failure_code === null
        ? null
        : { code: row.failure_code, message: row.failure_message ?? '', stage: row.failure_stage ?? '' },
    quarantineReason: row.quarantine_reason,
    ...objects,
  };
}
