import { z } from 'zod';
import { epochMs, estimate, modelIdentity } from './sharedShapes.ts';

const sourceAeTitle = z.string().describe('Calling AE title; empty for the whole site.');

const thresholdVersion = z
  .strictObject({
    version: z.int(),
    sourceAeTitle,
    mode: z
      .enum(['on', 'stopped', 'follows-site'])
      .describe('`stopped`: no scan is flagged. `follows-site`: the source has no threshold of its own.'),
    value: z.number(),
    reason: z.string(),
    atMs: epochMs,
    by: z.string(),
    approvedBy: z.string().nullable().describe('The second person, where the site asks for one.'),
    reverts: z.int().nullable().describe('The version that this one takes back.'),
  })
  .meta({ id: 'ThresholdVersion' });
/** One version of a threshold, as the history shows it. */
export type ThresholdVersion = z.infer<typeof thresholdVersion>;

const proportion = z
  .strictObject({
    hits: z.int(),
    total: z.int(),
    estimate: estimate.nullable().describe('Null where there are too few cases for a percentage.'),
    standing: z
      .enum(['shown', 'uncertain', 'counts-only', 'unverified'])
      .describe(
        '`uncertain`: the interval is wider than 20 points. `unverified`: of the scans that were flagged, or of those that were not, no truth is known.',
      ),
  })
  .meta({ id: 'Proportion' });
/** Counts of scans with known truth; then the share (0 to 1) as if every scan were verified, with its 95 % interval, where there are enough cases to give one. */
export type Proportion = z.infer<typeof proportion>;

const flagLoad = z.strictObject({
  // Whole days that were counted.
  days: z.int(),
  mean: z.number(),
  median: z.number(),
  p95: z.number(),
  // Mean a day for each hour 0..23 of the site's own time.
  byHour: z.array(z.number()).length(24),
});
/** How many flags a day the readers get. */
export type FlagLoad = z.infer<typeof flagLoad>;

const ruleFigures = z
  .strictObject({
    flags: z.int(),
    load: flagLoad.nullable(),
    sensitivity: proportion,
    specificity: proportion,
    ppv: proportion,
  })
  .meta({ id: 'RuleFigures' });
/** What a rule does on the past scans. */
export type RuleFigures = z.infer<typeof ruleFigures>;

const known = z.strictObject({ known: z.int(), total: z.int() });
const rule = z.strictObject({
  site: z.number().nullable().describe('Null: AI flags are stopped.'),
  bySource: z.record(z.string(), z.number().nullable()),
});
/** Operating points in force: one for the site, and others for sources that have their own. Null: AI flags are stopped, for the site everywhere. */
export type ThresholdRule = z.infer<typeof rule>;

const bandPoint = z.strictObject({
  threshold: z.number(),
  x: z.number(),
  y: z.number(),
  // Pointwise 95 % interval of y.
  band: z.strictObject({ low: z.number(), high: z.number() }),
});
const scoreCurves = z
  .strictObject({
    // Shares of `binWidth`; scans without confirmed truth are counted apart.
    histogram: z.strictObject({
      binWidth: z.number(),
      fracture: z.array(z.int()),
      withoutFracture: z.array(z.int()),
      unconfirmed: z.array(z.int()),
    }),
    // Every confirmed fracture, ascending.
    fractureScores: z.array(z.number()),
    byThreshold: z.array(
      z.strictObject({ threshold: z.number(), sensitivity: proportion, specificity: proportion, ppv: proportion }),
    ),
    // x is 1 - specificity, y sensitivity. Empty with under ten fractures or others.
    roc: z.array(bandPoint),
    rocAuc: estimate.nullable(),
    // x is sensitivity, y PPV. Empty with under ten fractures or others.
    precisionRecall: z.array(bandPoint),
  })
  .meta({ id: 'ScoreCurves' });
/** What the stored scores look like against confirmed truth. */
export type ScoreCurves = z.infer<typeof scoreCurves>;

const proofUnder = z
  .strictObject({
    state: z
      .enum(['flagged', 'not-flagged', 'running', 'missing'])
      .describe('`missing`: no proof of life of the last 24 hours has a score of this network.'),
    score: z.number().nullable(),
    threshold: z.number().nullable().describe('What the request would judge it by; null without a score.'),
    atMs: epochMs.nullable().describe('When that proof of life ended.'),
  })
  .meta({ id: 'ProofUnder' });
/** How the synthetic fracture of the proof of life would be judged under a requested threshold. */
export type ProofUnderAnswer = z.infer<typeof proofUnder>;

const testFlags = z.strictObject({ fractures: z.int(), others: z.int() });
const networkTest = z
  .strictObject({
    of: z.string().describe('What the cases are, for example `synthetic phantoms`.'),
    fractures: z.int(),
    others: z.int().describe('Cases without a fracture.'),
    flaggedNow: testFlags,
    flaggedProposed: testFlags,
  })
  .meta({ id: 'NetworkTest' });
/** What both thresholds make of the test that came with the network. */
export type NetworkTest = z.infer<typeof networkTest>;

