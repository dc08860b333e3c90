import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  readElementTree,
  sequenceIn,
  textElement,
  textIn,
  withElements,
  writeElementTree,
} from '../../../src/dicom/elementTree.ts';
import { writeFileMeta } from '../../../src/dicom/fileMeta.ts';
import { runTool, temporaryDirectory } from '../../interop/dcmtk.ts';
import { dataSetBytes, writeSampleResults } from '../pacs/sampleObjects.ts';

let temporary: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeEach(async () => {
  temporary = await temporaryDirectory();
});
afterEach(() => temporary.remove());

const IMPLICIT = '1.2.840.10008.1.2';

test('Implicit VR is what DCMTK makes of the same data set', async () => {
  for (const { path, sopClassUid, sopInstanceUid } of await writeSampleResults(temporary.dir, '1', 1)) {
    const expected = join(temporary.dir, 'expected.dcm');
    expect(await runTool('dcmconv', ['+ti', '+e', path, expected])).toMatchObject({ exitCode: 0 });
    const implicit = writeElementTree(readElementTree(await dataSetBytes(path)), 'implicit');
    expect(implicit.equals(await dataSetBytes(expected))).toBe(true);
    // As a file, too, it is what it says.
    const file = join(temporary.dir, 'implicit.dcm');
    await writeFile(
      file,
      Buffer.concat([writeFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid: IMPLICIT }), implicit]),
    );
    expect((await runTool('dcmdump', ['+E', '-q', file])).exitCode).toBe(0);
  }
});

test.each(['+e', '-e'])(
  'a data set with lengths as dcmconv %s writes them comes out with explicit ones',
  async (lengths) => {
    const [sr] = await writeSampleResults(temporary.dir, '1', 0);
    const [from, to] = [join(temporary.dir, 'from.dcm'), join(temporary.dir, 'to.dcm')];
    await runTool('dcmconv', ['+te', lengths, sr!.path, from]);
    await runTool('dcmconv', ['+te', '+e', sr!.path, to]);
    const tree = readElementTree(await dataSetBytes(from));
    expect(writeElementTree(tree, 'explicit').equals(await dataSetBytes(to))).toBe(true);
    expect(textIn(sequenceIn(tree, 0x0040a043)[0]!, 0x00080104)).toBe('Imaging Measurement Report');
  },
);

test('elements are replaced and added in the order of their tags', () => {
  const tree = [textElement(0x00080016, 'UI', '1.2'), textElement(0x00200010, 'SH', 'S1')];
  const changed = withElements(tree, [textElement(0x00200010, 'SH', 'Té'), textElement(0x00080018, 'UI', '1.3')]);
  expect(changed.map(({ tag }) => tag)).toEqual([0x00080016, 0x00080018, 0x00200010]);
  expect([textIn(changed, 0x00080018), textIn(changed, 0x00200010), textIn(changed, 0x00100010)]).toEqual([
    '1.3',
    'Té',
    '',
  ]);
});

test.each([
  ['cut in a value', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
  ['cut in a head', (bytes: Buffer) => bytes.subarray(0, 6)],
  ['in Implicit VR', (bytes: Buffer) => writeElementTree(readElementTree(bytes), 'implicit')],
])('a data set %s is refused', async (_, spoil) => {
  const [sr] = await writeSampleResults(temporary.dir, '1', 0);
  const bytes = await dataSetBytes(sr!.path);
  expect(() => readElementTree(spoil(bytes))).toThrow(expect.objectContaining({ code: 'dicom-unreadable' }));
});
