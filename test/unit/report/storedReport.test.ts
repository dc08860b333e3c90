import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { ResultObject } from '../../../src/case/delivery.ts';
import { CODES } from '../../../src/dicom/codes.ts';
import type { ElementTree } from '../../../src/dicom/elementTree.ts';
import { writePart10 } from '../../../src/dicom/part10.ts';
import { codeElement, hierarchicalReference, readStoredReport } from '../../../src/report/storedReport.ts';

/** Tag, VR and value of each element, items in brackets. */
const shown = (tree: ElementTree): unknown[] =>
  tree.map(({ tag, vr, value }) => [
    tag.toString(16).padStart(8, '0'),
    vr,
    Buffer.isBuffer(value) ? value.toString('latin1').replace(/[\0 ]+$/, '') : value.map(shown),
  ]);

it('a reference names the study, each series once, and its objects in their order (PS3.3 Table C.17-3)', () => {
  const object = (sopInstanceUid: string, seriesInstanceUid: string) => ({
    sopClassUid: `1.1.${sopInstanceUid}`,
    sopInstanceUid,
    seriesInstanceUid,
  });
  const instance = (uid: string) => [
    ['00081150', 'UI', `1.1.${uid}`],
    ['00081155', 'UI', uid],
  ];
  expect(hierarchicalReference('1.2.1', [object('5', '9'), object('4', '8'), object('3', '9')]).map(shown)).toEqual([
    [
      [
        '00081115',
        'SQ',
        [
          [
            ['00081199', 'SQ', [instance('5'), instance('3')]],
            ['0020000e', 'UI', '9'],
          ],
          [
            ['00081199', 'SQ', [instance('4')]],
            ['0020000e', 'UI', '8'],
          ],
        ],
      ],
      ['0020000d', 'UI', '1.2.1'],
    ],
  ]);
});

it('a code is value, scheme and meaning (PS3.3 Table 8.8-1)', () => {
  expect(shown([codeElement(0x0040a043, CODES.summary)])).toEqual([
    [
      '0040a043',
      'SQ',
      [
        [
          ['00080100', 'SH', '121111'],
          ['00080102', 'SH', 'DCM'],
          ['00080104', 'LO', 'Summary'],
        ],
      ],
    ],
  ]);
});

it('a report is read as it was written, and neither from another file nor from none', async () => {
  const root = await mkdtemp(join(tmpdir(), 'odontoid-stored-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const path = join(root, 'report.dcm');
  const bytes = writePart10({
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.88.34',
    SOPInstanceUID: '1.3.1',
    PatientID: 'P-1',
  });
  await writeFile(path, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const read = (over: Partial<ResultObject>) => readStoredReport({ path, sha256, ...over } as ResultObject);
  expect(shown(await read({}))).toContainEqual(['00100020', 'LO', 'P-1']);
  await expect(read({ sha256: '0'.repeat(64) })).rejects.toMatchObject({
    code: 'report-failed',
    message: expect.stringContaining('not the one that was written') as string,
  });
  await expect(read({ path: join(root, 'gone.dcm') })).rejects.toMatchObject({
    code: 'report-failed',
    message: expect.stringContaining('cannot be read') as string,
  });
});
