import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createStoredObjects } from '../../../src/web/dicomWeb/storedObjects.ts';
import { writePart10 } from '../../../src/dicom/part10.ts';

test('frames are found where they lie, in one piece or in fragments, and a file that is gone is said to be', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'odontoid-stored-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const stored = createStoredObjects((ms, run) => systemClock.after(ms, run));
  onTestFinished(() => stored.close());
  const pixels = Uint8Array.from({ length: 2 * 3 * 4 * 2 }, (_, index) => index + 1);
  const image = {
    ...{ SOPClassUID: '1.2.840.10008.5.1.4.1.1.7', SOPInstanceUID: '2.25.8', Modality: 'OT', NumberOfFrames: 2 },
    ...{ Rows: 3, Columns: 4, BitsAllocated: 16, BitsStored: 16, HighBit: 15, PixelRepresentation: 0 },
    ...{ SamplesPerPixel: 1, PhotometricInterpretation: 'MONOCHROME2', PixelData: pixels.buffer },
  };
  const native = join(folder, 'native.dcm');
  await writeFile(native, writePart10(image));
  const read = async (path: string, frameNumbers: number[] | null) => {
    const file = await readFile(path);
    return (await stored.ask('frames', { path, frameNumbers })).map((places) =>
      Buffer.concat(places.map(({ offset, length }) => file.subarray(offset, offset + length))).toString('hex'),
    );
  };
  const [first, second] = [pixels.subarray(0, 24), pixels.subarray(24)].map((part) =>
    Buffer.from(part).toString('hex'),
  );
  expect(await read(native, [2])).toEqual([second]);
  expect(await read(native, null)).toEqual([first, second]);
  await expect(stored.ask('frames', { path: native, frameNumbers: [3] })).rejects.toMatchObject({ code: 'not-found' });

  // The same file with its pixel data as three fragments of RLE, the first two of one frame.
  const item = (hex: string) => {
    const bytes = Buffer.from(hex, 'hex');
    const head = Buffer.from('feff00e000000000', 'hex');
    head.writeUInt32LE(bytes.length, 4);
    return Buffer.concat([head, bytes]);
  };
  const table = Buffer.alloc(8);
  table.writeUInt32LE(2 * (8 + 4), 4);
  const whole = await readFile(native);
  const at = whole.indexOf(Buffer.from('e07f10004f57', 'hex'));
  const fragments = [item(table.toString('hex')), item('01020304'), item('05060708'), item('090a0b0c')];
  const encapsulated = Buffer.concat([
    Buffer.from('e07f10004f420000ffffffff', 'hex'),
    ...fragments,
    Buffer.from('feffdde000000000', 'hex'),
  ]);
  const explicit = Buffer.from('1.2.840.10008.1.2.1\0', 'latin1');
  const compressed = join(folder, 'compressed.dcm');
  const head = whole.subarray(0, at);
  head.write('1.2.840.10008.1.2.5\0', head.indexOf(explicit), 'latin1');
  await writeFile(compressed, Buffer.concat([head, encapsulated]));
  expect(await read(compressed, [1, 2])).toEqual(['0102030405060708', '090a0b0c']);

  await expect(
    stored.ask('metadata', { files: [{ path: join(folder, 'no.dcm'), address: '' }] }),
  ).rejects.toMatchObject({
    code: 'slice-gone',
  });
  await writeFile(join(folder, 'broken.dcm'), 'nothing of DICOM');
  await expect(
    stored.ask('metadata', { files: [{ path: join(folder, 'broken.dcm'), address: '' }] }),
  ).rejects.toMatchObject({ code: 'dicom-unreadable' });
});
