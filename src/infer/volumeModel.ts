import { TriageError } from '../base/errors.ts';
import { rowsToSlices, slicePlane, stackVolume } from '../preprocess/volumeInput.ts';
import type { ModelPackage, VolumeCard } from './modelCard.ts';
import { GoldenCheck, STATISTICS, caseScore, goldenPattern, openGraphs, rawScore, scoreShapes } from './onnxGraphs.ts';
import type { OnnxModelOptions, RawScore } from './onnxGraphs.ts';
import type { LoadedModel } from './loadedModel.ts';

/** The network's output for a volume, row by row; `cam` is an activation map for each row of the volume. */
type RawVolume = RawScore & { cam: Float32Array };

/**
 * Opens the graph of a package of the kind `volume` and runs its golden case. A slice is encoded as its plane of the volume, which needs no network; the
 * network sees all planes at once, and its output for rows is mapped back to the slices (ADR 0019).
 *
 * @throws TriageError `model-invalid`, `config-invalid`
 */
export async function openVolumeModel(
  { card, graphs: bytes }: ModelPackage<VolumeCard>,
  options: OnnxModelOptions,
): Promise<LoadedModel> {
  const { input, outputs } = card;
  const channels = input.windowsHu.length;
  const cells = input.camRows * input.camColumns;
  const graphs = await openGraphs(
    bytes,
    {
      volumeNetwork: {
        inputs: { volume: [1, channels, null, input.sizePixels, input.sizePixels] },
        outputs: { ...scoreShapes(card), [outputs.cam]: [null, input.camRows, input.camColumns] },
      },
    },
    options,
  );

  const run = async (volume: Float32Array, slices: number): Promise<RawVolume> => {
    const rows = slices / input.slicesPerRow;
    const output = await graphs.run('volumeNetwork', 'volume', volume, [
      1,
      channels,
      slices,
      input.sizePixels,
      input.sizePixels,
    ]);
    return { ...rawScore(output, card, rows), cam: output(outputs.cam, rows * cells) };
  };
  await checkGoldenCase(run, card, graphs.provider);

  return {
    get provider() {
      return graphs.provider;
    },
    encodeSlice: (slice) => {
      const { plane, box } = slicePlane(slice, slice.pixelSpacingMm, input);
      return Promise.resolve({
        feature: plane,
        // A single slice has no score of its own: classify gives both.
        imageProbability: 0,
        cam: new Float32Array(0),
        camRows: input.camRows,
        camColumns: input.camColumns,
        crop: { ...box, ...slice.orientation, rows: slice.storedRows, columns: slice.storedColumns, fullFrame: false },
      });
    },
    classify: async (planes, positionsMm) => {
      const length = channels * input.sizePixels * input.sizePixels;
      if (positionsMm.length === 0 || planes.length !== positionsMm.length * length)
        throw new TriageError(
          'inference-failed',
          `${planes.length} numbers are not ${positionsMm.length} planes of ${length}.`,
        );
      const { volume, slices } = stackVolume(planes, positionsMm, input);
      const rows = await run(volume, slices);
      const ofSlices = (values: Float32Array): Float32Array => rowsToSlices(values, positionsMm, input);
      const scores = ofSlices(rows.scores);
      const cams = ofSlices(rows.cam);
      return {
        ...caseScore({ ...rows, scores, levels: rows.levels === null ? null : ofSlices(rows.levels) }, card),
        ofSlices: Array.from(scores, (imageProbability, slice) => ({
          imageProbability,
          cam: cams.slice(slice * cells, (slice + 1) * cells),
        })),
      };
    },
  };
}

async function checkGoldenCase(
  run: (volume: Float32Array, slices: number) => Promise<RawVolume>,
  card: VolumeCard,
  provider: string,
): Promise<void> {
  const { golden, input } = card;
  const check = new GoldenCheck(provider, golden.tolerance);
  const result = await run(
    goldenPattern(input.windowsHu.length * golden.slices * input.sizePixels * input.sizePixels, golden),
    golden.slices,
  );
  check.expectScores(result, golden);
  check.expect('the greatest activation', STATISTICS.maximum(result.cam), golden.camMaximum);
  check.expect('the mean activation', STATISTICS.mean(result.cam), golden.camMean);
}
