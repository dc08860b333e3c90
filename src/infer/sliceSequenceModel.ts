import type { EncodedSlice } from '../case/case.ts';
import { TriageError } from '../base/errors.ts';
import { modelInput } from '../preprocess/modelInput.ts';
import type { ModelPackage, SliceSequenceCard } from './modelCard.ts';
import { GoldenCheck, STATISTICS, caseScore, goldenPattern, openGraphs, rawScore, scoreShapes } from './onnxGraphs.ts';
import type { GraphShapes, OnnxModelOptions, RawScore } from './onnxGraphs.ts';
import type { LoadedModel } from './loadedModel.ts';

/** What the slice encoder gives for one input: feature, image probability and `cam`, `[row][column]`. */
type SliceEncoding = Pick<EncodedSlice, 'feature' | 'imageProbability' | 'cam'>;

/** The two graphs of a package of the kind `slice-sequence`, loaded and checked against their golden case. */
export interface SliceSequenceModel extends LoadedModel {
  /** `tensor`: `[channel][row][column]`, 0..1. @throws TriageError `inference-failed` */
  encode(tensor: Float32Array): Promise<SliceEncoding>;
  /** Positions are ignored: only the order of the slices matters. */
  classify: (features: Float32Array) => ReturnType<LoadedModel['classify']>;
}

/**
 * Opens the graphs on the first execution provider that works and runs the golden case.
 *
 * @throws TriageError `model-invalid`: not the graphs of the manifest, or the golden case differs; `config-invalid`: the provider asked for is not there.
 */
export async function openSliceSequenceModel(
  { card, graphs: bytes }: ModelPackage<SliceSequenceCard>,
  options: OnnxModelOptions,
): Promise<SliceSequenceModel> {
  const { input, outputs } = card;
  const graphs = await openGraphs(bytes, graphShapes(card), options);

  const encode = async (tensor: Float32Array): Promise<SliceEncoding> => {
    const output = await graphs.run('sliceEncoder', 'image', tensor, [1, 3, input.sizePixels, input.sizePixels]);
    return {
      feature: output(outputs.feature, input.featureLength),
      imageProbability: output(outputs.imageProbability, 1)[0]!,
      cam: output(outputs.cam, input.camRows * input.camColumns),
    };
  };
  const classifyRaw: ClassifyRaw = async (features) => {
    const slices = features.length / input.featureLength;
    if (slices < 1 || !Number.isInteger(slices))
      throw new TriageError(
        'inference-failed',
        `${features.length} numbers are not whole features of ${input.featureLength}.`,
      );
    return rawScore(
      await graphs.run('caseClassifier', 'features', features, [slices, input.featureLength]),
      card,
      slices,
    );
  };
  await checkGoldenCase(encode, classifyRaw, card, graphs.provider);

  return {
    get provider() {
      return graphs.provider;
    },
    encode,
    encodeSlice: async (slice) => {
      const { tensor, box, fullFrame } = modelInput(slice, input);
      return {
        ...(await encode(tensor)),
        camRows: input.camRows,
        camColumns: input.camColumns,
        crop: { ...box, ...slice.orientation, rows: slice.storedRows, columns: slice.storedColumns, fullFrame },
      };
    },
    classify: async (features) => caseScore(await classifyRaw(features), card),
  };
}

type ClassifyRaw = (features: Float32Array) => Promise<RawScore>;

function graphShapes(card: SliceSequenceCard): Record<'sliceEncoder' | 'caseClassifier', GraphShapes> {
  const { input, outputs } = card;
  return {
    sliceEncoder: {
      inputs: { image: [null, 3, input.sizePixels, input.sizePixels] },
      outputs: {
        [outputs.feature]: [null, input.featureLength],
        [outputs.imageProbability]: [null],
        [outputs.cam]: [null, input.camRows, input.camColumns],
      },
    },
    caseClassifier: { inputs: { features: [null, input.featureLength] }, outputs: scoreShapes(card) },
  };
}

/** @throws TriageError `model-invalid` when the graphs compute other values here than where they were made. */
async function checkGoldenCase(
  encode: SliceSequenceModel['encode'],
  classifyRaw: ClassifyRaw,
  card: SliceSequenceCard,
  provider: string,
): Promise<void> {
  const { encoder, classifier, tolerance } = card.golden;
  const check = new GoldenCheck(provider, tolerance);
  const { feature, imageProbability, cam } = await encode(
    goldenPattern(3 * card.input.sizePixels * card.input.sizePixels, encoder),
  );
  for (const [index, expected] of encoder.featureHead.entries())
    check.expect(`feature ${index}`, feature[index], expected);
  check.expect('the mean feature', STATISTICS.mean(feature), encoder.featureMean);
  check.expect('the image probability', imageProbability, encoder.imageProbability);
  check.expect('the greatest activation', STATISTICS.maximum(cam), encoder.camMaximum);
  check.expect('the mean activation', STATISTICS.mean(cam), encoder.camMean);

  const features = new Float32Array(classifier.sliceFactors.length * feature.length);
  for (const [slice, factor] of classifier.sliceFactors.entries())
    features.set(
      feature.map((value) => value * factor),
      slice * feature.length,
    );
  check.expectScores(await classifyRaw(features), classifier);
}
