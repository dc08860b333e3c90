import type { EncodedSlice } from '../case/case.ts';
import type { CaseScore } from '../case/triageModel.ts';
import type { CtSlice } from './decodePixels.ts';

/** The graphs of a model package, loaded and checked against their golden case. Runs block the thread: only for the inference child. */
export interface LoadedModel {
  /** What really runs. */
  readonly provider: 'cpu' | 'cuda';
  /** What can be done with one slice before the others are there. @throws TriageError `inference-failed` */
  encodeSlice(slice: CtSlice): Promise<Omit<EncodedSlice, 'anatomy'>>;
  /**
   * `features`: `[slice][feature]`, superior to inferior; `positionsMm` of the slices along their normal, falling.
   *
   * @throws TriageError `inference-failed`, `geometry-unusable`
   */
  classify(features: Float32Array, positionsMm: readonly number[]): Promise<CaseScore>;
}
