import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeRejectionNote } from '../../../src/report/rejectionNote.ts';
import { createResultWriter } from '../../../src/report/writeResults.ts';
import { dciodvfyErrors, makeStudy, pydicomJson, suspected, type Study } from './reportFixture.ts';

type Json = Record<string, { vr: string; Value?: unknown[] }>;

let study: Study;
beforeAll(async () => {
  study = await makeStudy({ PatientName: 'Åström^Zoë' });
});
afterAll(() => study.remove());

const items = (json: Json, tag: string): Json[] => (json[tag]?.Value ?? []) as Json[];
const text = (json: Json, tag: string): unknown => json[tag]?.Value?.[0];

test('a rejection note passes dciodvfy and names each replaced object, in content and evidence, as the patient of the report', async () => {
  const writer = createResultWriter(study.options);
  const { record } = study.claim;
  const before = await writer.write(study.claim, suspected(study.claim));
  const later = { ...study.claim, record: { ...record, revision: record.revision + 1 } };
  const after = await writer.write(later, suspected(later));
  const note = await writeRejectionNote(study.options.resultsDir, after[0]!, before);
  expect(note).toMatchObject({ kind: 'ko', sopClassUid: '1.2.840.10008.5.1.4.1.1.88.59' });
  expect(await dciodvfyErrors(note.path)).toEqual([]);

  const [json, report] = (await pydicomJson(note.path, after[0]!.path)) as [Json, Json];
  for (const tag of ['00100010', '00100020', '00080050', '0020000D', '00080020', '00200013'])
    expect(json[tag], tag).toEqual(report[tag]);
  // PS3.16 CID 7010.
  expect([text(items(json, '0040A043')[0]!, '00080100'), text(json, '00080060')]).toEqual(['113001', 'KO']);
  const named = items(json, '0040A730').flatMap((item) =>
    items(item, '00081199').map((reference) => [text(item, '0040A040'), text(reference, '00081155')]),
  );
  expect(named).toEqual(
    before.map(({ kind, sopInstanceUid }) => [kind === 'sr' ? 'COMPOSITE' : 'IMAGE', sopInstanceUid]),
  );
  const evidence = items(items(json, '0040A375')[0]!, '00081115').flatMap((series) =>
    items(series, '00081199').map((reference) => [text(series, '0020000E'), text(reference, '00081155')]),
  );
  expect(evidence).toEqual(before.map(({ seriesInstanceUid, sopInstanceUid }) => [seriesInstanceUid, sopInstanceUid]));

  const bytes = await readFile(note.path);
  expect(await writeRejectionNote(study.options.resultsDir, after[0]!, before)).toEqual(note);
  expect((await readFile(note.path)).equals(bytes)).toBe(true);
});

test('pictures of each revision have a series of their own, reports share one', async () => {
  const writer = createResultWriter(study.options);
  const { record } = study.claim;
  const revisions = await Promise.all(
    [3, 4].map((revision) => {
      const claim = { ...study.claim, record: { ...record, revision } };
      return writer.write(claim, suspected(claim));
    }),
  );
  const seriesOf = (kind: string) =>
    revisions.map((objects) => [
      ...new Set(objects.filter((one) => one.kind === kind).map((one) => one.seriesInstanceUid)),
    ]);
  const [first, second] = seriesOf('sc');
  expect([first!.length, second!.length]).toEqual([1, 1]);
  expect(first).not.toEqual(second);
  expect(seriesOf('sr')[0]).toEqual(seriesOf('sr')[1]);
});
