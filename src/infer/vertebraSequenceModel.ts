import type { Side } from '../case/case.ts';
import { rowsToSlices } from '../preprocess/volumeInput.ts';
import type { LoadedModel } from './loadedModel.ts';
import type { ModelPackage, VertebraSequenceCard } from './modelCard.ts';
import type { OnnxModelOptions } from './onnxGraphs.ts';
import { openWholeScan, scoreOfScan } from './wholeScan.ts';

/** Nearer to the middle of the spine than this, a response is on neither side: a cell and a bit of the shipped profile, and within it lie dens, body and spinous process. */
const LEAST_OFF_MM = 8;
/** Cells with at least this share of the strongest response of a slice say where the response is. */
const RESPONDING_SHARE = 0.5;

/**
 * Opens the graph of a package of the kind `vertebra-sequence` and runs its golden case. Slices are encoded as planes while they arrive; after the last one the graph
 * finds the spine and its vertebrae, cuts crops around it and judges their sequence (ADR 0026).
 *
 * @throws TriageError `model-invalid`, `config-invalid`
 */
export async function openVertebraSequenceModel(
  modelPackage: ModelPackage<VertebraSequenceCard>,
  options: OnnxModelOptions,
): Promise<LoadedModel> {
  const { card } = modelPackage;
  const { outputs, levels } = card;
  const scan = await openWholeScan(
    modelPackage,
    { [outputs.middle]: [null, 2], [outputs.vertebraProbability]: [levels.length] },
    options,
  );
  await checkGoldenSpine(scan, card);
  return {
    get provider() {
      return scan.provider;
    },
    encodeSlice: scan.encodeSlice,
    classify: async (planes, positionsMm) => {
      const rows = await scan.run(planes, positionsMm);
      const score = scoreOfScan(rows, positionsMm, card);
      const middles = rowsToSlices(rows.output(outputs.middle, 2 * rows.scores.length), positionsMm, card.input);
      const probabilities = rows.output(outputs.vertebraProbability, levels.length);
      const shown = new Set(score.sliceLevels.flat());
      return {
        ...score,
        vertebrae: levels.flatMap((level, index) =>
          shown.has(level) ? [{ level, probability: probabilities[index]! }] : [],
        ),
        sliceSides: score.ofSlices.map(({ cam }, slice) => sideOf(cam, middles[2 * slice + 1]!, card.input)),
      };
    },
  };
}

/** @throws TriageError `model-invalid` */
async function checkGoldenSpine(
  scan: Awaited<ReturnType<typeof openWholeScan>>,
  { golden: expected, outputs, levels }: VertebraSequenceCard,
): Promise<void> {
  const { golden, check } = await scan.runGolden();
  const middles = golden.output(outputs.middle, 2 * golden.scores.length);
  for (const [index, value] of expected.middles.flat().entries())
    check.expect(`middle of the spine ${index}`, middles[index], value);
  const probabilities = golden.output(outputs.vertebraProbability, levels.length);
  for (const [index, value] of expected.vertebraProbabilities.entries())
    check.expect(`vertebra probability ${index}`, probabilities[index], value);
}

/**
 * The side of the patient on which the network responded in a slice; null where that is not clear. In the trained orientation the patient's left is on the right.
 *
 * @param cam `[row][column]` of the field, >= 0
 * @param middleColumn of the spine, pixels of the field
 */
export function sideOf(
  cam: Float32Array,
  middleColumn: number,
  { sizePixels, pixelSpacingMm, camColumns }: VertebraSequenceCard['input'],
): Side | null {
  const least = RESPONDING_SHARE * cam.reduce((most, value) => Math.max(most, value), 0);
  let [sum, moment] = [0, 0];
  for (const [cell, value] of cam.entries()) {
    if (value < least) continue;
    sum += value;
    moment += value * ((cell % camColumns) + 0.5);
  }
  if (sum === 0) return null;
  const offMm = ((moment / sum) * (sizePixels / camColumns) - 0.5 - middleColumn) * pixelSpacingMm;
  if (Math.abs(offMm) < LEAST_OFF_MM) return null;
  return offMm > 0 ? 'left' : 'right';
}
