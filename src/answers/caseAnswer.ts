import { z } from 'zod';
import type { Findings } from '../case/case.ts';
import { caseState, epochMs, levels, rowDelivery, threshold, worklistRow } from './worklistAnswer.ts';

const crop = z.strictObject({
  top: z.number(),
  left: z.number(),
  bottom: z.number(),
  right: z.number(),
  transpose: z.boolean(),
  flipRows: z.boolean(),
  flipColumns: z.boolean(),
  rows: z.int(),
  columns: z.int(),
  fullFrame: z.boolean(),
});

const keySlice = z.strictObject({
  sopInstanceUid: z.string(),
  sliceIndex: z.int(),
  score: z.number(),
  levels: levels.exactOptional(),
  cam: z.array(z.number()),
  camRows: z.int(),
  camColumns: z.int(),
  crop,
});

const findings = z
  .strictObject({
    decision: z.enum(['suspected', 'not-suspected', 'not-analysed']),
    reason: z.string().nullable(),
    reasonCode: z.string().nullable(),
    probability: z.number().nullable(),
    threshold: threshold.nullable(),
    domainDistance: z.number().nullable(),
    domainLimit: z.number().nullable(),
    slices: z.array(z.strictObject({ sopInstanceUid: z.string(), score: z.number(), imageProbability: z.number() })),
    keySlices: z.array(keySlice),
    model: z.strictObject({ name: z.string(), version: z.string(), sha256: z.string() }),
    provider: z.string(),
    analysedAtMs: epochMs,
    seconds: z.record(z.string(), z.number()),
    coverage: z
      .strictObject({ slices: z.int(), extentMm: z.number(), levels, remarks: z.array(z.string()) })
      .exactOptional()
      .describe('How much of the neck was seen, and what is not whole.'),
  })
  .meta({ id: 'Findings' }) satisfies z.ZodType<Findings>;

const seriesVerdict = z
  .strictObject({
    seriesInstanceUid: z.string(),
    seriesNumber: z.int().nullable(),
    seriesDescription: z.string(),
    modality: z.string(),
    instances: z.int(),
    eligible: z.boolean(),
    chosen: z.boolean(),
    code: z.string(),
    reason: z.string(),
  })
  .meta({ id: 'SeriesVerdict', description: 'Why a series is or is not analysed.' });

export const caseAnswer = z
  .strictObject({
    row: worklistRow,
    series: z.array(seriesVerdict).describe('Empty until assembled.'),
    findings: findings.nullable().describe('Without slices and key slices at a triage-only site.'),
    triageOnly: z.boolean().describe('The site shows neither heatmaps nor slice scores.'),
    viewerTemplate: z.string().nullable().describe('Address of the site’s viewer, with placeholders.'),
    volume: z
      .strictObject({
        rows: z.int(),
        columns: z.int(),
        pixelSpacingMm: z.tuple([z.number(), z.number()]).describe('Between rows, between columns.'),
        sliceSpacingMm: z.number(),
        positionsMm: z.array(z.number()).describe('Of each slice, superior first.'),
        gaps: z.array(z.strictObject({ afterSliceIndex: z.int(), missingSlices: z.int() })),
        instanceNumbers: z
          .array(z.int().nullable())
          .describe('What a PACS calls each slice (0020,0013); null where the header has none.'),
      })
      .nullable()
      .describe(
        'Geometry of the analysed series, oriented: rows front to back, columns from the patient’s right to left.',
      ),
    instances: z.strictObject({ received: z.int(), setAside: z.int(), ownResults: z.int() }),
    views: z
      .array(z.strictObject({ atMs: epochMs, by: z.string() }))
      .describe('Who has opened it, newest first: once for each person and ten minutes.'),
    results: z.array(
      z.strictObject({
        sopInstanceUid: z.string(),
        seriesInstanceUid: z.string(),
        kind: z.enum(['sr', 'sc']),
        revision: z.int(),
        deliveries: z.array(rowDelivery),
      }),
    ),
    events: z.array(
      z.strictObject({
        atMs: epochMs,
        revision: z.int(),
        type: z.string(),
        from: caseState.nullable(),
        to: caseState,
        actor: z.string(),
        detail: z.record(z.string(), z.unknown()),
      }),
    ),
  })
  .meta({ id: 'Case' });

export const previewAnswer = z
  .strictObject({
    rows: z.int(),
    columns: z.int(),
    hu: z
      .base64()
      .describe('Hounsfield units, little-endian int16, rows front to back, columns from the patient’s right to left.'),
    keySlice,
  })
  .meta({ id: 'Preview' });
