import type { InstanceHeader } from '../case/case.ts';
import { TriageError } from '../base/errors.ts';
import { decodeText } from './charset.ts';
import { parseHeaderElements } from './elements.ts';
import type { Elements } from './elements.ts';
import { readFileMetaInformation } from './fileMetaReader.ts';
import { isReadableUid } from './uids.ts';

/** Maximum length kept of one value: more than any VR of these attributes allows (PS3.5 6.2), and small enough that many hostile values do no harm. */
const MAX_TEXT_BYTES = 1_024;
const MAX_PLAIN_CHARACTERS = 64;
const MAX_CHARACTER_SETS = 16;
const MAX_IMAGE_TYPE_VALUES = 16;
const MAX_REGIONS = 8;
const SOP_CLASS_UID = 0x00080016;
const MEDIA_STORAGE_SOP_CLASS_UID = 0x00020002;

/**
 * Reads what assembling and the worklist need from a DICOM file, or from its beginning up to the pixel data. A missing or unusable optional value becomes an
 * empty string or null; text is Unicode, otherwise as in the file. Values over 1,024 bytes are cut, except the patient's identity, so that a header
 * record is of bounded size whatever the file holds.
 *
 * @param fileBytes size of the file of which `bytes` are the beginning
 * @throws TriageError `dicom-unreadable` for an incomplete DICOM header, `dicom-mismatch` for a missing or invalid UID, or for a patient
 *   whose identity takes more than 1,024 bytes
 */
export function readHeader(bytes: Uint8Array, fileBytes?: number): InstanceHeader {
  return headerOf(parseHeaderElements(bytes, fileBytes ?? bytes.length));
}

/**
 * {@link readHeader} for a file that did not come over the network: where the data set has no SOPClassUID, that of the file meta information counts
 * (the images of the RSNA 2022 release are so).
 */
export function readFileHeader(bytes: Uint8Array, fileBytes?: number): InstanceHeader {
  const elements = parseHeaderElements(bytes, fileBytes ?? bytes.length);
  return headerOf(elements, elements.has(SOP_CLASS_UID) ? SOP_CLASS_UID : MEDIA_STORAGE_SOP_CLASS_UID);
}

/** {@link readHeader} for elements that are already parsed. `sopClassUidTag`: where the SOP class stands. */
export function headerOf(elements: Elements, sopClassUidTag = SOP_CLASS_UID): InstanceHeader {
  const characterSets = elements.strings(0x00080005).slice(0, MAX_CHARACTER_SETS);
  const text = (tag: number, vr: string): string =>
    decodeText(beginningOf(elements.bytes(tag)), characterSets, vr)
      .join('\\')
      .replace(/\uFFFD+$/, '');
  const identity = (tag: number, vr: string, keyword: string): string => {
    if ((elements.bytes(tag)?.length ?? 0) > MAX_TEXT_BYTES)
      throw new TriageError('dicom-mismatch', `The ${keyword} is longer than ${MAX_TEXT_BYTES} bytes.`, {
        context: { element: keyword },
      });
    return decodeText(elements.bytes(tag) ?? new Uint8Array(), characterSets, vr).join('\\');
  };
  const plain = (tag: number): string => (elements.string(tag) ?? '').slice(0, MAX_PLAIN_CHARACTERS);
  const imageType = elements
    .strings(0x00080008)
    .slice(0, MAX_IMAGE_TYPE_VALUES)
    .map((value) => value.slice(0, MAX_PLAIN_CHARACTERS));
  const seriesDescription = text(0x0008103e, 'LO');
  const spacing = fixedLength(elements.numbers(0x00280030), 2);
  return {
    patientId: identity(0x00100020, 'LO', 'PatientID'),
    issuerOfPatientId: identity(0x00100021, 'LO', 'IssuerOfPatientID'),
    patientName: identity(0x00100010, 'PN', 'PatientName'),
    patientBirthDate: plain(0x00100030),
    patientSex: plain(0x00100040),
    sopClassUid: requiredUid(elements, sopClassUidTag, 'SOPClassUID'),
    sopInstanceUid: requiredUid(elements, 0x00080018, 'SOPInstanceUID'),
    studyInstanceUid: requiredUid(elements, 0x0020000d, 'StudyInstanceUID'),
    seriesInstanceUid: requiredUid(elements, 0x0020000e, 'SeriesInstanceUID'),
    frameOfReferenceUid: plain(0x00200052),
    transferSyntaxUid: elements.transferSyntaxUid,
    accessionNumber: text(0x00080050, 'SH'),
    studyDate: plain(0x00080020),
    studyTime: plain(0x00080030),
    studyDescription: text(0x00081030, 'LO'),
    acquisitionDateTime: plain(0x0008002a) || plain(0x00080022) + plain(0x00080032),
    patientAge: plain(0x00101010),
    modality: plain(0x00080060),
    manufacturer: text(0x00080070, 'LO'),
    manufacturerModelName: text(0x00081090, 'LO'),
    imageType,
    seriesNumber: integer(elements, 0x00200011),
    seriesDescription,
    protocolName: text(0x00181030, 'LO'),
    currentPatientLocation: text(0x00380300, 'LO'),
    institutionalDepartmentName: text(0x00081040, 'LO'),
    stationName: text(0x00081010, 'SH'),
    bodyPartExamined: plain(0x00180015),
    anatomicRegion: elements
      .items(0x00082218, MAX_REGIONS)
      .flatMap((item) => decodeText(beginningOf(item.bytes(0x00080104)), characterSets, 'LO'))
      .join(' '),
    convolutionKernel: text(0x00181210, 'SH'),
    instanceNumber: integer(elements, 0x00200013),
    acquisitionNumber: integer(elements, 0x00200012),
    temporalPosition: integer(elements, 0x00200100),
    reconstructionDiameterMm: elements.numbers(0x00181100)?.[0] ?? null,
    kilovoltPeak: elements.numbers(0x00180060)?.[0] ?? null,
    kiloElectronvolt: kiloElectronvoltOf(imageType, seriesDescription),
    rescaleType: plain(0x00281054).toUpperCase(),
    imagesInAcquisition: integer(elements, 0x00201002),
    numberOfSeriesRelatedInstances: integer(elements, 0x00201209),
    rows: elements.uint16(0x00280010),
    columns: elements.uint16(0x00280011),
    // Senders of single images write 0, which means nothing else.
    numberOfFrames: integer(elements, 0x00280008) || 1,
    pixelSpacingMm: spacing !== null && spacing.every((value) => value > 0) ? (spacing as [number, number]) : null,
    sliceThicknessMm: elements.numbers(0x00180050)?.[0] ?? null,
    spacingBetweenSlicesMm: elements.numbers(0x00180088)?.[0] ?? null,
    gantryDetectorTiltDegrees: elements.numbers(0x00181120)?.[0] ?? null,
    imagePositionPatientMm: fixedLength(elements.numbers(0x00200032), 3) as [number, number, number] | null,
    imageOrientationPatient: fixedLength(elements.numbers(0x00200037), 6) as
      [number, number, number, number, number, number] | null,
  };
}

