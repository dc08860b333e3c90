import { imageKey } from '../case/frames.ts';
import type { DecodeSlice, SourceSlice } from '../case/triageModel.ts';
import type { VolumeSlice } from '../worklist/list/caseVolume.ts';

/** A slice as it is transferred: Hounsfield units as little-endian int16, `[row][column]`, oriented (rows front to back, columns right to left of the patient). */
interface SliceImage {
  rows: number;
  columns: number;
  bytes: Buffer;
}

export interface SliceImages {
  /** The slice, decoded now or taken from the cache. @throws TriageError of the decoding, `inference-died` while no network is loaded */
  image: (slice: VolumeSlice) => Promise<SliceImage>;
  /** Decodes these slices one after the other, for a reader who is likely to view them next; a later call replaces an earlier one. */
  expect: (slices: readonly VolumeSlice[]) => void;
}

/** Recently decoded slices by the digest of their bytes: at most `mostBytes`, least recently used dropped first. */
export function createSliceImages(decode: DecodeSlice, mostBytes: number): SliceImages {
  const kept = new Map<string, Promise<SliceImage>>();
  const sizes = new Map<string, number>();
  let size = 0;
  let expected: VolumeSlice[] = [];
  let working = false;

  const drop = (key: string) => {
    kept.delete(key);
    size -= sizes.get(key) ?? 0;
    sizes.delete(key);
  };
  const image = (slice: VolumeSlice): Promise<SliceImage> => {
    const key = imageKey(slice);
    const known = kept.get(key);
    if (known !== undefined) {
      // The most recently used stand last.
      kept.delete(key);
      kept.set(key, known);
      return known;
    }
    const decoded = decode(slice.path, slice.frameNumber).then((source) => oriented(source, slice));
    kept.set(key, decoded);
    decoded.then(
      ({ bytes }) => {
        if (kept.get(key) !== decoded) return;
        sizes.set(key, bytes.length);
        size += bytes.length;
        for (const oldest of kept.keys()) {
          if (size <= mostBytes) break;
          if (sizes.has(oldest)) drop(oldest);
        }
      },
      // Forget a slice that could not be decoded, so that the next request tries again.
      () => drop(key),
    );
    return decoded;
  };
  const work = async () => {
    working = true;
    for (let next = expected.shift(); next !== undefined; next = expected.shift()) {
      try {
        if (!kept.has(imageKey(next))) await image(next);
      } catch {
        // The request for the slice itself reports the error.
      }
    }
    working = false;
  };
  return {
    image,
    expect: (slices) => {
      expected = [...slices];
      if (!working) work().catch(() => undefined);
    },
  };
}

function oriented({ hu, rows, columns }: SourceSlice, { orientation }: VolumeSlice): SliceImage {
  const { transpose, flipRows, flipColumns } = orientation;
  const size = transpose ? { rows: columns, columns: rows } : { rows, columns };
  const bytes = Buffer.allocUnsafe(hu.length * 2);
  for (let row = 0; row < size.rows; row++) {
    const fromRow = flipRows ? size.rows - 1 - row : row;
    for (let column = 0; column < size.columns; column++) {
      const fromColumn = flipColumns ? size.columns - 1 - column : column;
      const value = hu[transpose ? fromColumn * columns + fromRow : fromRow * columns + fromColumn]!;
      bytes.writeInt16LE(Math.max(-32_768, Math.min(32_767, Math.round(value))), (row * size.columns + column) * 2);
    }
  }
  return { ...size, bytes };
}
