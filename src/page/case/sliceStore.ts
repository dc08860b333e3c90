import type { CaseVolume } from '../../answers/caseAnswer.ts';
import { fetchSlice, type Slice } from './caseApi.ts';

/** A volume up to this size is kept as it is: 768 slices of 512 x 512. */
const MOST_BYTES = 384 * 2 ** 20;
/** Of a larger volume this many whole slices are kept, and every second pixel of all for the reformats. */
const MOST_SLICES = 64;
const COARSE = 2;
const AHEAD = 4;

/** The loaded slices of one case, and the volume of all of them for reformats. */
export class SliceStore {
  readonly #caseRef: string;
  readonly #kept = new Map<number, Slice>();
  readonly #asked = new Map<number, Promise<Slice>>();
  /** What the reformats are drawn from. */
  readonly volume: { readonly slices: (Int16Array | null)[]; readonly rows: number; readonly columns: number };
  /** Pixels of the slices for one of the volume, in each direction: 1 unless the volume is too large to be kept whole. */
  readonly coarseness: number;
  #closed = false;

  constructor(caseRef: string, volume: CaseVolume) {
    this.#caseRef = caseRef;
    const slices = volume.positionsMm.map(() => null);
    this.coarseness = 2 * slices.length * volume.rows * volume.columns > MOST_BYTES ? COARSE : 1;
    const part = (pixels: number) => Math.floor(pixels / this.coarseness);
    this.volume = { slices, rows: part(volume.rows), columns: part(volume.columns) };
  }

  get length(): number {
    return this.volume.slices.length;
  }

  /** What has loaded already. */
  now(index: number): Slice | undefined {
    return this.#kept.get(index);
  }

  slice(index: number, towards = 0): Promise<Slice> {
    const kept = this.#kept.get(index);
    if (kept !== undefined) return Promise.resolve(kept);
    let asked = this.#asked.get(index);
    if (asked === undefined) {
      asked = fetchSlice(this.#caseRef, index, towards)
        .then((slice) => {
          this.#keep(index, slice);
          return slice;
        })
        .finally(() => this.#asked.delete(index));
      this.#asked.set(index, asked);
    }
    return asked;
  }

  /** Fetches the slices that a reader who scrolls in this direction will see next. */
  async ahead(index: number, towards: number): Promise<void> {
    for (let step = 1; step <= AHEAD; step += 1) {
      const next = index + towards * step;
      if (this.#closed || next < 0 || next >= this.length) return;
      await this.slice(next, towards).catch(() => undefined);
    }
  }

  /** Fetches every slice, one at a time and nearest first, until closed: for reformats. */
  async all(from: number, onSlice: () => void): Promise<void> {
    const { slices } = this.volume;
    const order = slices.map((_, index) => index).sort((a, b) => Math.abs(a - from) - Math.abs(b - from));
    for (const index of order) {
      if (this.#closed) return;
      if (slices[index] !== null) continue;
      await this.slice(index).catch(() => undefined);
      onSlice();
    }
  }

  close(): void {
    this.#closed = true;
  }

  #keep(index: number, slice: Slice): void {
    this.#kept.set(index, slice);
    const { slices, rows, columns } = this.volume;
    slices[index] ??= this.coarseness === 1 ? slice.hu : coarser(slice, rows, columns);
    if (this.coarseness === 1) return;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MOST_SLICES) break;
      this.#kept.delete(oldest);
    }
  }
}

function coarser({ hu, columns }: Slice, coarseRows: number, coarseColumns: number): Int16Array {
  const coarse = new Int16Array(coarseRows * coarseColumns);
  for (let row = 0; row < coarseRows; row += 1)
    for (let column = 0; column < coarseColumns; column += 1)
      coarse[row * coarseColumns + column] = hu[row * COARSE * columns + column * COARSE]!;
  return coarse;
}
