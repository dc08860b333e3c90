/**
 * Triangle-filter weights of one axis: output pixel `i` is the weighted mean of `taps` inputs from `firsts[i]` on.
 * When enlarging it is plain bilinear; when shrinking, the triangle widens with the factor, so that no thin line falls between samples.
 */
export interface AxisWeights {
  firsts: Int32Array;
  /** `[output][tap]`, each row sums to 1. */
  weights: Float32Array;
  taps: number;
}

/** The {@link AxisWeights} that bring `inputLength` pixels to `outputLength`, both at least 1. */
export function axisWeights(inputLength: number, outputLength: number): AxisWeights {
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
