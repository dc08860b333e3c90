import type { CaseManifest } from '../case/case.ts';

/** The height of a sagittal, mm: a whole neck. */
const HEIGHT_MM = 240;
/** Most slices that are decoded for one sagittal: almost as fine as the pixels of its picture; coarser where a slice has to be decompressed for one line of it. */
const MOST_SLICES = { native: 200, compressed: 100 } as const;

/** The slices from which a sagittal through `keyIndex` is made: evenly spaced, the key slice among them, superior first. `stepMm` is their distance where none is missing. */
export function sagittalSlices(
  { slices, sliceSpacingMm }: Pick<CaseManifest, 'slices' | 'sliceSpacingMm'>,
  keyIndex: number,
  encoding: keyof typeof MOST_SLICES,
): { indices: number[]; stepMm: number } {
  const [first, last, key] = [slices[0]!, slices.at(-1)!, slices[keyIndex]!].map(({ positionMm }) => positionMm) as [
    number,
    number,
    number,
  ];
  // As much of the neck as there is, the key slice in the middle of it where it may be.
  const topMm = Math.min(first, Math.max(key + HEIGHT_MM / 2, last + HEIGHT_MM));
  const within = slices.flatMap(({ positionMm }, index) =>
    positionMm <= topMm && positionMm >= topMm - HEIGHT_MM ? [index] : [],
  );
  const stride = Math.ceil(within.length / MOST_SLICES[encoding]);
  return {
    indices: within.filter((index) => (index - keyIndex) % stride === 0),
    stepMm: stride * sliceSpacingMm,
  };
}
