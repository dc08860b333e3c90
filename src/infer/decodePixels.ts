import { isHounsfieldType } from '../dicom/rescaleType.ts';
import type { Elements } from '../dicom/elements.ts';
import { readHead } from '../dicom/fileHead.ts';
import { frameCounts, framesOf } from '../dicom/functionalGroups.ts';
import { DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transferSyntaxes.ts';
import { orientMatrix, toTrainedOrientation } from '../dicom/geometry.ts';
import type { Orientation, OrientationChange } from '../dicom/geometry.ts';
import { TriageError } from '../base/errors.ts';
import type { SourceSlice, StoredLine } from '../case/triageModel.ts';
import { fileSource, inflatedSource, memorySource, type ByteSource } from '../base/byteSource.ts';
import { decodeFrame } from './decodeFrame.ts';
import type { DecodedFrame, FrameLayout } from './decodeFrame.ts';
import { pixelFrames } from '../dicom/pixelFrames.ts';

/** A CT image in Hounsfield units, rows from anterior to posterior and columns from the patient's right to left. */
export interface CtSlice {
  /** `[row][column]`, row-major, oriented; {@link AIR_HU} for padding. */
  hu: Float32Array;
  rows: number;
  columns: number;
  /** [between rows, between columns], oriented. */
  pixelSpacingMm: [number, number];
  orientation: OrientationChange;
  storedRows: number;
  storedColumns: number;
}

/** Value used for padding, and the minimum (air). */
export const AIR_HU = -1024;
/** The maximum: that of 12 bits at the usual intercept; only metal exceeds it. */
export const MAX_HU = 3071;

/** Values above it may be of a body. */
const LEAST_TISSUE_HU = -500;

/** A matrix larger than this is not a CT slice but a decompression bomb. */
const LARGEST_MATRIX = 4096;
/** Slightly more than the eligibility rules allow, so that rounding decides nothing here. */
const MOST_TILT_DEGREES = 32;

const TAG = {
  samplesPerPixel: 0x00280002,
  photometricInterpretation: 0x00280004,
  rows: 0x00280010,
  columns: 0x00280011,
  pixelSpacing: 0x00280030,
  bitsAllocated: 0x00280100,
  bitsStored: 0x00280101,
  highBit: 0x00280102,
  pixelRepresentation: 0x00280103,
  pixelPaddingValue: 0x00280120,
  pixelPaddingRangeLimit: 0x00280121,
  rescaleIntercept: 0x00281052,
  rescaleSlope: 0x00281053,
  rescaleType: 0x00281054,
  imageOrientationPatient: 0x00200037,
  perFrameFunctionalGroups: 0x52009230,
} as const;

/** The images of a CT object, decoded one at a time. Frames are counted from 1; an object with one image has no frame number. */
export interface CtImages {
  readonly frames: number;
  /**
   * In the trained orientation. MONOCHROME1 changes nothing: polarity is applied to the display only, after rescaling (PS3.3 C.7.6.3.1.2, C.11.1).
   *
   * @throws TriageError `dicom-unreadable`, `pixel-data-undecodable`, `transfer-syntax-unsupported`, `geometry-unusable`
   */
  slice(frameNumber?: number): Promise<CtSlice>;
  /**
   * In the orientation of the stored matrix, `[row][column]`, as pictures need it.
   *
   * @throws TriageError `dicom-unreadable`, `pixel-data-undecodable`, `transfer-syntax-unsupported`
   */
  stored(frameNumber?: number): Promise<SourceSlice>;
  /** One line of `stored`, without the work for the others. @throws TriageError as `stored` */
  line(line: StoredLine, frameNumber?: number): Promise<Float32Array>;
}

/** Reads the header of a Part 10 file and finds its frames. @throws TriageError `dicom-unreadable`, `pixel-data-undecodable` */
async function openCtImages(file: ByteSource): Promise<CtImages> {
  const elements = await readHead(file);
  const { layout, highBit, frames } = readLayout(elements);
  const source =
    elements.transferSyntaxUid === DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
      ? inflatedSource(file, elements.datasetOffset)
      : file;
  const pixels = await pixelFrames(elements, source, { ...layout, frames, bytesPerPixel: 2 });
  const groups = elements.has(TAG.perFrameFunctionalGroups) ? framesOf(elements) : null;
  const imageOf = (frameNumber: number | undefined): Elements => {
    if (frameNumber === undefined && frames > 1)
      throw undecodable(`A single-frame image with ${frames} frames is not analysed.`);
    if (frameNumber !== undefined && !(frameNumber >= 1 && frameNumber <= frames))
      throw undecodable(`The object has ${frames} frames, and none of number ${frameNumber}.`);
    return groups === null ? elements : groups.frame(frameNumber ?? 1);
  };
  /** Of the whole matrix, or of the pixels in `line`. */
  const readHu = async (image: Elements, frameNumber = 1, line: StoredLine | null = null): Promise<Float32Array> => {
    const rescale = readRescale(image);
    const padding = readPadding(image, layout);
    const bytes = await pixels.read(frameNumber);
    const frame = pixels.isCompressed
      ? await decodeFrame(elements.transferSyntaxUid, bytes, layout)
      : { samples: nativeSamples(bytes, elements.bigEndian), significantBits: null };
    return toHu(frame, { layout, highBit, rescale, padding }, line);
  };
  return {
    frames,
    slice: async (frameNumber) => {
      const image = imageOf(frameNumber);
      const orientation = orientationOf(image);
      const spacing = image.numbers(TAG.pixelSpacing);
      if (spacing?.length !== 2 || !spacing.every((mm) => mm > 0))
        throw new TriageError('geometry-unusable', 'The slice has no usable PixelSpacing.');
      const hu = await readHu(image, frameNumber);
      const { values, rows, columns } = orientMatrix(hu, layout.rows, layout.columns, orientation);
      const [rowSpacing, columnSpacing] = spacing as [number, number];
      return {
        hu: values,
        rows,
        columns,
        pixelSpacingMm: orientation.transpose ? [columnSpacing, rowSpacing] : [rowSpacing, columnSpacing],
        orientation,
        storedRows: layout.rows,
        storedColumns: layout.columns,
      };
    },
    stored: async (frameNumber) => ({
      hu: await readHu(imageOf(frameNumber), frameNumber),
      rows: layout.rows,
      columns: layout.columns,
    }),
    line: (line, frameNumber) => readHu(imageOf(frameNumber), frameNumber, line),
  };
}

/** {@link CtImages} of the file at `path`. */
export async function openCtFile(path: string): Promise<CtImages> {
  return openCtImages(await fileSource(path));
}

/** The only image in a Part 10 file, as {@link CtImages.slice}. */
export async function decodeCtSlice(bytes: Uint8Array): Promise<CtSlice> {
  return (await openCtImages(memorySource(bytes))).slice();
}

/** The only image in a Part 10 file, as {@link CtImages.stored}. */
export async function decodeStoredSlice(bytes: Uint8Array): Promise<SourceSlice> {
  return (await openCtImages(memorySource(bytes))).stored();
}

function readLayout(elements: Elements): { layout: FrameLayout; highBit: number; frames: number } {
  const need = (tag: number, name: string): number => {
    const value = elements.uint16(tag);
    if (value === null) throw undecodable(`${name} is missing.`);
    return value;
  };
  const rows = need(TAG.rows, 'Rows');
  const columns = need(TAG.columns, 'Columns');
  if (rows < 1 || columns < 1 || rows > LARGEST_MATRIX || columns > LARGEST_MATRIX)
    throw undecodable(`A matrix of ${rows} x ${columns} is not that of a CT slice.`);
  // Left out by some writers, as is PhotometricInterpretation: the length of the pixel data shows a picture in colour.
  if ((elements.uint16(TAG.samplesPerPixel) ?? 1) !== 1)
    throw undecodable('A CT slice has one sample a pixel; this image is in colour.');
  if (need(TAG.bitsAllocated, 'BitsAllocated') !== 16)
    throw undecodable('A CT slice has 16 bits allocated (PS3.3 C.8.2.1).');
  const bitsStored = need(TAG.bitsStored, 'BitsStored');
  const highBit = elements.uint16(TAG.highBit) ?? bitsStored - 1;
  if (bitsStored < 1 || bitsStored > 16 || highBit > 15 || highBit < bitsStored - 1)
    throw undecodable(`BitsStored ${bitsStored} and HighBit ${highBit} contradict each other.`);
  const representation = need(TAG.pixelRepresentation, 'PixelRepresentation');
  if (representation > 1) throw undecodable(`PixelRepresentation ${representation} does not exist.`);
  const photometric = elements.string(TAG.photometricInterpretation);
  if (photometric !== null && photometric !== 'MONOCHROME1' && photometric !== 'MONOCHROME2')
    throw undecodable('A CT slice is MONOCHROME1 or MONOCHROME2.');
  const { frames } = frameCounts(elements);
  if (!Number.isSafeInteger(frames) || frames < 1) throw undecodable(`NumberOfFrames ${frames} is no count.`);
  return { layout: { rows, columns, bitsStored, signed: representation === 1 }, highBit, frames };
}

interface Rescale {
  slope: number;
  intercept: number;
}

function readRescale(elements: Elements): Rescale {
  const slope = elements.numbers(TAG.rescaleSlope)?.[0];
  const intercept = elements.numbers(TAG.rescaleIntercept)?.[0];
  if (slope === undefined || intercept === undefined || slope === 0)
    throw undecodable(
      'RescaleSlope or RescaleIntercept is missing or no usable number: the values are not in Hounsfield units.',
    );
  const type = elements.string(TAG.rescaleType) ?? '';
  if (!isHounsfieldType(type))
    throw undecodable(`The values are not in Hounsfield units (RescaleType ${type.slice(0, 16)}).`);
  return { slope, intercept };
}

/** Stored values. */
interface Padding {
  from: number;
  to: number;
}

const NO_PADDING = { from: 1, to: 0, isWide: false } as const;

/** Stored values from `from` to `to` are padding; null when the data set names none (PS3.3 C.7.5.1.1.2). */
function readPadding(elements: Elements, layout: FrameLayout): Padding | null {
  // Its VR follows PixelRepresentation, whatever the writer put.
  const read = (tag: number): number | null => (layout.signed ? elements.int16(tag) : elements.uint16(tag));
  const value = read(TAG.pixelPaddingValue);
  if (value === null) return null;
  const limit = read(TAG.pixelPaddingRangeLimit) ?? value;
  return { from: Math.min(value, limit), to: Math.max(value, limit) };
}

/** The words of a native frame; `bytes` themselves where they need no change. */
function nativeSamples(bytes: Uint8Array, bigEndian: boolean): Uint16Array {
  // Words must lie at even addresses, and what was read is not ours to swap.
  const words = bigEndian || bytes.byteOffset % 2 !== 0 ? Uint8Array.from(bytes) : bytes;
  if (bigEndian) Buffer.from(words.buffer).swap16();
  return new Uint16Array(words.buffer, words.byteOffset, words.length / 2);
}

interface Reading {
  layout: FrameLayout;
  highBit: number;
  rescale: Rescale;
  padding: Padding | null;
}

function toHu(
  frame: DecodedFrame,
  { layout, highBit, rescale, padding: declared }: Reading,
  line: StoredLine | null,
): Float32Array {
  const { bits, shift } = sampleBits(frame, layout, highBit);
  const { samples } = frame;
  const word: WordReading = { bits, shift, signed: layout.signed, ...rescale, ...NO_PADDING };
  if (declared !== null && isPaddingUsed(declared, samples, layout, word)) {
    Object.assign(word, declared);
    word.isWide = frame.significantBits === null && isOutside(declared.from, layout);
  }
  // How samples are read is told by all of them; then only those that are wanted are converted.
  const { from: first, step, count } = pixelsOf(line, layout, samples.length);
  const huOfWord = huOfWords(word);
  const hu = new Float32Array(count);
  for (let index = 0; index < count; index++) hu[index] = huOfWord[samples[first + index * step]!]!;
  return hu;
}

/** How a word becomes a value in Hounsfield units. */
interface WordReading extends Rescale, Padding {
  bits: number;
  shift: number;
  signed: boolean;
  /** Padding that BitsStored cannot hold is compared as a whole word. */
  isWide: boolean;
}

function storedValue(word: number, { bits, shift, signed }: WordReading): number {
  const unused = 32 - bits;
  const raised = (word >>> shift) << unused;
  return signed ? raised >> unused : raised >>> unused;
}

const WORDS = 65_536;
let lastWords: { reading: string; hu: Float32Array } | null = null;

/** The value of every word. That of the last reading is kept: the slices of a series are read alike, and a look-up takes a fraction of the time of converting. */
function huOfWords(reading: WordReading): Float32Array {
  const name = Object.values(reading).join();
  if (lastWords?.reading === name) return lastWords.hu;
  const { signed, isWide, from, to, slope, intercept } = reading;
  const hu = new Float32Array(WORDS);
  for (let word = 0; word < WORDS; word++) {
    const value = storedValue(word, reading);
    const compared = isWide ? (signed ? (word << 16) >> 16 : word) : value;
    hu[word] =
      compared >= from && compared <= to ? AIR_HU : Math.min(MAX_HU, Math.max(AIR_HU, value * slope + intercept));
  }
  lastWords = { reading: name, hu };
  return hu;
}

/** Which samples a line has; all of them without one. @throws RangeError for a line outside the matrix */
function pixelsOf(
  line: StoredLine | null,
  { rows, columns }: FrameLayout,
  samples: number,
): { from: number; step: number; count: number } {
  if (line === null) return { from: 0, step: 1, count: samples };
  const isRow = 'row' in line;
  const at = isRow ? line.row : line.column;
  if (!(Number.isInteger(at) && at >= 0 && at < (isRow ? rows : columns)))
    throw new RangeError(`A matrix of ${rows} x ${columns} has no line ${at}.`);
  return isRow ? { from: at * columns, step: 1, count: columns } : { from: at, step: columns, count: rows };
}

/**
 * False for a padding value that would turn tissue into air: some writers leave 0 there, which is water where the intercept is 0. Padding surrounds the field
 * of view, so that at least one corner has it.
 */
function isPaddingUsed(
  { from, to }: Padding,
  samples: Uint16Array,
  { columns }: FrameLayout,
  word: WordReading,
): boolean {
  const [a, b] = [from * word.slope + word.intercept, to * word.slope + word.intercept];
  if (Math.max(a, b) < LEAST_TISSUE_HU || Math.min(a, b) > MAX_HU) return true;
  const corners = [0, columns - 1, samples.length - columns, samples.length - 1].map((at) =>
    storedValue(samples[at]!, word),
  );
  return corners.some((value) => value >= from && value <= to);
}

/** True for a value that BitsStored cannot hold: scanners pad with -2000 as a whole word beside samples of 12 bits without a sign. */
function isOutside(value: number, { bitsStored, signed }: FrameLayout): boolean {
  const values = 2 ** bitsStored;
  return signed ? value < -values / 2 || value >= values / 2 : value >= values;
}

/**
 * Which bits of a word are the sample. Whole words may hold it in higher bits, with overlays below or above (PS3.5 8.1.1); codecs return it in the low bits.
 * Where signed words are clearly of 16 bits whatever BitsStored says, they are read whole, as pydicom does: dense bone would become air otherwise. HighBit
 * counts unless the words themselves say that they do not lie as high.
 */
function sampleBits({ samples, significantBits }: DecodedFrame, layout: FrameLayout, highBit: number) {
  const { bitsStored, signed } = layout;
  if (significantBits !== null) {
    // The frame knows its own precision. A signed sample may have its sign lower: encoders of whole words do not move it.
    const isSignLower =
      signed && significantBits > bitsStored && upperBits(samples, bitsStored, significantBits).isBlank;
    return { bits: isSignLower ? bitsStored : significantBits, shift: 0 };
  }
  if (signed && highBit === bitsStored - 1 && upperBits(samples, bitsStored, 16).isExceeded)
    return { bits: 16, shift: 0 };
  const shift = highBit + 1 - bitsStored;
  return { bits: bitsStored, shift: shift > 0 && liesLow(samples, bitsStored, shift) ? 0 : shift };
}

/**
 * What the bits above BitsStored hold, of words of `width` bits. `isBlank`: nothing but zeros. `isExceeded`: negative words have their sign extended, and others
 * are positive and need the bit that BitsStored gives to the sign.
 */
function upperBits(samples: Uint16Array, bitsStored: number, width: number): { isBlank: boolean; isExceeded: boolean } {
  const ones = (2 ** width - 1) >>> bitsStored;
  let isExtended = false;
  let isSignBitSet = false;
  for (const sample of samples) {
    const upper = (sample >>> bitsStored) & ones;
    if (upper === ones) isExtended = true;
    else if (upper !== 0) return { isBlank: false, isExceeded: false };
    else if (sample >>> (bitsStored - 1) === 1) isSignBitSet = true;
  }
  return { isBlank: !isExtended, isExceeded: isExtended && isSignBitSet };
}

/** True when samples are in the low bits although HighBit says otherwise: the bits below its sample are in use, and those above BitsStored are not. */
function liesLow(samples: Uint16Array, bitsStored: number, shift: number): boolean {
  const above = 0xffff >>> bitsStored;
  let isUsedBelow = false;
  for (const sample of samples) {
    const upper = sample >>> bitsStored;
    if (upper !== 0 && upper !== above) return false;
    if ((sample & ((1 << shift) - 1)) !== 0) isUsedBelow = true;
  }
  return isUsedBelow;
}

function orientationOf(elements: Elements): OrientationChange {
  const cosines = elements.numbers(TAG.imageOrientationPatient);
  if (cosines?.length !== 6)
    throw new TriageError('geometry-unusable', 'The slice has no usable ImageOrientationPatient.');
  const orientation = toTrainedOrientation(cosines as unknown as Orientation, MOST_TILT_DEGREES);
  if (orientation === null)
    throw new TriageError(
      'geometry-unusable',
      `The slice is not axial, or is tilted or turned by more than ${MOST_TILT_DEGREES} degrees.`,
    );
  return orientation;
}

function undecodable(message: string): TriageError {
  return new TriageError('pixel-data-undecodable', message);
}
