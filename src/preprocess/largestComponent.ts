/** Row-wise runs of pixels: run `i` is the raster indices `starts[i]` to `ends[i]`, half open and within one row, in raster order. */
export interface Runs {
  starts: Int32Array;
  ends: Int32Array;
  count: number;
}

/**
 * The largest 8-connected component of the pixels above `aboveHu` of an image `[row][column]`, as runs; of equal ones, the first in raster order. No runs
 * when no pixel is above.
 */
export function largestComponent(hu: Float32Array | Int16Array, rows: number, columns: number, aboveHu: number): Runs {
  // Runs instead of pixels: a CT slice has a few thousand runs, so union-find stays small.
  let count = 0;
  let starts = new Int32Array(4096);
  let ends = new Int32Array(4096);
  let parents = new Int32Array(4096);
  let above = 0;
  let aboveEnd = 0;
  for (let row = 0; row < rows; row++) {
    const rowEnd = (row + 1) * columns;
    const first = count;
    // A row has at most half as many runs as pixels.
    if (count + columns > starts.length)
      [starts, ends, parents] = [grown(starts, columns), grown(ends, columns), grown(parents, columns)];
    let touching = above;
    for (let i = row * columns; i < rowEnd;) {
      while (i < rowEnd && !(hu[i]! > aboveHu)) i++;
      if (i === rowEnd) break;
      const start = i;
      while (i < rowEnd && hu[i]! > aboveHu) i++;
      const run = count++;
      starts[run] = start;
      ends[run] = i;
      parents[run] = run;
      // Runs [s, e) and [start, i) of neighbouring rows touch, diagonals included, when s <= i' and e >= start'.
      while (touching < aboveEnd && ends[touching]! < start - columns) touching++;
      for (let other = touching; other < aboveEnd && starts[other]! <= i - columns; other++) {
        const a = rootOf(parents, other);
        const b = rootOf(parents, run);
        if (a < b) parents[b] = a;
        else parents[a] = b;
      }
    }
    above = first;
    aboveEnd = count;
  }

  const sizes = new Int32Array(count);
  let largest = -1;
  for (let run = 0; run < count; run++) sizes[rootOf(parents, run)]! += ends[run]! - starts[run]!;
  for (let run = 0; run < count; run++) if (largest < 0 || sizes[run]! > sizes[largest]!) largest = run;
  let kept = 0;
  for (let run = 0; run < count; run++) {
    if (rootOf(parents, run) !== largest) continue;
    starts[kept] = starts[run]!;
    ends[kept] = ends[run]!;
    kept++;
  }
  return { starts, ends, count: kept };
}

function rootOf(parents: Int32Array, run: number): number {
  let root = run;
  while (parents[root]! !== root) root = parents[root]!;
  while (parents[run]! !== root) {
    const next = parents[run]!;
    parents[run] = root;
    run = next;
  }
  return root;
}

function grown(array: Int32Array<ArrayBuffer>, room: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2 + room);
  larger.set(array);
  return larger;
}
