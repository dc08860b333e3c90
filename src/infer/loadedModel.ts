import type { EncodedSlice } from '../case/case.ts';
import type { CaseScore } from '../case/triageModel.ts';
import type { CtSlice } from './decodePixels.ts';

/** The graphs of a model package, loaded and checked against their golden case. Inference blocks the thread: only for the inference child. */
export interface LoadedModel {
  /** The execution provider that is actually in use. */
  readonly provider: 'cpu' | 'cuda';
  /** The part of the work that needs one slice only. @throws TriageError `inference-failed` */
  encodeSlice(slice: CtSlice): Promise<Omit<EncodedSlice, 'anatomy' | 'texture'>>;
  /**
   * `features`: `[slice][feature]`, superior to inferior; `positionsMm` of the slices along their normal, falling.
   *
   * @throws TriageError `inference-failed`, `geometry-unusable`
   */
  classify(features: Float32Array, positionsMm: readonly number[]): Promise<CaseScore>;
}
