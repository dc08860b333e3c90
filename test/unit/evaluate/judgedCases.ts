import type { JudgedCase } from '../../../src/evaluate/judgedCase.ts';

/** A judged case of a 60-year-old woman, a patient of its own. */
export function judgedCase(
  id: string,
  label: boolean,
  probability: number | null,
  more: Partial<JudgedCase> = {},
): JudgedCase {
  return {
    id,
    patientKey: id,
    label,
    probability,
    reason: probability === null ? 'outside-domain' : null,
    sex: 'F',
    ageYears: 60,
    levels: [],
    types: [],
    grade: null,
    scanner: null,
    kernel: null,
    sliceThicknessMm: null,
    sliceLabels: [],
    imageProbabilities: [],
    sliceScores: [],
    localisation: null,
    bestKeySlice: null,
    ...more,
  };
}
