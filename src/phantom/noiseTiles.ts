import { seededRandom } from '../base/random.ts';

/** Edge of the periodic 3D texture in cells: a power of two, so that wrapping is a mask. */
export const TEXTURE_EDGE = 64;
/** Edge of the periodic 2D noise tiles in pixels. */
export const NOISE_EDGE = 512;

/** The correlation of a noise tile: as left by a sharp or a soft kernel, stretched along the rows, or in soft blotches. */
export type NoiseTile = 'bone' | 'soft' | 'streak' | 'blotch';

let texture: Float32Array | undefined;
const tiles = new Map<NoiseTile, Float32Array>();

/** Smooth random texture, mean 0 and standard deviation 1, shape [z][y][x] of TEXTURE_EDGE each, periodic. */
export function boneTexture(): Float32Array {
  if (texture) return texture;
  const n = TEXTURE_EDGE;
  const random = seededRandom('texture');
  let field = new Float32Array(n * n * n);
  for (let i = 0; i < field.length; i++) field[i] = random.normal(0, 1);
  for (const stride of [1, n, n * n]) field = smoothPeriodic(field, n, stride);
  return (texture = normalised(field));
}

/** The texture between its cells; `x`, `y`, `z` in cells. */
export function textureAt(field: Float32Array, x: number, y: number, z: number): number {
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  const z0 = Math.floor(z);
  const fx = x - x0;
  const fy = y - y0;
  const fz = z - z0;
  const m = TEXTURE_EDGE - 1;
  const xa = x0 & m;
  const xb = (x0 + 1) & m;
  const ya = (y0 & m) << 6;
  const yb = ((y0 + 1) & m) << 6;
  const za = (z0 & m) << 12;
  const zb = ((z0 + 1) & m) << 12;
  const a = field[za + ya + xa]! * (1 - fx) + field[za + ya + xb]! * fx;
  const b = field[za + yb + xa]! * (1 - fx) + field[za + yb + xb]! * fx;
  const c = field[zb + ya + xa]! * (1 - fx) + field[zb + ya + xb]! * fx;
  const d = field[zb + yb + xa]! * (1 - fx) + field[zb + yb + xb]! * fx;
  return (a * (1 - fy) + b * fy) * (1 - fz) + (c * (1 - fy) + d * fy) * fz;
}

/** Correlated noise, mean 0 and standard deviation 1, shape [row][column] of NOISE_EDGE each, periodic. */
export function noiseTile(kind: NoiseTile): Float32Array {
  const known = tiles.get(kind);
  if (known) return known;
  const random = seededRandom('noise', kind);
  const n = NOISE_EDGE;
  let field = new Float32Array(n * n);
  for (let i = 0; i < field.length; i++) field[i] = random.normal(0, 1);
  if (kind === 'streak') {
    for (let pass = 0; pass < 3; pass++) field = boxAlongRows(field, n, 30);
    field = smoothPeriodic(field, n, n);
  } else if (kind === 'blotch') {
    for (let pass = 0; pass < 14; pass++) field = smoothPeriodic(smoothPeriodic(field, n, 1), n, n);
  } else {
    // Filtered back projection leaves little power at low frequencies, so the smooth part is subtracted.
    const passes = kind === 'bone' ? 1 : 3;
    for (let pass = 0; pass < passes; pass++) {
      field = smoothPeriodic(smoothPeriodic(field, n, 1), n, n);
    }
    let low = field;
    for (let pass = 0; pass < 6; pass++) low = smoothPeriodic(smoothPeriodic(low, n, 1), n, n);
    const share = kind === 'bone' ? 0.8 : 0.5;
    field = field.map((value, i) => value - share * low[i]!);
  }
  const done = normalised(field);
  tiles.set(kind, done);
  return done;
}

function smoothPeriodic(field: Float32Array, edge: number, stride: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(field.length);
  for (let i = 0; i < field.length; i++) {
    const at = Math.floor(i / stride) % edge;
    const before = at === 0 ? i + (edge - 1) * stride : i - stride;
    const after = at === edge - 1 ? i - (edge - 1) * stride : i + stride;
    out[i] = 0.25 * field[before]! + 0.5 * field[i]! + 0.25 * field[after]!;
  }
  return out;
}

function boxAlongRows(field: Float32Array, edge: number, half: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(field.length);
  for (let row = 0; row < edge; row++) {
    const at = row * edge;
    let sum = 0;
    for (let k = -half; k <= half; k++) sum += field[at + ((k + edge) % edge)]!;
    for (let column = 0; column < edge; column++) {
      out[at + column] = sum;
      sum += field[at + ((column + half + 1) % edge)]! - field[at + ((column - half + edge) % edge)]!;
    }
  }
  return out;
}

function normalised(field: Float32Array): Float32Array {
  let sum = 0;
  let squares = 0;
  for (const value of field) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / field.length;
  const deviation = Math.sqrt(squares / field.length - mean * mean);
  return field.map((value) => (value - mean) / deviation);
}
