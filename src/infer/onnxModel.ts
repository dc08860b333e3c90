import { InferenceSession, Tensor, env } from 'onnxruntime-node';
import type { Vertebra } from '../case/vertebrae.ts';
import { TriageError, messageOf } from '../errors.ts';
import type { CaseScore } from '../ports.ts';
import type { ModelCard, ModelPackage } from './modelCard.ts';

export type ProviderChoice = 'auto' | 'cpu' | 'cuda';

export interface OnnxModelOptions {
  provider: ProviderChoice;
  /** Threads of one operator; 0 lets the runtime take all cores. */
  threads: number;
}

/** What the slice encoder gives for one input. */
export interface SliceEncoding {
  feature: Float32Array;
  imageProbability: number;
  /** `[row][column]`. */
  cam: Float32Array;
}

/** The two graphs of a model package, loaded and checked against their golden case. Runs block the thread: only for the inference child. */
export interface OnnxModel {
  /** What really runs. */
  readonly provider: 'cpu' | 'cuda';
  /** `tensor`: `[channel][row][column]`, 0..1. @throws TriageError `inference-failed` */
  encode(tensor: Float32Array): Promise<SliceEncoding>;
  /** `features`: `[slice][feature]`, superior to inferior. @throws TriageError `inference-failed` */
  classify(features: Float32Array): Promise<CaseScore>;
}

interface Graphs {
  provider: 'cpu' | 'cuda';
  sliceEncoder: InferenceSession;
  caseClassifier: InferenceSession;
}

/**
 * Opens the graphs on the first execution provider that works and runs the golden case.
 *
 * @throws TriageError `model-invalid`: not the graphs of the manifest, or the golden case differs; `config-invalid`: the provider asked for is not there.
 */
export async function openOnnxModel(modelPackage: ModelPackage, options: OnnxModelOptions): Promise<OnnxModel> {
  // Probing for CUDA would print an alarming page where there is none; errors come as exceptions anyway.
  env.logLevel = 'fatal';
  const graphs = await openGraphs(modelPackage, options);
  const model = bind(modelPackage, graphs, options);
  await checkGoldenCase(model, modelPackage.card);
  return model;
}

async function openGraphs(modelPackage: ModelPackage, options: OnnxModelOptions): Promise<Graphs> {
  const providers = options.provider === 'auto' ? (['cuda', 'cpu'] as const) : ([options.provider] as const);
  const refusals: string[] = [];
  for (const provider of providers) {
    try {
      const [sliceEncoder, caseClassifier] = [
        await InferenceSession.create(modelPackage.sliceEncoder, sessionOptions(provider, options.threads)),
        await InferenceSession.create(modelPackage.caseClassifier, sessionOptions(provider, options.threads)),
      ];
      const graphs = { provider, sliceEncoder, caseClassifier };
      checkShapes(graphs, modelPackage.card);
      return graphs;
    } catch (error) {
      if (error instanceof TriageError) throw error;
      refusals.push(`${provider}: ${messageOf(error).slice(0, 300)}`);
    }
  }
  if (options.provider === 'cuda') {
    throw new TriageError('config-invalid', `infer.provider is cuda, and it does not work here (${refusals.join('; ')}). Install CUDA for ONNX Runtime, or set it to auto.`);
  }
  throw new TriageError('model-invalid', `The model's graphs cannot be loaded (${refusals.join('; ')}).`);
}

function sessionOptions(provider: 'cpu' | 'cuda', threads: number): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // Spinning threads would take the cores from the receiver between two slices.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
}

function checkShapes({ sliceEncoder, caseClassifier }: Graphs, card: ModelCard): void {
  const { input, outputs } = card;
  const check = (metadata: readonly InferenceSession.ValueMetadata[], name: string, shape: readonly (number | null)[]): void => {
    const found = metadata.find((value) => value.name === name);
    if (found === undefined) throw new TriageError('model-invalid', `The model's graph has no "${name}".`);
    const actual = found.isTensor ? found.shape : [];
    // Only numbers bind; a name stands for any size.
    const fits = found.isTensor && found.type === 'float32' && actual.length === shape.length && shape.every((size, axis) => size === null || typeof actual[axis] !== 'number' || actual[axis] === size);
    if (!fits) throw new TriageError('model-invalid', `The model's "${name}" has shape [${actual.join(', ')}]; the manifest needs [${shape.map((size) => size ?? 'n').join(', ')}].`);
  };
  check(sliceEncoder.inputMetadata, 'image', [null, 3, input.sizePixels, input.sizePixels]);
  check(sliceEncoder.outputMetadata, outputs.feature, [null, input.featureLength]);
  check(sliceEncoder.outputMetadata, outputs.imageProbability, [null]);
  check(sliceEncoder.outputMetadata, outputs.cam, [null, input.camRows, input.camColumns]);
  check(caseClassifier.inputMetadata, 'features', [null, input.featureLength]);
  check(caseClassifier.outputMetadata, outputs.caseProbability, []);
  check(caseClassifier.outputMetadata, outputs.sliceScore, [null]);
  check(caseClassifier.outputMetadata, outputs.domainDistance, [null]);
  if (outputs.sliceLevel !== undefined) check(caseClassifier.outputMetadata, outputs.sliceLevel, [null, card.levels!.length]);
}

