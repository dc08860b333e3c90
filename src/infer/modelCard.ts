import { createHash, webcrypto } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { VERTEBRAE } from '../case/vertebrae.ts';
import { TriageError, messageOf } from '../base/errors.ts';
import { validatorWords } from '../base/validatorWords.ts';
import type { ModelIdentity } from '../case/triageModel.ts';
import { readTestScores, type TestScores } from './testScores.ts';

const fraction = z.number().min(0).max(1);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const window = z.strictObject({ centerHu: z.number(), widthHu: z.number().positive() });
const packageFile = z.strictObject({
  // A bare file name: a manifest must not refer to files outside its folder.
  path: z.string().regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/),
  sha256,
  sizeBytes: z.int().positive(),
});

/** An estimate with its interval; null where there were too few cases for one. */
const metricValue = z.looseObject({
  name: z.string().min(1),
  value: z.number().nullable(),
  low: z.number().nullable().optional(),
  high: z.number().nullable().optional(),
});

const range = z
  .strictObject({ low: z.number().min(0), high: z.number().positive() })
  .refine(({ low, high }) => low < high, 'low must be below high');

/** Manifest entries that every kind of package has. */
const common = {
  schema: z.literal(1),
  // Both name the folder of an installed package, and appear in NAME@VERSION on the command line.
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'lower-case letters, digits, dots, dashes and underscores, at most 64'),
  version: z
    .string()
    .regex(
      /^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$/,
      'letters, digits, dots, dashes, plus signs and underscores, at most 64',
    ),
  licence: z.string().min(1),
  intendedUse: z.string().min(1),
  /** `deviations`: where the training differs from the paper, and why. */
  trainingData: z.looseObject({
    statement: z.string().min(1),
    deviations: z.record(z.string(), z.string()).optional(),
  }),
  /** The vertebrae that the network can name, in the order of its output. */
  levels: z.array(z.enum(VERTEBRAE)).min(1).optional(),
  operatingPoints: z
    .array(z.looseObject({ name: z.string(), threshold: fraction, sensitivity: fraction, specificity: fraction }))
    .refine((points) => points.some((point) => point.name === 'default'), 'one of them must be named "default"'),
  /** `site`: what a site's verdicts made of the probability that the graphs give (`odontoid model recalibrate`). */
  calibration: z.looseObject({
    method: z.string(),
    site: z.looseObject({ intercept: z.number(), slope: z.number().positive() }).optional(),
  }),
  /** `domain_distance` is given per slice, or per row of a volume; the case's distance is this statistic of them, and beyond `limit` no number may be shown. */
  domain: z.looseObject({
    output: z.string(),
    statistic: z.enum(['median', 'mean', 'maximum']),
    limit: z.number().positive(),
    unit: z.string(),
    /** Areas in a slice, as the median over a scan: outside these ranges it is not the body part that the network knows. */
    anatomy: z.strictObject({ tissueAreaCm2: range, boneAreaCm2: range }).optional(),
    /** How often fine detail changes (`ScanTexture`): outside these ranges the scan is not reconstructed as those that the network knows. */
    texture: z.strictObject({ changeInPlane: range, changeAlong: range }).optional(),
  }),
  metrics: z.looseObject({ statement: z.string().optional(), values: z.array(metricValue).default([]) }),
};
const goldenCase = { statement: z.string(), tolerance: z.number().positive().max(0.01) };
/** The golden input by formula: value[i] = ((i * multiplier) mod modulus) / (modulus - 1). */
const goldenPattern = { multiplier: z.int().positive(), modulus: z.int().min(2) };
const cells = z.int().min(1).max(256);
/** Outputs that all kinds have; `sliceLevel` is `[slice][level]`: how likely a slice cuts each of `levels`. */
const caseOutputs = {
  caseProbability: z.string(),
  sliceScore: z.string(),
  domainDistance: z.string(),
  sliceLevel: z.string().optional(),
  cam: z.string(),
};
const goldenScores = {
  caseProbability: fraction,
  sliceScores: z.array(fraction),
  domainDistances: z.array(z.number().min(0)),
  sliceLevels: z.array(z.array(fraction)).optional(),
};

