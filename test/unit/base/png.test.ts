import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodePng } from '../../../src/base/png.ts';
import { python } from '../report/python.ts';

test.each([
  ['RGB', 3],
  ['L', 1],
] as const)('another reader gets the same pixels back: %s', async (mode, channels) => {
  const [rows, columns] = [5, 7];
  const samples = Uint8Array.from({ length: rows * columns * channels }, (_, at) => (at * 37) % 256);
  const folder = await mkdtemp(join(tmpdir(), 'odontoid-png-'));
  await writeFile(join(folder, 'a.png'), encodePng(samples, rows, columns, channels));
  const program =
    'import sys;from PIL import Image;i=Image.open(sys.argv[1]);i.load();print(i.mode,*i.size,i.tobytes().hex())';
  const shown = await python(program, join(folder, 'a.png'));
  expect(shown.trim()).toBe(`${mode} ${columns} ${rows} ${Buffer.from(samples).toString('hex')}`);
  await rm(folder, { recursive: true });
});
