import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  readElementTree,
  textElement,
  textIn,
  writeElementTree,
  type ElementTree,
} from '../../../src/dicom/elementTree.ts';
import { writeFileMeta } from '../../../src/dicom/fileMeta.ts';
import { readFileMetaInformation } from '../../../src/dicom/fileMetaReader.ts';
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

const KEPT = {
  'Specific Character Set': 0x00080005,
  'Instance Creation Date': 0x00080012,
  'Instance Creation Time': 0x00080013,
  'Study Date': 0x00080020,
  'Content Date': 0x00080023,
  'Study Time': 0x00080030,
  'Content Time': 0x00080033,
  'Accession Number': 0x00080050,
  'Issuer of Accession Number Sequence': 0x00080051,
  Manufacturer: 0x00080070,
  'Institution Name': 0x00080080,
  'Referring Physician’s Name': 0x00080090,
  'Timezone Offset From UTC': 0x00080201,
  'Study Description': 0x00081030,
  'Procedure Code Sequence': 0x00081032,
  'Manufacturer’s Model Name': 0x00081090,
  'Patient’s Name': 0x00100010,
  'Patient ID': 0x00100020,
  'Issuer of Patient ID': 0x00100021,
  'Patient’s Birth Date': 0x00100030,
  'Patient’s Sex': 0x00100040,
  'Other Patient IDs Sequence': 0x00101002,
  'Patient’s Age': 0x00101010,
  'Device Serial Number': 0x00181000,
  'Device UID': 0x00181002,
  'Software Versions': 0x00181020,
  'Contributing Equipment Sequence': 0x0018a001,
  'Study Instance UID': 0x0020000d,
  'Study ID': 0x00200010,
  'Instance Number': 0x00200013,
  'Referenced Request Sequence': 0x0040a370,
} as const;
/** Of the report alone: in a note they would be false. */
const LEFT = {
  'Predecessor Documents Sequence': 0x0040a360,
  'Completion Flag': 0x0040a491,
  'Verification Flag': 0x0040a493,
  'Preliminary Flag': 0x0040a496,
} as const;

describe('of the attributes of its report', () => {
  let note: ElementTree;
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'odontoid-note-'));
    const tags = [...Object.values(KEPT), ...Object.values(LEFT)].sort((a, b) => a - b);
    const identity = {
      kind: 'sr',
      sopClassUid: '1.2.840.10008.5.1.4.1.1.88.34',
      sopInstanceUid: '2.25.1',
      seriesInstanceUid: '2.25.2',
      studyInstanceUid: '2.25.3',
      transferSyntaxUid: '1.2.840.10008.1.2.1',
    } as const;
    // Every element says its own tag, so no two are alike.
    const bytes = Buffer.concat([
      writeFileMeta(identity),
      writeElementTree(
        tags.map((tag) => textElement(tag, 'LO', `of ${tag.toString(16)}`)),
        'explicit',
      ),
    ]);
    const path = join(folder, 'report.dcm');
    await writeFile(path, bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const replaced = { ...identity, sopInstanceUid: '2.25.4', seriesInstanceUid: '2.25.5' };
    const written = await writeRejectionNote(folder, { ...identity, path, sha256, sizeBytes: bytes.length }, [
      replaced,
    ]);
    const file = await readFile(written.path);
    note = readElementTree(file.subarray(readFileMetaInformation(file).datasetOffset));
    await rm(folder, { recursive: true });
  });

  test.each(Object.entries(KEPT))('the note has the %s of its report', (_, tag) => {
    expect(textIn(note, tag)).toBe(`of ${tag.toString(16)}`);
  });

  test.each(Object.entries(LEFT))('the note has not the %s of its report', (_, tag) => {
    expect(note.some((element) => element.tag === tag)).toBe(false);
  });

  test('the evidence of the note is in the study of the report', () => {
    const evidence = note.find(({ tag }) => tag === 0x0040a375)!.value as readonly ElementTree[];
    expect(evidence.map((item) => textIn(item, 0x0020000d))).toEqual(['of 20000d']);
  });
});
