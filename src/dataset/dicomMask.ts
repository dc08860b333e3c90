import { parseElements, type Elements } from '../dicom/elements.ts';
import { framesOf } from '../dicom/functionalGroups.ts';
import { fileHeaderOf } from '../dicom/header.ts';
import { mergedFrames } from '../dicom/mergedVolume.ts';
import { SEGMENTATION_STORAGE } from '../dicom/sopClasses.ts';
import { TriageError } from '../base/errors.ts';
import type { TruthSlice } from './dataset.ts';
import { scanName } from './maskNames.ts';

/** Marked pixels of a slice as stored, `[row][column]`, 0 or 1; null when none is. */
export type SliceMask = Uint8Array | null;

const TAG = {
  referencedSopInstanceUid: 0x00081155,
  sourceImageSequence: 0x00082112,
  derivationImageSequence: 0x00089124,
  samplesPerPixel: 0x00280002,
  bitsAllocated: 0x00280100,
  imagePositionPatient: 0x00200032,
  segmentationFractionalMaximum: 0x0062000e,
  perFrameFunctionalGroups: 0x52009230,
} as const;
/** A frame belongs to the slice whose position it names, within the precision of the written digits. */
const SAME_PLACE_MM = 0.05;
/** An image that marks more of a slice is none of masks, or is inverted: no fracture fills half of the field. */
const MOST_MARKED = 0.5;

/**
 * Reads one reader's mask of a series from a DICOM object: a Segmentation (PS3.3 A.51: BINARY, one bit a pixel without padding between frames, PS3.5 8.1.1; or
 * FRACTIONAL, marked from half of the maximum), or an image of one or many frames whose pixels other than 0 are marked. A frame belongs to the slice that it
 * references; else to the one in its place; else, where all slices are the frames of one file and the mask has as many, to the one of its number; else, for a
 * mask of one frame, to the slice of its InstanceNumber, or of its name.
 * @throws TriageError `dataset-invalid` with what is wrong with the object
 */
export function readDicomMask(bytes: Uint8Array, file: string, slices: readonly TruthSlice[]): SliceMask[] {
  const mask = readMaskPixels(bytes);
  const placeOf = frameFinder(mask.elements, mask.frames, file, slices);
  const masks: SliceMask[] = slices.map(() => null);
  for (let frame = 0; frame < mask.frames; frame++) {
    const marks = mask.marks(frame);
    // Volumes have a frame for each image of the scan, also for those that are not analysed.
    if (marks === null) continue;
    const place = placeOf(frame);
    if (place === -1) throw invalid(`frame ${frame + 1} of the mask lies on none of the slices`);
    const { rows, columns } = slices[place]!.header;
    if (rows !== mask.rows || columns !== mask.columns) throw invalid('the mask has another matrix than the series');
    const before = masks[place] ?? null;
    masks[place] = before === null ? marks : before.map((value, pixel) => value | marks[pixel]!);
  }
  return masks;
}

interface MaskPixels {
  readonly elements: Elements;
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  /** The marked pixels of a frame, counted from 0; null when none is. */
  marks(frame: number): SliceMask;
}

