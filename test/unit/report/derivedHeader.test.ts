import { describe, expect, it } from 'vitest';
import type { Dataset, DatasetValue } from '../../../src/dicom/part10.ts';
import {
  assertSameIdentity,
  contentMoment,
  derivedHeader,
  isPresent,
  reportingDevice,
  text,
  type ReportContext,
  type SeriesKind,
} from '../../../src/report/derivedHeader.ts';

/** PS3.3 C.7.1.1, C.7.2.1, C.7.2.2 and C.12.1: no two values are alike. */
const COPIED: Dataset = {
  PatientName: 'Doe^Jane',
  PatientID: 'P-1',
  IssuerOfPatientID: 'ISSUER',
  IssuerOfPatientIDQualifiersSequence: [{ UniversalEntityID: '1.9.1' }],
  OtherPatientIDsSequence: [{ PatientID: 'P-2' }],
  PatientBirthDate: '19500102',
  PatientBirthTime: '0304',
  PatientSex: 'F',
  PatientAge: '076Y',
  PatientSize: 1.71,
  PatientWeight: 64,
  StudyInstanceUID: '1.2.1',
  StudyDate: '20261123',
  StudyTime: '101500',
  StudyID: 'S1',
  StudyDescription: 'CT HWS',
  AccessionNumber: 'ACC-1',
  IssuerOfAccessionNumberSequence: [{ UniversalEntityID: '1.9.2' }],
  ReferringPhysicianName: 'House^Gregory',
  ProcedureCodeSequence: [{ CodeValue: '24932-6' }],
  TimezoneOffsetFromUTC: '+0100',
};
/** What the scanner says of itself and of the image is not what the report says. */
const OF_THE_SCANNER: Dataset = {
  Modality: 'CT',
  Manufacturer: 'Scanner maker',
  ManufacturerModelName: 'Scanner',
  InstitutionName: 'Elsewhere',
  SeriesInstanceUID: '1.4.1',
  SeriesNumber: 2,
  SeriesDescription: 'Neck 1.0',
  SeriesDate: '20261122',
  AcquisitionDate: '20261121',
  InstanceNumber: 17,
  ContentDate: '20261120',
  StationName: 'CT1',
  OperatorsName: 'Tech',
};
const context = (over: Partial<ReportContext> = {}): ReportContext => ({
  source: { ...COPIED, ...OF_THE_SCANNER },
  studyInstanceUid: '1.2.1',
  device: reportingDevice('0.1.0', { name: 'compact', version: '2.0', sha256: '0123456789abcdef'.repeat(4) }),
  institutionName: 'Hospital',
  revision: 3,
  analysedAtMs: Date.UTC(2026, 10, 23, 23, 30, 15, 7),
  ...over,
});
const EQUIPMENT = {
  Manufacturer: 'Odontoid',
  ManufacturerModelName: 'Odontoid',
  SoftwareVersions: '0.1.0 / 2.0',
  DeviceSerialNumber: '0123456789abcdef',
  DeviceUID: context().device.uid,
  InstitutionName: 'Hospital',
};

describe('the header', () => {
  it('is the patient and study of the source, and Odontoid as the equipment', () => {
    const { SeriesInstanceUID, ...header } = derivedHeader(context(), 'card', 5);
    expect(SeriesInstanceUID).toMatch(/^2\.25\./);
    expect(header).toEqual({
      ...COPIED,
      Modality: 'OT',
      SeriesNumber: 9101,
      SeriesDescription: 'AI C-spine triage card (NOT DIAGNOSTIC)',
      InstanceNumber: 5,
      // 23:30 UTC is half past midnight of the next day an hour further east.
      InstanceCreationDate: '20261124',
      InstanceCreationTime: '003015.007000',
      ContentDate: '20261124',
      ContentTime: '003015.007000',
      ...EQUIPMENT,
      ContributingEquipmentSequence: [
        {
          PurposeOfReferenceCodeSequence: [
            { CodeValue: '109102', CodingSchemeDesignator: 'DCM', CodeMeaning: 'Processing Equipment' },
          ],
          ...EQUIPMENT,
        },
      ],
    });
  });

  it('of a source that says nothing has the attributes of type 2 empty, and no other', () => {
    const source = { PatientWeight: '', StudyDescription: null, OtherPatientIDsSequence: [] };
    const header = derivedHeader(context({ source, institutionName: '' }), 'sr', 1);
    expect(Object.keys(header).filter((keyword) => header[keyword] === null)).toEqual([
      'PatientName',
      'PatientID',
      'PatientBirthDate',
      'PatientSex',
      'StudyDate',
      'StudyTime',
      'StudyID',
      'AccessionNumber',
      'ReferringPhysicianName',
    ]);
    for (const absent of [...Object.keys(source), 'StudyInstanceUID', 'InstitutionName'])
      expect(header).not.toHaveProperty(absent);
  });

  it.each<[SeriesKind, unknown[]]>([
    ['sr', ['SR', 9100, 'AI C-spine findings (NOT DIAGNOSTIC)']],
    ['heatmaps', ['OT', 9101, 'AI C-spine attention map (NOT DIAGNOSTIC)']],
    ['card', ['OT', 9101, 'AI C-spine triage card (NOT DIAGNOSTIC)']],
    ['keySlices', ['KO', 9102, 'AI C-spine key slices (NOT DIAGNOSTIC)']],
  ])('of the series %s: modality, number and name, and a UID that only reports keep', (kind, expected) => {
    const header = derivedHeader(context(), kind, 1);
    expect([header['Modality'], header['SeriesNumber'], header['SeriesDescription']]).toEqual(expected);
    const uid = (over: Partial<ReportContext>) => derivedHeader(context(over), kind, 2)['SeriesInstanceUID'];
    expect(uid({})).toBe(header['SeriesInstanceUID']);
    expect(uid({ revision: 4 }) === uid({})).toBe(kind === 'sr');
    expect(uid({ studyInstanceUid: '1.2.2' })).not.toBe(uid({}));
    expect(uid({ device: { ...context().device, uid: '1.7.2' } })).not.toBe(uid({}));
  });

  it('has a series of its own for each kind', () => {
    const kinds: SeriesKind[] = ['sr', 'heatmaps', 'card', 'keySlices'];
    expect(new Set(kinds.map((kind) => derivedHeader(context(), kind, 1)['SeriesInstanceUID'])).size).toBe(4);
  });
});

