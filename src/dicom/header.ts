import type { FrameKind, FrameTable, InstanceHeader } from '../case/case.ts';
import { TriageError } from '../base/errors.ts';
import { decodeText } from './charset.ts';
import { withOffset } from './dateTimes.ts';
import { MAX_HEADER_BYTES, parseHeaderElements } from './elements.ts';
import type { Elements } from './elements.ts';
import { PIXEL_DATA } from './elementIndex.ts';
import { frameCounts, framesOf } from './functionalGroups.ts';
import { MEDIA_STORAGE_DIRECTORY, MULTI_FRAME_CT_SOP_CLASSES } from './sopClasses.ts';
import { readFileMetaInformation } from './fileMetaReader.ts';
import { isReadableUid } from './uids.ts';

/** Maximum length kept of one value: more than any VR of these attributes allows (PS3.5 6.2), and small enough that many hostile values do no harm. */
const MAX_TEXT_BYTES = 1_024;
const MAX_PLAIN_CHARACTERS = 64;
const MAX_CHARACTER_SETS = 16;
const MAX_IMAGE_TYPE_VALUES = 16;
const MAX_REGIONS = 8;
const MAX_DIMENSIONS = 32;
/** Three times the slices of the longest scan. */
const MAX_FRAMES = 10_000;
/** Step-and-shoot scans may number every table position: a kind for each. */
const MAX_KINDS = 512;
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
  return fileHeaderOf(parseHeaderElements(bytes, fileBytes ?? bytes.length));
}

/** {@link readFileHeader} for elements that are already parsed. */
export function fileHeaderOf(elements: Elements): InstanceHeader {
  if (elements.string(MEDIA_STORAGE_SOP_CLASS_UID) === MEDIA_STORAGE_DIRECTORY)
    throw new TriageError('dicom-mismatch', 'A DICOMDIR: the directory of a disc, which holds no image itself.');
  return headerOf(elements, elements.has(SOP_CLASS_UID) ? SOP_CLASS_UID : MEDIA_STORAGE_SOP_CLASS_UID);
}

/** {@link readHeader} for elements that are already parsed. `sopClassUidTag`: where the SOP class stands. */
export function headerOf(elements: Elements, sopClassUidTag = SOP_CLASS_UID): InstanceHeader {
  const reader = readerOf(elements, characterSetsOf(elements));
  const { text, identity, plain, integer } = reader;
  const sopClassUid = requiredUid(elements, sopClassUidTag, 'SOPClassUID');
  const seriesDescription = text(0x0008103e, 'LO');
  const { acquisitionDateTime, imagePositionPatientMm, ...kind } = imageFacts(reader, seriesDescription);
  const timezoneOffsetFromUtc = plain(0x00080201);
  return {
    patientId: identity(0x00100020, 'LO', 'PatientID'),
    issuerOfPatientId: identity(0x00100021, 'LO', 'IssuerOfPatientID'),
    patientName: identity(0x00100010, 'PN', 'PatientName'),
    patientBirthDate: plain(0x00100030),
    patientSex: plain(0x00100040),
    sopClassUid,
    sopInstanceUid: requiredUid(elements, 0x00080018, 'SOPInstanceUID'),
    studyInstanceUid: requiredUid(elements, 0x0020000d, 'StudyInstanceUID'),
    seriesInstanceUid: requiredUid(elements, 0x0020000e, 'SeriesInstanceUID'),
    frameOfReferenceUid: plain(0x00200052),
    transferSyntaxUid: elements.transferSyntaxUid,
    accessionNumber: text(0x00080050, 'SH'),
    studyDate: plain(0x00080020),
    studyTime: plain(0x00080030),
    studyDescription: text(0x00081030, 'LO'),
    acquisitionDateTime: withOffset(acquisitionDateTime, timezoneOffsetFromUtc),
    ...(timezoneOffsetFromUtc === '' ? {} : { timezoneOffsetFromUtc }),
    patientAge: plain(0x00101010),
    modality: plain(0x00080060),
    manufacturer: text(0x00080070, 'LO'),
    manufacturerModelName: text(0x00081090, 'LO'),
    seriesNumber: integer(0x00200011),
    seriesDescription,
    protocolName: text(0x00181030, 'LO'),
    currentPatientLocation: text(0x00380300, 'LO'),
    institutionalDepartmentName: text(0x00081040, 'LO'),
    stationName: text(0x00081010, 'SH'),
    procedureCodes: [0x00081032, 0x00321064]
      .flatMap((tag) => itemsIfWhole(elements, tag))
      .flatMap((item) => decodeText(beginningOf(item.bytes(0x00080100)), reader.characterSets, 'SH'))
      .filter((code) => code !== ''),
    ...priorityIn(text(0x00401003, 'SH')),
    bodyPartExamined: plain(0x00180015),
    instanceNumber: integer(0x00200013),
    imagesInAcquisition: integer(0x00201002),
    numberOfSeriesRelatedInstances: integer(0x00201209),
    rows: elements.uint16(0x00280010),
    columns: elements.uint16(0x00280011),
    // Senders of single images write 0, which means nothing else.
    numberOfFrames: integer(0x00280008) || 1,
    ...inColour(elements.uint16(0x00280002)),
    imagePositionPatientMm,
    ...kind,
    ...(MULTI_FRAME_CT_SOP_CLASSES.has(sopClassUid) ? framesIn(elements, seriesDescription) : {}),
  };
}

