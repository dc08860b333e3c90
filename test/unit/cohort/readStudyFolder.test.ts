import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, open, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { readStudyFolder } from '../../../src/cohort/readStudyFolder.ts';
import { datasetOffset, readHeader } from '../../../src/dicom/header.ts';
import { writePhantomCohort } from '../../../src/phantom/writePhantomCohort.ts';

const MEBIBYTE = 2 ** 20;
let root: string;
let slices: string;
let folder: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'odontoid-folder-'));
  await writePhantomCohort({ seed: 3, count: 1, rows: 64, slices: 5, out: root, processes: 1 });
  slices = join(root, 'study-000003');
});
afterAll(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  folder = join(root, `case-${++count}`);
  await mkdir(folder);
});
const dcmtk = (tool: string, ...args: string[]) => promisify(execFile)(tool, args);
const slice = (number: number) => join(slices, `IM${String(number).padStart(4, '0')}.dcm`);
const read = (maxObjectBytes = 16 * MEBIBYTE) => readStudyFolder(folder, { receivedAtMs: 1234, maxObjectBytes });

it('reads links as what they lead to', async () => {
  await symlink(slice(1), join(folder, 'annex-1'));
  await copyFile(slice(2), join(folder, 'copy-2'));
  await symlink(slices, join(folder, 'whole'));
  const { instances, unread } = await read();
  expect(instances.map(({ path }) => path)).toEqual([
    'annex-1',
    'copy-2',
    ...[1, 2, 3, 4, 5].map((number) => `whole/IM000${number}.dcm`),
  ]);
  expect(unread).toEqual([]);
  const bytes = await readFile(slice(1));
  expect(instances[0]).toMatchObject({
    sizeBytes: bytes.length,
    receivedAtMs: 1234,
    sha256: createHash('sha256')
      .update(bytes.subarray(datasetOffset(bytes)))
      .digest('hex'),
  });
});

it('names each file that is no object and goes on', async () => {
  await copyFile(slice(1), join(folder, 'b.dcm'));
  await writeFile(join(folder, 'a-notes.txt'), 'no image');
  await writeFile(join(folder, 'c-empty.dcm'), '');
  const { instances, unread } = await read();
  expect(instances.map(({ path }) => path)).toEqual(['b.dcm']);
  expect(unread.map(({ file }) => file)).toEqual(['a-notes.txt', 'c-empty.dcm']);
});

it('reads no further than needed: a file of many gigabytes that is not DICOM costs its beginning', async () => {
  await writeFile(join(folder, 'archive.tar'), 'not an object');
  await truncate(join(folder, 'archive.tar'), 40 * 1024 * MEBIBYTE);
  await copyFile(slice(4), join(folder, 'slice'));
  const before = process.resourceUsage().maxRSS;
  const { instances, unread } = await read();
  expect(instances).toHaveLength(1);
  expect(unread).toEqual([{ file: 'archive.tar', reason: expect.stringContaining('Not a DICOM file') as string }]);
  expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(50);
});

it('names an object that is larger than the receiver takes, and reads only its header', async () => {
  await copyFile(slice(5), join(folder, 'huge.dcm'));
  await truncate(join(folder, 'huge.dcm'), 3 * 1024 * MEBIBYTE);
  await copyFile(slice(2), join(folder, 'slice'));
  const { instances, unread } = await read();
  expect(instances.map(({ path }) => path)).toEqual(['slice']);
  expect(unread).toEqual([{ file: 'huge.dcm', reason: '3072 MiB, more than receive.maxObjectBytes (16 MiB)' }]);
});

it('reads a header that is longer than the first piece', async () => {
  const bytes = await readFile(slice(3));
  const start = datasetOffset(bytes);
  // A private element of 400 kB at the beginning of the data set: (0009,1001) OB, explicit little endian, behind group 8 would be out of order, so it goes first by a low private group.
  const value = Buffer.alloc(400_000, 7);
  const element = Buffer.alloc(12);
  element.writeUInt16LE(0x0007, 0);
  element.writeUInt16LE(0x1001, 2);
  element.write('OB', 4, 'latin1');
  element.writeUInt32LE(value.length, 8);
  const file = await open(join(folder, 'long.dcm'), 'w');
  await file.writeFile(Buffer.concat([bytes.subarray(0, start), element, value, bytes.subarray(start)]));
  await file.close();
  const { instances, unread } = await read();
  expect(unread).toEqual([]);
  expect(instances.map(({ header }) => header.rows)).toEqual([64]);
});

it('takes one image in two encodings once, and other pixels or another patient under one UID as two objects', async () => {
  await copyFile(slice(1), join(folder, 'a-plain'));
  await dcmtk('dcmcjpls', '+el', slice(1), join(folder, 'b-jpeg-ls'));
  await dcmtk('dcmconv', '+ti', slice(1), join(folder, 'c-implicit'));
  await copyFile(slice(1), join(folder, 'd-other-patient'));
  await dcmtk('dcmodify', '-nb', '-m', '(0010,0020)=SOMEBODY-ELSE', join(folder, 'd-other-patient'));
  await copyFile(slice(1), join(folder, 'e-other-pixels'));
  await dcmtk('dcmodify', '-nb', '-m', '(0028,1052)=-1000', join(folder, 'e-other-pixels'));
  const { instances } = await read();
  expect(instances.map(({ path }) => path)).toEqual(['a-plain', 'd-other-patient', 'e-other-pixels']);
});

it('takes the SOP class from the file meta information where the data set has none, as in the RSNA 2022 release', async () => {
  await copyFile(slice(2), join(folder, 'rsna'));
  await dcmtk('dcmodify', '-nb', '-ea', '(0008,0060)', '-ea', '(0008,0008)', join(folder, 'rsna'));
  const whole = await readFile(join(folder, 'rsna'));
  const from = whole.indexOf(Buffer.from([0x08, 0, 0x16, 0, 0x55, 0x49]));
  const bytes = Buffer.concat([whole.subarray(0, from), whole.subarray(from + 8 + whole.readUInt16LE(from + 6))]);
  await writeFile(join(folder, 'rsna'), bytes);
  expect(() => readHeader(bytes)).toThrow('no SOPClassUID');
  const { instances, unread } = await read();
  expect(unread).toEqual([]);
  expect(instances[0]?.header).toMatchObject({
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    modality: '',
    imageType: [],
  });
});

it('says that a folder is none', async () => {
  folder = join(folder, 'gone');
  await expect(read()).rejects.toMatchObject({ code: 'not-found' });
});
