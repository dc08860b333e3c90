import type { Texture } from '../case/case.ts';
import { median } from '../statistics/median.ts';

/**
 * How often the fine detail of a scan changes its sign: noise does so as often as the reconstruction lets it, and blur and the averaging of slices make it rarer, at any dose. Null where
 * there is too little soft tissue to say.
 */
export interface ScanTexture {
  /** Share of places, 0..1, at which it changes within two pixels: the median over the slices. */
  changeInPlane: number | null;
  /** The share that changes from a slice to the next, over that from a slice to the fourth next. Near 1 where each slice is measured for itself, however much of its detail is anatomy. */
  changeAlong: number | null;
}

export type TextureRange = Record<keyof ScanTexture, { low: number; high: number }>;

const SOFT_TISSUE_HU = { low: -60, high: 130 };
/** Detail is what a pixel differs by from the mean of four this far away: beyond what rounding to whole HU leaves of blurred noise, and finer than a muscle. */
const REACH = 2;
const LAG = 2;
/** Detail beyond this many times the median is an edge of anatomy, which goes on in the next pixel and the next slice. */
const EDGE = 4;
/** Every fourth row and column is enough for a share. */
const STEP = 4;
/** Places a side of the grid, in the middle half of the image, whose signs are kept for the comparison with the next slice. */
const GRID = 24;
/** So many slices on, those that are means of three have none in common, and those of five one. */
const DISTANT = 4;
/** With fewer places a share says nothing. */
const LEAST_PLACES = 100;

/** The texture of a slice's soft tissue, `[row][column]`. */
export function measureTexture(hu: Float32Array | Int16Array, rows: number, columns: number): Texture {
  /** HU; NaN where the pixel is no soft tissue, or at the border. */
  const detailAt = (row: number, column: number): number => {
    if (row < REACH || column < REACH || row >= rows - REACH || column >= columns - REACH) return NaN;
    const at = row * columns + column;
    const value = hu[at]!;
    if (value < SOFT_TISSUE_HU.low || value > SOFT_TISSUE_HU.high) return NaN;
    const around = hu[at - REACH]! + hu[at + REACH]! + hu[at - REACH * columns]! + hu[at + REACH * columns]!;
    return value - around / 4;
  };
  const sizes: number[] = [];
  for (let row = 0; row < rows; row += STEP)
    for (let column = 0; column < columns; column += STEP) {
      const size = Math.abs(detailAt(row, column));
      if (size >= 0) sizes.push(size);
    }
  const edge = EDGE * (median(sizes) ?? 0);
  const signAt = (row: number, column: number): string => {
    const detail = detailAt(row, column);
    return Math.abs(detail) <= edge ? (detail < 0 ? '-' : '+') : ' ';
  };
  const inPlane = new Changes();
  for (let row = 0; row < rows; row += STEP)
    for (let column = 0; column < columns; column += STEP) {
      const sign = signAt(row, column);
      if (sign === ' ') continue;
      inPlane.add(sign, signAt(row, column + LAG));
      inPlane.add(sign, signAt(row + LAG, column));
    }
  const line = (length: number): number[] =>
    Array.from({ length: GRID }, (_, k) => Math.floor(length * (0.25 + (0.5 * (k + 0.5)) / GRID)));
  const [gridRows, gridColumns] = [line(rows), line(columns)];
  return {
    changeInPlane: inPlane.share(),
    detail: gridRows.flatMap((row) => gridColumns.map((column) => signAt(row, column))).join(''),
  };
}

/** The texture of a scan by that of its slices, from head to foot. */
export function textureOf(slices: readonly Texture[]): ScanTexture {
  const changeTo = (distance: number): number | null => {
    const changes = new Changes();
    for (const [index, { detail }] of slices.entries()) {
      const other = slices[index + distance]?.detail ?? '';
      for (let place = 0; place < other.length; place++) changes.add(detail[place] ?? ' ', other[place]!);
    }
    return changes.share();
  };
  const [next, distant] = [changeTo(1), changeTo(DISTANT)];
  return {
    changeInPlane: median(slices.flatMap(({ changeInPlane }) => changeInPlane ?? [])),
    changeAlong: next === null || distant === null || distant === 0 ? null : next / distant,
  };
}

/** What a scan below the range is, one above it, and what was measured. */
const WORDS = {
  changeInPlane: {
    low: 'blurred or smoothed',
    high: 'sharpened',
    measured: (share: string) => `fine detail changes at ${share} of places`,
  },
  changeAlong: {
    low: 'slices averaged or overlapping',
    high: 'slices unlike their neighbours',
    measured: (ratio: string) => `neighbours differ ${ratio} times as much as distant ones`,
  },
} as const;

/** Why these slices are not reconstructed as those that the range was taken from, in words for a reader; null when nothing contradicts it. */
export function outsideTexture(slices: readonly Texture[], range: TextureRange): string | null {
  const texture = textureOf(slices);
  for (const key of ['changeInPlane', 'changeAlong'] as const) {
    const value = texture[key];
    const { low, high } = range[key];
    if (value === null || (value >= low && value <= high)) continue;
    const { measured, ...words } = WORDS[key];
    return `${words[value < low ? 'low' : 'high']}: ${measured(value.toFixed(2))}, ${low.toFixed(2)} to ${high.toFixed(2)} in tested scans`;
  }
  return null;
}

/** Counts the places where both signs are known, and where they differ. */
class Changes {
  #places = 0;
  #changed = 0;

  add(sign: string, other: string): void {
    if (sign === ' ' || other === ' ') return;
    this.#places++;
    if (sign !== other) this.#changed++;
  }

  share(): number | null {
    return this.#places < LEAST_PLACES ? null : this.#changed / this.#places;
  }
}
