import type { LoadedModel } from './loadedModel.ts';
import type { ModelPackage, VolumeCard } from './modelCard.ts';
import type { OnnxModelOptions } from './onnxGraphs.ts';
import { openWholeScan, scoreOfScan } from './wholeScan.ts';

/**
 * Opens the graph of a package of the kind `volume` and runs its golden case. A slice is encoded as its plane of the volume, which needs no network; the
 * network sees all planes at once, and its output for rows is mapped back to the slices (ADR 0019).
 *
 * @throws TriageError `model-invalid`, `config-invalid`
 */
export async function openVolumeModel(
  modelPackage: ModelPackage<VolumeCard>,
  options: OnnxModelOptions,
): Promise<LoadedModel> {
  const scan = await openWholeScan(modelPackage, {}, options);
  await scan.runGolden();
  return {
    get provider() {
      return scan.provider;
    },
    encodeSlice: scan.encodeSlice,
    classify: async (planes, positionsMm) =>
      scoreOfScan(await scan.run(planes, positionsMm), positionsMm, modelPackage.card),
  };
}
