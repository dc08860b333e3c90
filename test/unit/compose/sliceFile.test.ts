import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { TriageError } from '../../../src/base/errors.ts';
import { useSliceFile } from '../../../src/compose/sliceFile.ts';
import { addStudy, studyUid } from '../../browser/seededWorklist.ts';
import { startWeb } from '../web/webFixture.ts';

test('a file that is gone is told apart from one that cannot be decoded', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'odontoid-slice-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const path = join(dir, 'slice.dcm');
  await writeFile(path, 'no pixels');
  const undecodable = () => Promise.reject(new TriageError('pixel-data-undecodable', 'No pixels.'));
  expect(await useSliceFile(path, (at) => Promise.resolve(at))).toBe(path);
  await expect(useSliceFile(path, undecodable)).rejects.toMatchObject({ code: 'pixel-data-undecodable' });
  await rm(path);
  await expect(useSliceFile(path, undecodable)).rejects.toMatchObject({
    code: 'slice-gone',
    kind: { httpStatus: 410 },
  });
});

test('whoever asks for a slice whose file is gone is told what to do', async () => {
  const web = await startWeb({ decodeSlice: (path) => useSliceFile(path, () => Promise.reject(new Error('ENOENT'))) });
  await addStudy(web, { id: 'a', outcome: 0.9, slices: 4 });
  const response = await fetch(`${web.url}/api/cases/${studyUid('a')}/slices/0`);
  expect(response.status).toBe(410);
  expect(await response.json()).toMatchObject({
    error: 'slice-gone',
    message: expect.stringContaining('let the PACS send the study once more') as string,
  });
  // It is nobody's bug: the log stays quiet.
  expect(web.logged.filter(({ message }) => message === 'request failed')).toEqual([]);
});
