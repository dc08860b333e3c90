import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { parseElements } from '../../../src/dicom/elements.ts';
import { decimalString, writePart10, type Dataset } from '../../../src/dicom/part10.ts';
import { derivedUid } from '../../../src/dicom/uids.ts';

const folder = mkdtempSync(join(tmpdir(), 'odontoid-part10-'));
afterAll(() => rmSync(folder, { recursive: true }));

const dataset = (over: Dataset = {}): Dataset => ({
  SOPClassUID: '1.2.840.10008.5.1.4.1.1.7',
  SOPInstanceUID: derivedUid('test', 'part10'),
  PatientName: 'Yamada^Tarou=山田^太郎=やまだ^たろう',
  PatientID: 'Å-1',
  Modality: 'OT',
  AccessionNumber: null,
  ...over,
});

/** DCMTK reads what was written: an independent opinion. */
function dump(bytes: Uint8Array): string {
  const path = join(folder, 'x.dcm');
  writeFileSync(path, bytes);
  return execFileSync('dcmdump', ['-q', '+L', '-Un', path], { encoding: 'utf8' });
}

describe('Part 10 writing', () => {
  it('writes what DCMTK reads back, names in every script included', () => {
    const text = dump(
      writePart10(dataset({ ImageOrientationPatient: [1, 0, 0, 0, 1 / 3, 0], FrameIncrementPointer: 0x00181065 })),
    );
    expect(text).toContain('[Yamada^Tarou=山田^太郎=やまだ^たろう]');
    expect(text).toContain('(0008,0005) CS [ISO_IR 192]');
    expect(text).toContain('(0008,0050) SH (no value available)');
    expect(text).toContain('(0028,0009) AT (0018,1065)');
    expect(text).toMatch(/\(0020,0037\) DS \[1\\0\\0\\0\\0\.33333333333333\\0]/);
  });

  it('writes the same bytes for the same data set, with a preamble of zeros', () => {
    const a = writePart10(dataset());
    expect(Buffer.compare(Buffer.from(a), Buffer.from(writePart10(dataset())))).toBe(0);
    expect(a.subarray(0, 128).every((byte) => byte === 0)).toBe(true);
  });

  it('writes signed padding for signed pixels', () => {
    const pixels = {
      PixelRepresentation: 1,
      PixelPaddingValue: -2000,
      Rows: 1,
      Columns: 2,
      BitsAllocated: 16,
      PixelData: new Int16Array([1, -1]).buffer,
    };
    expect(dump(writePart10(dataset(pixels)))).toContain('(0028,0120) SS -2000');
  });

  it('carries a UID whose components begin with zeros as its source wrote it', () => {
    const bytes = writePart10(dataset({ StudyInstanceUID: '1.2.03.004' }));
    expect(parseElements(bytes).string(0x0020000d)).toBe('1.2.03.004');
  });

  it.each<[string, Dataset, RegExp]>([
    ['an unknown keyword', { PatientNmae: 'x' }, /PatientNmae is not a keyword/],
    ['a long LO', { SeriesDescription: 'x'.repeat(65) }, /SeriesDescription is longer/],
    ['a lower-case CS', { Modality: 'ot' }, /Modality holds/],
    ['a date that is none', { StudyDate: '2026-11-23' }, /StudyDate is longer than the 8/],
    ['a UID with an empty component', { StudyInstanceUID: '1..2' }, /StudyInstanceUID is not a valid UID/],
    [
      'a bad value deep inside',
      { SourceImageSequence: [{ ReferencedSOPInstanceUID: 'x' }] },
      /SourceImageSequence > ReferencedSOPInstanceUID/,
    ],
    ['NaN', { SliceThickness: NaN }, /SliceThickness is not a finite number/],
  ])('refuses %s by name instead of cutting it silently', (_name, over, message) => {
    expect(() => writePart10(dataset(over))).toThrow(message);
  });

  it('rounds decimals to 16 characters instead of cutting them', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 }), (value) => {
        const text = decimalString(value);
        expect(text.length).toBeLessThanOrEqual(16);
        expect(Math.abs(Number(text) - value)).toBeLessThanOrEqual(Math.abs(value) * 1e-8 + Number.MIN_VALUE);
      }),
    );
    expect(decimalString(1.2345678901234567e-7)).toBe('1.23456789012e-7');
  });
});
