import type { Random } from '../src/base/random.ts';

/** A scan in Hounsfield units, from head to foot, each slice `[row][column]`. */
export interface Scan {
  readonly slices: readonly Float32Array[];
  readonly rows: number;
  readonly columns: number;
}

/** Something that happens to scans; it returns new slices. */
export interface Perturbation {
  readonly name: string;
  apply(scan: Scan, random: Random): Float32Array[];
}

const METAL_HU = 3071;
const STREAK_HU = 350;
/** A dental bridge, about 10 mm at a field of 200 mm. */
const METAL_RADIUS = 0.025;

/** What a network for necks meets: other focus, dose, calibration, thickness and kernel, metal, movement. Distances are in pixels of a matrix of 512, and grow with it. */
export const PERTURBATIONS: readonly Perturbation[] = [
  { name: 'none', apply: ({ slices }) => slices.map((slice) => slice.slice()) },
  each('blur, 1 px', (hu, scan) => blurred(hu, scan, 1)),
  each('blur, 2 px', (hu, scan) => blurred(hu, scan, 2)),
  each('noise, 20 HU', (hu, _, random) => noisy(hu, random, 20)),
  each('noise, 60 HU', (hu, _, random) => noisy(hu, random, 60)),
  each('offset, -30 HU', (hu) => hu.map((value) => value - 30)),
  each('offset, +30 HU', (hu) => hu.map((value) => value + 30)),
  { name: 'thickness, mean of 3 slices', apply: (scan) => mixed(scan, 1) },
  { name: 'thickness, mean of 5 slices', apply: (scan) => mixed(scan, 2) },
  each('sharp kernel, unsharp mask of 1 px at 100 %', (hu, scan) => sharpened(hu, scan, 1)),
  each('soft kernel, blur of 0.7 px', (hu, scan) => blurred(hu, scan, 0.7)),
  { name: 'metal of 5 % of the field, streaks of 350 HU', apply: withMetal },
  { name: 'motion, 4 px in a third of the slices', apply: moved },
];

function each(name: string, change: (hu: Float32Array, scan: Scan, random: Random) => Float32Array): Perturbation {
  return { name, apply: (scan, random) => scan.slices.map((slice) => change(slice, scan, random)) };
}

/** A Gaussian of `sigma` pixels of a matrix of 512, along rows and columns; the edge goes on outside. */
function blurred(hu: Float32Array, { rows, columns }: Scan, sigma: number): Float32Array {
  const own = (sigma * columns) / 512;
  const reach = Math.max(1, Math.ceil(3 * own));
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * own ** 2)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const along = (source: Float32Array, length: number, step: number, starts: number, startStep: number) => {
    const target = new Float32Array(source.length);
    for (let start = 0; start < starts; start++)
      for (let i = 0; i < length; i++) {
        let sum = 0;
        for (let k = -reach; k <= reach; k++)
          sum += weights[k + reach]! * source[start * startStep + Math.min(length - 1, Math.max(0, i + k)) * step]!;
        target[start * startStep + i * step] = sum / total;
      }
    return target;
  };
  return along(along(hu, columns, 1, rows, columns), rows, columns, columns, 1);
}

/** Unsharp masking: what a bone kernel does to edges and noise. */
function sharpened(hu: Float32Array, scan: Scan, amount: number): Float32Array {
  const soft = blurred(hu, scan, 1);
  return hu.map((value, i) => value + amount * (value - soft[i]!));
}

function noisy(hu: Float32Array, random: Random, sigmaHu: number): Float32Array {
  return hu.map((value) => value + random.normal(0, sigmaHu));
}

/** Each slice becomes the mean of itself and `reach` neighbours on either side, as thick slices that overlap. */
function mixed({ slices }: Scan, reach: number): Float32Array[] {
  return slices.map((slice, index) => {
    const near = slices.slice(Math.max(0, index - reach), index + reach + 1);
    return slice.map((_, i) => near.reduce((sum, other) => sum + other[i]!, 0) / near.length);
  });
}

/** A disc of metal in front of the middle, in the upper third of the slices, with streaks of both signs that fade with the distance. */
function withMetal({ slices, rows, columns }: Scan): Float32Array[] {
  const [row0, column0] = [0.36 * rows, 0.5 * columns];
  return slices.map((slice, index) => {
    if (index >= slices.length / 3) return slice.slice();
    return slice.map((value, i) => {
      const [y, x] = [Math.floor(i / columns) - row0, (i % columns) - column0];
      const distance = Math.hypot(x, y) / columns;
      if (distance < METAL_RADIUS) return METAL_HU;
      return value + STREAK_HU * Math.cos(24 * Math.atan2(y, x)) * Math.exp(-distance / 0.15);
    });
  });
}

/** The middle third is the mean of itself and of itself four pixels to the side, as a patient who swallows or breathes. */
function moved({ slices, columns }: Scan): Float32Array[] {
  const shift = Math.max(1, Math.round((4 * columns) / 512));
  return slices.map((slice, index) => {
    if (index < slices.length / 3 || index >= (2 * slices.length) / 3) return slice.slice();
    return slice.map((value, i) => (value + (i % columns >= shift ? slice[i - shift]! : value)) / 2);
  });
}
