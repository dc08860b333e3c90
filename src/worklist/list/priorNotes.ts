import type { Transaction } from 'kysely';
import { identityDifferences } from '../../case/patientIdentity.ts';
import { dayText } from '../../dicom/dateTimes.ts';
import { onCurrentRevision } from '../cases/currentAnalysis.ts';
import type { AnalysisRow, CaseRow, Schema } from '../db/schema.ts';
import { patientOf } from './caseRecord.ts';
import { readKeySlices } from './keySlices.ts';
import { placeOf, scannedAt } from './patientStudies.ts';

export const FLAGGED = 'flagged then';
export const SAME_LEVEL = 'same level flagged then';

type Analysed = Pick<AnalysisRow, 'decision' | 'key_slices'>;
/** Without an analysis both are null. */
type OtherStudy = CaseRow & { [Column in keyof Analysed]: Analysed[Column] | null };

const BATCH = 500;
/** An ID that many share (a test patient, "unknown") must not make the list slow. */
const MOST_STUDIES = 2_000;
const MOST_COMPARED = 20;

/** What each of these scans says of the last one before it that is here of the same patient; those without one are left out. */
export async function priorNotes(
  db: Transaction<Schema>,
  cases: readonly CaseRow[],
  analyses: ReadonlyMap<string, Analysed>,
): Promise<Map<string, string>> {
  const scans = cases.filter((row) => row.recency !== 'prior' && row.proof === 0 && row.patient_id.trim() !== '');
  const others = await studiesOf(db, [...new Set(scans.map((row) => row.patient_id))]);
  const notes = new Map<string, string>();
  for (const scan of scans) {
    const last = (others.get(scan.patient_id) ?? [])
      .filter((other) => placeOf(other) < placeOf(scan))
      .slice(0, MOST_COMPARED)
      .find((other) => identityDifferences(patientOf(scan), patientOf(other)).length === 0);
    if (last === undefined) continue;
    const found = foundThen(last, analyses.get(scan.study_instance_uid));
    notes.set(scan.study_instance_uid, `Prior of ${dayText(scannedAt(last))}: ${found}`);
  }
  return notes;
}

/** Studies by the ID of their patient, the last scanned first. */
async function studiesOf(db: Transaction<Schema>, patientIds: readonly string[]): Promise<Map<string, OtherStudy[]>> {
  const found: OtherStudy[] = [];
  for (let start = 0; start < patientIds.length; start += BATCH)
    found.push(
      ...(await db
        .selectFrom('cases')
        .leftJoin('analyses', onCurrentRevision)
        .selectAll('cases')
        .select(['analyses.decision', 'analyses.key_slices'])
        .where('cases.patient_id', 'in', patientIds.slice(start, start + BATCH))
        .where('cases.removing', '=', 0)
        .where('cases.proof', '=', 0)
        .where('cases.ignored', '=', 0)
        .orderBy('cases.first_received_at', 'desc')
        .limit(MOST_STUDIES)
        .execute()),
    );
  return Map.groupBy(
    found.sort((a, b) => (placeOf(a) < placeOf(b) ? 1 : -1)),
    (row) => row.patient_id,
  );
}

function foundThen(prior: OtherStudy, now: Analysed | undefined): string {
  if (prior.decision === 'not-suspected') return 'not flagged';
  if (prior.decision !== 'suspected') return 'not analysed';
  const levelsNow = now?.decision === 'suspected' ? levelsIn(now.key_slices) : [];
  const levelsThen = levelsIn(prior.key_slices ?? '[]');
  return levelsNow.some((level) => levelsThen.includes(level)) ? SAME_LEVEL : FLAGGED;
}

function levelsIn(keySlices: string): string[] {
  return readKeySlices(keySlices).flatMap(({ levels }) => levels ?? []);
}
