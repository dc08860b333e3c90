import type { Side } from './case.ts';
import type { Vertebra } from './vertebrae.ts';

/** The numbers by which a PACS shows an image; null or absent where the header has none. */
export interface ImageNumbers {
  /** (0020,0011) */
  seriesNumber?: number | null;
  /** (0020,0013) */
  instanceNumber?: number | null;
  /** From 1; absent for an object with one image. */
  frameNumber?: number | null;
}

/** What is said of a key slice: where it stands in the series, which vertebrae it cuts, on which side, and what the PACS calls it. */
export interface FoundSlice extends ImageNumbers {
  /** From 0, superior first. */
  sliceIndex: number;
  levels?: readonly Vertebra[];
  side?: Side;
}

/** How the PACS names an image: `series 2 image 25`, `series 2 image 1 frame 25`; null when its header does not say. */
export function imageName({ seriesNumber, instanceNumber, frameNumber }: ImageNumbers): string | null {
  if (instanceNumber == null) return null;
  return [
    ...(seriesNumber == null ? [] : [`series ${seriesNumber}`]),
    `image ${instanceNumber}`,
    ...(frameNumber == null ? [] : [`frame ${frameNumber}`]),
  ].join(' ');
}

/** Vertebrae from the skull down as one range: `C4-C6`; empty when none is named. */
export function levelRange(levels: readonly Vertebra[]): string {
  const [first, last] = [levels[0], levels.at(-1)];
  return first === undefined || first === last ? (first ?? '') : `${first}-${last!}`;
}

/**
 * The finding in one line, the same on every screen and in every result: `C4-C6, series 2 image 25` or `C5 left, series 2 image 25`, of the best key slice. It
 * says only what is known: no level or side where the network names none, and the place from the head where the header has no number. Null without a key
 * slice.
 */
export function findingLine(keySlices: readonly FoundSlice[]): string | null {
  const best = keySlices[0];
  if (best === undefined) return null;
  const where = imageName(best) ?? `slice ${best.sliceIndex + 1} from the head`;
  const what = [levelRange(best.levels ?? []), best.side ?? ''].filter((part) => part !== '').join(' ');
  const line = what === '' ? where : `${what}, ${where}`;
  return line.charAt(0).toUpperCase() + line.slice(1);
}
