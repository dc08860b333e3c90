import type { LoadedModel } from './loadedModel.ts';
import type { ModelCard, ModelPackage, SliceSequenceCard, VertebraSequenceCard, VolumeCard } from './modelCard.ts';
import type { OnnxModelOptions } from './onnxGraphs.ts';
import { openSliceSequenceModel } from './sliceSequenceModel.ts';
import { openVertebraSequenceModel } from './vertebraSequenceModel.ts';
import { openVolumeModel } from './volumeModel.ts';

/**
 * Opens a package by its kind.
 *
 * @throws TriageError `model-invalid`: not the graphs of the manifest, or the golden case differs; `config-invalid`: the provider asked for is not there.
 */
export function openModel(modelPackage: ModelPackage, options: OnnxModelOptions): Promise<LoadedModel> {
  if (isOfKind(modelPackage, 'volume')) return openVolumeModel(modelPackage, options);
  if (isOfKind(modelPackage, 'vertebra-sequence')) return openVertebraSequenceModel(modelPackage, options);
  return openSliceSequenceModel(modelPackage as ModelPackage<SliceSequenceCard>, options);
}

interface Kinds {
  'slice-sequence': SliceSequenceCard;
  volume: VolumeCard;
  'vertebra-sequence': VertebraSequenceCard;
}

/** Whether a package is of this kind. */
function isOfKind<Kind extends ModelCard['kind']>(
  modelPackage: ModelPackage,
  kind: Kind,
): modelPackage is ModelPackage<Kinds[Kind]> {
  return modelPackage.card.kind === kind;
}
