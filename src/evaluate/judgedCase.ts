import { z } from 'zod';

const fraction = z.number().min(0).max(1);

const localisationSchema = z.strictObject({
  /** Key slices, best first: does the slice have a fracture. */
  keySliceHits: z.array(z.boolean()),
  /** Does the hottest cell of the best key slice's heatmap touch the truth; false when nothing of that slice is marked, null when the truth has no pixels. */
  hotspotInMask: z.boolean().nullable(),
  /** From the middle of that cell to the nearest marked pixel of the slice. */
  hotspotDistanceMm: z.number().min(0).nullable(),
  /** Width of a cell. */
  cellMm: z.number().min(0).nullable(),
  /** Share of that heatmap's cells that touch the truth: what a blind guess on the same slice would hit. */
  chance: fraction.nullable(),
});

/** What the agent said of a labelled case, whatever threshold is asked for afterwards. */
export const judgedCaseSchema = z.strictObject({
  id: z.string().min(1),
  label: z.boolean(),
  /** Null: not analysed, for `reason`. */
  probability: fraction.nullable(),
  reason: z.string().nullable(),
  sex: z.enum(['F', 'M']).nullable(),
  ageYears: z.number().nullable(),
  levels: z.array(z.string()),
  types: z.array(z.string()),
  grade: z.string().nullable(),
  /** By slice, superior to inferior; empty when not analysed. A label of null: truth not known. */
  sliceLabels: z.array(z.boolean().nullable()),
  imageProbabilities: z.array(fraction),
  sliceScores: z.array(fraction),
  /** Of positive cases whose truth is known by slice. */
  localisation: localisationSchema.nullable(),
});

export type JudgedCase = z.infer<typeof judgedCaseSchema>;
export type Localisation = z.infer<typeof localisationSchema>;
