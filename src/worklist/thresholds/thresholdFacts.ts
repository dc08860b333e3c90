import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { ReadScan } from '../../thresholds/queueReplay.ts';
import type { ScoredScan } from '../../thresholds/scoredScan.ts';
import type { Decision } from '../../case/decision.ts';
import { onCurrentRevision } from '../cases/currentAnalysis.ts';
import { recordedOrder } from '../db/dialect.ts';
import type { Schema } from '../db/schema.ts';

/** Past scans of the site as scored by one model version. */
export interface ThresholdFacts {
  scored: ScoredScan[];
  /** Every scan that was read since this model scored its first one, scored or not: the queue as it was. */
  read: ReadScan[];
  /** Scans of that time that nobody marked as read: they cannot be used to replay the queue. */
  unread: number;
}

/** More scans would make the page slow without telling more. */
const MOST_SCORED = 20_000;
const MOST_READ = 5_000;

export interface PastScan {
  study: string;
  source: string;
  scanner: string;
  arrivedAtMs: number;
  scoredAtMs: number | null;
  probability: number | null;
  /** Null for scans that an earlier release removed. */
  decision: Decision | null;
  patientId: string | null;
  issuerOfPatientId: string | null;
  sha256: string | null;
  stat: 0 | 1;
  readAtMs: number | null;
  /** False once the study was removed. */
  isHere: boolean;
}

/** Reads what happened since `sinceMs`: cases on the worklist, and removed ones. */
export async function thresholdFacts(
  db: Kysely<Schema>,
  modelSha256: string,
  sinceMs: number,
): Promise<ThresholdFacts> {
  const truth = await confirmedTruth(db);
  const scans = (await pastScans(db, sinceMs)).sort((a, b) => a.arrivedAtMs - b.arrivedAtMs);
  const isScored = (scan: PastScan): boolean => scan.sha256 === modelSha256 && scan.probability !== null;
  const scored = scans.filter(isScored).slice(-MOST_SCORED);
  const firstMs = scored[0]?.arrivedAtMs ?? Number.POSITIVE_INFINITY;
  const queue = scans.filter((scan) => scan.arrivedAtMs >= firstMs);
  const read = queue.filter((scan) => scan.readAtMs !== null);
  const patientNumber = numberOfPatients();
  return {
    scored: scored.map((scan) => ({
      studyInstanceUid: scan.study,
      score: scan.probability!,
      fracture: truth.get(scan.study) ?? null,
      wasFlagged: scan.decision === null ? null : scan.decision === 'suspected',
      patient: patientNumber(scan),
      sourceAeTitle: scan.source,
      scanner: scan.scanner,
      arrivedAtMs: scan.arrivedAtMs,
      localDay: localDay(scan.arrivedAtMs),
      localHour: new Date(scan.arrivedAtMs).getHours(),
    })),
    read: read.slice(-MOST_READ).map((scan) => ({
      studyInstanceUid: scan.study,
      sourceAeTitle: scan.source,
      arrivedAtMs: scan.arrivedAtMs,
      scoredAtMs: isScored(scan) ? scan.scoredAtMs : null,
      score: isScored(scan) ? scan.probability : null,
      stat: scan.stat === 1,
      readAtMs: scan.readAtMs!,
      fracture: truth.get(scan.study) ?? null,
      localDay: localDay(scan.arrivedAtMs),
    })),
    unread: queue.length - read.length,
  };
}

/** Numbers the patients in the order in which they come. A scan whose patient is no longer on record counts as a patient of its own. */
function numberOfPatients(): (scan: PastScan) => number {
  const numbers = new Map<string, number>();
  return ({ study, patientId, issuerOfPatientId }) => {
    const key = patientId === null || patientId === '' ? study : JSON.stringify([patientId, issuerOfPatientId]);
    if (!numbers.has(key)) numbers.set(key, numbers.size);
    return numbers.get(key)!;
  };
}

/** Digest of what a request rests on: which scans have a confirmed truth, what it is, and their scores. New scans without truth do not change it. */
export function factsDigest(scored: readonly ScoredScan[]): string {
  const lines = scored
    .filter((scan) => scan.fracture !== null)
    .map((scan) => `${scan.studyInstanceUid} ${scan.score} ${String(scan.fracture)}`)
    .sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

/**
 * The readers' verdict on each study: the newest verdict of each reader counts. It is about the patient's scan and not about the network, so a later model
 * inherits it. Where two readers differ, or all are unsure, nothing is confirmed.
 */
export async function confirmedTruth(db: Kysely<Schema>): Promise<Map<string, boolean>> {
  const rows = await db
    .selectFrom('verdicts')
    .select(['study_instance_uid', 'created_by', 'fracture'])
    .orderBy('id')
    .execute();
  const byReader = new Map<string, Map<string, 'yes' | 'no' | null>>();
  for (const row of rows) {
    const readers = byReader.get(row.study_instance_uid) ?? new Map<string, 'yes' | 'no' | null>();
    byReader.set(row.study_instance_uid, readers.set(row.created_by, row.fracture));
  }
  const truth = new Map<string, boolean>();
  for (const [study, readers] of byReader) {
    const said = new Set([...readers.values()].filter((fracture) => fracture !== null));
    if (said.size === 1) truth.set(study, said.has('yes'));
  }
  return truth;
}

/** Scans to be read that arrived since then: on the worklist, and removed ones. */
export async function pastScans(db: Kysely<Schema>, sinceMs: number): Promise<PastScan[]> {
  const present = await db
    .selectFrom('cases')
    .leftJoin('analyses', onCurrentRevision)
    .select([
      'cases.study_instance_uid as study',
      'cases.source_ae_title as source',
      'cases.scanner as scanner',
      'cases.first_received_at as arrivedAtMs',
      'analyses.analysed_at as scoredAtMs',
      'analyses.probability as probability',
      'analyses.decision as decision',
      'cases.patient_id as patientId',
      'cases.issuer_of_patient_id as issuerOfPatientId',
      'analyses.model_sha256 as sha256',
      'cases.stat as stat',
      'cases.read_at as readAtMs',
    ])
    .where('cases.proof', '=', 0)
    .where('cases.recency', '!=', 'prior')
    .where('cases.first_received_at', '>=', sinceMs)
    // Those that came at the same moment in the order in which they were recorded, whichever index is used.
    .orderBy('cases.first_received_at')
    .orderBy(recordedOrder(db))
    .execute();
  const removed = await db
    .selectFrom('scan_history')
    .select([
      'study_instance_uid as study',
      'source_ae_title as source',
      'scanner',
      'arrived_at as arrivedAtMs',
      'scored_at as scoredAtMs',
      'probability',
      'model_sha256 as sha256',
      'decision',
      'stat',
      'read_at as readAtMs',
    ])
    .where('arrived_at', '>=', sinceMs)
    .execute();
  const here = new Set(present.map((scan) => scan.study));
  const gone = removed.filter((scan) => !here.has(scan.study));
  return [
    ...present.map((scan) => ({ ...scan, isHere: true })),
    ...gone.map((scan) => ({ ...scan, patientId: null, issuerOfPatientId: null, isHere: false })),
  ];
}

function localDay(atMs: number): string {
  const at = new Date(atMs);
  return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
}
