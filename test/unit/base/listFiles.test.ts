import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fileErrorWords, listFiles } from '../../../src/base/listFiles.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'odontoid-list-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function listed(folder = root) {
  const { files, unread } = await listFiles(folder);
  return { files: files.map((file) => relative(folder, file)), unread };
}

it('follows links to files and to folders, and says which lead nowhere', async () => {
  const store = join(root, 'store');
  await mkdir(join(store, 'more'), { recursive: true });
  await writeFile(join(store, 'one'), '1');
  await writeFile(join(store, 'more/two'), '2');
  const study = join(root, 'study');
  await mkdir(study);
  await symlink('../store/one', join(study, 'a'));
  await symlink('../store/more', join(study, 'b'));
  await symlink('../store/gone', join(study, 'c'));
  expect(await listed(study)).toEqual({
    files: ['a', 'b/two'],
    unread: [{ file: 'c', reason: 'a link to a file that is not there' }],
  });
});

it('ends where links lead in a circle, and lists a folder once that is reached twice', async () => {
  await mkdir(join(root, 'x'));
  await writeFile(join(root, 'x/file'), '');
  await symlink('..', join(root, 'x/up'));
  await symlink('x', join(root, 'y'));
  await symlink('self', join(root, 'self'));
  expect(await listed()).toEqual({
    files: ['x/file'],
    unread: [{ file: 'self', reason: 'links that lead in a circle' }],
  });
});

it('names a pipe instead of waiting for its writer', async () => {
  execFileSync('mkfifo', [join(root, 'pipe')]);
  await writeFile(join(root, 'z'), '');
  expect(await listed()).toEqual({
    files: ['z'],
    unread: [{ file: 'pipe', reason: 'not a file but a device, pipe or socket' }],
  });
});

it('names the root itself when it is not there', async () => {
  expect(await listed(join(root, 'gone'))).toEqual({
    files: [],
    unread: [{ file: '.', reason: 'it is not there any more' }],
  });
});

it('has words for what a file system says, and lets bugs through', () => {
  expect(fileErrorWords(Object.assign(new Error('x'), { code: 'EACCES' }))).toBe('permission denied');
  expect(fileErrorWords(Object.assign(new Error('x'), { code: 'EXDEV' }))).toBe('EXDEV');
  const bug = new TypeError('a bug');
  expect(() => fileErrorWords(bug)).toThrow(bug);
});
