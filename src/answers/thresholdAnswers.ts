import { z } from 'zod';
import type { ScoreCurves } from '../thresholds/scoreCurves.ts';
import type { QueueComparison } from '../thresholds/queueComparison.ts';
import type { WhatIf } from '../thresholds/whatIf.ts';
import { epochMs } from './worklistAnswer.ts';

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

const estimate = z
  .strictObject({ value: z.number(), low: z.number(), high: z.number() })
  .meta({ id: 'Estimate', description: 'With its 95 % interval.' });
const proportion = z
  .strictObject({
    hits: z.int(),
    total: z.int(),
    estimate: estimate.nullable().describe('Null where there are too few cases for a percentage.'),
    standing: z
      .enum(['shown', 'uncertain', 'counts-only'])
      .describe('`uncertain`: the interval is wider than 20 points.'),
  })
  .meta({ id: 'Proportion' });
const flagLoad = z.strictObject({
  days: z.int(),
  mean: z.number(),
  median: z.number(),
  p95: z.number(),
  byHour: z.array(z.number()).length(24),
});
const ruleFigures = z
  .strictObject({
    flags: z.int(),
    load: flagLoad.nullable(),
    sensitivity: proportion,
    specificity: proportion,
    ppv: proportion.describe('On consecutive scans only.'),
  })
  .meta({ id: 'RuleFigures' });
const known = z.strictObject({ known: z.int(), total: z.int() });
const rule = z.strictObject({
  site: z.number().nullable().describe('Null: AI flags are stopped.'),
  bySource: z.record(z.string(), z.number().nullable()),
});

const bandPoint = z.strictObject({
  threshold: z.number(),
  x: z.number(),
  y: z.number(),
  band: z.strictObject({ low: z.number(), high: z.number() }),
});
const scoreCurves = z
  .strictObject({
    histogram: z.strictObject({
      binWidth: z.number(),
      fracture: z.array(z.int()),
      withoutFracture: z.array(z.int()),
      unconfirmed: z.array(z.int()),
    }),
    fractureScores: z.array(z.number()),
    byThreshold: z.array(
      z.strictObject({ threshold: z.number(), sensitivity: proportion, specificity: proportion, ppv: proportion }),
    ),
    roc: z.array(bandPoint),
    rocAuc: estimate.nullable(),
    precisionRecall: z.array(bandPoint),
  })
  .meta({ id: 'ScoreCurves' }) satisfies z.ZodType<ScoreCurves>;

/** The threshold page before anything is proposed. */
export const thresholdBoard = z
  .strictObject({
    nowMs: epochMs,
    model: z
      .strictObject({ name: z.string(), version: z.string(), sha256: z.string() })
      .nullable()
      .describe('Null while no network is loaded: then nothing else is told.'),
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
    change: z.enum(['gained', 'lost']),
    present: z.boolean().describe('False once retention has removed the case.'),
  })
  .meta({ id: 'Flip' });
const waits = z.strictObject({
  scans: z.int(),
  meanMs: estimate.nullable(),
  p95Ms: estimate.nullable(),
  maxMs: z.number().nullable(),
});
const waitsByGroup = z.strictObject({
  fractures: waits,
  flaggedFractures: waits,
  missedFractures: waits,
  others: waits,
});
const queue = z
  .strictObject({
    scans: z.int(),
    days: z.int(),
    maxWaitMinutes: z.number(),
    everyKth: z
      .strictObject({ now: z.int(), proposed: z.int() })
      .describe('While flags wait, every k-th place goes to the longest waiting past the cap: k under each threshold.'),
    now: waitsByGroup,
    proposed: waitsByGroup,
  })
  .meta({ id: 'QueueComparison' }) satisfies z.ZodType<QueueComparison & { maxWaitMinutes: number }>;

/** What a proposal would have done on past scans. */
export const whatIfAnswer = z
  .strictObject({
    scans: z.int(),
    fractures: z.int(),
    withoutFracture: z.int(),
    unconfirmed: z.int(),
    truthKnown: z.strictObject({ flagged: known, unflagged: known }),
    consecutive: z.strictObject({ scans: z.int(), fractures: z.int() }),
    now: ruleFigures,
    proposed: ruleFigures,
    fracturesGained: z.int(),
    fracturesLost: z.int(),
    flips: z.array(flip).describe('Confirmed fractures first; 500 at the most.'),
    flipsTotal: z.int(),
    netBenefit: z.discriminatedUnion('shown', [
      z.strictObject({ shown: z.literal(false), why: z.enum(['too-few', 'not-calibrated']) }),
      z.strictObject({ shown: z.literal(true), now: z.number(), proposed: z.number(), flagAll: z.number() }),
    ]) satisfies z.ZodType<WhatIf['netBenefit']>,
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
    queue,
    neverRead: z.int().describe('Scans of that time that nobody marked as read; the queue is replayed without them.'),
  })
  .meta({ id: 'WhatIf' });
export type WhatIfAnswer = z.infer<typeof whatIfAnswer>;
