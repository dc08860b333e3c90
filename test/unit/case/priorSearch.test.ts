import { expect, test } from 'vitest';
import type { PatientIdentity } from '../../../src/case/case.ts';
import { otherPatients, wantedPriors, type PriorCandidate } from '../../../src/case/priorSearch.ts';

const DAY_MS = 86_400_000;
const NOW_MS = new Date(2026, 10, 30, 12).getTime();
const ANNA: PatientIdentity = {
  patientId: 'P-7',
  issuerOfPatientId: 'HOSPITAL',
  patientName: 'Weiß^Anna',
  patientBirthDate: '19610203',
  patientSex: 'F',
};
const SCAN = { studyInstanceUid: '2.25.1', studyDate: '20261130', patient: ANNA };
const LIMITS = { mostStudies: 2, maxAgeYears: 5, minAgeMs: 3 * DAY_MS };

const prior = (over: Partial<PriorCandidate> = {}): PriorCandidate => ({
  studyInstanceUid: '2.25.50',
  studyDate: '20250312',
  studyDescription: 'CT C-spine',
  modalities: ['CT', 'SR'],
  patient: ANNA,
  ...over,
});
const wanted = (found: PriorCandidate[], scan = SCAN, limits = LIMITS) =>
  wantedPriors(found, scan, limits, NOW_MS).map(({ studyInstanceUid }) => studyInstanceUid);

test.each<[what: string, over: Partial<PriorCandidate>, isWanted: boolean]>([
  ['an earlier CT of the neck', {}, true],
  ['one of which the archive states no modality', { modalities: [] }, true],
  ['an MR', { modalities: ['MR'] }, false],
  ['the scan itself', { studyInstanceUid: '2.25.1' }, false],
  ['one of another region', { studyDescription: 'CT chest' }, false],
  ['one from head to pelvis', { studyDescription: 'CT head to pelvis' }, true],
  ['one without a description', { studyDescription: '' }, true],
  ['one without a date', { studyDate: '' }, false],
  ['a later one', { studyDate: '20261201' }, false],
  ['one that would come in as a new scan', { studyDate: '20261128' }, false],
  ['the oldest that is wanted', { studyDate: '20211202' }, true],
  ['an older one', { studyDate: '20211125' }, false],
  ['a namesake with another birth date', { patient: { ...ANNA, patientBirthDate: '19840506' } }, false],
  ['another patient under the same ID', { patient: { ...ANNA, patientName: 'Braun^Berta' } }, false],
  ['the same ID of another hospital', { patient: { ...ANNA, issuerOfPatientId: 'CLINIC' } }, false],
  ['the patient whom the archive spells otherwise', { patient: { ...ANNA, patientName: 'WEISS^ANNA^^^' } }, true],
])('%s', (_what, over, isWanted) => {
  expect(wanted([prior(over)])).toEqual(isWanted ? [prior(over).studyInstanceUid] : []);
});

test('those that name the neck come first, then the newest, and no more than are asked for', () => {
  const found = [
    prior({ studyInstanceUid: '2.25.51', studyDate: '20260101', studyDescription: 'polytrauma' }),
    prior({ studyInstanceUid: '2.25.52', studyDate: '20230101' }),
    prior({ studyInstanceUid: '2.25.53', studyDate: '20240101' }),
  ];
  expect(wanted(found)).toEqual(['2.25.53', '2.25.52']);
  expect(wanted(found, SCAN, { ...LIMITS, mostStudies: 3 })).toEqual(['2.25.53', '2.25.52', '2.25.51']);
});

test('a scan without a date counts as scanned now', () => {
  expect(wanted([prior()], { ...SCAN, studyDate: '' })).toEqual(['2.25.50']);
});

test('limits of age: older than the least to the millisecond, and not older than the most', () => {
  const endedMs = new Date(2025, 2, 13).getTime() - 1;
  const after = (ms: number, limits: Partial<typeof LIMITS>) =>
    wantedPriors([prior()], SCAN, { ...LIMITS, ...limits }, endedMs + ms).length;
  const yearMs = 31_557_600_000;
  expect([after(DAY_MS, { minAgeMs: DAY_MS }), after(DAY_MS + 1, { minAgeMs: DAY_MS })]).toEqual([0, 1]);
  expect([after(yearMs, { maxAgeYears: 1 }), after(yearMs + 1, { maxAgeYears: 1 })]).toEqual([1, 0]);
});

test('another study of the same day is no prior', () => {
  expect(wanted([prior()], { ...SCAN, studyDate: '20250312' })).toEqual([]);
});

test('studies of somebody else under the ID of the patient are named by what differs', () => {
  const others = [
    ANNA,
    { ...ANNA, patientBirthDate: '19840506', patientSex: 'M' },
    { ...ANNA, patientName: 'Braun^Berta' },
    { ...ANNA, patientId: 'P-8', patientName: 'Schwarz^Cora' },
  ];
  expect(
    otherPatients(
      others.map((patient) => prior({ patient })),
      SCAN,
    ),
  ).toEqual(['birth date, sex', 'name']);
});
