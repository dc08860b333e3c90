import { createRequire } from 'node:module';
import { TriageError } from '../base/errors.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN } from './transferSyntaxes.ts';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, isReadableUid } from './uids.ts';

/** A data set by PS3.6 keyword. Sequences are arrays of such objects; `null` is a Type 2 element left empty. */
export interface Dataset {
  [keyword: string]: DatasetValue;
}
export type DatasetValue =
  string | number | ArrayBuffer | null | undefined | Dataset | readonly (string | number | ArrayBuffer | Dataset)[];

interface DictionaryEntry {
  tag: string;
  vr: string;
}
interface DicomDictLike {
  dict: unknown;
  write(options?: object): ArrayBuffer;
}
interface DcmjsData {
  DicomMetaDictionary: {
    nameMap: Record<string, DictionaryEntry | undefined>;
    denaturalizeDataset(dataset: object): object;
  };
  DicomDict: new (meta: object) => DicomDictLike;
}
const require = createRequire(import.meta.url);
let loaded: DcmjsData | undefined;

/** Loaded when it is first needed: the agent's main process knows this module, and writes nothing in most of its lives. */
function dcmjs(): DcmjsData {
  if (loaded === undefined) {
    const { data, log } = require('dcmjs') as { data: DcmjsData; log: { setLevel(level: string): void } };
    // dcmjs prints values, which are patient data.
    log.setLevel('silent');
    loaded = data;
  }
  return loaded;
}

/** Loads what writing needs, so that the first object does not wait for it. */
export function prepareToWrite(): void {
  dictionaryEntryOf(0);
}

/** Longest value, in characters, by VR (PS3.5 6.2). */
const LONGEST: Readonly<Record<string, number>> = {
  AE: 16,
  AS: 4,
  CS: 16,
  DA: 8,
  DS: 16,
  DT: 26,
  IS: 12,
  LO: 64,
  SH: 16,
  TM: 14,
  LT: 10240,
  ST: 1024,
};
/**
 * Attributes that a derived object copies character for character, even when the source wrote more than PS3.5 allows: an Accession
 * Number cut at 16 characters is a different number.
 */
const CARRIED: ReadonlySet<string> = new Set([
  'PatientName',
  'PatientID',
  'IssuerOfPatientID',
  'OtherPatientNames',
  'AccessionNumber',
  'StudyID',
  'StudyDescription',
  'ReferringPhysicianName',
  'AdmissionID',
  'RequestedProcedureID',
  'RequestedProcedureDescription',
  'PlacerOrderNumberImagingServiceRequest',
  'FillerOrderNumberImagingServiceRequest',
  'ScheduledProcedureStepID',
  'ScheduledProcedureStepDescription',
]);
/** Their limit in characters: the length of a value is written with 16 bits. */
const LONGEST_CARRIED = 4_096;

const SHAPES: Readonly<Record<string, RegExp>> = {
  CS: /^[A-Z0-9 _]*$/,
  DA: /^(\d{8})?$/,
  DS: /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$|^$/,
  IS: /^\s*[+-]?\d+\s*$|^$/,
  TM: /^(\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?)?$/,
  AS: /^(\d{3}[DWMY])?$/,
};

/**
 * Writes a data set as a Part 10 file (PS3.10 7.1): zero preamble of our own, file meta information derived from the data set, Explicit VR Little
 * Endian, text in UTF-8 (SpecificCharacterSet is set to ISO_IR 192). The same data set gives the same bytes.
 *
 * @throws TriageError `dicom-unwritable` naming the element that PS3.5/PS3.6 would not allow.
 */
export function writePart10(dataset: Dataset): Uint8Array {
  const [head, ...others] = part10Pieces(dataset);
  return others.length === 0 ? head : Buffer.concat([head, ...others]);
}

