import { z } from 'zod';
import { decision, epochMs } from './worklistAnswer.ts';

const identity = z.strictObject({ name: z.string(), version: z.string(), sha256: z.string() });
const role = z.enum(['active', 'shadow']);
const estimate = z
  .strictObject({ value: z.number(), low: z.number(), high: z.number() })
  .describe('With its 95 % interval.');

export const modelActivation = z
  .strictObject({
    id: z.int(),
    role,
    model: identity.nullable().describe('Null: the role is to be empty.'),
    threshold: z
      .number()
      .nullable()
      .describe('Operating point that comes into force with it; null keeps the one in force.'),
    reason: z.string(),
    atMs: epochMs,
    by: z.string(),
    inUseAtMs: epochMs.nullable().describe('When the agent first had it serving; null until then.'),
    failure: z.string().nullable().describe('Why the agent could last not load it.'),
  })
  .meta({ id: 'ModelActivation' });
/** A decision about a role, and its outcome. */
export type ModelActivation = z.infer<typeof modelActivation>;

/** The known packages and decisions. */
export const modelBoard = z.strictObject({
  checkedAtMs: epochMs.nullable().describe('When the files were last checked; null while the first check runs.'),
  isChecking: z.boolean(),
  isDeciding: z.boolean().describe('A package is being checked before it is taken into use.'),
  wanted: z
    .strictObject({ active: identity.nullable(), shadow: identity.nullable() })
    .describe('What each role is to have.'),
  packages: z.array(
    z
      .strictObject({
        folder: z.string(),
        source: z.enum(['installed', 'configured', 'shipped']),
        state: z.enum(['verified', 'damaged']).describe('`verified`: every byte is as the manifest says.'),
        problem: z.string().nullable(),
        model: identity.nullable(),
        kind: z.string().nullable(),
        roles: z.array(role),
        shippedThreshold: z.number().nullable(),
        thresholdQuestion: z
          .strictObject({ inForce: z.number(), ownSources: z.array(z.string()) })
          .nullable()
          .describe('What the site has set for this name; an activation must say whether it is to hold.'),
      })
      .meta({ id: 'ModelPackage' }),
  ),
  history: z.array(modelActivation).describe('Newest first.'),
});

const serving = z.strictObject({
  model: identity.extend({ provider: z.string().nullable() }).nullable(),
  error: z.string().nullable(),
});

export const modelsAnswer = modelBoard
  .extend({
    nowMs: epochMs,
    secondPerson: z
      .boolean()
      .describe('A change of threshold takes two people; an activation then sets none of its own.'),
    serving: z.strictObject({ active: serving, shadow: serving.nullable() }).describe('What serves now.'),
  })
  .meta({ id: 'Models' });

export const modelCard = z
  .strictObject({
    model: identity,
    intendedUse: z.string(),
    licence: z.string(),
    kind: z.string(),
    sizeBytes: z.int(),
    trainingStatement: z.string(),
    trainingHistory: z.string().nullable(),
    deviations: z
      .array(z.strictObject({ name: z.string(), why: z.string() }))
      .describe('Where the training left the paper.'),
    operatingPoints: z.array(
      z.strictObject({ name: z.string(), threshold: z.number(), sensitivity: z.number(), specificity: z.number() }),
    ),
    calibrationMethod: z.string(),
    figuresStatement: z.string().nullable(),
    figures: z.array(
      z.strictObject({
        name: z.string(),
        of: z.string().describe('On which part of the cohort.'),
        value: z.number().nullable(),
        low: z.number().nullable(),
        high: z.number().nullable(),
        positives: z.number().nullable(),
        negatives: z.number().nullable(),
      }),
    ),
    domain: z.strictObject({
      output: z.string(),
      statistic: z.string(),
      limit: z.number(),
      unit: z.string(),
      statement: z.string().nullable(),
      anatomy: z.string().nullable().describe('What a scan must show to be scored at all.'),
    }),
  })
  .meta({ id: 'ModelCard' });

const byReaders = z.strictObject({
  sensitivity: estimate.nullable(),
  specificity: estimate.nullable(),
  auc: estimate.nullable(),
});
const said = z.strictObject({ decision, probability: z.number().nullable() });
const counts = z.record(z.string(), z.int());
const number = z.number().nullable();

export const modelComparison = z.strictObject({
  active: identity,
  shadow: identity,
  cases: z.int(),
  byEarlierPackages: z.int(),
  decisions: z.record(decision, z.record(decision, z.int())).describe('Rows: active; columns: shadow.'),
  agreement: z.strictObject({ cases: z.int(), share: estimate.nullable(), kappa: number }),
  flips: z.array(z.strictObject({ studyInstanceUid: z.string(), revision: z.int(), active: said, shadow: said })),
  scores: z.strictObject({
    cases: z.int(),
    pearson: number,
    spearman: number,
    meanDifference: number,
    standardDeviation: number,
    largestDifference: number,
  }),
  readers: z.strictObject({ positives: z.int(), negatives: z.int(), active: byReaders, shadow: byReaders }),
  notAnalysed: z.strictObject({ active: counts, shadow: counts }),
  failures: z.array(z.strictObject({ studyInstanceUid: z.string(), revision: z.int(), failure: z.string() })),
  secondsPerCase: z.strictObject({ active: number, shadow: number }),
});

const opens = { caseRef: z.string(), present: z.boolean().describe('It is still on the worklist.') };

export const comparisonAnswer = modelComparison
  .extend({
    flips: z.array(z.strictObject({ ...opens, active: said, shadow: said })),
    flipsTotal: z.int(),
    failures: z.array(z.strictObject({ ...opens, failure: z.string() })),
    failuresTotal: z.int(),
  })
  .meta({ id: 'ModelComparison' });

export type ModelsAnswer = z.infer<typeof modelsAnswer>;
export type ModelCardAnswer = z.infer<typeof modelCard>;
export type ComparisonAnswer = z.infer<typeof comparisonAnswer>;
