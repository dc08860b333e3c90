import { describe, expect, it } from 'vitest';
import { writePart10 } from '../../../src/dicom/part10.ts';
import { sourceAttributes } from '../../../src/dicom/sourceAttributes.ts';
import { rawPart10 } from './rawPart10.ts';
import type { RawElement } from './rawPart10.ts';

const ELEMENTS: RawElement[] = [
  { tag: 0x00080005, vr: 'CS', value: '\\ISO 2022 IR 87' },
  { tag: 0x00080016, vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2' },
  { tag: 0x00080018, vr: 'UI', value: '1.2.3.4.5' },
  { tag: 0x00080020, vr: 'DA', value: '20260102' },
  { tag: 0x00080050, vr: 'SH', value: 'ACC1' },
  { tag: 0x00080051, vr: 'SQ', value: [[{ tag: 0x00400031, vr: 'UT', value: 'HOSPITAL' }]] },
  { tag: 0x00080070, vr: 'LO', value: 'SCANNERS INC' },
  { tag: 0x00080090, vr: 'PN', value: '' },
  {
    tag: 0x00081032,
    vr: 'SQ',
    value: [
      [
        { tag: 0x00080100, vr: 'SH', value: 'CTCSP' },
        { tag: 0x00080102, vr: 'SH', value: '99HOS' },
        { tag: 0x00080104, vr: 'LO', value: '\x1b$B;3\x1b(B' },
      ],
      [
        { tag: 0x00080005, vr: 'CS', value: 'ISO_IR 101' },
        { tag: 0x00080104, vr: 'LO', value: 'Wa\xb3\xeasa' },
      ],
    ],
  },
  {
    tag: 0x00100010,
    vr: 'PN',
    value: 'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B',
  },
  { tag: 0x00100020, vr: 'LO', value: 'P-1' },
  { tag: 0x00100040, vr: 'CS', value: 'male' },
  { tag: 0x00101001, vr: 'PN', value: 'A^B\\C^D' },
  { tag: 0x00101010, vr: 'AS', value: '045Y' },
  { tag: 0x00101030, vr: 'DS', value: '70.50' },
  { tag: 0x00110010, vr: 'LO', value: 'PRIVATE CREATOR' },
  { tag: 0x00111001, vr: 'LO', value: 'private' },
  { tag: 0x0020000d, vr: 'UI', value: '1.2.3' },
  { tag: 0x0020000e, vr: 'UI', value: '1.2.3.4' },
  { tag: 0x00200032, vr: 'DS', value: '-100\\-120.5\\1e2' },
  { tag: 0x00280010, vr: 'US', value: Uint8Array.of(0, 2) },
  {
    tag: 0x00400275,
    vr: 'SQ',
    value: [
      [
        { tag: 0x0020000d, vr: 'UI', value: '1.2.3' },
        {
          tag: 0x00400008,
          vr: 'SQ',
          value: [
            [
              { tag: 0x00080100, vr: 'SH', value: 'STEP' },
              { tag: 0x00091001, vr: 'LO', value: 'private' },
            ],
          ],
        },
        { tag: 0x00401001, vr: 'SH', value: 'RP1' },
      ],
    ],
  },
];

describe('sourceAttributes', () => {
  it.each([{ implicit: false }, { implicit: true }])(
    'copies patient, study, request and plane, nested, in Unicode (%o)',
    (options) => {
      expect(sourceAttributes(rawPart10(ELEMENTS, options))).toEqual({
        SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
        SOPInstanceUID: '1.2.3.4.5',
        StudyDate: '20260102',
        AccessionNumber: 'ACC1',
        IssuerOfAccessionNumberSequence: [{ LocalNamespaceEntityID: 'HOSPITAL' }],
        ReferringPhysicianName: null,
        ProcedureCodeSequence: [
          { CodeValue: 'CTCSP', CodingSchemeDesignator: '99HOS', CodeMeaning: '山' },
          { CodeMeaning: 'Wałęsa' },
        ],
        PatientName: 'Yamada^Tarou=山田^太郎=やまだ^たろう',
        PatientID: 'P-1',
        PatientSex: null,
        OtherPatientNames: ['A^B', 'C^D'],
        PatientAge: '045Y',
        PatientWeight: '70.50',
        StudyInstanceUID: '1.2.3',
        SeriesInstanceUID: '1.2.3.4',
        ImagePositionPatient: ['-100', '-120.5', '1e2'],
        Rows: 512,
        RequestAttributesSequence: [
          {
            StudyInstanceUID: '1.2.3',
            ScheduledProtocolCodeSequence: [{ CodeValue: 'STEP' }],
            RequestedProcedureID: 'RP1',
          },
        ],
      });
    },
  );

  it('gives what writePart10 writes, and the same again from what was written', () => {
    const source = sourceAttributes(rawPart10(ELEMENTS));
    expect(sourceAttributes(writePart10(source))).toEqual(source);
  });

  it('keeps an identity that PS3.5 would not allow, so that nothing is written under another', () => {
    const long = 'X'.repeat(5_000);
    const source = sourceAttributes(
      rawPart10(ELEMENTS.map((element) => (element.tag === 0x00100020 ? { ...element, value: long } : element))),
    );
    expect(source['PatientID']).toBe(long);
    expect(() => writePart10(source)).toThrow('PatientID');
  });

  it('carries what is longer than PS3.5 allows letter for letter', () => {
    const long = {
      AccessionNumber: 'RAD-2026-11-29-00815',
      StudyID: '202611290815-CT-ROOM-2-A',
      StudyDescription:
        'CT cervical spine without contrast, trauma, immobilised, with sagittal and coronal reformats 1',
    };
    const attributes = sourceAttributes(
      rawPart10([
        { tag: 0x00080016, vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2' },
        { tag: 0x00080018, vr: 'UI', value: '1.2.3.4.5' },
        { tag: 0x00080050, vr: 'SH', value: long.AccessionNumber },
        { tag: 0x00081030, vr: 'LO', value: long.StudyDescription },
        { tag: 0x00200010, vr: 'SH', value: long.StudyID },
      ]),
    );
    expect(attributes).toMatchObject(long);
    const written = writePart10({
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.88.34',
      SOPInstanceUID: '1.2.3.9',
      ...long,
    });
    expect(sourceAttributes(written)).toMatchObject(long);
    expect(() => writePart10({ SOPClassUID: '1.2', SOPInstanceUID: '1.3', SeriesDescription: 'x'.repeat(65) })).toThrow(
      'longer than the 64 characters',
    );
  });
});
