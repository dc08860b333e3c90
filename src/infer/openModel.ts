import type { LoadedModel } from './loadedModel.ts';
import type { ModelCard, ModelPackage, SliceSequenceCard, VolumeCard } from './modelCard.ts';
import type { OnnxModelOptions } from './onnxGraphs.ts';
import { openSliceSequenceModel } from './sliceSequenceModel.ts';
import { openVolumeModel } from './volumeModel.ts';

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
