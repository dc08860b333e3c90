import { TriageError } from '../base/errors.ts';
import type { Box } from './box.ts';
import { loadSlice } from './loadedSlice.ts';
import type { OrientedSlice } from './modelInput.ts';
import type { WindowHu } from './windows.ts';

/** The input of a package of the kind `volume` as described in its manifest. */
export interface VolumeSpec {
  /** Side of a plane, pixels. */
  sizePixels: number;
  /** Spacing of the pixels of a plane: with `sizePixels`, the physical field, the same for every scan. */
  pixelSpacingMm: number;
  /** Between the planes of the volume. */
  sliceSpacingMm: number;
  /** Planes per row of the network's output along the scan. */
  slicesPerRow: number;
  /** One window per channel, in channel order. */
  windowsHu: readonly WindowHu[];
}

export interface SlicePlane {
  /** `[channel][row][column]`, 0..1. */
  plane: Float32Array;
  /** Where the field lies in the slice, pixels, half open; it can extend beyond the slice. */
  box: Box;
}

/**
 * Converts a single slice to the plane of a volume: windows, and a square field of fixed size in millimetres around the middle of the image. All slices of
 * a series share their matrix, so the planes align without any knowledge of the other slices. Outside the image the plane is zero.
 *
 * @param pixelSpacingMm [between rows, between columns] of the image
 */
export function slicePlane(
  image: OrientedSlice,
  pixelSpacingMm: readonly [number, number],
  spec: VolumeSpec,
): SlicePlane {
  const { hu, rows, columns } = image;
  const size = spec.sizePixels;
  const fieldMm = size * spec.pixelSpacingMm;
  const [boxRows, boxColumns] = pixelSpacingMm.map((mm) => Math.max(1, Math.round(fieldMm / mm))) as [number, number];
  const top = Math.round((rows - boxRows) / 2);
  const left = Math.round((columns - boxColumns) / 2);
  const box = { top, left, bottom: top + boxRows, right: left + boxColumns };
  const crop = {
    top: Math.max(0, top),
    left: Math.max(0, left),
    bottom: Math.min(rows, box.bottom),
    right: Math.min(columns, box.right),
  };
  const place = {
    top: Math.round(((crop.top - top) * size) / boxRows),
    left: Math.round(((crop.left - left) * size) / boxColumns),
    rows: Math.round(((crop.bottom - crop.top) * size) / boxRows),
    columns: Math.round(((crop.right - crop.left) * size) / boxColumns),
  };
  const plane = loadSlice(hu, rows, columns).windowedSquare(crop, spec.windowsHu, size, place);
  return { plane, box };
}

/** A scan longer than this is not a neck, and its volume would not fit into memory. */
const LONGEST_MM = 2000;

/**
 * The planes of a series as a volume of even spacing, `[channel][slice][row][column]`, from the skull down. Where the slices are closer than its spacing they are
 * averaged (a triangle twice the spacing wide), elsewhere interpolated linearly; no slice is left out. It begins at the first slice and ends in a whole row, the last plane repeated.
 *
 * @param planes `[slice][channel][row][column]`, superior to inferior
 * @param positionsMm of the slices along their normal, falling
 * @throws TriageError `geometry-unusable`
 */
export function stackVolume(
  planes: Float32Array,
  positionsMm: readonly number[],
  spec: VolumeSpec,
): { volume: Float32Array; slices: number } {
  const channels = spec.windowsHu.length;
  const pixels = spec.sizePixels * spec.sizePixels;
  const slices = volumeSlices(positionsMm, spec);
  const volume = new Float32Array(channels * slices * pixels);
  for (let slice = 0; slice < slices; slice++) {
    for (const { index, weight } of shares(
      positionsMm,
      positionsMm[0]! - slice * spec.sliceSpacingMm,
      spec.sliceSpacingMm,
    )) {
      for (let channel = 0; channel < channels; channel++) {
        const from = (index * channels + channel) * pixels;
        const to = (channel * slices + slice) * pixels;
        for (let pixel = 0; pixel < pixels; pixel++) volume[to + pixel]! += weight * planes[from + pixel]!;
      }
    }
  }
  return { volume, slices };
}

/** Number of planes in the volume of a series: a whole number of rows. */
export function volumeSlices(positionsMm: readonly number[], spec: VolumeSpec): number {
  const falls = positionsMm.every((position, index) => index === 0 || position < positionsMm[index - 1]!);
  const coverageMm = positionsMm[0]! - positionsMm.at(-1)!;
  if (!falls || !(coverageMm <= LONGEST_MM))
    throw new TriageError(
      'geometry-unusable',
      `The slices do not follow each other downwards within ${LONGEST_MM} mm.`,
    );
  // Rounding must not cost the last slice.
  const needed = Math.floor(coverageMm / spec.sliceSpacingMm + 1e-6) + 1;
  return Math.ceil(needed / spec.slicesPerRow) * spec.slicesPerRow;
}

/**
 * Maps the network's output per row to the slices of the series: interpolated linearly between the middles of the rows, constant beyond them.
 *
 * @param rows `[row][value]`
 * @returns `[slice][value]`
 */
export function rowsToSlices(rows: Float32Array, positionsMm: readonly number[], spec: VolumeSpec): Float32Array {
  const count = volumeSlices(positionsMm, spec) / spec.slicesPerRow;
  const width = rows.length / count;
  const slices = new Float32Array(positionsMm.length * width);
  for (const [slice, position] of positionsMm.entries()) {
    const plane = (positionsMm[0]! - position) / spec.sliceSpacingMm;
    const row = Math.min(count - 1, Math.max(0, (plane - (spec.slicesPerRow - 1) / 2) / spec.slicesPerRow));
    const above = Math.floor(row);
    const below = Math.min(count - 1, above + 1);
    const share = row - above;
    for (let value = 0; value < width; value++)
      slices[slice * width + value] = rows[above * width + value]! * (1 - share) + rows[below * width + value]! * share;
  }
  return slices;
}

/** Which slices a plane at `atMm` is made of; the weights sum to 1. */
function shares(positionsMm: readonly number[], atMm: number, spacingMm: number): { index: number; weight: number }[] {
  const last = positionsMm.length - 1;
  const at = Math.max(atMm, positionsMm[last]!);
  let below = positionsMm.findIndex((position) => position <= at);
  // The first plane is the first slice, whatever the rounding.
  if (below < 1) below = Math.min(1, last);
  const gapMm = below === 0 ? 0 : positionsMm[below - 1]! - positionsMm[below]!;
  // So each slice has a share in the plane nearest to it, and evenly spaced thick slices are interpolated between two.
  const reachMm = Math.max(spacingMm, gapMm);
  const found: { index: number; weight: number }[] = [];
  let sum = 0;
  for (const [index, position] of positionsMm.entries()) {
    const weight = 1 - Math.abs(position - at) / reachMm;
    if (weight <= 0) continue;
    found.push({ index, weight });
    sum += weight;
  }
  return found.map(({ index, weight }) => ({ index, weight: weight / sum }));
}
