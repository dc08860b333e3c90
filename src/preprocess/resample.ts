/**
 * Triangle-filter weights of one axis: output pixel `i` is the weighted mean of `taps` inputs from `firsts[i]` on.
 * Growing it is plain bilinear; shrinking, the triangle widens with the factor, so that no thin line falls between samples.
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
  const taps = Math.min(inputLength, Math.ceil(support) * 2 + 1);
  const firsts = new Int32Array(outputLength);
  const weights = new Float32Array(outputLength * taps);
  const row = new Float64Array(taps);
  for (let i = 0; i < outputLength; i++) {
    // Pixel centres at half integers, as in every resampler that keeps the field of view.
    const centre = (i + 0.5) * factor;
    const first = Math.max(0, Math.min(inputLength - taps, Math.ceil(centre - support - 0.5)));
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

/** A resampling of `[row][column]` images from one fixed shape to another; make it once for all channels of a slice. */
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
    const columns = this.#inputColumns;
    const line = this.#line;
    const { firsts, weights, taps } = this.#horizontal;
    for (let row = 0; row < this.#outputRows; row++) {
      line.fill(0);
      const first = this.#vertical.firsts[row]!;
      for (let tap = 0; tap < this.#vertical.taps; tap++) {
        const weight = this.#vertical.weights[row * this.#vertical.taps + tap]!;
        if (weight === 0) continue;
        const start = (first + tap) * columns;
        for (let column = 0; column < columns; column++) line[column]! += weight * source[start + column]!;
      }
      const out = offset + row * stride;
      for (let column = 0; column < this.#outputColumns; column++) {
        const from = firsts[column]!;
        let sum = 0;
        for (let tap = 0; tap < taps; tap++) sum += weights[column * taps + tap]! * line[from + tap]!;
        target[out + column] = sum;
      }
    }
  }
}
