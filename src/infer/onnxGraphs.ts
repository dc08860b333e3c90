import { InferenceSession, Tensor, env } from 'onnxruntime-node';
import type { Vertebra } from '../case/vertebrae.ts';
import { TriageError, messageOf } from '../base/errors.ts';
import type { CaseScore } from '../case/triageModel.ts';
import { recalibrated } from '../statistics/calibration.ts';
import { median } from '../statistics/median.ts';
import type { ModelCard } from './modelCard.ts';

export type ProviderChoice = 'auto' | 'cpu' | 'cuda';

export interface OnnxModelOptions {
  provider: ProviderChoice;
  /** Threads per operator; 0 lets the runtime use all cores. */
  threads: number;
  /** The same for when a GPU fails and the CPU goes on in its place; default `threads`. */
  threadsAlone?: number;
}

/** An input or output of a graph; null stands for any size. */
export type Shape = readonly (number | null)[];

/** What the manifest says about a graph's values. */
export interface GraphShapes {
  inputs: Readonly<Record<string, Shape>>;
  outputs: Readonly<Record<string, Shape>>;
}

/** The graphs of a package on the first execution provider that works. Inference blocks the thread: only for the inference child. */
export interface OnnxGraphs<Name extends string> {
  /** The execution provider that is actually in use. */
  readonly provider: 'cpu' | 'cuda';
  /** Runs one graph on one input. @throws TriageError `inference-failed` */
  run(graph: Name, inputName: string, data: Float32Array, shape: readonly number[]): Promise<GraphOutputs>;
}

/** An output by name, copied and checked for its length. @throws TriageError `inference-failed` */
export type GraphOutputs = (name: string, length: number) => Float32Array;

/**
 * Opens the graphs and checks their shapes against the manifest's.
 *
 * @throws TriageError `model-invalid`: not the graphs of the manifest; `config-invalid`: the requested provider is not available.
 */
export async function openGraphs<Name extends string>(
  bytes: Readonly<Record<string, Uint8Array>>,
  shapes: Readonly<Record<Name, GraphShapes>>,
  options: OnnxModelOptions,
): Promise<OnnxGraphs<Name>> {
  // Nothing about a hospital's networks leaves it (inferenceFork.ts): a process that was started otherwise opens none.
  if (process.env['ORT_DISABLE_TELEMETRY'] !== '1') throw new Error('ORT_DISABLE_TELEMETRY is not 1');
  // Probing for CUDA would print an alarming page where there is no GPU; errors arrive as exceptions anyway.
  env.logLevel = 'fatal';
  let opened = await openSessions(bytes, shapes, options);
  const run: OnnxGraphs<Name>['run'] = async (graph, inputName, data, shape) => {
    try {
      const results = await opened.sessions[graph].run({ [inputName]: new Tensor('float32', data, shape) });
      return (name, length) => floats(results, name, length);
    } catch (error) {
      // A full GPU must not end the analysis if the CPU is allowed.
      if (opened.provider === 'cuda' && options.provider === 'auto') {
        const threads = options.threadsAlone ?? options.threads;
        opened = await openSessions(bytes, shapes, { provider: 'cpu', threads });
        return run(graph, inputName, data, shape);
      }
      throw new TriageError('inference-failed', `The network could not be run: ${messageOf(error).slice(0, 300)}.`, {
        cause: error,
      });
    }
  };
  return {
    get provider() {
      return opened.provider;
    },
    run,
  };
}

interface Sessions<Name extends string> {
  provider: 'cpu' | 'cuda';
  sessions: Record<Name, InferenceSession>;
}

