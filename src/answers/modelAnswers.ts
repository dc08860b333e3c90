import { z } from 'zod';
import { decision, epochMs, estimate, modelIdentity as identity } from './sharedShapes.ts';

const role = z.enum(['active', 'shadow']);

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
    approvedBy: z.string().nullable().describe('Who signed second, where the package was never validated here.'),
    inUseAtMs: epochMs.nullable().describe('When the agent first had it serving; null until then.'),
    failure: z.string().nullable().describe('Why the agent could last not load it.'),
  })
  .meta({ id: 'ModelActivation' });
/** A decision about a role, and its outcome. */
export type ModelActivation = z.infer<typeof modelActivation>;

const modelValidation = z
  .strictObject({
    id: z.int(),
    model: identity,
    dataset: z.string().describe('What the cases were: a folder, or the site’s own cases with verdicts.'),
    kind: z.enum(['folder', 'rsna-2022', 'cspine-ct', 'site']),
    synthetic: z.boolean().describe('The cases were phantoms, which say nothing of this site’s patients.'),
    atMs: epochMs,
    by: z.string(),
    cases: z.int(),
    patients: z.int(),
    positives: z.int().describe('Analysed cases with a fracture.'),
    negatives: z.int().describe('Analysed cases without one.'),
    threshold: z.number(),
    figures: z
      .strictObject({
        analysed: estimate.nullable(),
        sensitivity: estimate.nullable(),
        specificity: estimate.nullable(),
        auc: estimate.nullable(),
        inTheLarge: estimate.nullable().describe('Calibration in the large, on the logit scale: 0 is right.'),
        slope: estimate.nullable().describe('Calibration slope: 1 is right.'),
      })
      .describe('With 95 % intervals; null where the cases do not define one.'),
    suffices: z.boolean().describe('It counts as a validation here: no phantoms, and enough cases of both classes.'),
  })
  .meta({ id: 'ModelValidation' });
/** One recorded local validation of a package. */
export type ModelValidation = z.infer<typeof modelValidation>;

const thresholdQuestion = z.strictObject({
  inForce: z.number(),
  ownSources: z.array(z.string()).describe('Sources with a threshold of their own.'),
});
/** What the site has set for a model, which a new version must not drop silently. */
export type ThresholdQuestion = z.infer<typeof thresholdQuestion>;

const modelBoard = z.strictObject({
  checkedAtMs: epochMs.nullable().describe('When the files were last checked; null while the first check runs.'),
  isChecking: z.boolean().describe('Files have changed, or the last check is old.'),
  isDeciding: z.boolean().describe('A package is being checked before it is installed or taken into use.'),
  mostUploadBytes: z.int().describe('Largest package that is installed through this API; 0: none.'),
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
        removable: z.boolean().describe('Installed, and neither in use nor what the agent would go back to.'),
        shippedThreshold: z.number().nullable(),
        thresholdQuestion: thresholdQuestion
          .nullable()
          .describe('What the site has set for this name; an activation must say whether it is to hold.'),
        validation: modelValidation
          .nullable()
          .describe(
            'The newest validation here that suffices, else the newest; null when there was none. Without one that suffices an activation takes a second signature.',
          ),
      })
      .meta({ id: 'ModelPackage' }),
  ),
  history: z.array(modelActivation).describe('Newest first.'),
});
/** The known packages and decisions. */
export type ModelBoard = z.infer<typeof modelBoard>;

export const installedModel = z
  .strictObject({ model: identity, wasThere: z.boolean().describe('It was installed before; nothing has changed.') })
  .meta({ id: 'InstalledModel' });
/** A package that was uploaded and has passed its check. */
export type InstalledModel = z.infer<typeof installedModel>;

export const networkAnswer = z
  .strictObject({
    model: identity.nullable().describe('The network that judges now; null when none does.'),
    validatedAtMs: epochMs.nullable().describe('When it was last validated at this site; null when never.'),
  })
  .meta({ id: 'NetworkInUse' });
/** What every screen says of the network that judges. */
export type NetworkAnswer = z.infer<typeof networkAnswer>;