/** An encoder of single slices and a classifier of their sequence. */
const sliceSequenceSchema = z.strictObject({
  ...common,
  kind: z.literal('slice-sequence'),
  files: z.strictObject({ sliceEncoder: packageFile, caseClassifier: packageFile }),
  input: z.strictObject({
    sizePixels: z.int().min(16).max(1024),
    cropRule: z.enum(['bone-in-body', 'largest-bone']),
    marginFraction: z.number().min(0).max(0.5),
    windowsHu: z.tuple([window, window, window]),
    featureLength: z.int().min(1).max(8192),
    camRows: cells,
    camColumns: cells,
  }),
  outputs: z.strictObject({ ...caseOutputs, feature: z.string(), imageProbability: z.string() }),
  golden: z.strictObject({
    ...goldenCase,
    encoder: z.strictObject({
      ...goldenPattern,
      featureHead: z.array(z.number()).min(1),
      featureMean: z.number(),
      imageProbability: fraction,
      camMaximum: z.number(),
      camMean: z.number(),
    }),
    classifier: z.strictObject({ sliceFactors: z.array(z.number()).min(1), ...goldenScores }),
  }),
});

/** One network over the whole scan. Its outputs are per row, each of which stands for `slicesPerRow` planes (ADR 0019). */
const volumeSchema = z.strictObject({
  ...common,
  kind: z.literal('volume'),
  files: z.strictObject({ volumeNetwork: packageFile }),
  input: z.strictObject({
    sizePixels: z.int().min(16).max(256),
    pixelSpacingMm: z.number().min(0.2).max(10),
    sliceSpacingMm: z.number().min(0.2).max(10),
    slicesPerRow: z.int().min(1).max(32),
    windowsHu: z.array(window).min(1).max(4),
    camRows: cells,
    camColumns: cells,
  }),
  outputs: z.strictObject(caseOutputs),
  golden: z.strictObject({
    ...goldenCase,
    ...goldenPattern,
    slices: z.int().min(1).max(256),
    ...goldenScores,
    camMaximum: z.number(),
    camMean: z.number(),
  }),
});

/** A localiser, crops around the spine and a classifier of their sequence, in one graph over the whole scan; a row is a plane (ADR 0026). */
const vertebraSequenceSchema = volumeSchema.extend({
  levels: common.levels.unwrap(),
  kind: z.literal('vertebra-sequence'),
  input: volumeSchema.shape.input.extend({
    slicesPerRow: z.literal(1),
    /** Side of a crop around the spine, pixels of a plane. */
    cropPixels: z.int().min(16).max(256),
    windowsHu: z.tuple([window]),
  }),
  outputs: z.strictObject({
    ...caseOutputs,
    sliceLevel: z.string(),
    /** `[row][row, column]`: the middle of the spine in a plane, pixels. */
    middle: z.string(),
    /** `[level]`: how likely each of `levels` is broken. */
    vertebraProbability: z.string(),
  }),
  golden: volumeSchema.shape.golden.extend({
    middles: z.array(z.array(z.number()).length(2)),
    vertebraProbabilities: z.array(fraction),
  }),
});

const KINDS = ['slice-sequence', 'volume', 'vertebra-sequence'] as const;

/** The manifest of a model package, `model.json`. Unknown keys are refused: in a newer manifest they may change the meaning of the rest. */
const modelCardSchema = z
  .discriminatedUnion('kind', [sliceSequenceSchema, volumeSchema, vertebraSequenceSchema], {
    error: ({ input }) =>
      `this version of Odontoid runs packages of the kinds ${new Intl.ListFormat('en').format(KINDS.map((name) => `"${name}"`))} only, not ${JSON.stringify((Object(input) as { kind?: unknown }).kind)}`,
  })
  .refine((card) => (card.levels === undefined) === (card.outputs.sliceLevel === undefined), {
    path: ['levels'],
    error: 'levels and outputs.sliceLevel come together',
  });

export type ModelCard = z.infer<typeof modelCardSchema>;
export type SliceSequenceCard = z.infer<typeof sliceSequenceSchema>;
export type VolumeCard = z.infer<typeof volumeSchema>;
export type VertebraSequenceCard = z.infer<typeof vertebraSequenceSchema>;

