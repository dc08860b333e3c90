import { NOISE_EDGE, noiseTile } from './noiseTiles.ts';
import type { Random } from '../base/random.ts';

/** Longest reach of the point spread to either side, pixels. */
const MOST_TAPS = 5;

/** Symmetric point spread in one direction: taps from the middle outwards. */
export function pointSpread(kernel: 'bone' | 'soft', pixelSpacingMm: number): Float64Array {
  // Standard deviations in mm; a sharp kernel overshoots at edges.
  const sigma = (kernel === 'bone' ? 0.34 : 0.62) / pixelSpacingMm;
  const wide = (kernel === 'bone' ? 0.75 : 1.4) / pixelSpacingMm;
  const boost = kernel === 'bone' ? 0.22 : 0;
  const reach = Math.max(1, Math.min(MOST_TAPS, Math.ceil(2.6 * (boost > 0 ? wide * 0.8 : sigma))));
  const taps = new Float64Array(reach + 1);
  let narrowSum = 0;
  let wideSum = 0;
  for (let k = -reach; k <= reach; k++) {
    narrowSum += gauss(k, sigma);
    wideSum += gauss(k, wide);
  }
  for (let k = 0; k <= reach; k++)
    taps[k] = ((1 + boost) * gauss(k, sigma)) / narrowSum - (boost * gauss(k, wide)) / wideSum;
  return taps;
}

function gauss(x: number, sigma: number): number {
  return sigma < 0.05 ? (x === 0 ? 1 : 0) : Math.exp((-x * x) / (2 * sigma * sigma));
}

/** Spreads an image, shape [row][column], in place; `scratch` has its size. Borders repeat. */
export function spreadImage(
  image: Float32Array,
  rows: number,
  columns: number,
  taps: Float64Array,
  scratch: Float32Array,
): void {
  // Unrolled to the longest reach: with an inner loop over the taps this is the slowest step of a slice.
  const [t0, t1, t2, t3, t4, t5] = [0, 1, 2, 3, 4, MOST_TAPS].map((k) => taps[k] ?? 0) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const pad = MOST_TAPS;
  const line = new Float32Array(columns + 2 * pad);
  for (let row = 0; row < rows; row++) {
    const at = row * columns;
    line.set(image.subarray(at, at + columns), pad);
    line.fill(image[at]!, 0, pad);
    line.fill(image[at + columns - 1]!, pad + columns);
    for (let c = 0, i = pad; c < columns; c++, i++) {
      scratch[at + c] =
        t0 * line[i]! +
        t1 * (line[i - 1]! + line[i + 1]!) +
        t2 * (line[i - 2]! + line[i + 2]!) +
        t3 * (line[i - 3]! + line[i + 3]!) +
        t4 * (line[i - 4]! + line[i + 4]!) +
        t5 * (line[i - 5]! + line[i + 5]!);
    }
  }
  for (let row = 0; row < rows; row++) {
    const at = row * columns;
    const above = (k: number): number => Math.max(0, row - k) * columns;
    const below = (k: number): number => Math.min(rows - 1, row + k) * columns;
    const [a1, a2, a3, a4, a5] = [above(1), above(2), above(3), above(4), above(5)];
    const [b1, b2, b3, b4, b5] = [below(1), below(2), below(3), below(4), below(5)];
    for (let c = 0; c < columns; c++) {
      image[at + c] =
        t0 * scratch[at + c]! +
        t1 * (scratch[a1 + c]! + scratch[b1 + c]!) +
        t2 * (scratch[a2 + c]! + scratch[b2 + c]!) +
        t3 * (scratch[a3 + c]! + scratch[b3 + c]!) +
        t4 * (scratch[a4 + c]! + scratch[b4 + c]!) +
        t5 * (scratch[a5 + c]! + scratch[b5 + c]!);
    }
  }
}

export interface NoiseLevels {
  readonly kernel: 'bone' | 'soft';
  readonly noiseHu: number;
  /** Streaks along the rows, from the shoulders. */
  readonly streakHu: number;
}

/** Adds quantum noise, and streaks where the body is, to an image of shape [row][column] in HU. */
export function addNoise(
  image: Float32Array,
  rows: number,
  columns: number,
  levels: NoiseLevels,
  random: Random,
): void {
  const grain = noiseTile(levels.kernel);
  const streak = noiseTile('streak');
  const wrap = NOISE_EDGE - 1;
  // Two shifted tiles: one alone would repeat from slice to slice.
  const [ar, ac, br, bc, sr, sc] = Array.from({ length: 6 }, () => random.integer(0, wrap)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const grainHu = levels.noiseHu * Math.SQRT1_2;
  const { streakHu } = levels;
  for (let row = 0; row < rows; row++) {
    const a = ((row + ar) & wrap) * NOISE_EDGE;
    const b = ((row + br) & wrap) * NOISE_EDGE;
    const s = ((row + sr) & wrap) * NOISE_EDGE;
    let i = row * columns;
    for (let column = 0; column < columns; column++, i++) {
      const value = image[i]!;
      let noise = grainHu * (grain[a + ((column + ac) & wrap)]! + grain[b + ((column + bc) & wrap)]!);
      if (value < -500) noise *= 0.45;
      else if (streakHu > 0) noise += streakHu * streak[s + ((column + sc) & wrap)]!;
      image[i] = value + noise;
    }
  }
}

const RAYS = 720;

/** A piece of metal in the plane of an image, and how strongly this slice feels it (0 to 1). */
export interface MetalSource {
  readonly column: number;
  readonly row: number;
  readonly share: number;
  /** The pattern of its rays: the same in neighbouring slices. */
  readonly rays: Float32Array;
}

/** Draws the pattern of rays that one piece of metal throws: broad bands with finer rays in them. */
export function drawRays(random: Random): Float32Array {
  const fine = smoothRing(
    Float32Array.from({ length: RAYS }, () => random.normal(0, 1)),
    2,
  );
  const broad = smoothRing(
    Float32Array.from({ length: RAYS }, () => random.normal(0, 1)),
    60,
  );
  return fine.map((value, i) => 1.1 * value + 4.5 * broad[i]!);
}

function smoothRing(ring: Float32Array, passes: number): Float32Array {
  const n = ring.length;
  for (let pass = 0; pass < passes; pass++) {
    ring = ring.map((value, i) => 0.25 * ring[(i + n - 1) % n]! + 0.5 * value + 0.25 * ring[(i + 1) % n]!);
  }
  return ring;
}

/** Adds the bright and dark rays of metal to an image in HU. */
export function addMetalStreaks(
  image: Float32Array,
  rows: number,
  columns: number,
  source: MetalSource,
  spacingMm: number,
  streakHu: number,
): void {
  const { rays } = source;
  const perRadian = RAYS / (2 * Math.PI);
  const strength = streakHu * source.share;
  for (let row = 0; row < rows; row++) {
    const dy = (row - source.row) * spacingMm;
    let i = row * columns;
    for (let column = 0; column < columns; column++, i++) {
      if (image[i]! < -600) continue;
      const dx = (column - source.column) * spacingMm;
      const r = Math.sqrt(dx * dx + dy * dy);
      if (r < 1) continue;
      const ray = rays[(((Math.atan2(dy, dx) + Math.PI) * perRadian) % RAYS) | 0]!;
      image[i] = image[i]! + (strength * ray) / (1 + r / 22);
    }
  }
}
