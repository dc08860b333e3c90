import { seededRandom } from '../src/base/random.ts';
import type { Grade } from '../src/phantom/fractures.ts';
import { FRACTURE_TYPES, FRACTURES, parseFracture } from '../src/phantom/fractures.ts';
import type { PhantomOptions } from '../src/phantom/phantomParams.ts';

/** The seeds of two splits are never equal: seed * 1,000,000 + offset + number of the case. */
export const SPLIT_OFFSETS = {
  images: 0,
  train: 200_000,
  validation: 400_000,
  test: 600_000,
  negatives: 800_000,
} as const;
export type Split = keyof typeof SPLIT_OFFSETS;

export interface CohortRecipe {
  /** Patients of whom stage 1 uses a few slices each; 0: stage 1 uses all slices of `train`. */
  images?: number;
  slicesPerImagesCase?: number;
  train: number;
  validation: number;
  test: number;
  /** Intact cases in addition to `validation`, for the threshold: a quantile of intact scans, which a small number estimates badly. */
  negatives?: number;
  positiveFraction: number;
  gradeShares?: Record<Grade, number>;
  /** Number of cases scanned at the slice spacing drawn for their phantom (0.5 to 3 mm, mostly thin); the others have few, thick slices. */
  ownSpacingFraction?: number;
  /** Minimum and maximum number of slices of a case that is not scanned at its own spacing. */
  slices: [number, number];
  tiltFraction?: number;
  /** Side of the scans' matrix in pixels; that of the phantoms (512) when absent. */
  rows?: number;
}

export interface PlannedCase {
  readonly id: string;
  readonly split: Split;
  readonly seed: number;
  readonly wish: PhantomOptions;
}

/** The phantoms of a split as a profile wishes them: the same for the same seed. */
export function planSplit(split: Split, count: number, seed: number, cohort: CohortRecipe): PlannedCase[] {
  const shares = cohort.gradeShares ?? { obvious: 0.3, middle: 0.45, subtle: 0.25 };
  return Array.from({ length: count }, (_, i) => {
    const caseSeed = seed * 1_000_000 + SPLIT_OFFSETS[split] + i;
    const random = seededRandom('cohort', caseSeed);
    const ownSpacing = random.chance(cohort.ownSpacingFraction ?? 0);
    const few = random.integer(...cohort.slices);
    const tilted = random.chance(cohort.tiltFraction ?? 0);
    const tiltDegrees = tilted ? random.between(-12, 12) : 0;
    const broken = random.chance(split === 'negatives' ? 0 : cohort.positiveFraction);
    const fractures = broken
      ? Array.from({ length: random.chance(0.2) ? 2 : 1 }, () => {
          const type = random.pick(FRACTURE_TYPES);
          const u = random.next();
          const grade: Grade =
            u < shares.obvious ? 'obvious' : u < shares.obvious + shares.middle ? 'middle' : 'subtle';
          return { fracture: random.pick(FRACTURES.filter((name) => parseFracture(name).type === type)), grade };
        })
      : 'none';
    // A case has one grade: a second fracture takes the grade of the first.
    if (fractures !== 'none') for (const fracture of fractures) fracture.grade = fractures[0]!.grade;
    return {
      id: `${split}-${caseSeed}`,
      split,
      seed: caseSeed,
      wish: {
        fractures:
          fractures === 'none' || new Set(fractures.map((f) => f.fracture)).size === fractures.length
            ? fractures
            : [fractures[0]!],
        slices: ownSpacing ? undefined : few,
        rows: cohort.rows,
        tiltDegrees,
      },
    };
  });
}