it('another network or version of the software is another device', () => {
  const uid = (version: string, sha256: string) =>
    reportingDevice(version, { name: 'compact', version: '2.0', sha256 }).uid;
  expect(new Set([uid('1', 'ab'), uid('2', 'ab'), uid('1', 'cd')]).size).toBe(3);
  expect(uid('1', 'ab')).toBe(uid('1', 'ab'));
});

describe('the identity of a source', () => {
  const PATIENT = {
    patientId: 'P-1',
    issuerOfPatientId: 'ISSUER',
    patientName: 'Doe^Jane',
    patientBirthDate: '19500102',
    patientSex: 'F',
  };
  const compare = (over: object, study = '1.2.1') =>
    assertSameIdentity({ ...PATIENT, studyInstanceUid: '1.2.1', ...over }, PATIENT, study);

  it.each([
    ['patient ID', { patientId: 'P-2' }],
    ['issuer of patient ID', { issuerOfPatientId: 'OTHER' }],
    ['name', { patientName: 'Roe^Jane' }],
    ['birth date', { patientBirthDate: '19510102' }],
    ['sex', { patientSex: 'M' }],
    ['study', { studyInstanceUid: '1.2.2' }],
  ])('with another %s is refused, by that word and without a value', (differing, over) => {
    expect(() => compare(over)).toThrow(
      expect.objectContaining({
        code: 'identity-mismatch',
        context: { differing: [differing] },
        message: expect.stringContaining(`studies (${differing}).`) as string,
      }),
    );
    expect(() => compare(over)).not.toThrow(/P-[12]|OTHER|Roe|1951|1\.2\.2/);
  });

  it('that is the same passes', () => {
    expect(() => compare({})).not.toThrow();
  });
});

it.each<[DatasetValue, string, boolean]>([
  [undefined, '', false],
  [null, '', false],
  ['', '', false],
  ['abc', 'abc', true],
  [0, '0', true],
  [-1.5, '-1.5', true],
  [[], '', false],
  [['a', 'b'], 'a\\b', true],
  [[1, 2], '1\\2', true],
  [[{ CodeValue: 'x' }], '', true],
])('%j as text is %j, and whether it is there: %s', (value, words, there) => {
  expect([text(value), isPresent(value)]).toEqual([words, there]);
});

// PS3.3 C.12.1.1.8: &ZZXX, from -1200 to +1400.
it.each([
  ['+0000', '20261231', '183045.067000'],
  ['+0530', '20270101', '000045.067000'],
  ['-0330', '20261231', '150045.067000'],
  ['+1400', '20270101', '083045.067000'],
  ['-1200', '20261231', '063045.067000'],
])('at %s the last evening of 2026 in Greenwich is %s %s', (offset, date, time) => {
  expect(contentMoment(Date.UTC(2026, 11, 31, 18, 30, 45, 67), offset)).toEqual({ date, time });
});

it.each(['', '0530', '+530', '+05:30', 'UTC'])('with the offset %j the time is that of this machine', (offset) => {
  const at = new Date(Date.UTC(2026, 6, 1, 2, 3, 4, 5));
  const two = (number: number): string => String(number).padStart(2, '0');
  expect(contentMoment(at.getTime(), offset)).toEqual({
    date: `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`,
    time: `${two(at.getHours())}${two(at.getMinutes())}04.005000`,
  });
});
