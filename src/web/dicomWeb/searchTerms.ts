import { TriageError } from '../../base/errors.ts';
import { dictionaryEntryOf } from '../../dicom/part10.ts';
import type { StudyMatch } from '../../worklist/list/heldStudies.ts';
import type { InstanceHeader } from '../../case/case.ts';

/** Parameters of a search that are no attributes (PS3.18 8.3.4). */
const OTHER_PARAMETERS: ReadonlySet<string> = new Set(['limit', 'offset', 'includefield', 'fuzzymatching', 'accept']);

/** Attributes by which studies are searched. */
export const STUDY_KEYS = [
  'StudyInstanceUID',
  'PatientID',
  'PatientName',
  'AccessionNumber',
  'StudyDate',
  'StudyDescription',
  'ModalitiesInStudy',
] as const;
/** Attributes by which the series of a study are searched, and, with the third and the fourth, its instances. */
export const SERIES_KEYS = ['SeriesInstanceUID', 'Modality', 'SOPInstanceUID', 'SOPClassUID'] as const;

type Query = Readonly<Record<string, unknown>>;

/** What each attribute of a search is to match; empty values, which match everything, are left out. @throws TriageError `command-invalid` for one by which nothing is searched */
export function searchTerms<K extends string>(query: Query, keys: readonly K[]): Partial<Record<K, string>> {
  const terms: Partial<Record<K, string>> = {};
  for (const [name, value] of Object.entries(query)) {
    if (OTHER_PARAMETERS.has(name)) continue;
    const key = keys.find((one) => one === keywordOf(name));
    if (key === undefined)
      throw new TriageError('command-invalid', `Nothing is searched by ${name} here: only by ${keys.join(', ')}.`);
    if (typeof value !== 'string') throw new TriageError('command-invalid', `${name} is given more than once.`);
    if (value !== '') terms[key] = value;
  }
  return terms;
}

/** `00100020` and `PatientID` are the same. */
function keywordOf(name: string): string {
  return /^[0-9a-f]{8}$/i.test(name) ? (dictionaryEntryOf(Number.parseInt(name, 16))?.keyword ?? name) : name;
}

/** @throws TriageError `command-invalid` */
export function studyMatchOf(query: Query): StudyMatch {
  const terms = searchTerms(query, STUDY_KEYS);
  return {
    ...(terms.StudyInstanceUID && { studyInstanceUids: listOf(terms.StudyInstanceUID) }),
    ...(terms.PatientID && { patientId: terms.PatientID }),
    ...(terms.PatientName && { patientName: terms.PatientName }),
    ...(terms.AccessionNumber && { accessionNumber: terms.AccessionNumber }),
    ...(terms.StudyDescription && { studyDescription: terms.StudyDescription }),
    ...(terms.StudyDate && { studyDate: dateRange(terms.StudyDate) }),
    ...(terms.ModalitiesInStudy && { modalities: listOf(terms.ModalitiesInStudy) }),
  };
}

/** Whether an object has what the terms of a search within a study ask for. */
export function matchesTerms(
  {
    seriesInstanceUid,
    sopInstanceUid,
    sopClassUid,
    modality,
  }: Pick<InstanceHeader, 'seriesInstanceUid' | 'sopInstanceUid' | 'sopClassUid' | 'modality'>,
  terms: Partial<Record<(typeof SERIES_KEYS)[number], string>>,
): boolean {
  const isOneOf = (value: string, term: string | undefined): boolean =>
    term === undefined || listOf(term).includes(value);
  return (
    isOneOf(seriesInstanceUid, terms.SeriesInstanceUID) &&
    isOneOf(sopInstanceUid, terms.SOPInstanceUID) &&
    isOneOf(sopClassUid, terms.SOPClassUID) &&
    isOneOf(modality, terms.Modality)
  );
}

/** Lists of UIDs are separated by commas or backslashes (PS3.18 8.3.4.1). */
const listOf = (value: string): string[] => value.split(/[,\\]/).map((one) => one.trim());

function dateRange(value: string): { from: string; to: string } {
  const [, from = '', dash, to = ''] = /^(\d{8})?(-)?(\d{8})?$/.exec(value) ?? [];
  if (from === '' && to === '')
    throw new TriageError(
      'command-invalid',
      `StudyDate is a day (20260131) or days (20260101-20260131, 20260101-), not ${value}.`,
    );
  return dash === undefined ? { from, to: from } : { from, to };
}
