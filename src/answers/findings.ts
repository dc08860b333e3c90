import { z } from 'zod';
import { VERTEBRAE } from '../case/vertebrae.ts';
import { decision, epochMs, frameNumber, levels, modelIdentity, threshold } from './sharedShapes.ts';

export const sliceCrop = z
  .strictObject({
    // A half-open box in the oriented image (trained orientation), pixels.
    top: z.number(),
    left: z.number(),
    bottom: z.number(),
    right: z.number(),
    // How the stored matrix was turned into the trained orientation; steps apply in this order.
    transpose: z.boolean(),
    flipRows: z.boolean(),
    flipColumns: z.boolean(),
    rows: z.int().describe('Of the stored matrix.'),
    columns: z.int().describe('Of the stored matrix.'),
    fullFrame: z.boolean().describe('No bone was found, and the full frame was used.'),
  })
  .describe('The analysed field of a slice, and how it maps back to the stored pixel matrix.');

export const keySlice = z.strictObject({
  sopInstanceUid: z.string(),
  frameNumber,
  sliceIndex: z.int(),
  // Absent in findings from before they were kept.
  seriesNumber: z.int().nullable().exactOptional().describe('(0020,0011) of the analysed series.'),
  instanceNumber: z.int().nullable().exactOptional().describe('(0020,0013): what a PACS calls the image.'),
  score: z.number(),
  // Absent in findings from before networks named vertebrae.
  levels: levels
    .exactOptional()
    .describe(
      'The vertebrae that the slice cuts, from the skull down; where the network judges vertebrae, the suspected ones among them.',
    ),
  // Absent where the network does not know the middle of the spine, or responds on both sides of it.
  side: z.enum(['left', 'right']).exactOptional().describe('The side of the patient on which the network responded.'),
  // Class activation map, row by row.
  cam: z.array(z.number()),
  camRows: z.int(),
  camColumns: z.int(),
  crop: sliceCrop,
});

export const vertebraScore = z.strictObject({
  level: z.enum(VERTEBRAE),
  probability: z.number().describe('0 to 1.'),
});

export const coverage = z
  .strictObject({
    slices: z.int(),
    extentMm: z.number().describe('From the upper face of the first slice to the lower face of the last.'),
    levels: levels.describe('From the skull down; empty when the network names none.'),
    // Without a full stop; empty when nothing is known to be missing.
    remarks: z.array(z.string()).describe('What is incomplete, a sentence each.'),
  })
  .describe('How much of the neck was seen, and what is not whole.');

export const findings = z
  .strictObject({
    decision,
    reason: z
      .string()
      .nullable()
      .describe('Why it was not analysed, or what is missing from the scan; null when the whole scan was analysed.'),
    reasonCode: z
      .string()
      .nullable()
      .describe('For machines, such as `outside-domain` or `partial`; null when the whole scan was analysed.'),
    // Absent for cases that were not scored, and in findings from before it was recorded.
    coverage: coverage.exactOptional(),
    probability: z.number().nullable(),
    threshold: threshold.nullable(),
    domainDistance: z.number().nullable(),
    domainLimit: z.number().nullable(),
    slices: z
      .array(
        z.strictObject({
          sopInstanceUid: z.string(),
          frameNumber,
          score: z.number().describe('0 to 1, by the classifier of the whole scan.'),
          imageProbability: z.number().describe('0 to 1, from the image alone.'),
        }),
      )
      .describe('In the order of the slices, superior first; empty when not analysed.'),
    // Absent where the network judges no single vertebrae.
    vertebrae: z
      .array(vertebraScore)
      .exactOptional()
      .describe('How likely each vertebra that the scan shows is broken, from the skull down.'),
    keySlices: z.array(keySlice).describe('Best first. Only suspected cases have some.'),
    model: modelIdentity,
    provider: z.string(),
    // Written into report headers, and kept so that a re-run writes the same bytes.
    analysedAtMs: epochMs,
    seconds: z.record(z.string(), z.number()).describe('Durations by step.'),
  })
  .meta({ id: 'Findings' });

export const seriesVerdict = z
  .strictObject({
    seriesInstanceUid: z.string(),
    seriesNumber: z.int().nullable(),
    seriesDescription: z.string(),
    modality: z.string(),
    instances: z.int().describe('Images: each frame of a multi-frame object counts.'),
    eligible: z.boolean(),
    chosen: z.boolean().describe('True only for the series that is analysed.'),
    code: z.string().describe('Of the rule that decided.'),
    reason: z.string().describe('The same, for people.'),
  })
  .meta({ id: 'SeriesVerdict', description: 'Why a series is or is not analysed.' });
