import type { CaseVolume } from '../../answers/caseAnswer.ts';
import { fetchSlice, type Slice } from './caseApi.ts';

/** Whole slices kept at a time: 64 of 512 x 512 are 32 MB. */
const MOST_SLICES = 64;
const AHEAD = 4;
/** The volume for reformats keeps every second pixel: 300 slices are 39 MB. */
export const COARSE = 2;

/** The loaded slices of one case, and a coarser volume of all of them for reformats. */
export class SliceStore {
  readonly #caseRef: string;
  readonly #kept = new Map<number, Slice>();
  readonly #asked = new Map<number, Promise<Slice>>();
  /** `[slice]`, null until it has loaded. */
  readonly coarse: (Int16Array | null)[];
  readonly coarseRows: number;
  readonly coarseColumns: number;
  #closed = false;

  constructor(caseRef: string, volume: CaseVolume) {
    this.#caseRef = caseRef;
    this.coarse = volume.positionsMm.map(() => null);
    this.coarseRows = Math.floor(volume.rows / COARSE);
    this.coarseColumns = Math.floor(volume.columns / COARSE);
  }

  get length(): number {
    return this.coarse.length;
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
    const order = this.coarse.map((_, index) => index).sort((a, b) => Math.abs(a - from) - Math.abs(b - from));
    for (const index of order) {
      if (this.#closed) return;
      if (this.coarse[index] !== null) continue;
      await this.slice(index).catch(() => undefined);
      onSlice();
    }
  }

  close(): void {
    this.#closed = true;
  }

  #keep(index: number, slice: Slice): void {
    this.#kept.set(index, slice);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MOST_SLICES) break;
      this.#kept.delete(oldest);
    }
    this.coarse[index] ??= coarser(slice, this.coarseRows, this.coarseColumns);
  }
}

function coarser({ hu, columns }: Slice, coarseRows: number, coarseColumns: number): Int16Array {
  const coarse = new Int16Array(coarseRows * coarseColumns);
  for (let row = 0; row < coarseRows; row += 1)
    for (let column = 0; column < coarseColumns; column += 1)
      coarse[row * coarseColumns + column] = hu[row * COARSE * columns + column * COARSE]!;
  return coarse;
}
