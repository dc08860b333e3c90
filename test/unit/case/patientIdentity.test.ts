import { describe, expect, it } from 'vitest';
import type { PatientIdentity } from '../../../src/case/case.ts';
import { identityDifferences } from '../../../src/case/patientIdentity.ts';

const anna: PatientIdentity = {
  patientId: 'ID-7',
  issuerOfPatientId: 'HOSP',
  patientName: 'Müller-Lee^Anna Maria',
  patientBirthDate: '19700102',
  patientSex: 'F',
};

function differences(one: Partial<PatientIdentity>, other: Partial<PatientIdentity> = {}): string[][] {
  const [a, b] = [
    { ...anna, ...one },
    { ...anna, ...other },
  ];
  return [identityDifferences(a, b), identityDifferences(b, a)];
}

describe('identityDifferences', () => {
  it.each<[string, Partial<PatientIdentity>, Partial<PatientIdentity>?]>([
    ['capitals and trailing separators', { patientName: 'MÜLLER-LEE^ANNA MARIA^^^' }],
    ['a transliterated umlaut', { patientName: 'Mueller-Lee^Anna Maria' }],
    ['an umlaut without its dots', { patientName: 'Muller-Lee^Anna Maria' }],
    ['a hyphen as a space', { patientName: 'Müller Lee^Anna-Maria' }],
    ['a comma instead of the separator', { patientName: 'MÜLLER-LEE, ANNA MARIA' }],
    ['a middle name as a component', { patientName: 'Müller-Lee^Anna^Maria' }],
    ['a title that one object has', { patientName: 'Müller-Lee^Anna Maria^^Dr.' }],
    ['an apostrophe', { patientName: 'O’Brien^Ann' }, { patientName: 'OBRIEN^ANN' }],
    ['a Nordic letter', { patientName: 'Ærø^Søren' }, { patientName: 'AEROE^SOEREN' }],
    ['a group that one object has', { patientName: 'Yamada^Hanako=山田^花子' }, { patientName: 'Yamada^Hanako' }],
    ['groups of which each object has another', { patientName: '=山田^花子' }, { patientName: 'Yamada^Hanako' }],
    ['half-width letters', { patientName: 'Y^H==ﾔﾏﾀﾞ^ﾊﾅｺ' }, { patientName: 'Y^H==ヤマダ^ハナコ' }],
    ['a birth date of zeros', { patientBirthDate: '00000000' }],
    ['only the year of birth', { patientBirthDate: '1970' }],
    ['the year of birth with zeros', { patientBirthDate: '19700000' }, { patientBirthDate: '19701102' }],
    ['hours after a birth date', { patientBirthDate: '1970010207' }, { patientBirthDate: '1970010223' }],
    ['the month of birth with zeros', { patientBirthDate: '19700100' }],
    ['a month of zeros', { patientBirthDate: '197000' }, { patientBirthDate: '19701102' }],
    ['a birth date with separators', { patientBirthDate: '1970-01-02' }],
    ['a sex that is open', { patientSex: 'O' }],
    ['a sex that is written out', { patientSex: 'female' }],
    ['an issuer that one object has', { issuerOfPatientId: '' }],
  ])('none for %s', (_name, one, other) => {
    expect(differences(one, other)).toEqual([[], []]);
  });

  it.each<[string, Partial<PatientIdentity>, Partial<PatientIdentity>?]>([
    ['patient ID', { patientId: 'ID-70' }],
    ['issuer of patient ID', { issuerOfPatientId: 'CLINIC' }],
    ['name', { patientName: 'Müller-Lee^Anne Maria' }],
    ['name', { patientName: '' }],
    ['name', { patientName: 'Müller-Lee^Anna Maria^^Dr.^Jr' }, { patientName: 'Müller-Lee^Anna Maria^^Dr.^Sr' }],
    ['name', { patientName: 'Yamada^Hanako=山田^花子' }, { patientName: 'Yamada^Hanako=山田^華子' }],
    ['name', { patientName: 'Müller-Lee^Anna Maria^^Dr.' }, { patientName: 'Müller-Lee^Anna Maria^^Prof.' }],
    ['birth date', { patientBirthDate: '19700103' }],
    ['birth date', { patientBirthDate: '29700102' }],
    ['birth date', { patientBirthDate: '1900' }, { patientBirthDate: '1970' }],
    ['birth date', { patientBirthDate: '19700100' }, { patientBirthDate: '19700203' }],
    ['birth date', { patientBirthDate: '197000' }, { patientBirthDate: '1971' }],
    ['sex', { patientSex: 'M' }],
  ])('%s: %o', (field, one, other) => {
    expect(differences(one, other)).toEqual([[field], [field]]);
  });
});