/** The threshold page before anything is proposed. */
export const thresholdBoard = z
  .strictObject({
    nowMs: epochMs,
    model: modelIdentity.nullable().describe('Null while no network is loaded: then nothing else is told.'),
    secondPerson: z.boolean().describe('A change takes two people.'),
    rule,
    inForce: z.array(thresholdVersion),
    history: z.array(thresholdVersion).describe('Newest first.'),
    recentChange: thresholdVersion.nullable().describe('The newest change of the last 24 hours.'),
    draft: z
      .strictObject({
        id: z.int(),
        sourceAeTitle,
        value: z.number().nullable().describe('Null: the source is to follow the site.'),
        reason: z.string(),
        atMs: epochMs,
        by: z.string(),
        expiresAtMs: epochMs,
        lostFractures: z.array(z.strictObject({ caseRef: z.string(), openedByMe: z.boolean(), present: z.boolean() })),
        awaitsSecondPerson: z.boolean(),
        proof: proofUnder
          .nullable()
          .describe('Null where no flag is expected of a proof of life (`proofOfLife.expect`).'),
        mine: z.boolean(),
      })
      .nullable(),
    lastClosed: z
      .strictObject({
        id: z.int(),
        outcome: z.enum(['withdrawn', 'expired', 'data-changed', 'threshold-changed']),
        atMs: epochMs,
        by: z.string().nullable(),
      })
      .nullable(),
    scans: z.int(),
    fractures: z.int().describe('With confirmed truth.'),
    withoutFracture: z.int(),
    unconfirmed: z.int(),
    firstMs: epochMs.nullable(),
    lastMs: epochMs.nullable(),
    sources: z.array(z.strictObject({ name: z.string(), scans: z.int() })),
    curves: scoreCurves,
  })
  .meta({ id: 'ThresholdBoard' });
export type ThresholdBoardAnswer = z.infer<typeof thresholdBoard>;

const flip = z
  .strictObject({
    caseRef: z.string(),
    score: z.number(),
    fracture: z.boolean().nullable(),
    sourceAeTitle: z.string(),
    arrivedAtMs: epochMs,
    // What the proposed rule does with it: `gained` flags it, `lost` no longer does.
    change: z.enum(['gained', 'lost']),
    present: z.boolean().describe('False once retention has removed the case.'),
  })
  .meta({ id: 'Flip' });
/** A past scan that the two rules judge differently. */
export type FlipAnswer = z.infer<typeof flip>;

// Intervals are 95 % by bootstrap over days of arrival.
const waits = z.strictObject({
  scans: z.int(),
  meanMs: estimate.nullable(),
  p95Ms: estimate.nullable(),
  maxMs: z.number().nullable(),
});
// Each group holds the same scans under both rules. `lostFractures` would no longer be flagged, `gainedFractures` would be: both are part of `fractures`.
const waitsByGroup = z.strictObject({
  fractures: waits,
  lostFractures: waits,
  gainedFractures: waits,
  others: waits,
});
/** Waits of each group of scans under one rule, milliseconds. */
export type WaitsByGroup = z.infer<typeof waitsByGroup>;

const queue = z
  .strictObject({
    // Scans that were replayed: those that somebody marked as read.
    scans: z.int(),
    days: z.int(),
    maxWaitMinutes: z.number(),
    everyKth: z
      .strictObject({ now: z.int(), proposed: z.int() })
      .describe('While flags wait, every k-th place goes to the longest waiting past the cap: k under each threshold.'),
    now: waitsByGroup,
    proposed: waitsByGroup,
  })
  .meta({ id: 'QueueComparison' });
/** Both rules on the same arrivals and the same reading times. */
export type QueueAnswer = z.infer<typeof queue>;

/** What a proposal would have done on past scans. */
export const whatIfAnswer = z
  .strictObject({
    scans: z.int(),
    fractures: z.int(),
    withoutFracture: z.int(),
    unconfirmed: z.int(),
    // Known truth among what was flagged when it arrived and what was not: the shares are weighted by it.
    truthKnown: z.strictObject({ flagged: known, unflagged: known }),
    toVerify: z
      .strictObject({ scans: z.int(), points: z.int() })
      .describe(
        'So many more unflagged scans with a verdict, chosen at random, and sensitivity is known to within so many points.',
      ),
    // Net benefit rests on days on which nearly every scan has known truth.
    consecutive: z.strictObject({ scans: z.int(), fractures: z.int() }),
    now: ruleFigures,
    proposed: ruleFigures,
    fracturesGained: z.int(),
    fracturesLost: z.int(),
    flips: z.array(flip).describe('Confirmed fractures first; 500 at the most.'),
    flipsTotal: z.int(),
    // Net benefit weighs false flags by the odds of the threshold, so it means something only where a score of 0.3 is right three times in ten.
    // Net true positives per scan; `flagAll` is what flagging every scan would give, flagging none gives 0.
    netBenefit: z.discriminatedUnion('shown', [
      z.strictObject({ shown: z.literal(false), why: z.enum(['too-few', 'not-calibrated']) }),
      z.strictObject({ shown: z.literal(true), now: z.number(), proposed: z.number(), flagAll: z.number() }),
    ]),
    subgroups: z.array(
      z.strictObject({
        kind: z.enum(['source', 'scanner']),
        name: z.string(),
        scans: z.int(),
        fractures: z.int(),
        now: ruleFigures,
        proposed: ruleFigures,
      }),
    ),
    networkTest: networkTest.nullable().describe('Null for a package that brings no scores of its test.'),
    queue,
    neverRead: z.int().describe('Scans of that time that nobody marked as read; the queue is replayed without them.'),
  })
  .meta({ id: 'WhatIf' });
export type WhatIfAnswer = z.infer<typeof whatIfAnswer>;