/** Nearly no image has one: absent then, since the header of each is kept. */
function priorityIn(requestedProcedurePriority: string): Pick<InstanceHeader, 'requestedProcedurePriority'> {
  return requestedProcedurePriority === '' ? {} : { requestedProcedurePriority };
}

export function characterSetsOf(elements: Elements): string[] {
  return elements.strings(0x00080005).slice(0, MAX_CHARACTER_SETS);
}

/** Reads values of bounded length. */
function readerOf(elements: Elements, characterSets: readonly string[]) {
  return {
    elements,
    characterSets,
    text: (tag: number, vr: string): string =>
      decodeText(beginningOf(elements.bytes(tag)), characterSets, vr)
        .join('\\')
        .replace(/\uFFFD+$/, ''),
    identity: (tag: number, vr: string, keyword: string): string => {
      if ((elements.bytes(tag)?.length ?? 0) > MAX_TEXT_BYTES)
        throw new TriageError('dicom-mismatch', `The ${keyword} is longer than ${MAX_TEXT_BYTES} bytes.`, {
          context: { element: keyword },
        });
      return decodeText(elements.bytes(tag) ?? new Uint8Array(), characterSets, vr).join('\\');
    },
    plain: (tag: number): string => (elements.string(tag) ?? '').slice(0, MAX_PLAIN_CHARACTERS),
    integer: (tag: number): number | null => {
      const value = elements.numbers(tag)?.[0];
      return value !== undefined && Number.isSafeInteger(value) ? value : null;
    },
  };
}