/** The same as pieces that follow one another, of which a picture's pixels are not copied. @throws TriageError `dicom-unwritable` */
export function part10Pieces({ PixelData, ...dataset }: Dataset): [Uint8Array, ...Uint8Array[]] {
  const pixels = wholeBuffer(PixelData);
  if (pixels === null) return [writeWithDcmjs({ ...dataset, PixelData })];
  // The library would copy a picture several times. No element that is written stands behind its pixels.
  const element = new Uint8Array(OW_HEAD_BYTES);
  const at = new DataView(element.buffer);
  at.setUint16(0, 0x7fe0, true);
  at.setUint16(2, 0x0010, true);
  element.set([0x4f, 0x57], 4);
  at.setUint32(8, pixels.byteLength, true);
  return [writeWithDcmjs(dataset), element, new Uint8Array(pixels)];
}

/** Tag, VR OW, two reserved bytes, and a length of 32 bits (PS3.5 7.1.2). */
const OW_HEAD_BYTES = 12;

/** The bytes of native pixel data, where they are one buffer of even length. */
function wholeBuffer(value: DatasetValue): ArrayBuffer | null {
  const [pixels, ...others] = Array.isArray(value) ? (value as readonly DatasetValue[]) : [value];
  return pixels instanceof ArrayBuffer && others.length === 0 && pixels.byteLength % 2 === 0 ? pixels : null;
}

function writeWithDcmjs(dataset: Dataset): Uint8Array {
  checkDataset(dataset, '');
  const meta = dcmjs().DicomMetaDictionary.denaturalizeDataset({
    FileMetaInformationVersion: new Uint8Array([0, 1]).buffer,
    MediaStorageSOPClassUID: dataset['SOPClassUID'],
    MediaStorageSOPInstanceUID: dataset['SOPInstanceUID'],
    TransferSyntaxUID: EXPLICIT_VR_LITTLE_ENDIAN,
    ImplementationClassUID: IMPLEMENTATION_CLASS_UID,
    ImplementationVersionName: IMPLEMENTATION_VERSION_NAME,
    _vrMap: {},
  });
  const file = new (dcmjs().DicomDict)(meta);
  file.dict = dcmjs().DicomMetaDictionary.denaturalizeDataset(
    prepared({ ...dataset, SpecificCharacterSet: 'ISO_IR 192' }),
  );
  return new Uint8Array(file.write({ fragmentMultiframe: false, allowInvalidVRLength: true }));
}

/** Keyword and VR that PS3.6 gives an attribute, or null for a private, unknown or retired one. */
export function dictionaryEntryOf(tag: number): { keyword: string; vr: string } | null {
  entryByTag ??= new Map(
    Object.entries(dcmjs().DicomMetaDictionary.nameMap).flatMap(([keyword, entry]) => {
      const tag = /^\(([0-9A-F]{4}),([0-9A-F]{4})\)$/i.exec(entry?.tag ?? '');
      if (entry === undefined || tag === null || keyword.startsWith('RETIRED_')) return [];
      return [[Number.parseInt(tag[1]! + tag[2]!, 16), { keyword, vr: entry.vr }] as const];
    }),
  );
  return entryByTag.get(tag) ?? null;
}

let entryByTag: ReadonlyMap<number, { keyword: string; vr: string }> | undefined;

/** True when `writePart10` accepts this value for this keyword. */
export function isWritable(keyword: string, value: DatasetValue): boolean {
  try {
    checkDataset({ [keyword]: value }, '');
    return true;
  } catch {
    return false;
  }
}

/** A number as DS: at most 16 characters, rounded rather than cut (PS3.5 6.2). @throws TriageError `dicom-unwritable` when not finite */
export function decimalString(value: number): string {
  if (!Number.isFinite(value))
    throw new TriageError('dicom-unwritable', `${value} cannot be written as a decimal string.`);
  const plain = String(value);
  if (plain.length <= 16 && SHAPES['DS']!.test(plain)) return plain;
  for (let digits = 15; digits > 0; digits--) {
    const rounded = Number(value.toPrecision(digits));
    // 0.00000123456789 wastes its characters on zeros; the exponent keeps more digits.
    for (const text of [String(rounded), rounded.toExponential()]) if (text.length <= 16) return text;
  }
  throw new TriageError('dicom-unwritable', `${value} cannot be written as a decimal string.`);
}

