import { NOISE_EDGE, noiseTile } from './noiseTiles.ts';
import type { Random } from './random.ts';

/** Symmetric point spread in one direction: taps from the middle outwards. */
export function pointSpread(kernel: 'bone' | 'soft', pixelSpacingMm: number): Float64Array {
  // Standard deviations in mm; a sharp kernel overshoots at edges.
  const sigma = (kernel === 'bone' ? 0.34 : 0.62) / pixelSpacingMm;
  const wide = (kernel === 'bone' ? 0.75 : 1.4) / pixelSpacingMm;
  const boost = kernel === 'bone' ? 0.22 : 0;
  const reach = Math.max(1, Math.min(6, Math.ceil(2.6 * (boost > 0 ? wide * 0.8 : sigma))));
  const taps = new Float64Array(reach + 1);
  let narrowSum = 0;
  let wideSum = 0;
  for (let k = -reach; k <= reach; k++) {
    narrowSum += gauss(k, sigma);
    wideSum += gauss(k, wide);
  }
  for (let k = 0; k <= reach; k++) taps[k] = ((1 + boost) * gauss(k, sigma)) / narrowSum - (boost * gauss(k, wide)) / wideSum;
  return taps;
}

function gauss(x: number, sigma: number): number {
  return sigma < 0.05 ? (x === 0 ? 1 : 0) : Math.exp((-x * x) / (2 * sigma * sigma));
}

/** Spreads an image, shape [row][column], in place; `scratch` has its size. Borders repeat. */
export function spreadImage(image: Float32Array, rows: number, columns: number, taps: Float64Array, scratch: Float32Array): void {
  const reach = taps.length - 1;
  const middle = taps[0]!;
  for (let row = 0; row < rows; row++) {
    const at = row * columns;
    for (let column = 0; column < columns; column++) {
      let sum = middle * image[at + column]!;
      if (column >= reach && column < columns - reach) {
        for (let k = 1; k <= reach; k++) sum += taps[k]! * (image[at + column - k]! + image[at + column + k]!);
      } else {
        for (let k = 1; k <= reach; k++) {
          sum += taps[k]! * (image[at + Math.max(0, column - k)]! + image[at + Math.min(columns - 1, column + k)]!);
        }
      }
      scratch[at + column] = sum;
    }
  }
  for (let row = 0; row < rows; row++) {
    const at = row * columns;
    for (let column = 0; column < columns; column++) image[at + column] = middle * scratch[at + column]!;
    for (let k = 1; k <= reach; k++) {
      const tap = taps[k]!;
      const above = Math.max(0, row - k) * columns;
      const below = Math.min(rows - 1, row + k) * columns;
      for (let column = 0; column < columns; column++) {
        image[at + column] = image[at + column]! + tap * (scratch[above + column]! + scratch[below + column]!);
      }
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
export function addNoise(image: Float32Array, rows: number, columns: number, levels: NoiseLevels, random: Random): void {
  const grain = noiseTile(levels.kernel);
  const streak = noiseTile('streak');
  const wrap = NOISE_EDGE - 1;
  // Two shifted tiles: one alone would repeat from slice to slice.
  const [ar, ac, br, bc, sr, sc] = Array.from({ length: 6 }, () => random.integer(0, wrap)) as [number, number, number, number, number, number];
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

/** Adds bright and dark rays from a piece of metal at (column, row) to an image in HU. */
export function addMetalStreaks(image: Float32Array, rows: number, columns: number, at: { column: number; row: number }, spacingMm: number, streakHu: number, random: Random): void {
  const rays = new Float32Array(RAYS);
  for (let i = 0; i < RAYS; i++) rays[i] = random.normal(0, 1);
  const smooth = rays.map((_, i) => 0.8 * (rays[(i + RAYS - 1) % RAYS]! + 1.4 * rays[i]! + rays[(i + 1) % RAYS]!));
  const perRadian = RAYS / (2 * Math.PI);
  for (let row = 0; row < rows; row++) {
    const dy = (row - at.row) * spacingMm;
    let i = row * columns;
    for (let column = 0; column < columns; column++, i++) {
      if (image[i]! < -600) continue;
      const dx = (column - at.column) * spacingMm;
      const r = Math.sqrt(dx * dx + dy * dy);
      if (r < 1) continue;
      const ray = smooth[((Math.atan2(dy, dx) + Math.PI) * perRadian) % RAYS | 0]!;
      image[i] = image[i]! + (streakHu * ray) / (1 + r / 22);
    }
  }
}
