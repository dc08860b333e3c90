import type { Transaction } from 'kysely';
import { identityDifferences } from '../../case/patientIdentity.ts';
import { dayText } from '../../dicom/dateTimes.ts';
import type { AnalysisRow, CaseRow, Schema } from '../db/schema.ts';
import { patientOf } from './caseRecord.ts';
import { readKeySlices } from './keySlices.ts';
import { placeOf, scannedAt } from './patientStudies.ts';

export const FLAGGED = 'Prior flagged';
export const SAME_LEVEL = 'Prior flagged at the same level';

const BATCH = 500;
/** An ID that many share (a test patient, "unknown") must not make the list slow. */
const MOST_STUDIES = 2_000;
const MOST_COMPARED = 20;

/** What each of these scans says of the last one before it that is here of the same patient; those without one are left out. */
export async function priorNotes(
  db: Transaction<Schema>,
  cases: readonly CaseRow[],
  analyses: ReadonlyMap<string, Pick<AnalysisRow, 'key_slices'>>,
): Promise<Map<string, string>> {
  const lasts = await lastPriors(db, cases);
  const levelsThen = await flaggedLevels(
    db,
    [...lasts].flatMap(([scan, prior]) =>
      isFlagged(scan) && isFlagged(prior) && prior.quarantine_reason === null ? [prior] : [],
    ),
  );
  const foundThen = (scan: CaseRow, prior: CaseRow): string => {
    // Whose it is, is in doubt: so is what was found.
    if (prior.quarantine_reason !== null) return 'Prior on hold';
    if (prior.decision === 'not-suspected') return 'Prior not flagged';
    if (!isFlagged(prior)) return 'Prior not analysed';
    const then = levelsThen.get(prior.study_instance_uid) ?? [];
    const now = levelsIn(analyses.get(scan.study_instance_uid)?.key_slices);
    return now.some((level) => then.includes(level)) ? SAME_LEVEL : FLAGGED;
  };
  return new Map(
    [...lasts].map(([scan, prior]) => [
      scan.study_instance_uid,
      // What was found comes first: narrow columns cut the end off.
      `${foundThen(scan, prior)} (${dayText(scannedAt(prior))})`,
    ]),
  );
}

const isFlagged = ({ decision }: Pick<CaseRow, 'decision'>): boolean => decision === 'suspected';

/** The last scan of the same patient before each of these that has one. */
async function lastPriors(db: Transaction<Schema>, cases: readonly CaseRow[]): Promise<Map<CaseRow, CaseRow>> {
  const scans = cases.filter((row) => row.recency !== 'prior' && row.proof === 0 && row.patient_id.trim() !== '');
  const ids = await idsOfSeveral(db, [...new Set(scans.map((row) => row.patient_id))]);
  const found: CaseRow[] = [];
  for (let start = 0; start < ids.length; start += BATCH)
    found.push(
      ...(await db
        .selectFrom('cases')
        .selectAll()
        .where('patient_id', 'in', ids.slice(start, start + BATCH))
        .where('removing', '=', 0)
        .where('proof', '=', 0)
        .where('ignored', '=', 0)
        .orderBy('first_received_at', 'desc')
        .limit(MOST_STUDIES)
        .execute()),
    );
  const others = Map.groupBy(
    found.sort((a, b) => (placeOf(a) < placeOf(b) ? 1 : -1)),
    (row) => row.patient_id,
  );
  return new Map(
    scans.flatMap((scan) => {
      const last = (others.get(scan.patient_id) ?? [])
        .filter((other) => placeOf(other) < placeOf(scan))
        .slice(0, MOST_COMPARED)
        .find((other) => identityDifferences(patientOf(scan), patientOf(other)).length === 0);
      return last === undefined ? [] : [[scan, last] as const];
    }),
  );
}

/** Those of these patient IDs under which there is more than one study: few, and counted in an index alone. */
async function idsOfSeveral(db: Transaction<Schema>, patientIds: readonly string[]): Promise<string[]> {
  const several: string[] = [];
  for (let start = 0; start < patientIds.length; start += BATCH) {
    const rows = await db
      .selectFrom('cases')
      .select('patient_id')
      .where('patient_id', 'in', patientIds.slice(start, start + BATCH))
      .groupBy('patient_id')
      .having(({ fn }) => fn.countAll(), '>', 1)
      .execute();
    several.push(...rows.map((row) => row.patient_id));
  }
  return several;
}

/** The vertebrae of the key slices of these cases. */
async function flaggedLevels(db: Transaction<Schema>, cases: readonly CaseRow[]): Promise<Map<string, string[]>> {
  const revisions = new Map(cases.map((row) => [row.study_instance_uid, row.revision]));
  const studies = [...revisions.keys()];
  const levels = new Map<string, string[]>();
  for (let start = 0; start < studies.length; start += BATCH) {
    // Without a revision it is answered from an index, as for the rows of a list.
    const rows = await db
      .selectFrom('analyses')
      .select(['study_instance_uid', 'revision', 'key_slices'])
      .where('study_instance_uid', 'in', studies.slice(start, start + BATCH))
      .execute();
    for (const row of rows)
      if (row.revision === revisions.get(row.study_instance_uid))
        levels.set(row.study_instance_uid, levelsIn(row.key_slices));
  }
  return levels;
}

function levelsIn(keySlices: string | undefined): string[] {
  return readKeySlices(keySlices ?? '[]').flatMap(({ levels }) => levels ?? []);
}
