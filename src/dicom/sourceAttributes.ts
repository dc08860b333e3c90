import { TriageError } from '../base/errors.ts';
import { TEXT_VALUE_REPRESENTATIONS, decodeText } from './charset.ts';
import { parseElements } from './elements.ts';
import { framesOf } from './functionalGroups.ts';
import type { Elements } from './elements.ts';
import { dictionaryEntryOf, isWritable } from './part10.ts';
import type { Dataset, DatasetValue } from './part10.ts';

/** Patient, General Study, Patient Study and request attributes: copied into everything derived from an object of the study. */
const STUDY_LEVEL = [
  'PatientName',
  'PatientID',
  'IssuerOfPatientID',
  'TypeOfPatientID',
  'IssuerOfPatientIDQualifiersSequence',
  'PatientBirthDate',
  'PatientBirthTime',
  'PatientSex',
  'OtherPatientIDsSequence',
  'OtherPatientNames',
  'QualityControlSubject',
  'PatientSpeciesDescription',
  'PatientSpeciesCodeSequence',
  'ResponsiblePerson',
  'ResponsibleOrganization',
  'PatientIdentityRemoved',
  'DeidentificationMethod',
  'DeidentificationMethodCodeSequence',
  'StudyInstanceUID',
  'StudyDate',
  'StudyTime',
  'StudyID',
  'StudyDescription',
  'AccessionNumber',
  'IssuerOfAccessionNumberSequence',
  'ReferringPhysicianName',
  'ReferringPhysicianIdentificationSequence',
  'ProcedureCodeSequence',
  'PatientAge',
  'PatientSize',
  'PatientWeight',
  'AdmissionID',
  'IssuerOfAdmissionIDSequence',
  'RequestAttributesSequence',
  'TimezoneOffsetFromUTC',
] as const;

/** What a derived image keeps from its source image, and what a reference to it needs. */
const IMAGE_LEVEL = [
  'SOPClassUID',
  'SOPInstanceUID',
  'SeriesInstanceUID',
  'Modality',
  'BodyPartExamined',
  'PatientPosition',
  'FrameOfReferenceUID',
  'PositionReferenceIndicator',
  'ImagePositionPatient',
  'ImageOrientationPatient',
  'PixelSpacing',
  'SliceThickness',
  'Rows',
  'Columns',
  'LossyImageCompression',
  'LossyImageCompressionRatio',
  'LossyImageCompressionMethod',
] as const;

const COPIED: ReadonlySet<string> = new Set([...STUDY_LEVEL, ...IMAGE_LEVEL]);
/** Real sequences here are at most three levels deep; a file that goes deeper is not worth the recursion. */
const MAX_DEPTH = 8;
/** Kept unchanged even when PS3.5 does not allow the value, so that writing fails visibly instead of changing the identity. */
const IDENTITY: ReadonlySet<string> = new Set([
  'PatientName',
  'PatientID',
  'IssuerOfPatientID',
  'StudyInstanceUID',
  'AccessionNumber',
]);

/**
 * The attributes of a source object (Part 10 bytes, at least up to the pixel data) that derived objects take over verbatim: decoded to Unicode, by
 * keyword, sequences with their items. An empty element is null, an absent one is missing. DS and IS stay strings. Omitted: private and
 * unknown elements, and broken sequences, and values outside identity that PS3.5 does not allow (a PatientSex of "male").
 *
 * @param frameNumber from 1: the frame of a multi-frame object whose position, spacing and thickness are wanted
 * @throws TriageError `dicom-unreadable`
 */
export function sourceAttributes(bytes: Uint8Array, frameNumber?: number): Dataset {
  const dataSet = parseElements(bytes, { stopBeforePixelData: true });
  const elements = frameNumber === undefined ? dataSet : framesOf(dataSet).frame(frameNumber);
  return readDataset(elements, [], 0, (keyword) => COPIED.has(keyword));
}

/** Attributes of an image (`sourceAttributes`) with the patient, study and request of another object of its study. */
export function withStudyOf(image: Dataset, named: Dataset): Dataset {
  const ofStudy = new Set<string>(STUDY_LEVEL);
  const pick = (source: Dataset, wanted: boolean) =>
    Object.entries(source).filter(([keyword]) => ofStudy.has(keyword) === wanted);
  return Object.fromEntries([...pick(image, false), ...pick(named, true)]);
}

function readDataset(
  elements: Elements,
  inheritedCharacterSets: readonly string[],
  depth: number,
  wanted: (keyword: string) => boolean,
): Dataset {
  const characterSets = elements.has(0x00080005) ? elements.strings(0x00080005) : inheritedCharacterSets;
  const dataset: Dataset = {};
  for (const tag of elements.tags()) {
    const entry = dictionaryEntryOf(tag);
    if (entry === null || entry.keyword === 'SpecificCharacterSet' || !wanted(entry.keyword)) continue;
    const value = readValue(elements, tag, entry.vr, characterSets, depth);
    if (value === undefined) continue;
    if (isWritable(entry.keyword, value) || IDENTITY.has(entry.keyword)) dataset[entry.keyword] = value;
    else if (depth === 0) dataset[entry.keyword] = null;
  }
  return dataset;
}

function readValue(
  elements: Elements,
  tag: number,
  vr: string,
  characterSets: readonly string[],
  depth: number,
): DatasetValue {
  if (vr === 'SQ') {
    if (depth === MAX_DEPTH) return undefined;
    try {
      return elements.items(tag).map((item) => readDataset(item, characterSets, depth + 1, () => true));
    } catch (error) {
      // A broken sequence is left out: a result must not be lost to one.
      if (error instanceof TriageError) return undefined;
      throw error;
    }
  }
  if (vr === 'US') return elements.uint16(tag);
  if (TEXT_VALUE_REPRESENTATIONS.has(vr))
    return oneOrMany(decodeText(elements.bytes(tag) ?? new Uint8Array(), characterSets, vr));
  if (PLAIN_TEXT.has(vr)) return oneOrMany(elements.strings(tag));
  return undefined;
}

const PLAIN_TEXT: ReadonlySet<string> = new Set(['AE', 'AS', 'CS', 'DA', 'DS', 'DT', 'IS', 'TM', 'UI', 'UR']);

function oneOrMany(values: string[]): DatasetValue {
  return values.length > 1 ? values : (values[0] ?? null);
}
