import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { samePixels } from '../../../src/infer/samePixels.ts';
import { drawPhantomParams } from '../../../src/phantom/phantomParams.ts';
import { generatePhantom } from '../../../src/phantom/generatePhantom.ts';
import { writePhantomStudy } from '../../../src/phantom/writePhantomStudy.ts';

const run = promisify(execFile);

test('another transfer syntax is the same image, other pixels are not', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'odontoid-same-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const phantom = generatePhantom(drawPhantomParams(4711, { slices: 20, rows: 64, fractures: 'none' }));
  const { files } = await writePhantomStudy(phantom, { dir });
  const [one, other] = files.map(({ path }) => path);
  const lossless = join(dir, 'lossless.dcm');
  await run('dcmcjpeg', ['+e1', one!, lossless]);
  expect(
    await samePixels([
      { first: one!, second: lossless },
      { first: one!, second: other! },
      { first: one!, second: join(dir, 'nothing.dcm') },
    ]),
  ).toEqual([true, false, false]);
});
