import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dicomJson, type DicomJson } from '../../../src/dicom/dicomJson.ts';
import { parseElements } from '../../../src/dicom/elements.ts';

let folder: string;
let pydicom: Record<string, DicomJson>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'odontoid-json-'));
  const script = join(import.meta.dirname, 'dicomJson.py');
  const { stdout, stderr, status } = spawnSync('/usr/bin/python3', [script, folder], { encoding: 'utf8' });
  expect(`${status} ${stderr}`).toBe('0 ');
  pydicom = JSON.parse(stdout) as Record<string, DicomJson>;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const jsonOf = (name: string): DicomJson =>
  dicomJson(parseElements(readFileSync(join(folder, `${name}.dcm`))), (tag) => `at ${tag.toString(16)}`);

test.each(['explicit', 'implicit', 'big'])('a data set in %s encoding is what pydicom says of it', (name) => {
  const json = jsonOf(name);
  const expected: DicomJson = {
    ...pydicom[name],
    // Pixels stay in the file, and JSON is UTF-8 whatever the file was.
    '7FE00010': { vr: 'OW', BulkDataURI: 'at 7fe00010' },
    '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
  };
  // Implicit VR tells nobody the VR of a private element.
  if (name === 'implicit') expected['00191001'] = { vr: 'UN', InlineBinary: Buffer.from('privat').toString('base64') };
  // PS3.18 F.2.5: an empty value among others is null; pydicom 2 writes an empty text.
  expected['00080008'] = { vr: 'CS', Value: ['ORIGINAL', 'PRIMARY', null, 'AXIAL'] };
  expect(json).toEqual(expected);
});

test('names, text and numbers keep their meaning', () => {
  const json = jsonOf('explicit');
  expect(json['00100010']).toEqual({ vr: 'PN', Value: [{ Alphabetic: 'Müller^Jörg^^Dr' }] });
  expect(json['00104000']).toEqual({ vr: 'LT', Value: ['one\\two'] });
  expect(json['00080050']).toEqual({ vr: 'SH' });
  expect(json['00080008']).toEqual({ vr: 'CS', Value: ['ORIGINAL', 'PRIMARY', null, 'AXIAL'] });
  expect(json['00281050']).toEqual({ vr: 'DS', Value: [40, 300.5] });
  expect(json['00082218']!.Value).toMatchObject([{ '00080104': { Value: ['Wirbelsäule'] } }, {}]);
});
