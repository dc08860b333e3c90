import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodePicture } from '../../../src/report/png.ts';
import { PYTHON, run } from './reportFixture.ts';

test('another reader gets the same pixels back', async () => {
  const [rows, columns] = [5, 7];
  const rgb = Uint8Array.from({ length: rows * columns * 3 }, (_, at) => (at * 37) % 256);
  const folder = await mkdtemp(join(tmpdir(), 'odontoid-png-'));
  await writeFile(join(folder, 'a.png'), encodePicture({ rgb, rows, columns }));
  const program =
    'import sys;from PIL import Image;i=Image.open(sys.argv[1]);i.load();print(i.mode,*i.size,i.tobytes().hex())';
  const { stdout } = await run(PYTHON, ['-c', program, join(folder, 'a.png')]);
  expect(stdout.trim()).toBe(`RGB ${columns} ${rows} ${Buffer.from(rgb).toString('hex')}`);
  await rm(folder, { recursive: true });
});
