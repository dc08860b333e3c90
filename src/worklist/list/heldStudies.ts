import { sql, type ExpressionBuilder, type Transaction } from 'kysely';
import type { PatientIdentity } from '../../case/case.ts';
import { isLike, jsonText } from '../db/dialect.ts';
import type { CaseRow, Schema } from '../db/schema.ts';
import { patientOf } from './caseRecord.ts';
import { onPresentResults, RESULT_MODALITIES } from './heldObjects.ts';

/** Which studies are searched for; what is left out matches every study (PS3.4 C.2.2.2). Texts may hold the wildcards `*` and `?`. */
export interface StudyMatch {
  studyInstanceUids?: readonly string[];
  patientId?: string;
  /** Upper and lower case are the same. */
  patientName?: string;
  accessionNumber?: string;
  studyDescription?: string;
  /** DICOM DA, both included; empty: open on that side. */
  studyDate?: { from: string; to: string };
  /** Any of them. */
  modalities?: readonly string[];
}

/** A study of which the agent holds objects. */
export interface HeldStudy extends PatientIdentity {
  studyInstanceUid: string;
  accessionNumber: string;
  studyDate: string;
  studyTime: string;
  studyDescription: string;
  modalities: string[];
  seriesCount: number;
  instanceCount: number;
}

/** Studies that match, newest arrival first, and how many there are altogether. Synthetic studies of the agent's own are not searched. */
export async function heldStudies(
  db: Transaction<Schema>,
  match: StudyMatch,
  { offset, limit }: { offset: number; limit: number },
): Promise<{ studies: HeldStudy[]; total: number }> {
  const matching = db
    .selectFrom('cases')
    .where('cases.proof', '=', 0)
    .where('cases.removing', '=', 0)
    .where((eb) => eb.and([isHeld(eb), ...conditionsOf(db, eb, match)]));
  const rows = await matching
    .selectAll('cases')
    .orderBy('cases.first_received_at', 'desc')
    .orderBy('cases.study_instance_uid')
    .offset(offset)
    .limit(limit)
    .execute();
  const { total } = await matching.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
  const sums = await contentsOf(db, rows);
  return { total, studies: rows.map((row) => heldStudyOf(row, sums.get(row.study_instance_uid) ?? [])) };
}

const RESULT_KINDS = ['sr', 'sc', 'ks'] as const;

type CasesBuilder = ExpressionBuilder<Schema, 'cases'>;

/** A study of which only refused objects are known holds nothing; one whose received files are removed still has its results. */
function isHeld(eb: CasesBuilder) {
  return eb.or([eb.exists(instancesOf(eb)), eb.exists(resultsOf(eb, RESULT_KINDS))]);
}

const resultsOf = (eb: CasesBuilder, kinds: readonly (typeof RESULT_KINDS)[number][]) =>
  eb
    .selectFrom('result_objects')
    .select('result_objects.sop_instance_uid')
    .whereRef('result_objects.study_instance_uid', '=', 'cases.study_instance_uid')
    .whereRef('result_objects.revision', '=', 'cases.revision')
    .where('result_objects.form_of', 'is', null)
    .where('result_objects.file_removed_at', 'is', null)
    .where('result_objects.kind', 'in', kinds);

const instancesOf = (eb: CasesBuilder) =>
  eb
    .selectFrom('instances')
    .select('instances.sop_instance_uid')
    .whereRef('instances.study_instance_uid', '=', 'cases.study_instance_uid')
    .where('instances.kind', '!=', 'own');

