import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LabelledCase } from '../../../src/dataset/dataset.ts';
import { casesOfPart, parseSplit, splitByPatient } from '../../../src/dataset/splits.ts';

function cohort(count: number, patientOf: (i: number) => string = (i) => `P${i}`): LabelledCase[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `case-${i}`,
    patientKey: patientOf(i),
    folder: '',
    label: i % 5 === 0,
    sex: null,
    ageYears: null,
    levels: [],
    types: [],
    grade: i % 5 === 0 ? ['obvious', 'middle', 'subtle'][(i / 5) % 3]! : null,
    imageLabels: new Map(),
    boxes: new Map(),
    masks: [],
    unmarkedIsIntact: true,
  }));
}
const folds = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, k) => [`fold-${k + 1}`, 1]));

describe('splitByPatient', () => {
  it('gives every case to one part and never parts a patient, whatever the cohort', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(),
        (count, parts, studies, seed) => {
          const cases = cohort(count, (i) => `P${Math.floor(i / studies)}`);
          const split = splitByPatient(cases, folds(parts), seed);
          expect(Object.values(split.parts).flat().sort()).toEqual(cases.map(({ id }) => id).sort());
          const partOf = new Map(Object.entries(split.parts).flatMap(([part, ids]) => ids.map((id) => [id, part])));
          for (const one of cases)
            for (const other of cases)
              if (one.patientKey === other.patientKey) expect(partOf.get(one.id)).toBe(partOf.get(other.id));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is stratified: folds differ by one case at most, in all and in each grade', () => {
    const cases = cohort(366);
    const parts = Object.values(splitByPatient(cases, folds(7), 3).parts);
    const byId = new Map(cases.map((one) => [one.id, one]));
    const spread = (counts: number[]) => Math.max(...counts) - Math.min(...counts);
    expect(spread(parts.map((part) => part.length))).toBeLessThanOrEqual(1);
    for (const grade of [null, 'obvious', 'middle', 'subtle'])
      expect(
        spread(parts.map((part) => part.filter((id) => byId.get(id)!.grade === grade).length)),
      ).toBeLessThanOrEqual(1);
  });

  it('takes shares, follows the seed, and does not mind the order of the cases', () => {
    const cases = cohort(200);
    const shares = { train: 0.7, validation: 0.1, test: 0.2 };
    const split = splitByPatient(cases, shares, 1);
    const positive = new Set(cases.filter(({ label }) => label).map(({ id }) => id));
    for (const [name, ids] of Object.entries(split.parts)) {
      // Of 200 cases, 40 positive in three grades: half a case of rounding in each stratum.
      expect(Math.abs(ids.length - 200 * shares[name as keyof typeof shares])).toBeLessThanOrEqual(2);
      expect(
        Math.abs(ids.filter((id) => positive.has(id)).length - 40 * shares[name as keyof typeof shares]),
      ).toBeLessThanOrEqual(2);
    }
    expect(splitByPatient([...cases].reverse(), shares, 1)).toEqual(split);
    expect(splitByPatient(cases, shares, 2)).not.toEqual(split);
  });

  it('is kept in a file that is checked when it comes back', () => {
    const cases = cohort(10);
    const split = parseSplit(JSON.stringify(splitByPatient(cases, folds(2), 1)), 'split.json');
    expect(casesOfPart(cases, split, 'fold-2').map(({ id }) => id)).toEqual(split.parts['fold-2']);
    expect(() => casesOfPart(cases, split, 'fold-3')).toThrow(/no part "fold-3"; it has fold-1, fold-2/);
    expect(() => casesOfPart(cases.slice(0, 3), split, 'fold-1')).toThrow(/of another dataset/);
    expect(() => parseSplit('{"schema": 2}', 'split.json')).toThrow(/split\.json is no split: .*odontoid split/);
    expect(() => parseSplit('nothing', 'split.json')).toThrow(/not JSON/);
  });
});
