import type { CaseScore } from '../case/triageModel.ts';
import { TriageError } from '../base/errors.ts';
import { rowsToSlices, slicePlane, stackVolume } from '../preprocess/volumeInput.ts';
import type { ModelPackage, VertebraSequenceCard, VolumeCard } from './modelCard.ts';
import { GoldenCheck, STATISTICS, caseScore, goldenPattern, openGraphs, rawScore, scoreShapes } from './onnxGraphs.ts';
import type { GraphOutputs, OnnxModelOptions, RawScore, Shape } from './onnxGraphs.ts';
import type { LoadedModel } from './loadedModel.ts';

/** The network's output for a volume, row by row. */
export interface RawScan extends RawScore {
  /** An activation map for each row of the volume. */
  cam: Float32Array;
  /** Whatever else the kind's graph gives. */
  output: GraphOutputs;
}

/** The one graph of a package whose network sees the whole scan. */
export interface WholeScan {
  readonly provider: 'cpu' | 'cuda';
  /** Brings a slice to its plane of the volume, which needs no network. */
  encodeSlice: LoadedModel['encodeSlice'];
  /** `planes`: `[slice][channel][row][column]`. @throws TriageError `inference-failed`, `geometry-unusable` */
  run(planes: Float32Array, positionsMm: readonly number[]): Promise<RawScan>;
  /** Runs the golden volume and checks the outputs that every kind has. @throws TriageError `model-invalid` */
  runGolden(): Promise<{ golden: RawScan; check: GoldenCheck }>;
}

/**
 * Opens the graph of a package of the kind `volume` or `vertebra-sequence` (ADR 0019).
 *
 * @param moreOutputs shapes of the outputs that only this kind has
 * @throws TriageError `model-invalid`, `config-invalid`
 */
export async function openWholeScan(
  { card, graphs: bytes }: ModelPackage<VolumeCard | VertebraSequenceCard>,
  moreOutputs: Readonly<Record<string, Shape>>,
  options: OnnxModelOptions,
): Promise<WholeScan> {
  const { input, outputs, golden } = card;
  const channels = input.windowsHu.length;
  const cells = input.camRows * input.camColumns;
  const graphs = await openGraphs(
    bytes,
    {
      volumeNetwork: {
        inputs: { volume: [1, channels, null, input.sizePixels, input.sizePixels] },
        outputs: { ...scoreShapes(card), [outputs.cam]: [null, input.camRows, input.camColumns], ...moreOutputs },
      },
    },
    options,
  );

  const run = async (volume: Float32Array, slices: number): Promise<RawScan> => {
    const rows = slices / input.slicesPerRow;
    const output = await graphs.run('volumeNetwork', 'volume', volume, [
      1,
      channels,
      slices,
      input.sizePixels,
      input.sizePixels,
    ]);
    return { ...rawScore(output, card, rows), cam: output(outputs.cam, rows * cells), output };
  };

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
    run: async (planes, positionsMm) => {
      const length = channels * input.sizePixels * input.sizePixels;
      if (positionsMm.length === 0 || planes.length !== positionsMm.length * length)
        throw new TriageError(
          'inference-failed',
          `${planes.length} numbers are not ${positionsMm.length} planes of ${length}.`,
        );
      const { volume, slices } = stackVolume(planes, positionsMm, input);
      return run(volume, slices);
    },
    runGolden: async () => {
      const check = new GoldenCheck(graphs.provider, golden.tolerance);
      const pixels = input.sizePixels * input.sizePixels;
      const result = await run(goldenPattern(channels * golden.slices * pixels, golden), golden.slices);
      check.expectScores(result, golden);
      check.expect('the greatest activation', STATISTICS.maximum(result.cam), golden.camMaximum);
      check.expect('the mean activation', STATISTICS.mean(result.cam), golden.camMean);
      return { golden: result, check };
    },
  };
}

/** The score of a case, with the rows mapped back to the slices. */
export function scoreOfScan(
  rows: RawScan,
  positionsMm: readonly number[],
  card: VolumeCard | VertebraSequenceCard,
): CaseScore & Required<Pick<CaseScore, 'ofSlices'>> {
  const ofSlices = (values: Float32Array): Float32Array => rowsToSlices(values, positionsMm, card.input);
  const cells = card.input.camRows * card.input.camColumns;
  const scores = ofSlices(rows.scores);
  const cams = ofSlices(rows.cam);
  return {
    ...caseScore({ ...rows, scores, levels: rows.levels === null ? null : ofSlices(rows.levels) }, card),
    ofSlices: Array.from(scores, (imageProbability, slice) => ({
      imageProbability,
      cam: cams.slice(slice * cells, (slice + 1) * cells),
    })),
  };
}