/** What may differ between the images of a series: read from a data set, or from one frame of it. */
function imageFacts(
  { elements, characterSets, text, plain, integer }: ReturnType<typeof readerOf>,
  seriesDescription: string,
): FrameKind & Pick<InstanceHeader, 'acquisitionDateTime' | 'imagePositionPatientMm'> {
  const imageType = elements
    .strings(0x00080008)
    .slice(0, MAX_IMAGE_TYPE_VALUES)
    .map((value) => value.slice(0, MAX_PLAIN_CHARACTERS));
  const spacing = fixedLength(elements.numbers(0x00280030), 2);
  return {
    acquisitionDateTime: plain(0x0008002a) || plain(0x00080022) + plain(0x00080032),
    imageType,
    anatomicRegion: itemsIfWhole(elements, 0x00082218)
      .flatMap((item) => decodeText(beginningOf(item.bytes(0x00080104)), characterSets, 'LO'))
      .join(' '),
    convolutionKernel: text(0x00181210, 'SH'),
    acquisitionNumber: integer(0x00200012),
    temporalPosition: integer(0x00200100),
    reconstructionDiameterMm: elements.numbers(0x00181100)?.[0] ?? null,
    kilovoltPeak: elements.numbers(0x00180060)?.[0] ?? null,
    kiloElectronvolt: kiloElectronvoltOf(imageType, seriesDescription),
    rescaleType: plain(0x00281054).toUpperCase(),
    pixelSpacingMm: spacing !== null && spacing.every((value) => value > 0) ? (spacing as [number, number]) : null,
    sliceThicknessMm: elements.numbers(0x00180050)?.[0] ?? null,
    spacingBetweenSlicesMm: elements.numbers(0x00180088)?.[0] ?? null,
    gantryDetectorTiltDegrees: elements.numbers(0x00181120)?.[0] ?? null,
    imagePositionPatientMm: fixedLength(elements.numbers(0x00200032), 3) as [number, number, number] | null,
    imageOrientationPatient: fixedLength(elements.numbers(0x00200037), 6) as
      [number, number, number, number, number, number] | null,
  };
}

/** The frames of a multi-frame CT as its functional groups describe them, and which part of a concatenation it is. */
export function framesIn(
  elements: Elements,
  seriesDescription: string,
): Pick<InstanceHeader, 'frames' | 'frameFault' | 'concatenation'> {
  const uid = (elements.string(0x00209161) ?? '').slice(0, MAX_PLAIN_CHARACTERS);
  const part = elements.uint16(0x00209162);
  const concatenation =
    uid === '' || part === null ? {} : { concatenation: { uid, part, parts: elements.uint16(0x00209163) } };
  // The functional groups stand after everything else that a header is read for.
  if (!elements.has(PIXEL_DATA))
    return { ...concatenation, frameFault: `without pixel data in its first ${MAX_HEADER_BYTES / 1024 / 1024} MiB` };
  const { frames: count, described } = frameCounts(elements);
  if (!Number.isSafeInteger(count) || count < 1 || count > MAX_FRAMES)
    return { ...concatenation, frameFault: `of ${count} frames (at most ${MAX_FRAMES})` };
  if (described < count)
    return {
      ...concatenation,
      frameFault: `that describes ${described} of its ${count} frames (PerFrameFunctionalGroupsSequence): send it again, or slice by slice`,
    };
  const table = frameTable(elements, count, seriesDescription);
  return table === null
    ? { ...concatenation, frameFault: `whose frames differ in more than ${MAX_KINDS} ways` }
    : { ...concatenation, frames: table };
}

/** Null for frames of more kinds than a record may hold. */
function frameTable(dataSet: Elements, count: number, seriesDescription: string): FrameTable | null {
  const characterSets = characterSetsOf(dataSet);
  const frames = framesOf(dataSet);
  const dimensions = separatingDimensions(dataSet);
  const kinds = new Map<string, number>();
  const table: FrameTable = { kinds: [], kindOf: [], positionsMm: [], acquired: null };
  const times: (number | null)[] = [];
  for (let number = 1; number <= count; number++) {
    const elements = frames.frame(number);
    const reader = readerOf(elements, characterSets);
    const { acquisitionDateTime, imagePositionPatientMm, ...facts } = imageFacts(reader, seriesDescription);
    const kind: FrameKind = {
      ...facts,
      imageType: [...facts.imageType, ...calculatedWords(elements)],
      stackId: [reader.text(0x00209056, 'SH'), ...dimensions.map((index) => elements.uint32(0x00209157, index) ?? '')]
        .filter((part) => part !== '')
        .join('.'),
    };
    const key = JSON.stringify(kind);
    const index = kinds.get(key) ?? kinds.size;
    if (index === MAX_KINDS) return null;
    if (index === kinds.size) {
      kinds.set(key, index);
      table.kinds.push(kind);
    }
    table.kindOf.push(index);
    table.positionsMm.push(...(imagePositionPatientMm ?? [null, null, null]));
    times.push(millisecondsOf(acquisitionDateTime));
  }
  const fromMs = times.reduce(
    (least, time) => (time !== null && (least === null || time < least) ? time : least),
    null,
  );
  if (fromMs !== null && new Set(times).size > 1)
    table.acquired = { fromMs, afterMs: times.map((time) => (time === null ? null : time - fromMs)) };
  return table;
}

