import { z } from 'zod';
import { keySlice } from '../answers/findings.ts';

const fraction = z.number().min(0).max(1);

const localisationSchema = z.strictObject({
  /** Key slices, best first: whether the slice has a fracture. */
  keySliceHits: z.array(z.boolean()),
  /** Whether the hottest cell of the best key slice's heatmap touches the truth; false when the slice has no mark, null when the truth has no pixels. */
  hotspotInMask: z.boolean().nullable(),
  /** From the middle of that cell to the nearest marked pixel of the slice. */
  hotspotDistanceMm: z.number().min(0).nullable(),
  /** Width of a cell. */
  cellMm: z.number().min(0).nullable(),
  /** Share of that heatmap's cells that touch the truth: the hit rate of a random guess on the same slice. */
  chance: fraction.nullable(),
});

/** The agent's result for a labelled case, independent of any threshold applied afterwards. */
export const judgedCaseSchema = z.strictObject({
  id: z.string().min(1),
  /** The person: scans of one patient resemble each other. */
  patientKey: z.string().min(1),
  label: z.boolean(),
  /** Null: not analysed, for `reason`. */
  probability: fraction.nullable(),
  reason: z.string().nullable(),
  sex: z.enum(['F', 'M']).nullable(),
  ageYears: z.number().nullable(),
  levels: z.array(z.string()),
  types: z.array(z.string()),
  grade: z.string().nullable(),
  /** Manufacturer and model; null when the images do not say. */
  scanner: z.string().nullable(),
  /** ConvolutionKernel and SliceThickness of the analysed series; null when it does not say, or when there is none. */
  kernel: z.string().nullable(),
  sliceThicknessMm: z.number().nullable(),
  /** By slice, superior to inferior; empty when not analysed. A label of null: truth not known. */
  sliceLabels: z.array(z.boolean().nullable()),
  imageProbabilities: z.array(fraction),
  sliceScores: z.array(fraction),
  /** Of positive cases whose truth is known by slice. */
  localisation: localisationSchema.nullable(),
  /** The best key slice, for a picture, with its file relative to the case's folder; null when not analysed. */
  bestKeySlice: keySlice.extend({ file: z.string() }).nullable(),
});

export type JudgedCase = z.infer<typeof judgedCaseSchema>;
export type Localisation = z.infer<typeof localisationSchema>;