function conditionsOf(db: Transaction<Schema>, eb: CasesBuilder, match: StudyMatch) {
  const { studyInstanceUids, patientId, patientName, accessionNumber, studyDescription, studyDate, modalities } = match;
  return [
    ...(studyInstanceUids === undefined ? [] : [eb('cases.study_instance_uid', 'in', [...studyInstanceUids])]),
    ...(patientId === undefined ? [] : [isLike(db, 'cases.patient_id', patientId)]),
    ...(patientName === undefined
      ? []
      : [isLike(db, 'cases.patient_name', lowerAscii(patientName), { inLowerCase: true })]),
    ...(accessionNumber === undefined ? [] : [isLike(db, 'cases.accession_number', accessionNumber)]),
    ...(studyDescription === undefined ? [] : [isLike(db, 'cases.study_description', studyDescription)]),
    ...(studyDate === undefined
      ? []
      : [
          eb('cases.study_date', '>=', studyDate.from === '' ? '0' : studyDate.from),
          eb('cases.study_date', '<=', studyDate.to === '' ? '9' : studyDate.to),
        ]),
    ...(modalities === undefined ? [] : [eb.or(modalities.map((modality) => holdsModality(db, eb, modality)))]),
  ];
}

/** As the databases' lower() does on our columns. */
const lowerAscii = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

function holdsModality(db: Transaction<Schema>, eb: CasesBuilder, modality: string) {
  const kinds = RESULT_KINDS.filter((kind) => RESULT_MODALITIES[kind] === modality);
  const modalityOf = jsonText(db, 'instances.header', 'modality');
  return eb.or([
    // Objects that are triaged are CTs: their headers need not be read.
    eb.exists(
      modality === 'CT'
        ? instancesOf(eb).where((one) => one.or([one('instances.kind', '=', 'ct'), one(modalityOf, '=', modality)]))
        : instancesOf(eb).where(modalityOf, '=', modality),
    ),
    ...(kinds.length === 0 ? [] : [eb.exists(resultsOf(eb, kinds))]),
  ]);
}

/** How many objects of a modality a series has. */
interface Contents {
  series: string;
  modality: string;
  count: number;
}

/** What each study holds. */
async function contentsOf(db: Transaction<Schema>, rows: readonly CaseRow[]): Promise<Map<string, Contents[]>> {
  if (rows.length === 0) return new Map();
  const studies = rows.map((row) => row.study_instance_uid);
  const received = await db
    .selectFrom('instances')
    .select([
      'study_instance_uid as study',
      jsonText(db, 'header', 'seriesInstanceUid').as('series'),
      jsonText(db, 'header', 'modality').as('modality'),
      sql<number>`count(distinct sop_instance_uid)`.as('count'),
    ])
    .where('study_instance_uid', 'in', studies)
    .where('kind', '!=', 'own')
    .where('set_aside', '=', 0)
    .groupBy(['study', 'series', 'modality'])
    .execute();
  const results = await db
    .selectFrom('result_objects')
    .innerJoin('cases', onPresentResults)
    .select([
      'result_objects.study_instance_uid as study',
      'result_objects.series_instance_uid as series',
      sql<keyof typeof RESULT_MODALITIES>`result_objects.kind`.as('kind'),
      sql<number>`count(*)`.as('count'),
    ])
    .where('result_objects.study_instance_uid', 'in', studies)
    .where('result_objects.form_of', 'is', null)
    .where('result_objects.file_removed_at', 'is', null)
    .where('result_objects.kind', 'in', RESULT_KINDS)
    .groupBy(['study', 'series', 'kind'])
    .execute();
  const contents = new Map<string, Contents[]>(studies.map((study) => [study, []]));
  for (const { study, ...content } of received) contents.get(study)!.push(content);
  for (const { study, kind, ...content } of results)
    contents.get(study)!.push({ ...content, modality: RESULT_MODALITIES[kind] });
  return contents;
}

function heldStudyOf(row: CaseRow, contents: readonly Contents[]): HeldStudy {
  return {
    ...patientOf(row),
    studyInstanceUid: row.study_instance_uid,
    accessionNumber: row.accession_number,
    studyDate: row.study_date,
    studyTime: row.study_time,
    studyDescription: row.study_description,
    modalities: [...new Set(contents.map(({ modality }) => modality))].filter((one) => one !== '').sort(),
    seriesCount: new Set(contents.map(({ series }) => series)).size,
    instanceCount: contents.reduce((sum, { count }) => sum + count, 0),
  };
}