const usedGroup = {
  scans: z.int(),
  notAnalysed: z.int(),
  flagged: z.int().describe('Of the analysed ones.'),
  scores: z
    .strictObject({ lower: z.number(), median: z.number(), upper: z.number() })
    .nullable()
    .describe('Quartiles of the probabilities; null without an analysed scan.'),
  agreeing: z.int().describe('Flagged with a confirmed fracture, or not flagged with none.'),
  confirmed: z.int().describe('Analysed scans whose truth readers have confirmed.'),
};

export const modelUseAnswer = z
  .strictObject({
    sinceMs: epochMs.nullable().describe('When the active package came into use; null: every scan on record.'),
    weeks: z
      .array(
        z.strictObject({
          startsAtMs: epochMs.describe('Monday, 0:00 local time.'),
          ...usedGroup,
          byScanner: z.array(z.strictObject({ scanner: z.string(), ...usedGroup })),
        }),
      )
      .describe('Oldest first; the last one may not be over.'),
    drift: z
      .array(
        z.strictObject({
          share: z.enum(['notAnalysed', 'flagged']),
          reference: z.strictObject({ hits: z.int(), of: z.int() }),
          recent: z.strictObject({ hits: z.int(), of: z.int() }),
          p: z.number().describe('Two-sided, Fisher’s exact test.'),
        }),
      )
      .describe('Shares of the last four whole weeks that differ from those of the first four by more than chance.'),
  })
  .meta({ id: 'ModelUse' });
/** The active package in use, week by week. */
export type ModelUse = z.infer<typeof modelUseAnswer>;

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
    secondSignature: z
      .enum(['name', 'password', 'command-line'])
      .describe(
        'How a second person signs here: by name (nobody signs in), with a password, or not on this page (identity provider).',
      ),
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
      texture: z.string().nullable().describe('How a scan must be reconstructed to be scored at all.'),
    }),
  })
  .meta({ id: 'ModelCard' });

const byReaders = z
  .strictObject({ sensitivity: estimate.nullable(), specificity: estimate.nullable(), auc: estimate.nullable() })
  .describe('Wilson’s and DeLong’s intervals; null where there are too few.');
/** How a package performs by the readers' verdicts. */
export type AgainstReaders = z.infer<typeof byReaders>;
const said = z.strictObject({ decision, probability: z.number().nullable() });
const counts = z.record(z.string(), z.int());
const number = z.number().nullable();

const modelComparison = z.strictObject({
  active: identity,
  shadow: identity,
  cases: z.int().describe('Judged by the active package, and scored by the shadow or failed there.'),
  byEarlierPackages: z.int().describe('Judged by an earlier active package: these are not compared.'),
  decisions: z.record(decision, z.record(decision, z.int())).describe('Rows: active; columns: shadow.'),
  agreement: z
    .strictObject({
      cases: z.int(),
      share: estimate.nullable().describe('0 to 1, with Wilson’s interval; null without cases.'),
      kappa: number.describe('Cohen’s; null where one of them always decides the same.'),
    })
    .describe('Over the cases that both gave a number to.'),
  flips: z
    .array(z.strictObject({ studyInstanceUid: z.string(), revision: z.int(), active: said, shadow: said }))
    .describe('Cases on which the two decide differently.'),
  scores: z.strictObject({
    cases: z.int(),
    pearson: number,
    spearman: number,
    meanDifference: number.describe('Shadow minus active.'),
    standardDeviation: number.describe('Of the differences.'),
    largestDifference: number,
  }),
  readers: z
    .strictObject({ positives: z.int(), negatives: z.int(), active: byReaders, shadow: byReaders })
    .describe(
      'By the readers’ verdicts, on cases that both gave a number to. Readers judge the result of the active one.',
    ),
  notAnalysed: z.strictObject({ active: counts, shadow: counts }),
  failures: z.array(z.strictObject({ studyInstanceUid: z.string(), revision: z.int(), failure: z.string() })),
  secondsPerCase: z
    .strictObject({ active: number, shadow: number })
    .describe('Medians. Slices that the active package encoded on arrival are not included in its own.'),
});
/** The active package and its shadow on the site's own cases. */
export type ModelComparison = z.infer<typeof modelComparison>;

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
