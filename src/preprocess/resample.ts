/**
 * Triangle-filter weights of one axis: output pixel `i` is the weighted mean of `taps` inputs from `firsts[i]` on.
 * When enlarging it is plain bilinear; when shrinking, the triangle widens with the factor, so that no thin line falls between samples.
 */
interface AxisWeights {
  firsts: Int32Array;
  /** `[output][tap]`, each row sums to 1. */
  weights: Float32Array;
  taps: number;
}

function axisWeights(inputLength: number, outputLength: number): AxisWeights {
  const factor = inputLength / outputLength;
  const support = Math.max(1, factor);
  // A triangle 2 * support wide, open at both ends, holds at most this many pixel centres: 2 when enlarging.
  const taps = Math.min(inputLength, Math.ceil(2 * support));
  const firsts = new Int32Array(outputLength);
  const weights = new Float32Array(outputLength * taps);
  const row = new Float64Array(taps);
  for (let i = 0; i < outputLength; i++) {
    // Pixel centres at half integers, as in every resampler that preserves the field of view.
    const centre = (i + 0.5) * factor;
    const first = Math.max(0, Math.min(inputLength - taps, Math.floor(centre - support + 0.5)));
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      row[tap] = Math.max(0, 1 - Math.abs(first + tap + 0.5 - centre) / support);
      sum += row[tap]!;
    }
    for (let tap = 0; tap < taps; tap++) weights[i * taps + tap] = row[tap]! / sum;
    firsts[i] = first;
  }
  return { firsts, weights, taps };
}

/** Resamples `[row][column]` images from one fixed shape to another; create it once for all channels of a slice. */
export class Resampler {
  readonly #vertical: AxisWeights;
  readonly #horizontal: AxisWeights;
  readonly #line: Float32Array;
  readonly #inputColumns: number;
  readonly #outputRows: number;
  readonly #outputColumns: number;

  constructor(inputRows: number, inputColumns: number, outputRows: number, outputColumns: number) {
    this.#vertical = axisWeights(inputRows, outputRows);
    this.#horizontal = axisWeights(inputColumns, outputColumns);
    this.#line = new Float32Array(inputColumns);
    this.#inputColumns = inputColumns;
    this.#outputRows = outputRows;
    this.#outputColumns = outputColumns;
  }

  /** Writes the resampled image into `target` from `offset` on, its rows `stride` apart. */
  run(source: Float32Array, target: Float32Array, offset: number, stride: number): void {
    for (let row = 0; row < this.#outputRows; row++) {
      // Nearly every slice of a neck needs only two taps: its crop is smaller than the input.
      if (this.#vertical.taps === 2) this.#meanOfTwoRows(source, row);
      else this.#meanOfRows(source, row);
      if (this.#horizontal.taps === 2) this.#meanOfTwoColumns(target, offset + row * stride);
      else this.#meanOfColumns(target, offset + row * stride);
    }
  }

  /** One output row before its columns are resampled: the weighted mean of the input rows that it covers. */
  #meanOfRows(source: Float32Array, row: number): void {
    const { firsts, weights, taps } = this.#vertical;
    const line = this.#line;
    const columns = this.#inputColumns;
    for (let tap = 0; tap < taps; tap++) {
      const weight = weights[row * taps + tap]!;
      if (weight === 0 && tap > 0) continue;
      const start = (firsts[row]! + tap) * columns;
      if (tap === 0) for (let column = 0; column < columns; column++) line[column] = weight * source[start + column]!;
      else for (let column = 0; column < columns; column++) line[column]! += weight * source[start + column]!;
    }
  }

  /** {@link #meanOfRows} for two taps, which is one pass; rounded after each product as there. */
  #meanOfTwoRows(source: Float32Array, row: number): void {
    const { firsts, weights } = this.#vertical;
    const line = this.#line;
    const columns = this.#inputColumns;
    const upper = firsts[row]! * columns;
    const lower = upper + columns;
    const upperWeight = weights[2 * row]!;
    const lowerWeight = weights[2 * row + 1]!;
    for (let column = 0; column < columns; column++) {
      line[column] = Math.fround(upperWeight * source[upper + column]!) + lowerWeight * source[lower + column]!;
    }
  }

  /** The columns of an output row. */
  #meanOfColumns(target: Float32Array, offset: number): void {
    const { firsts, weights, taps } = this.#horizontal;
    const line = this.#line;
    for (let column = 0; column < this.#outputColumns; column++) {
      const first = firsts[column]!;
      let sum = 0;
      for (let tap = 0; tap < taps; tap++) sum += weights[column * taps + tap]! * line[first + tap]!;
      target[offset + column] = sum;
    }
  }

  /** {@link #meanOfColumns} for two taps. */
  #meanOfTwoColumns(target: Float32Array, offset: number): void {
    const { firsts, weights } = this.#horizontal;
    const line = this.#line;
    for (let column = 0; column < this.#outputColumns; column++) {
      const first = firsts[column]!;
      target[offset + column] = weights[2 * column]! * line[first]! + weights[2 * column + 1]! * line[first + 1]!;
    }
  }
}
