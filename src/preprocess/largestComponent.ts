/**
 * Keeps only the largest 8-connected component of a mask `[row][column]`; of equals, the one met first in raster order.
 * Returns the component as 0/1, all zero when the mask is empty.
 */
export function largestComponent(mask: Uint8Array, rows: number, columns: number): Uint8Array {
  // Runs of a row instead of pixels: a CT slice has some thousand runs, so union-find stays tiny.
  let runs = 0;
  let starts = new Int32Array(4096);
  let ends = new Int32Array(4096);
  let parents = new Int32Array(4096);
  const rootOf = (run: number): number => {
    let root = run;
    while (parents[root]! !== root) root = parents[root]!;
    while (parents[run]! !== root) {
      const next = parents[run]!;
      parents[run] = root;
      run = next;
    }
    return root;
  };
  let above = 0;
  let aboveEnd = 0;
  for (let row = 0; row < rows; row++) {
    const rowStart = row * columns;
    const rowEnd = rowStart + columns;
    const first = runs;
    // A row has at most half as many runs as pixels.
    if (runs + columns > starts.length) [starts, ends, parents] = [grown(starts, columns), grown(ends, columns), grown(parents, columns)];
    let touching = above;
    for (let i = rowStart; i < rowEnd; ) {
      if (mask[i] === 0) {
        i++;
        continue;
      }
      const start = i;
      while (i < rowEnd && mask[i] !== 0) i++;
      const run = runs++;
      starts[run] = start;
      ends[run] = i;
      parents[run] = run;
      // Runs [s, e) and [start, i) of neighbouring rows touch, diagonals included, when s <= i' and e >= start'.
      while (touching < aboveEnd && ends[touching]! < start - columns) touching++;
      for (let other = touching; other < aboveEnd && starts[other]! <= i - columns; other++) {
        const a = rootOf(other);
        const b = rootOf(run);
        if (a < b) parents[b] = a;
        else parents[a] = b;
      }
    }
    above = first;
    aboveEnd = runs;
  }
  const sizes = new Float64Array(runs);
  let largest = -1;
  for (let run = 0; run < runs; run++) sizes[rootOf(run)]! += ends[run]! - starts[run]!;
  for (let run = 0; run < runs; run++) if (largest < 0 || sizes[run]! > sizes[largest]!) largest = run;
  const component = new Uint8Array(mask.length);
  for (let run = 0; run < runs; run++) if (rootOf(run) === largest) component.fill(1, starts[run], ends[run]);
  return component;
}

function grown(array: Int32Array<ArrayBuffer>, room: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2 + room);
  larger.set(array);
  return larger;
}
