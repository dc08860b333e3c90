import { describe, expect, it } from 'vitest';
import { criteriaText, mayBeAccepted, ruleFor } from '../../../src/case/selection.ts';
import type { SelectedStudy, SelectionCriteria, SelectionRule } from '../../../src/case/selection.ts';
import { instanceOf } from '../assemble/syntheticStudy.ts';

const ARRIVED_MS = new Date(2026, 10, 29, 23, 30).getTime();
const neck = instanceOf({
  patientAge: '014Y',
  patientSex: 'F',
  patientBirthDate: '20120301',
  studyDate: '20261129',
  acquisitionDateTime: '20261129213000',
  stationName: 'CT7',
  bodyPartExamined: 'CSPINE',
  procedureCodes: ['CTCSP', 'X-17'],
  requestedProcedurePriority: 'STAT',
  currentPatientLocation: 'ED Bay 4',
  institutionalDepartmentName: 'Trauma',
  studyDescription: 'CT (c-spine) + head',
  seriesDescription: 'Bone 1.0',
}).header;
const scout = instanceOf({ ...neck, seriesDescription: 'Scout', bodyPartExamined: 'HEAD' }).header;
const study: SelectedStudy = {
  headers: [scout, neck],
  sourceAeTitle: 'CT_TRAUMA',
  calledAeTitle: 'ODONTOID_NIGHT',
  arrivedAtMs: ARRIVED_MS,
};
const isMet = (when: SelectionCriteria, of: SelectedStudy = study) =>
  ruleFor([{ name: 'rule', when, do: 'keep' }], of) !== null;

/** Each criterion once as the study meets it, and once as it does not. */
const CRITERIA: readonly [keyof SelectionCriteria, SelectionCriteria, SelectionCriteria][] = [
  ['callingAeTitles', { callingAeTitles: ['CT1', 'ct_trauma'] }, { callingAeTitles: ['CT_TRAUMA2'] }],
  ['calledAeTitles', { calledAeTitles: ['*NIGHT'] }, { calledAeTitles: ['ODONTOID'] }],
  ['stations', { stations: ['CT?', 'CT7'] }, { stations: ['CT?'] }],
  ['modalities', { modalities: ['CT'] }, { modalities: ['MR'] }],
  ['bodyParts', { bodyParts: ['CSPINE'] }, { bodyParts: ['SPINE'] }],
  ['procedureCodes', { procedureCodes: ['x-17'] }, { procedureCodes: ['X'] }],
  ['descriptions', { descriptions: ['*(C-SPINE) +*'] }, { descriptions: ['c-spine'] }],
  ['priorities', { priorities: ['HIGH', 'stat'] }, { priorities: ['ST'] }],
  ['locations', { locations: ['trauma'] }, { locations: ['ED'] }],
  ['sex', { sex: ['M', 'F'] }, { sex: ['M'] }],
  ['ageYears', { ageYears: { max: 14 } }, { ageYears: { min: 15 } }],
  ['scanAgeHours', { scanAgeHours: { min: 1, max: 2 } }, { scanAgeHours: { max: 1 } }],
  ['hours', { hours: { from: '22:00', to: '06:00' } }, { hours: { from: '06:00', to: '22:00' } }],
];

