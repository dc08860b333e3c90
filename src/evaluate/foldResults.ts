import { z } from 'zod';
import { TriageError } from '../base/errors.ts';
import { validatorWords } from '../base/validatorWords.ts';

const truth = z.union([z.boolean(), z.literal(0), z.literal(1)]).transform((value) => value === true || value === 1);
const fraction = z.number().min(0).max(1);

const foldCaseSchema = z
  .strictObject({
    id: z.string().min(1),
    patient: z.string().min(1).optional(),
    /** Validation cases choose the threshold and count in no table. */
    split: z.enum(['test', 'validation']).default('test'),
    label: truth,
    score: fraction,
    levels: z.array(z.string()).default([]),
    types: z.array(z.string()).default([]),
    grade: z.string().nullable().default(null),
    /** Truth of each image, superior to inferior; null: not known. */
    sliceLabels: z.array(truth.nullable()).default([]),
    /** Probability of each image by stage 1. */
    sliceScores: z.array(fraction).default([]),
  })
  .refine(({ sliceLabels, sliceScores }) => sliceLabels.length === sliceScores.length, {
    message: 'sliceLabels and sliceScores differ in length',
  });

const foldResultsSchema = z
  .strictObject({
    schema: z.literal(1),
    kind: z.literal('fold-results'),
    /** What was tried; files with the same variant and units belong together. */
    variant: z.string().regex(/^[a-z0-9.-]+$/),
    title: z.string().min(1).optional(),
    /** Of the BLSTM, a direction; null for a head without one. */
    units: z.int().min(1).nullable(),
    fold: z.int().min(1),
    folds: z.int().min(2),
    seed: z.int().optional(),
    command: z.string().default(''),
    cases: z.array(foldCaseSchema).min(1),
  })
  .refine(({ fold, folds }) => fold <= folds, { message: 'fold is beyond folds' })
  .refine(({ cases }) => new Set(cases.map(({ id }) => id)).size === cases.length, { message: 'a case is there twice' })
  .refine(({ cases }) => cases.some(({ split }) => split === 'test'), { message: 'no case of it is tested' });

/** The results of one variant on one fold: one file, written by `training/crossval` (docs/evaluation.md has the format). */
export type FoldResults = z.infer<typeof foldResultsSchema>;
export type FoldCase = FoldResults['cases'][number];

/** @throws TriageError `dataset-invalid` naming the file and the key */
export function parseFoldResults(text: string, file: string): FoldResults {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new TriageError('dataset-invalid', `${file} is not JSON. Remove it; training/crossval writes it again.`);
  }
  const parsed = foldResultsSchema.safeParse(json, { error: validatorWords });
  if (!parsed.success) {
    const issues = parsed.error.issues
      .slice(0, 5)
      .map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`);
    throw new TriageError(
      'dataset-invalid',
      `${file} does not hold fold results: ${issues.join('; ')}. docs/evaluation.md has the format.`,
    );
  }
  return parsed.data;
}
