import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readElementTree, textElement, writeElementTree, type ElementTree } from '../../../src/dicom/elementTree.ts';
import { readFileMetaInformation } from '../../../src/dicom/fileMetaReader.ts';
import { inLatin1 } from '../../../src/dicom/latin1.ts';
import { latin1Part10 } from '../../../src/pacs/part10Source.ts';
import { createResultWriter } from '../../../src/report/writeResults.ts';
import { dciodvfyErrors, makeStudy, notSuspected, pydicomJson, suspected } from '../report/reportFixture.ts';

const NAME = 0x00100010;
const DESCRIPTION = 0x00081030;
const bytesOf = (tree: ElementTree, tag: number): string =>
  (tree.find((element) => element.tag === tag)!.value as Buffer).toString('latin1');

test.each<[number, string, string, string, boolean]>([
  [NAME, 'PN', 'Müller^Zoë', 'M\xfcller^Zo\xeb', false],
  [NAME, 'PN', 'Müller^Zoë=山田^太郎=やまだ', 'M\xfcller^Zo\xeb', true],
  [NAME, 'PN', 'Yamada^Taro==Yamáda^Taro', 'Yamada^Taro==Yam\xe1da^Taro', false],
  [NAME, 'PN', 'Łukasz^Žofie', '?ukasz^?ofie', true],
  [NAME, 'PN', 'Doe^Jane\\Ödön^Pál', 'Doe^Jane\\\xd6d\xf6n^P\xe1l', false],
  // A letter and its accent as two characters are one.
  [DESCRIPTION, 'LO', 'Hu\u0308fte', 'H\xfcfte', false],
  [DESCRIPTION, 'LO', 'C5 – 🙂', 'C5 ? ?', true],
  [DESCRIPTION, 'LO', 'plain', 'plain', false],
  // No text: its bytes are what they are.
  [DESCRIPTION, 'OB', 'Ł', '\xc5\x81', false],
])('%s %s %s is written as %s', (tag, vr, text, expected, isLossy) => {
  const written = inLatin1([textElement(0x00080005, 'CS', 'ISO_IR 192'), textElement(tag, vr, text)]);
  expect(bytesOf(written.dataSet, 0x00080005)).toBe('ISO_IR 100');
  const bytes = bytesOf(written.dataSet, tag);
  expect([bytes.replace(/ $/, ''), bytes.length % 2, written.isLossy]).toEqual([expected, 0, isLossy]);
});

test('text in items of sequences is written, too', () => {
  const nested = { tag: 0x00081032, vr: 'SQ', value: [[textElement(0x00080104, 'LO', 'Röntgen')]] };
  const [sequence] = inLatin1([nested]).dataSet;
  expect(bytesOf((sequence!.value as ElementTree[])[0]!, 0x00080104)).toBe('R\xf6ntgen ');
});

test('reports and cards in ISO_IR 100 pass dciodvfy, and pydicom reads their names', async () => {
  const study = await makeStudy({ PatientName: 'Åström^Zoë=山田^太郎' });
  const writer = createResultWriter(study.options);
  for (const findings of [suspected(study.claim), notSuspected(study.claim)])
    for (const { path } of (await writer.write(study.claim, findings)).slice(0, 3)) {
      const file = latin1Part10(await readFile(path));
      await writeFile(path, file);
      expect(await dciodvfyErrors(path)).toEqual([]);
      const [json] = (await pydicomJson(path)) as Record<string, { Value?: unknown[] }>[];
      expect([json!['00080005']!.Value, json!['00100010']!.Value]).toEqual([
        ['ISO_IR 100'],
        [{ Alphabetic: 'Åström^Zoë' }],
      ]);
      const offset = readFileMetaInformation(file).datasetOffset;
      expect(writeElementTree(readElementTree(file.subarray(offset)), 'explicit').equals(file.subarray(offset))).toBe(
        true,
      );
    }
  await study.remove();
});