function readMaskPixels(bytes: Uint8Array): MaskPixels {
  const elements = parseElements(bytes);
  const { sopClassUid, rows, columns, numberOfFrames } = fileHeaderOf(elements);
  const pixelData = elements.pixelData();
  if (pixelData?.kind !== 'native')
    throw invalid('it has no uncompressed pixel data; decompress it first, for example with dcmdrle or dcmdjpeg');
  const frames = numberOfFrames;
  const bits = elements.uint16(TAG.bitsAllocated);
  if (rows === null || columns === null || (bits !== 1 && bits !== 8 && bits !== 16))
    throw invalid('it has no matrix of 1, 8 or 16 bits a pixel');
  if ((elements.uint16(TAG.samplesPerPixel) ?? 1) !== 1)
    throw invalid('it is a picture in colour, and a mask is wanted');
  const pixels = rows * columns;
  const isSegmentation = sopClassUid === SEGMENTATION_STORAGE;
  const groups = elements.items(TAG.perFrameFunctionalGroups).length;
  if (pixelData.bytes.length * 8 < frames * pixels * bits || ((isSegmentation || groups > 0) && groups !== frames))
    throw invalid('the mask is not whole');
  const least = isSegmentation && bits === 8 ? (elements.uint16(TAG.segmentationFractionalMaximum) ?? 1) / 2 : 1;
  const isMarked = (pixel: number): boolean => {
    if (bits === 1) return ((pixelData.bytes[pixel >> 3]! >> (pixel & 7)) & 1) === 1;
    return bits === 8
      ? pixelData.bytes[pixel]! >= least
      : pixelData.bytes[2 * pixel] !== 0 || pixelData.bytes[2 * pixel + 1] !== 0;
  };
  return {
    elements,
    rows,
    columns,
    frames,
    marks: (frame) => {
      const marks = new Uint8Array(pixels);
      let marked = 0;
      for (let pixel = 0; pixel < pixels; pixel++) if (isMarked(frame * pixels + pixel)) marked += marks[pixel] = 1;
      if (!isSegmentation && marked > MOST_MARKED * pixels)
        throw invalid(`frame ${frame + 1} marks more than half of its pixels: it is no mask, or an inverted one`);
      return marked === 0 ? null : marks;
    },
  };
}

/** The slice of a frame of a mask, both counted from 0; -1 for none. */
function frameFinder(
  elements: Elements,
  frames: number,
  file: string,
  slices: readonly TruthSlice[],
): (frame: number) => number {
  const groups = elements.items(TAG.perFrameFunctionalGroups);
  const views = groups.length > 0 ? framesOf(elements) : null;
  const header = fileHeaderOf(elements);
  const merged = groups.length === 0 && frames > 1 ? mergedFrames(header).frames : undefined;
  return (frame) => {
    const own = groups[frame]?.items(TAG.derivationImageSequence)[0] ?? (frames === 1 ? elements : undefined);
    const named = only(slices, ({ header: { sopInstanceUid } }) => sopInstanceUid === sourceOf(own));
    // Frames of one object share its UID: only their positions tell them apart.
    if (named !== -1) return named;
    const position =
      views?.frame(frame + 1).numbers(TAG.imagePositionPatient) ??
      merged?.positionsMm.slice(3 * frame, 3 * frame + 3) ??
      (frames === 1 ? header.imagePositionPatientMm : null);
    if (position?.length === 3)
      return slices.findIndex(({ header: { imagePositionPatientMm: at } }) =>
        at?.every((mm, axis) => Math.abs(mm - position[axis]!) <= SAME_PLACE_MM),
      );
    if (frames > 1)
      return isOneFile(slices) && slices[0]!.header.numberOfFrames === frames
        ? slices.findIndex(({ frameNumber }) => frameNumber === frame + 1)
        : -1;
    const numbered = only(
      slices,
      ({ header: { instanceNumber } }) => instanceNumber !== null && instanceNumber === header.instanceNumber,
    );
    return numbered !== -1 ? numbered : only(slices, (slice) => lastName(slice.file) === lastName(file));
  };
}

function sourceOf(elements: Elements | undefined): string | null {
  return elements?.items(TAG.sourceImageSequence)[0]?.string(TAG.referencedSopInstanceUid) ?? null;
}

/** The index of the only slice of which `fits` holds, else -1. */
function only(slices: readonly TruthSlice[], fits: (slice: TruthSlice) => boolean): number {
  const found = slices.flatMap((slice, index) => (fits(slice) ? [index] : []));
  return found.length === 1 ? found[0]! : -1;
}

function isOneFile(slices: readonly TruthSlice[]): boolean {
  return slices.every(({ file, frameNumber }) => file === slices[0]!.file && frameNumber !== undefined);
}

function lastName(file: string): string {
  return scanName(file.split(/[/\\]/).at(-1)!);
}

function invalid(why: string): TriageError {
  return new TriageError('dataset-invalid', why);
}