describe('a selection rule', () => {
  it.each(CRITERIA)('asks for %s', (_, met, unmet) => {
    expect([isMet(met), isMet(unmet)]).toEqual([true, false]);
  });

  it('asks for all that it names', () => {
    const all = Object.assign({}, ...CRITERIA.map(([, met]) => met)) as SelectionCriteria;
    expect(isMet(all)).toBe(true);
    for (const [key, , unmet] of CRITERIA) expect(isMet({ ...all, ...unmet }), key).toBe(false);
  });

  it('takes no study by what its headers do not say', () => {
    const silent = instanceOf({ studyDate: '', patientAge: '', patientBirthDate: '', patientSex: '' }).header;
    const of = { ...study, headers: [silent] };
    for (const key of ['stations', 'bodyParts', 'descriptions', 'procedureCodes', 'priorities', 'locations'] as const)
      expect(isMet({ [key]: ['*'] }, of), key).toBe(false);
    for (const key of ['ageYears', 'scanAgeHours'] as const) expect(isMet({ [key]: { min: 0 } }, of), key).toBe(false);
    for (const dates of [{ patientBirthDate: '19560701' }, { studyDate: '20261129' }]) {
      const half = instanceOf({ ...silent, ...dates }).header;
      for (const range of [{ min: 0 }, { max: 120 }])
        expect(isMet({ ageYears: range }, { ...of, headers: [half] }), JSON.stringify(dates)).toBe(false);
    }
  });

  it.each([
    ['056Y', '19990101', 56],
    ['56', '', 56],
    ['018M', '', 1.5],
    ['026W', '', 26 / 52.18],
    ['100D', '', 100 / 365.25],
    ['', '19560701', 70],
    ['', '19561128', 70],
    ['', '19561201', 69],
  ])('knows the age of a patient of %j, born %j', (patientAge, patientBirthDate, years) => {
    const header = instanceOf({ patientAge, patientBirthDate, studyDate: '20261129' }).header;
    const of = { ...study, headers: [header] };
    expect(isMet({ ageYears: { min: years, max: years } }, of)).toBe(true);
    expect(isMet({ ageYears: { min: years + 0.01 } }, of)).toBe(false);
    expect(isMet({ ageYears: { max: years - 0.01 } }, of)).toBe(false);
  });

  it('counts hours from the first minute, and not the last', () => {
    const at = (hour: number, minute: number) => ({
      ...study,
      arrivedAtMs: new Date(2026, 10, 29, hour, minute).getTime(),
    });
    const night = { hours: { from: '22:00', to: '06:00' } };
    expect([at(21, 59), at(22, 0), at(0, 0), at(5, 59), at(6, 0)].map((of) => isMet(night, of))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
  });

  it('counts hours of a day in the same way, and none between equal times', () => {
    const at = (hour: number, minute: number) => ({
      ...study,
      arrivedAtMs: new Date(2026, 10, 29, hour, minute).getTime(),
    });
    const day = { hours: { from: '06:05', to: '22:07' } };
    expect([at(6, 4), at(6, 5), at(22, 6), at(22, 7)].map((of) => isMet(day, of))).toEqual([false, true, true, false]);
    expect(isMet({ hours: { from: '06:05', to: '06:05' } }, at(6, 5))).toBe(false);
  });

  it('knows the age of a scan by its acquisition, and by its study where no acquisition says more', () => {
    const age = (acquisitionDateTime: string, studyDate: string, studyTime: string) => {
      const headers = [instanceOf({ acquisitionDateTime, studyDate, studyTime }).header];
      const hours = [1, 2, 3, 4, 5].filter((min) => isMet({ scanAgeHours: { min, max: min } }, { ...study, headers }));
      return hours[0];
    };
    expect(age('20261129213000', '20261129', '193000')).toBe(2);
    expect(age('', '20261129', '193000')).toBe(4);
    expect(age('REMOVED', '20261129', '203000')).toBe(3);
    expect(age('', '', '')).toBeUndefined();
  });

  it('counts when it is the first that a study meets; without one the study is accepted', () => {
    const rules = [
      { name: 'mr', when: { modalities: ['MR'] }, do: 'ignore' as const },
      { name: 'children', when: { ageYears: { max: 15 } }, do: 'keep' as const },
      { name: 'rest', when: {}, do: 'accept' as const },
    ];
    expect(ruleFor(rules, study)?.name).toBe('children');
    expect(ruleFor(rules.slice(2), study)?.name).toBe('rest');
    expect(ruleFor(rules.slice(0, 1), study)).toBeNull();
  });

  it('is told in words', () => {
    expect(
      criteriaText({ callingAeTitles: ['CT1', 'CT2'], ageYears: { max: 15 }, hours: { from: '22:00', to: '06:00' } }),
    ).toBe('from CT1 or CT2, age in years up to 15, arrives 22:00 to 06:00');
    expect(criteriaText({ scanAgeHours: { min: 2 }, sex: ['F'] })).toBe('sex F, scan age in hours from 2');
    expect(criteriaText({})).toBe('every study');
  });
});

describe('what an archive announces', () => {
  const study = {
    sourceAeTitle: 'OLD',
    calledAeTitle: 'ODONTOID',
    modalities: ['CT', 'SR'],
    studyDescription: 'CT Chest',
    patientSex: 'F',
  };
  const rule = (action: 'accept' | 'keep' | 'ignore', when: SelectionRule['when']): SelectionRule => ({
    name: action,
    do: action,
    when,
  });
  it.each<[string, SelectionRule[], boolean]>([
    ['no rule', [], true],
    ['a rule that certainly ignores it', [rule('ignore', { descriptions: ['*chest*'] })], false],
    ['one that only keeps it', [rule('keep', { callingAeTitles: ['OLD'] })], false],
    [
      'one that another criterion may still keep from it',
      [rule('ignore', { descriptions: ['*chest*'], bodyParts: ['CHEST'] })],
      true,
    ],
    ['one for another sex', [rule('ignore', { sex: ['M'] })], true],
    ['one that accepts it first', [rule('accept', { modalities: ['CT'] }), rule('ignore', {})], true],
    ['one that may accept it first', [rule('accept', { descriptions: ['*neck*'] }), rule('ignore', {})], true],
    ['one that cannot accept it', [rule('accept', { callingAeTitles: ['NEW'] }), rule('ignore', {})], false],
    ['one that ignores its sex', [rule('ignore', { sex: ['F'] })], false],
    ['one that ignores one of its modalities', [rule('ignore', { modalities: ['SR'] })], false],
    ['one that ignores another modality', [rule('ignore', { modalities: ['MR'] })], true],
    ['one that ignores what it was not called', [rule('ignore', { calledAeTitles: ['OTHER'] })], true],
    ['one that ignores a priority, which nobody has asked for', [rule('ignore', { priorities: ['STAT'] })], true],
    ['one that ignores a place, which nobody has asked for', [rule('ignore', { locations: ['ED'] })], true],
    ['one that ignores what it was called', [rule('ignore', { calledAeTitles: ['ODONTOID'] })], false],
  ])('%s: may be accepted', (_what, rules, expected) => {
    expect(mayBeAccepted(rules, study)).toBe(expected);
  });

  it.each<[string, Partial<typeof study>, SelectionRule['when'], boolean]>([
    ['no modality', { modalities: [] }, { modalities: ['CT'] }, true],
    ['no sex', { patientSex: '' }, { sex: ['F'] }, true],
    ['one modality', { modalities: ['CT'] }, { modalities: ['CT'] }, false],
    ['a sex in words', { patientSex: 'FEMALE' }, { sex: ['F'] }, false],
  ])('that states %s may be accepted before a rule that ignores it', (_what, over, when, expected) => {
    expect(mayBeAccepted([rule('ignore', when)], { ...study, ...over })).toBe(expected);
    // What is not known is no reason to accept it either: a later rule may.
    expect(mayBeAccepted([rule('accept', when), rule('ignore', {})], { ...study, ...over })).toBe(true);
  });
});
