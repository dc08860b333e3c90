import type { EncodedSlice } from '../case/case.ts';
import type { CaseScore } from '../case/ports.ts';
import type { CtSlice } from './decodePixels.ts';
import type { ModelCard, ModelPackage, SliceSequenceCard, VolumeCard } from './modelCard.ts';
import type { OnnxModelOptions } from './onnxGraphs.ts';
import { openSliceSequenceModel } from './sliceSequenceModel.ts';
import { openVolumeModel } from './volumeModel.ts';

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

/**
 * Opens a package by its kind.
 *
 * @throws TriageError `model-invalid`: not the graphs of the manifest, or the golden case differs; `config-invalid`: the provider asked for is not there.
 */
export function openModel(modelPackage: ModelPackage, options: OnnxModelOptions): Promise<LoadedModel> {
  return isOfKind(modelPackage, 'volume')
    ? openVolumeModel(modelPackage, options)
    : openSliceSequenceModel(modelPackage as ModelPackage<SliceSequenceCard>, options);
}

interface Kinds {
  'slice-sequence': SliceSequenceCard;
  volume: VolumeCard;
}

/** Whether a package is of this kind. */
function isOfKind<Kind extends ModelCard['kind']>(
  modelPackage: ModelPackage,
  kind: Kind,
): modelPackage is ModelPackage<Kinds[Kind]> {
  return modelPackage.card.kind === kind;
}
