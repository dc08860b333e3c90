import { z } from 'zod';
import { TriageError } from '../base/errors.ts';
import { validatorWords } from '../base/validatorWords.ts';
import { seededRandom } from '../base/random.ts';
import type { LabelledCase } from './dataset.ts';

const splitSchema = z.strictObject({
  schema: z.literal(1),
  kind: z.literal('split'),
  seed: z.int(),
  /** Names of cases by part: `fold-1`, or `train`, `validation`, `test`. */
  parts: z.record(z.string(), z.array(z.string())),
});

/** How a dataset is split, as stored in a file. */
export type Split = z.infer<typeof splitSchema>;

/**
 * Splits a dataset by patient, stratified: each part gets its share of negatives and of positives of each grade. Depends on the cases and the seed;
 * the order of the cases does not matter.
 * `shares`: weight by name of part, for example seven folds of 1 each.
 */
export function splitByPatient(
  cases: readonly LabelledCase[],
  shares: Readonly<Record<string, number>>,
  seed: number,
): Split {
  const names = Object.keys(shares).filter((name) => shares[name]! > 0);
  const parts = Object.fromEntries(names.map((name) => [name, [] as string[]]));
  for (const patients of strata(cases)) {
    const random = seededRandom('split', seed, patients[0]!.stratum);
    for (let i = patients.length - 1; i > 0; i--) {
      const j = random.integer(0, i);
      [patients[i], patients[j]] = [patients[j]!, patients[i]!];
    }
    const ofStratum = Object.fromEntries(names.map((name) => [name, 0]));
    for (const { cases: own } of patients) {
      // To the part that is furthest behind its share, first within the stratum: the remainders of small strata then even out over the parts.
      const behind = (name: string): number => (ofStratum[name]! + 1) / shares[name]!;
      const behindInAll = (name: string): number => (parts[name]!.length + 1) / shares[name]!;
      const wanting = names.reduce((best, name) =>
        behind(name) < behind(best) || (behind(name) === behind(best) && behindInAll(name) < behindInAll(best))
          ? name
          : best,
      );
      parts[wanting]!.push(...own);
      ofStratum[wanting]! += own.length;
    }
  }
  for (const name of names) parts[name]!.sort();
  return { schema: 1, kind: 'split', seed, parts };
}

interface Patient {
  readonly stratum: string;
  readonly cases: readonly string[];
}

/** Patients by finding: none, or a fracture of a grade. */
function strata(cases: readonly LabelledCase[]): Patient[][] {
  const patients = new Map<string, LabelledCase[]>();
  for (const one of [...cases].sort((a, b) => (a.id < b.id ? -1 : 1)))
    patients.set(one.patientKey, [...(patients.get(one.patientKey) ?? []), one]);
  const groups = new Map<string, Patient[]>();
  for (const own of patients.values()) {
    const broken = own.find(({ label }) => label);
    const stratum = broken === undefined ? 'negative' : `positive ${broken.grade ?? ''}`;
    groups.set(stratum, [...(groups.get(stratum) ?? []), { stratum, cases: own.map(({ id }) => id) }]);
  }
  return [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

/**
 * The cases of one part of a split.
 * @throws TriageError `dataset-invalid` when the split is of another dataset or has no such part
 */
export function casesOfPart(cases: readonly LabelledCase[], split: Split, part: string): LabelledCase[] {
  const names = split.parts[part];
  if (names === undefined)
    throw new TriageError(
      'command-invalid',
      `The split has no part "${part}"; it has ${Object.keys(split.parts).join(', ')}.`,
    );
  const byId = new Map(cases.map((one) => [one.id, one]));
  const strangers = names.filter((id) => !byId.has(id));
  if (strangers.length > 0)
    throw new TriageError(
      'dataset-invalid',
      `The split names ${strangers.length} cases that the dataset does not have, ${strangers[0]!} among them: it is of another dataset.`,
    );
  return names.map((id) => byId.get(id)!);
}

/** @throws TriageError `dataset-invalid` */
export function parseSplit(text: string, file: string): Split {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new TriageError('dataset-invalid', `${file} is not JSON. Make one with "odontoid split".`);
  }
  const parsed = splitSchema.safeParse(json, { error: validatorWords });
  if (!parsed.success)
    throw new TriageError(
      'dataset-invalid',
      `${file} is no split: ${parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}. Make one with "odontoid split".`,
    );
  return parsed.data;
}
