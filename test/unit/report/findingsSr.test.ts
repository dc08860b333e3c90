import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readElementTree, textIn, type ElementTree } from '../../../src/dicom/elementTree.ts';
import { readFileMetaInformation } from '../../../src/dicom/fileMetaReader.ts';
import { createResultWriter } from '../../../src/report/writeResults.ts';
import { makeStudy, suspected, type Study } from './reportFixture.ts';

let study: Study;
beforeAll(async () => {
  study = await makeStudy();
});
afterAll(() => study.remove());

/** Every Text Value (0040,A160) below. */
const texts = (tree: ElementTree): string[] => [
  textIn(tree, 0x0040a160),
  ...tree.flatMap(({ value }) => (Buffer.isBuffer(value) ? [] : value.flatMap(texts))),
];

it('slices are counted from 1 in the report: the tenth and the twelfth of 24', async () => {
  const [report] = await createResultWriter(study.options).write(study.claim, suspected(study.claim));
  const file = await readFile(report!.path);
  const tree = readElementTree(file.subarray(readFileMetaInformation(file).datasetOffset));
  const numbered = texts(tree).flatMap((words) => /slice \d+ of \d+/.exec(words)?.[0] ?? []);
  expect([...new Set(numbered)]).toEqual(['slice 10 of 24', 'slice 12 of 24']);
});
