import { median } from '../statistics/median.ts';

/** One slice of a scan: where it lies along the body, greater is superior, and how much of it is tissue. */
export interface SliceProfile {
  positionMm: number;
  tissueAreaCm2: number;
}

/** Indexes of the first and the last slice of the neck. */
export interface NeckSpan {
  first: number;
  last: number;
}

/** Less tissue than this is table, cushion or a cut-off edge: the neck of a newborn has more. */
const LEAST_BODY_CM2 = 20;
/** No scan of a neck is longer: a longer one shows more of the body. */
const LONGEST_NECK_SCAN_MM = 300;
/** Areas are smoothed over this much to either side. */
const SMOOTH_MM = 6;
/** Shoulders have this many times the area of the narrowest part of the neck, and of the head. */
const SHOULDERS_TO_NECK = 1.8;
const SHOULDERS_TO_HEAD = 1.2;
/** The narrowest part of the neck has at most this share of the head's area. */
const NECK_TO_HEAD = 0.85;
/** From the narrowest part, near C5, to above the skull base and to below T1. */
const ABOVE_NARROWEST_MM = 110;
const BELOW_NARROWEST_MM = 80;

/** The stretch of slices, superior to inferior, that shows a body: the longest one without an empty slice. Null when every slice is empty. */
export function bodySpan(slices: readonly SliceProfile[]): NeckSpan | null {
  let best: NeckSpan | null = null;
  let first = 0;
  for (let index = 0; index <= slices.length; index++) {
    if (index < slices.length && slices[index]!.tissueAreaCm2 >= LEAST_BODY_CM2) continue;
    if (index > first && (best === null || index - 1 - first > best.last - best.first))
      best = { first, last: index - 1 };
    first = index + 1;
  }
  return best;
}

/** Whether these slices are too long for a scan of the neck alone. */
export function showsMoreThanNeck(slices: readonly SliceProfile[], { first, last }: NeckSpan): boolean {
  return slices[first]!.positionMm - slices[last]!.positionMm > LONGEST_NECK_SCAN_MM;
}

/**
 * Where the neck lies in a long scan, by its pixels alone: the narrowing between a head and shoulders that are wider than it. Null when there is none, as
 * in a scan that begins below the head or whose field of view cuts the shoulders off.
 */
export function neckSpan(slices: readonly SliceProfile[], body: NeckSpan): NeckSpan | null {
  const areas = slices.map((slice) => smoothedArea(slices, slice.positionMm));
  let head = body.first;
  let neck = body.first;
  for (let index = body.first; index <= body.last; index++) {
    const isBelowHead = areas[neck]! <= NECK_TO_HEAD * areas[head]!;
    const isShoulder =
      areas[index]! >= SHOULDERS_TO_NECK * areas[neck]! && areas[index]! >= SHOULDERS_TO_HEAD * areas[head]!;
    if (isBelowHead && isShoulder) return around(slices, body, slices[neck]!.positionMm);
    if (areas[index]! > areas[head]! && !isBelowHead) [head, neck] = [index, index];
    else if (areas[index]! < areas[neck]!) neck = index;
  }
  return null;
}

function smoothedArea(slices: readonly SliceProfile[], positionMm: number): number {
  const near = slices.filter((slice) => Math.abs(slice.positionMm - positionMm) <= SMOOTH_MM);
  return median(near.map(({ tissueAreaCm2 }) => tissueAreaCm2))!;
}

function around(slices: readonly SliceProfile[], body: NeckSpan, narrowestMm: number): NeckSpan {
  const inside = slices
    .map(({ positionMm }, index) => ({ positionMm, index }))
    .filter(
      ({ positionMm, index }) =>
        index >= body.first &&
        index <= body.last &&
        positionMm <= narrowestMm + ABOVE_NARROWEST_MM &&
        positionMm >= narrowestMm - BELOW_NARROWEST_MM,
    );
  return { first: inside[0]!.index, last: inside.at(-1)!.index };
}
