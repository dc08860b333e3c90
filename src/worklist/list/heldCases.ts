import { sql, type Transaction } from 'kysely';
import type { HeldFacts } from '../../answers/worklistAnswer.ts';
import type { PatientIdentity } from '../../case/case.ts';
import { identityDifferences } from '../../case/patientIdentity.ts';
import { jsonText } from '../db/dialect.ts';
import type { CaseRow, Flag, Schema } from '../db/schema.ts';
import { patientOf, type PatientColumns } from './caseRecord.ts';

/** How the reason of a hold begins when objects of another patient came under the UID of the study. */
export const TWO_PATIENTS = 'Two patients in one study';

/** What is asked of a case to tell the facts of its hold. */
export type HeldCase = PatientColumns & Pick<CaseRow, 'study_instance_uid' | 'quarantine_reason'>;

/** For each case that is held: which destinations have a report of its patient, and whose objects were set aside. */
export async function heldFacts(db: Transaction<Schema>, cases: readonly HeldCase[]): Promise<Map<string, HeldFacts>> {
  const held = cases.filter((row) => row.quarantine_reason !== null);
  if (held.length === 0) return new Map();
  const studies = held.map((row) => row.study_instance_uid);
  const delivered = await deliveredReports(db, studies);
  const aside = await arrivalsByPatient(db, studies, 1);
  const inUseSince = await firstInUse(db, studies);
  return new Map(
    held.map((row) => {
      const study = row.study_instance_uid;
      const patients = aside.get(study) ?? [];
      return [
        study,
        {
          delivered: delivered.get(study) ?? [],
          aside: patients.map(({ identity, objects }) => ({ ...identity, objects })),
          otherPatient: otherPatient(row, patients, inUseSince.get(study) ?? 0),
        },
      ];
    }),
  );
}

function otherPatient(row: HeldCase, aside: readonly Arrival[], inUseSinceMs: number): HeldFacts['otherPatient'] {
  const others = aside.filter(({ identity }) => identityDifferences(patientOf(row), identity).length > 0);
  const [other] = others;
  if (other === undefined || others.length > 1 || !row.quarantine_reason!.startsWith(TWO_PATIENTS)) return null;
  return { ...other.identity, objects: other.objects, isNewer: other.firstAtMs >= inUseSinceMs };
}

/** When the first of the objects in use came, by study; not there for a study of which none is. */
async function firstInUse(db: Transaction<Schema>, studies: readonly string[]): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('instances')
    .select('study_instance_uid as study')
    .select(({ fn }) => fn.min('received_at').as('firstAtMs'))
    .where('study_instance_uid', 'in', studies)
    .where('kind', '!=', 'own')
    .where('set_aside', '=', 0)
    .groupBy('study_instance_uid')
    .execute();
  return new Map(rows.map(({ study, firstAtMs }) => [study, firstAtMs]));
}

/** Which destinations have a report under the patient that the case has now, by study. */
async function deliveredReports(
  db: Transaction<Schema>,
  studies: readonly string[],
): Promise<Map<string, HeldFacts['delivered']>> {
  const renamed = await db
    .selectFrom('case_events')
    .select(['study_instance_uid as study'])
    .select(({ fn }) => fn.max('revision').as('revision'))
    .where('study_instance_uid', 'in', studies)
    .where('type', '=', 'quarantineReleased')
    .where(jsonText(db, 'detail', 'use'), '!=', 'first')
    .groupBy('study_instance_uid')
    .execute();
  const lastOfOther = new Map(renamed.map(({ study, revision }) => [study, revision]));
  const rows = await db
    .selectFrom('deliveries')
    .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
    .select(['result_objects.study_instance_uid as study', 'result_objects.revision', 'deliveries.destination'])
    .select(({ fn }) => fn.max('deliveries.confirmed_at').as('atMs'))
    .where('result_objects.study_instance_uid', 'in', studies)
    .where('result_objects.kind', '=', 'sr')
    .where('deliveries.status', '=', 'confirmed')
    .groupBy(['study', 'result_objects.revision', 'deliveries.destination'])
    .orderBy('deliveries.destination')
    .orderBy('result_objects.revision')
    .execute();
  const found = new Map<string, HeldFacts['delivered']>();
  for (const { study, revision, destination, atMs } of rows) {
    if (revision <= (lastOfOther.get(study) ?? 0)) continue;
    const before = (found.get(study) ?? []).filter((one) => one.destination !== destination);
    found.set(study, [...before, { destination, atMs: atMs ?? 0 }]);
  }
  return found;
}

const IDENTITY = ['patientId', 'issuerOfPatientId', 'patientName', 'patientBirthDate', 'patientSex'] as const;

/** What came of a study under one patient. */
interface Arrival {
  /** As it was written last. */
  identity: PatientIdentity;
  objects: number;
  firstAtMs: number;
}

/** What is in use (0) or was set aside (1) of each study, by patient: spellings of one patient are one. Whose objects came last stands last. */
export async function arrivalsByPatient(
  db: Transaction<Schema>,
  studies: readonly string[],
  setAside: Flag,
): Promise<Map<string, Arrival[]>> {
  const rows = await db
    .selectFrom('instances')
    .select('study_instance_uid as study')
    .select(IDENTITY.map((key) => jsonText(db, 'header', key).as(key)))
    .select(sql<number>`count(*)`.as('objects'))
    .select(({ fn }) => fn.min('received_at').as('firstAtMs'))
    .where('study_instance_uid', 'in', studies)
    .where('kind', '!=', 'own')
    .where('set_aside', '=', setAside)
    .groupBy(['study', ...IDENTITY])
    .orderBy(({ fn }) => fn.max('received_at'))
    .orderBy('patientId')
    .orderBy('patientName')
    .execute();
  const found = new Map<string, Arrival[]>();
  for (const { study, objects, firstAtMs, ...identity } of rows) {
    const arrived = found.get(study) ?? [];
    const known = arrived.find((one) => identityDifferences(one.identity, identity).length === 0);
    found.set(study, [
      ...arrived.filter((one) => one !== known),
      {
        identity,
        objects: objects + (known?.objects ?? 0),
        firstAtMs: Math.min(firstAtMs, known?.firstAtMs ?? firstAtMs),
      },
    ]);
  }
  return found;
}