/**
 * Index of the first byte of the data set, after the file meta information: digests of the content start here.
 *
 * @throws TriageError `dicom-unreadable`
 */
export function datasetOffset(bytes: Uint8Array): number {
  return readFileMetaInformation(bytes).datasetOffset;
}

/** Values used for recorded headers from earlier versions that did not read these attributes. */
export const UNREAD_BEFORE: Pick<
  InstanceHeader,
  | 'anatomicRegion'
  | 'acquisitionNumber'
  | 'temporalPosition'
  | 'reconstructionDiameterMm'
  | 'kilovoltPeak'
  | 'kiloElectronvolt'
  | 'rescaleType'
  | 'imagesInAcquisition'
  | 'numberOfSeriesRelatedInstances'
> = {
  anatomicRegion: '',
  acquisitionNumber: null,
  temporalPosition: null,
  reconstructionDiameterMm: null,
  kilovoltPeak: null,
  kiloElectronvolt: null,
  rescaleType: '',
  imagesInAcquisition: null,
  numberOfSeriesRelatedInstances: null,
};

/** No CT attribute holds the energy of a virtual monoenergetic image: vendors write it into ImageType (`DE_MONO_40`) or the description. */
function kiloElectronvoltOf(imageType: readonly string[], seriesDescription: string): number | null {
  const words = `${imageType.slice(2).join(' ')} ${seriesDescription}`.toUpperCase();
  const energy = /(?<!\d)(\d{2,3})(?:[.,]\d+)? ?_?KEV\b|\b(?:DE_)?(?:MONO|VMI|MONOE?)[ _+]*(\d{2,3})(?!\d)/.exec(words);
  return energy === null ? null : Number(energy[1] ?? energy[2]);
}

function requiredUid(elements: Elements, tag: number, keyword: string): string {
  const uid = elements.string(tag);
  if (uid === null)
    throw new TriageError('dicom-mismatch', `The object has no ${keyword}.`, { context: { element: keyword } });
  if (!isReadableUid(uid))
    throw new TriageError('dicom-mismatch', `The ${keyword} is no UID: digits and dots, 64 at most (PS3.5 9.1).`, {
      context: { element: keyword },
    });
  return uid;
}

function beginningOf(bytes: Uint8Array | null): Uint8Array {
  return bytes?.subarray(0, MAX_TEXT_BYTES) ?? new Uint8Array();
}

function integer(elements: Elements, tag: number): number | null {
  const value = elements.numbers(tag)?.[0];
  return value !== undefined && Number.isSafeInteger(value) ? value : null;
}

function fixedLength(values: number[] | null, length: number): number[] | null {
  return values?.length === length ? values : null;
}