/** Refuses what PS3.5 and PS3.6 do not allow. @throws TriageError `dicom-unwritable` naming the element, not its value */
function checkDataset(dataset: Dataset, where: string): void {
  for (const [keyword, value] of Object.entries(dataset)) {
    const entry = dcmjs().DicomMetaDictionary.nameMap[keyword];
    const place = where === '' ? keyword : `${where} > ${keyword}`;
    if (entry === undefined)
      throw new TriageError('dicom-unwritable', `${place} is not a keyword of the DICOM dictionary.`);
    if (value === null || value === undefined) continue;
    for (const item of Array.isArray(value) ? (value as readonly DatasetValue[]) : [value])
      checkValue(entry.vr, item, place, CARRIED.has(keyword));
  }
}

function checkValue(vr: string, item: DatasetValue, place: string, isCarried: boolean): void {
  const refuse = (why: string): never => {
    throw new TriageError('dicom-unwritable', `${place} ${why}.`, { context: { element: place } });
  };
  if (vr === 'SQ') {
    if (typeof item !== 'object' || item === null || item instanceof ArrayBuffer)
      refuse('is a sequence and needs items');
    checkDataset(item as Dataset, place);
    return;
  }
  if (typeof item === 'number') {
    if (!Number.isFinite(item)) refuse('is not a finite number');
    return;
  }
  if (typeof item !== 'string') return;
  if (vr === 'UI' && item !== '' && !isReadableUid(item)) refuse('is not a valid UID');
  if (isCarried) {
    if (characters(item) > LONGEST_CARRIED)
      refuse(`is longer than the ${LONGEST_CARRIED} characters that are carried over`);
    return;
  }
  if (vr === 'PN') {
    if (item.split('=').some((group) => characters(group) > 64)) refuse('has a component group over 64 characters');
    return;
  }
  const longest = LONGEST[vr];
  if (longest !== undefined && characters(item) > longest)
    refuse(`is longer than the ${longest} characters that ${vr} holds`);
  if (SHAPES[vr] !== undefined && !SHAPES[vr].test(item)) refuse(`holds a value that ${vr} does not allow`);
}

/** Lengths of text values count characters, not UTF-16 units (PS3.5 6.2). */
function characters(text: string): number {
  return Array.from(text).length;
}

/** Adapts to dcmjs, which wants attribute tags as numbers, pixel data with an explicit VR, and one-item arrays of buffers. */
function prepared(dataset: Dataset): object {
  const out: Record<string, unknown> = {};
  const vrMap: Record<string, string> = {};
  for (const [keyword, value] of Object.entries(dataset)) {
    if (value === undefined) continue;
    // PS3.6 says "US or SS": signed pixels have a signed padding value (PS3.3 C.7.5.1.1.2).
    if (keyword === 'PixelPaddingValue' && dataset['PixelRepresentation'] === 1) vrMap[keyword] = 'SS';
    const vr = dcmjs().DicomMetaDictionary.nameMap[keyword]!.vr;
    if (vr === 'SQ' && value !== null) {
      out[keyword] = (Array.isArray(value) ? (value as readonly Dataset[]) : [value as Dataset]).map(prepared);
    } else if (vr === 'DS' && value !== null) {
      out[keyword] = (Array.isArray(value) ? (value as readonly (string | number)[]) : [value as string | number]).map(
        (item) => (typeof item === 'number' ? decimalString(item) : item),
      );
    } else if (keyword === 'PixelData') {
      out[keyword] = Array.isArray(value) ? value : [value];
      vrMap[keyword] = 'OW';
    } else {
      out[keyword] = value;
    }
  }
  out['_vrMap'] = vrMap;
  return out;
}