/** A package in which every byte matches its manifest. */
export interface ModelPackage<Card extends ModelCard = ModelCard> {
  card: Card;
  /** `sha256` covers the manifest's bytes, which contain the hash of every other file. */
  identity: ModelIdentity;
  defaultThreshold: number;
  /** The bytes of `model.json`. */
  manifest: Uint8Array;
  /** What the network gave the cases of its test, with the bytes of that file; null when the package does not bring it. */
  testScores: { scores: TestScores; bytes: Uint8Array } | null;
  /** By their names in the manifest's `files`. These are the bytes that were checked: nothing is read again after the check. */
  graphs: Readonly<Record<string, Uint8Array>>;
}

/** The same without the bytes of its graphs. */
export type CheckedPackage = Omit<ModelPackage, 'graphs'>;

/** Reads `model.json` alone. @throws TriageError `model-invalid` naming the key. */
async function readModelCard(dir: string): Promise<{ card: ModelCard; bytes: Uint8Array }> {
  let bytes: Uint8Array;
  let json: unknown;
  try {
    bytes = await readFile(path.join(dir, 'model.json'));
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new TriageError(
      'model-invalid',
      `No readable model package in ${dir}: ${messageOf(error)}. A package is a folder with a model.json.`,
      { cause: error },
    );
  }
  const parsed = modelCardSchema.safeParse(json, { error: validatorWords });
  if (!parsed.success) {
    const issues = parsed.error.issues
      .map((issue) => `${issue.path.join('.') || 'model.json'}: ${issue.message}`)
      .join('; ');
    throw new TriageError('model-invalid', `The manifest ${path.join(dir, 'model.json')} is not valid: ${issues}.`);
  }
  return { card: parsed.data, bytes };
}

/**
 * Loads a model package (a folder with `model.json` and the ONNX files that it names) and checks every file's size and hash.
 *
 * @throws TriageError `model-invalid` for a bad manifest or a missing file, `model-tampered` when bytes differ from what the manifest says.
 */
export async function loadModelPackage(dir: string): Promise<ModelPackage> {
  const read = await readModelCard(dir);
  const graphs = Object.fromEntries(
    await Promise.all(
      Object.entries(read.card.files).map(async ([name, file]) => [name, await readChecked(dir, file)] as const),
    ),
  );
  return { ...(await described(dir, read)), graphs };
}

/** Makes the same checks, piece by piece: no file is held in memory as a whole. @throws TriageError as `loadModelPackage` does */
export async function checkModelPackage(dir: string): Promise<CheckedPackage> {
  const read = await readModelCard(dir);
  for (const file of Object.values(read.card.files)) {
    const name = path.join(dir, file.path);
    const hash = createHash('sha256');
    let sizeBytes = 0;
    try {
      for await (const piece of createReadStream(name) as AsyncIterable<Buffer>) {
        hash.update(piece);
        sizeBytes += piece.length;
      }
    } catch (error) {
      throw unreadable(name, error);
    }
    if (sizeBytes !== file.sizeBytes || hash.digest('hex') !== file.sha256) throw tampered(name);
  }
  return described(dir, read);
}

async function described(
  dir: string,
  { card, bytes }: Awaited<ReturnType<typeof readModelCard>>,
): Promise<CheckedPackage> {
  const identity = { name: card.name, version: card.version, sha256: createHash('sha256').update(bytes).digest('hex') };
  const defaultThreshold = card.operatingPoints.find((point) => point.name === 'default')?.threshold;
  if (defaultThreshold === undefined)
    throw new TriageError('model-invalid', 'The manifest has no default operating point.');
  const testScores = await readTestScores(dir, identity.sha256);
  return { card, identity, defaultThreshold, manifest: bytes, testScores };
}

async function readChecked(dir: string, file: z.infer<typeof packageFile>): Promise<Uint8Array> {
  const name = path.join(dir, file.path);
  let bytes: Buffer<ArrayBuffer>;
  try {
    bytes = await readFile(name);
  } catch (error) {
    throw unreadable(name, error);
  }
  // Not on this thread: a network has a hundred megabytes, and other work would wait meanwhile.
  const digest = async (): Promise<string> =>
    Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('hex');
  if (bytes.length !== file.sizeBytes || (await digest()) !== file.sha256) throw tampered(name);
  return bytes;
}

const unreadable = (name: string, cause: unknown): TriageError =>
  new TriageError('model-invalid', `The model file ${name} cannot be read: ${messageOf(cause)}.`, { cause });

const tampered = (name: string): TriageError =>
  new TriageError(
    'model-tampered',
    `The model file ${name} is not the one that model.json describes. Restore the package from where you got it.`,
  );
