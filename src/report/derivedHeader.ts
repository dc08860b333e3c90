import type { PatientIdentity } from '../case/case.ts';
import { identityDifferences } from '../case/patientIdentity.ts';
import { CODES, codeItem } from '../dicom/codes.ts';
import type { Dataset, DatasetValue } from '../dicom/part10.ts';
import { derivedUid } from '../dicom/uids.ts';
import { TriageError } from '../base/errors.ts';
import type { ModelIdentity } from '../case/triageModel.ts';

/** Who wrote the object: agent and network together, so another network counts as another device. */
export interface ReportingDevice {
  manufacturer: string;
  modelName: string;
  softwareVersions: string;
  serialNumber: string;
  uid: string;
}

/** The device of these findings. By its name Odontoid also recognises its own objects when a PACS routes them back. */
export function reportingDevice(softwareVersion: string, model: ModelIdentity): ReportingDevice {
  return {
    manufacturer: 'Odontoid',
    modelName: 'Odontoid',
    softwareVersions: `${softwareVersion} / ${model.version}`,
    // Software has no serial number: the start of the network's digest distinguishes two builds.
    serialNumber: model.sha256.slice(0, 16),
    uid: derivedUid('device', 'Odontoid', softwareVersion, model.sha256),
  };
}

export type SeriesKind = 'sr' | 'heatmaps' | 'card' | 'keySlices';

/** Series-level attributes of the objects of a kind. */
const SERIES: Readonly<Record<SeriesKind, { modality: string; number: number; description: string }>> = {
  sr: { modality: 'SR', number: 9100, description: 'AI C-spine findings (NOT DIAGNOSTIC)' },
  // Never CT: the object would come back as input and disturb hanging protocols.
  heatmaps: { modality: 'OT', number: 9101, description: 'AI C-spine attention map (NOT DIAGNOSTIC)' },
  card: { modality: 'OT', number: 9101, description: 'AI C-spine triage card (NOT DIAGNOSTIC)' },
  keySlices: { modality: 'KO', number: 9102, description: 'AI C-spine key slices (NOT DIAGNOSTIC)' },
};

/** What every object of one report shares. */
export interface ReportContext {
  /** Attributes of the source object, from its stored bytes. */
  source: Dataset;
  studyInstanceUid: string;
  device: ReportingDevice;
  /** If empty, InstitutionName is omitted. */
  institutionName: string;
  revision: number;
  analysedAtMs: number;
}

/** Reports of every revision are in one series; all else has one for each revision, so that old ones do not lie among the new. */
function seriesUid({ studyInstanceUid, device, revision }: ReportContext, kind: SeriesKind): string {
  return derivedUid('series', studyInstanceUid, device.uid, kind, ...(kind === 'sr' ? [] : [String(revision)]));
}

/** PS3.3 C.7.1.1, C.7.2.1, C.7.2.2 and C.12.1: copied verbatim. The scanner's equipment, procedure step and acquisition times are not. */
const COPIED = [
  'PatientName',
  'PatientID',
  'IssuerOfPatientID',
  'IssuerOfPatientIDQualifiersSequence',
  'OtherPatientIDsSequence',
  'PatientBirthDate',
  'PatientBirthTime',
  'PatientSex',
  'PatientAge',
  'PatientSize',
  'PatientWeight',
  'StudyInstanceUID',
  'StudyDate',
  'StudyTime',
  'StudyID',
  'StudyDescription',
  'AccessionNumber',
  'IssuerOfAccessionNumberSequence',
  'ReferringPhysicianName',
  'ProcedureCodeSequence',
  'TimezoneOffsetFromUTC',
] as const;

/** Type 2: written empty when the source has none. */
const TYPE_2 = [
  'PatientName',
  'PatientID',
  'PatientBirthDate',
  'PatientSex',
  'StudyDate',
  'StudyTime',
  'StudyID',
  'AccessionNumber',
  'ReferringPhysicianName',
] as const;

/**
 * Patient, study, series and equipment of an object derived from `context.source`: the patient's and study's attributes verbatim (text in Unicode),
 * the equipment Odontoid's own (PS3.3 C.7.1 to C.7.5, C.12.1.1.5; IHE RAD AI Results).
 */
export function derivedHeader(context: ReportContext, kind: SeriesKind, instanceNumber: number): Dataset {
  const { source, device } = context;
  const header: Record<string, DatasetValue> = {};
  for (const keyword of TYPE_2) header[keyword] = null;
  for (const keyword of COPIED) if (isPresent(source[keyword])) header[keyword] = source[keyword];
  const series = SERIES[kind];
  const moment = contentMoment(context.analysedAtMs, text(header['TimezoneOffsetFromUTC']));
  const equipment: Dataset = {
    Manufacturer: device.manufacturer,
    ManufacturerModelName: device.modelName,
    SoftwareVersions: device.softwareVersions,
    DeviceSerialNumber: device.serialNumber,
    DeviceUID: device.uid,
    ...(context.institutionName === '' ? {} : { InstitutionName: context.institutionName }),
  };
  return {
    ...header,
    Modality: series.modality,
    SeriesInstanceUID: seriesUid(context, kind),
    SeriesNumber: series.number,
    SeriesDescription: series.description,
    InstanceNumber: instanceNumber,
    InstanceCreationDate: moment.date,
    InstanceCreationTime: moment.time,
    ContentDate: moment.date,
    ContentTime: moment.time,
    ...equipment,
    ContributingEquipmentSequence: [
      { PurposeOfReferenceCodeSequence: [codeItem(CODES.processingEquipment)], ...equipment },
    ],
  };
}

/**
 * Refuses a source object that is not of this patient and study.
 * @throws TriageError `identity-mismatch` naming the attributes that differ, not their values
 */
export function assertSameIdentity(
  source: PatientIdentity & { studyInstanceUid: string },
  expected: PatientIdentity,
  studyInstanceUid: string,
): void {
  const differing = identityDifferences(source, expected);
  if (source.studyInstanceUid !== studyInstanceUid) differing.push('study');
  if (differing.length === 0) return;
  throw new TriageError(
    'identity-mismatch',
    `The stored source object and the worklist name different patients or studies (${differing.join(', ')}). Nothing was written: compare the study with the PACS before releasing it.`,
    { context: { differing } },
  );
}

/** The single text value of an attribute, or empty. */
export function text(value: DatasetValue): string {
  if (Array.isArray(value)) return (value as readonly DatasetValue[]).map(text).join('\\');
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** True for an attribute that has a value. */
export function isPresent(value: DatasetValue): boolean {
  return value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);
}

/**
 * The time as DA and TM, in the source's time zone when it states one, because (0008,0201) then applies to every time in the object
 * (PS3.3 C.12.1.1.8); otherwise in the machine's.
 */
export function contentMoment(epochMs: number, timezoneOffsetFromUtc: string): { date: string; time: string } {
  const offset = /^([+-])(\d{2})(\d{2})$/.exec(timezoneOffsetFromUtc);
  const offsetMinutes =
    offset === null
      ? -new Date(epochMs).getTimezoneOffset()
      : (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3]));
  const iso = new Date(epochMs + offsetMinutes * 60_000).toISOString();
  return {
    date: iso.slice(0, 10).replaceAll('-', ''),
    time: `${iso.slice(11, 19).replaceAll(':', '')}.${iso.slice(20, 23)}000`,
  };
}
