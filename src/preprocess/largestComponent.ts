/**
 * Keeps only the largest 8-connected component of a mask `[row][column]`; of equals, the one met first in raster order.
 * Returns the component as 0/1, all zero when the mask is empty.
 */
export function largestComponent(mask: Uint8Array, rows: number, columns: number): Uint8Array {
  // Runs of a row instead of pixels: a CT slice has some thousand runs, so union-find stays tiny.
  const starts: number[] = [];
  const ends: number[] = [];
  const parents: number[] = [];
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
    const first = starts.length;
    let touching = above;
    for (let i = rowStart; i < rowEnd; ) {
      if (mask[i] === 0) {
        i++;
        continue;
      }
      const start = i;
      while (i < rowEnd && mask[i] !== 0) i++;
      const run = starts.length;
      starts.push(start);
      ends.push(i);
      parents.push(run);
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
    aboveEnd = starts.length;
  }
  const sizes = new Float64Array(starts.length);
  let largest = -1;
  for (let run = 0; run < starts.length; run++) sizes[rootOf(run)]! += ends[run]! - starts[run]!;
  for (let run = 0; run < starts.length; run++) if (largest < 0 || sizes[run]! > sizes[largest]!) largest = run;
  const component = new Uint8Array(mask.length);
  for (let run = 0; run < starts.length; run++) if (rootOf(run) === largest) component.fill(1, starts[run], ends[run]);
  return component;
}