/** The words by which a single image says that it was computed from several slices, for what an Enhanced CT says in attributes of its own (PS3.3 C.8.16.2). */
function calculatedWords(frame: Elements): string[] {
  const type = frame.strings(0x00080008);
  const technique = CALCULATION_WORDS[frame.string(0x00089207) ?? ''] ?? '';
  const contrast = type[0] === 'DERIVED' ? (CALCULATION_WORDS[type[3] ?? ''] ?? '') : '';
  const distorted = frame.string(0x00089206) === 'DISTORTED' ? 'CURVED' : '';
  return [...new Set([technique, contrast, distorted])].filter((word) => word !== '');
}

const CALCULATION_WORDS: Readonly<Record<string, string>> = {
  MAX_IP: 'MIP',
  MAXIMUM: 'MIP',
  MIN_IP: 'MINIP',
  MINIMUM: 'MINIP',
  VOLUME_RENDER: 'VOLUME RENDERING',
  SURFACE_RENDER: 'SURFACE',
  MPR: 'MPR',
  CURVED_MPR: 'CURVED',
};

/** Dimensions along which one volume extends, or that are read by their own attribute; indexes of any other one (PS3.3 C.7.6.17) tell stacks apart. */
const DIMENSIONS_OF_ONE_STACK: ReadonlySet<number> = new Set([
  0x00080032, 0x00189074, 0x00189151, 0x00189327, 0x00200013, 0x00200032, 0x00201041, 0x00209056, 0x00209057,
  0x00209113, 0x00209128, 0x00209156,
]);

/** Which of the dimension indexes of a frame tell stacks apart. */
function separatingDimensions(dataSet: Elements): number[] {
  return dataSet.items(0x00209222, MAX_DIMENSIONS).flatMap((dimension, index) => {
    const [group, element] = [dimension.uint16(0x00209165, 0), dimension.uint16(0x00209165, 1)];
    if (group === null || element === null) return [];
    return DIMENSIONS_OF_ONE_STACK.has(group * 0x10000 + element) ? [] : [index];
  });
}

/** A DT as milliseconds of a clock without time zone, or null. */
function millisecondsOf(dateTime: string): number | null {
  const parts = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\.\d{1,3})?/.exec(dateTime);
  if (parts === null) return null;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number);
  return Date.UTC(year!, month! - 1, day, hour, minute, second, Math.round(1000 * Number(parts[7] ?? 0)));
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
    throw new TriageError(
      'dicom-mismatch',
      `The ${keyword} is no UID: two or more numbers with one dot between each two, 64 characters at most (PS3.5 9.1).`,
      {
        context: { element: keyword },
      },
    );
  return uid;
}

/** Items of a sequence that nothing depends on: a broken one is no reason to refuse the image. */
function itemsIfWhole(elements: Elements, tag: number): Elements[] {
  try {
    return elements.items(tag, MAX_REGIONS);
  } catch (error) {
    if (error instanceof TriageError) return [];
    throw error;
  }
}

function inColour(samplesPerPixel: number | null): Pick<InstanceHeader, 'samplesPerPixel'> {
  return samplesPerPixel !== null && samplesPerPixel > 1 ? { samplesPerPixel } : {};
}

function beginningOf(bytes: Uint8Array | null): Uint8Array {
  return bytes?.subarray(0, MAX_TEXT_BYTES) ?? new Uint8Array();
}

function fixedLength(values: number[] | null, length: number): number[] | null {
  return values?.length === length ? values : null;
}
