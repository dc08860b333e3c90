import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeFolder } from '../../../src/base/durably.ts';

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'odontoid-durably-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('a folder is made with those above it, and again without a word', async () => {
  const folder = await emptyFolder();
  const deep = join(folder, 'one', 'two', 'three');
  await makeFolder(deep);
  await makeFolder(deep);
  expect((await stat(deep)).isDirectory()).toBe(true);
});

test('folders with parents in common are made at the same time', async () => {
  const folder = await emptyFolder();
  for (let round = 0; round < 30; round++)
    await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => makeFolder(join(folder, `${round}`, 'all', name))));
});

test('where a file stands in the way, it is an error', async () => {
  const folder = await emptyFolder();
  await writeFile(join(folder, 'file'), 'x');
  await expect(makeFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder(join(folder, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

// Node's recursive mkdir never ends here.
test.runIf(process.platform === 'linux')('where a file system takes no folder, it is an error', async () => {
  await expect(makeFolder('/proc/odontoid/state')).rejects.toMatchObject({ code: 'ENOENT' });
});