function bind(modelPackage: ModelPackage, opened: Graphs, options: OnnxModelOptions): OnnxModel & { classifyRaw: ClassifyRaw } {
  const { card } = modelPackage;
  const { input, outputs } = card;
  let graphs = opened;

  const run = async (graph: 'sliceEncoder' | 'caseClassifier', feeds: InferenceSession.FeedsType): Promise<InferenceSession.ReturnType> => {
    try {
      return await graphs[graph].run(feeds);
    } catch (error) {
      // A full GPU must not end the analysis where the CPU is allowed.
      if (graphs.provider === 'cuda' && options.provider === 'auto') {
        graphs = await openGraphs(modelPackage, { ...options, provider: 'cpu' });
        return run(graph, feeds);
      }
      throw new TriageError('inference-failed', `The network could not be run: ${messageOf(error).slice(0, 300)}.`, { cause: error });
    }
  };

  const classifyRaw: ClassifyRaw = async (features) => {
    const slices = features.length / input.featureLength;
    if (slices < 1 || !Number.isInteger(slices)) throw new TriageError('inference-failed', `${features.length} numbers are not whole features of ${input.featureLength}.`);
    const results = await run('caseClassifier', { features: new Tensor('float32', features, [slices, input.featureLength]) });
    return {
      probability: floats(results, outputs.caseProbability, 1)[0]!,
      sliceScores: floats(results, outputs.sliceScore, slices),
      domainDistances: floats(results, outputs.domainDistance, slices),
      sliceLevels: outputs.sliceLevel === undefined ? null : floats(results, outputs.sliceLevel, slices * card.levels!.length),
    };
  };

  return {
    get provider() {
      return graphs.provider;
    },
    encode: async (tensor) => {
      const results = await run('sliceEncoder', { image: new Tensor('float32', tensor, [1, 3, input.sizePixels, input.sizePixels]) });
      return {
        feature: floats(results, outputs.feature, input.featureLength),
        imageProbability: floats(results, outputs.imageProbability, 1)[0]!,
        cam: floats(results, outputs.cam, input.camRows * input.camColumns),
      };
    },
    classifyRaw,
    classify: async (features) => {
      const { probability, sliceScores, domainDistances, sliceLevels } = await classifyRaw(features);
      const domainDistance = STATISTICS[card.domain.statistic](domainDistances);
      const outside = domainDistance > card.domain.limit;
      return {
        probability,
        sliceScores: Array.from(sliceScores),
        sliceLevels: Array.from(sliceScores, (_, slice) => levelsOf(slice, sliceLevels, card.levels ?? [])),
        domainDistance,
        domainLimit: card.domain.limit,
        outsideDomain: outside ? `images unlike those the model was made with: distance ${domainDistance.toFixed(1)}, limit ${card.domain.limit.toFixed(1)}` : null,
      };
    },
  };
}

type ClassifyRaw = (features: Float32Array) => Promise<{ probability: number; sliceScores: Float32Array; domainDistances: Float32Array; sliceLevels: Float32Array | null }>;

/** The vertebrae that a slice cuts more likely than not. */
function levelsOf(slice: number, probabilities: Float32Array | null, levels: readonly Vertebra[]): Vertebra[] {
  return levels.filter((_, level) => (probabilities?.[slice * levels.length + level] ?? 0) >= 0.5);
}

const STATISTICS: Record<ModelCard['domain']['statistic'], (values: Float32Array) => number> = {
  median: (values) => {
    const sorted = Float32Array.from(values).sort();
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  },
  mean: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  maximum: (values) => values.reduce((most, value) => Math.max(most, value), 0),
};

/** An output as a copy of its own: the runtime may hand out views. A network that answers with NaN has not answered. */
function floats(results: InferenceSession.ReturnType, name: string, length: number): Float32Array {
  const value = results[name];
  if (value === undefined || !(value.data instanceof Float32Array) || value.data.length !== length || !value.data.every(Number.isFinite)) {
    throw new TriageError('inference-failed', `The network's "${name}" is not ${length} finite numbers.`);
  }
  return Float32Array.from(value.data);
}

/** @throws TriageError `model-invalid` when the graphs do not compute here what they computed where they were made. */
async function checkGoldenCase(model: OnnxModel & { classifyRaw: ClassifyRaw }, card: ModelCard): Promise<void> {
  const { encoder, classifier, tolerance } = card.golden;
  const expect = (name: string, actual: number, expected: number): void => {
    if (!(Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)))) {
      throw new TriageError('model-invalid', `The model's golden case differs on this machine (${model.provider}): ${name} is ${actual}, ${expected} was expected. Do not use it here.`);
    }
  };
  const pixels = 3 * card.input.sizePixels * card.input.sizePixels;
  const image = Float32Array.from({ length: pixels }, (_, index) => ((index * encoder.multiplier) % encoder.modulus) / (encoder.modulus - 1));
  const { feature, imageProbability, cam } = await model.encode(image);
  for (const [index, expected] of encoder.featureHead.entries()) expect(`feature ${index}`, feature[index] ?? Number.NaN, expected);
  expect('the mean feature', STATISTICS.mean(feature), encoder.featureMean);
  expect('the image probability', imageProbability, encoder.imageProbability);
  expect('the greatest activation', STATISTICS.maximum(cam), encoder.camMaximum);
  expect('the mean activation', STATISTICS.mean(cam), encoder.camMean);

  const features = new Float32Array(classifier.sliceFactors.length * feature.length);
  for (const [slice, factor] of classifier.sliceFactors.entries()) features.set(feature.map((value) => value * factor), slice * feature.length);
  const { probability, sliceScores, domainDistances, sliceLevels } = await model.classifyRaw(features);
  expect('the case probability', probability, classifier.caseProbability);
  for (const [index, expected] of classifier.sliceScores.entries()) expect(`slice score ${index}`, sliceScores[index] ?? Number.NaN, expected);
  for (const [index, expected] of classifier.domainDistances.entries()) expect(`domain distance ${index}`, domainDistances[index] ?? Number.NaN, expected);
  for (const [index, expected] of (classifier.sliceLevels ?? []).flat().entries()) expect(`level probability ${index}`, sliceLevels?.[index] ?? Number.NaN, expected);
}
