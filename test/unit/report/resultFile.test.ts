import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { writeResultFile } from '../../../src/report/resultFile.ts';

it('a result lies in the folder of its study, under its own UID', async () => {
  const root = await mkdtemp(join(tmpdir(), 'odontoid-result-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const identity = {
    kind: 'sr',
    sopClassUid: '1.2.840.10008.5.1.4.1.1.88.34',
    sopInstanceUid: '1.2.826.5',
    seriesInstanceUid: '1.2.826.6',
    studyInstanceUid: '1.2.826.7',
  } as const;
  const written = await writeResultFile(root, identity, [Buffer.from('a'), Buffer.from('bc')]);
  expect(written).toEqual({
    ...identity,
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    // printf 1.2.826.7 | sha256sum | cut -c-32
    path: join(root, 'b7df89b035a8fad1a9aa86da9b6e7712', '1.2.826.5.dcm'),
    // FIPS 180-2, B.1
    sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    sizeBytes: 3,
  });
  expect(await readFile(written.path, 'utf8')).toBe('abc');
});