async function openSessions<Name extends string>(
  bytes: Readonly<Record<string, Uint8Array>>,
  shapes: Readonly<Record<Name, GraphShapes>>,
  options: OnnxModelOptions,
): Promise<Sessions<Name>> {
  const providers = options.provider === 'auto' ? (['cuda', 'cpu'] as const) : ([options.provider] as const);
  const refusals: string[] = [];
  for (const provider of providers) {
    try {
      const sessions = {} as Record<Name, InferenceSession>;
      for (const name of Object.keys(shapes) as Name[]) {
        sessions[name] = await InferenceSession.create(bytes[name]!, sessionOptions(provider, options.threads));
        checkShapes(sessions[name], shapes[name]);
      }
      return { provider, sessions };
    } catch (error) {
      if (error instanceof TriageError) throw error;
      refusals.push(`${provider}: ${messageOf(error).slice(0, 300)}`);
    }
  }
  if (options.provider === 'cuda') {
    throw new TriageError(
      'config-invalid',
      `infer.provider is cuda, and it does not work here (${refusals.join('; ')}). Install CUDA for ONNX Runtime, or set it to auto.`,
    );
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
    // Spinning threads would take cores from the receiver between two slices.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
}

function checkShapes(session: InferenceSession, { inputs, outputs }: GraphShapes): void {
  const check = (metadata: readonly InferenceSession.ValueMetadata[], name: string, shape: Shape): void => {
    const found = metadata.find((value) => value.name === name);
    if (found === undefined) throw new TriageError('model-invalid', `The model's graph has no "${name}".`);
    const actual = found.isTensor ? found.shape : [];
    // Only numbers are binding; a name stands for any size.
    const fits =
      found.isTensor &&
      found.type === 'float32' &&
      actual.length === shape.length &&
      shape.every((size, axis) => size === null || typeof actual[axis] !== 'number' || actual[axis] === size);
    if (!fits)
      throw new TriageError(
        'model-invalid',
        `The model's "${name}" has shape [${actual.join(', ')}]; the manifest needs [${shape.map((size) => size ?? 'n').join(', ')}].`,
      );
  };
  for (const [name, shape] of Object.entries(inputs)) check(session.inputMetadata, name, shape);
  for (const [name, shape] of Object.entries(outputs)) check(session.outputMetadata, name, shape);
}

/** Copies an output, because the runtime may return views. NaN does not count as an answer. */
function floats(results: InferenceSession.ReturnType, name: string, length: number): Float32Array {
  const value = results[name];
  if (
    value === undefined ||
    !(value.data instanceof Float32Array) ||
    value.data.length !== length ||
    !value.data.every(Number.isFinite)
  ) {
    throw new TriageError('inference-failed', `The network's "${name}" is not ${length} finite numbers.`);
  }
  return Float32Array.from(value.data);
}

/** A network's output for a case, per step: slices, or rows of a volume. */
export interface RawScore {
  probability: number;
  scores: Float32Array;
  domainDistances: Float32Array;
  /** `[step][level]`; null where the model names no levels. */
  levels: Float32Array | null;
}

/** The outputs that give a {@link RawScore}, in `steps` steps. */
export function rawScore(output: GraphOutputs, { outputs, levels }: ModelCard, steps: number): RawScore {
  return {
    probability: output(outputs.caseProbability, 1)[0]!,
    scores: output(outputs.sliceScore, steps),
    domainDistances: output(outputs.domainDistance, steps),
    levels: outputs.sliceLevel === undefined ? null : output(outputs.sliceLevel, steps * levels!.length),
  };
}

/** The shapes of the outputs that give a {@link RawScore}. */
export function scoreShapes({ outputs, levels }: ModelCard): Record<string, Shape> {
  return {
    [outputs.caseProbability]: [],
    [outputs.sliceScore]: [null],
    [outputs.domainDistance]: [null],
    ...(outputs.sliceLevel === undefined ? {} : { [outputs.sliceLevel]: [null, levels!.length] }),
  };
}

/** The score of a case; of `raw`, scores and levels are those of the slices, the distances may still be of rows. */
export function caseScore(raw: RawScore, card: ModelCard): CaseScore {
  const { statistic, limit } = card.domain;
  const domainDistance = STATISTICS[statistic](raw.domainDistances);
  return {
    probability:
      card.calibration.site === undefined ? raw.probability : recalibrated(raw.probability, card.calibration.site),
    sliceScores: Array.from(raw.scores),
    sliceLevels: Array.from(raw.scores, (_, slice) => levelsOf(slice, raw.levels, card.levels ?? [])),
    domainDistance,
    domainLimit: limit,
    outsideDomain:
      domainDistance > limit
        ? `images unlike those the model was made with: distance ${domainDistance.toFixed(1)}, limit ${limit.toFixed(1)}`
        : null,
  };
}

/** The vertebrae that a slice cuts more likely than not. */
function levelsOf(slice: number, probabilities: Float32Array | null, levels: readonly Vertebra[]): Vertebra[] {
  return levels.filter((_, level) => (probabilities?.[slice * levels.length + level] ?? 0) >= 0.5);
}

export const STATISTICS: Record<ModelCard['domain']['statistic'], (values: Float32Array) => number> = {
  median: (values) => median(values) ?? Number.NaN,
  mean: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  maximum: (values) => values.reduce((most, value) => Math.max(most, value), 0),
};

/** Compares what a graph computes here with what it computed where it was made. */
export class GoldenCheck {
  readonly #provider: string;
  readonly #tolerance: number;

  constructor(provider: string, tolerance: number) {
    this.#provider = provider;
    this.#tolerance = tolerance;
  }

  /** @throws TriageError `model-invalid` */
  expect(name: string, actual: number | undefined, expected: number): void {
    if (!(Math.abs((actual ?? Number.NaN) - expected) <= this.#tolerance * Math.max(1, Math.abs(expected)))) {
      throw new TriageError(
        'model-invalid',
        `The model's golden case differs on this machine (${this.#provider}): ${name} is ${actual}, ${expected} was expected. Do not use it here.`,
      );
    }
  }

  expectScores(
    actual: RawScore,
    expected: {
      caseProbability: number;
      sliceScores: number[];
      domainDistances: number[];
      sliceLevels?: number[][] | undefined;
    },
  ): void {
    this.expect('the case probability', actual.probability, expected.caseProbability);
    for (const [index, value] of expected.sliceScores.entries())
      this.expect(`slice score ${index}`, actual.scores[index], value);
    for (const [index, value] of expected.domainDistances.entries())
      this.expect(`domain distance ${index}`, actual.domainDistances[index], value);
    for (const [index, value] of (expected.sliceLevels ?? []).flat().entries())
      this.expect(`level probability ${index}`, actual.levels?.[index], value);
  }
}

/** The golden input by its formula. */
export function goldenPattern(
  length: number,
  { multiplier, modulus }: { multiplier: number; modulus: number },
): Float32Array {
  return Float32Array.from({ length }, (_, index) => ((index * multiplier) % modulus) / (modulus - 1));
}
