import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Findings } from '../../../src/case/case.ts';
import type { ClaimedCase } from '../../../src/case/claim.ts';
import type { ResultObject } from '../../../src/case/delivery.ts';
import { createResultWriter } from '../../../src/report/writeResults.ts';
import {
  asEnhancedCt,
  dciodvfyErrors,
  makeStudy,
  notAnalysed,
  notSuspected,
  pydicomJson,
  run,
  suspected,
  type Study,
} from './reportFixture.ts';

type Json = Record<string, { vr: string; Value?: unknown[] }>;

let study: Study;
beforeAll(async () => {
  study = await makeStudy();
});
afterAll(() => study.remove());

const items = (json: Json, tag: string): Json[] => (json[tag]?.Value ?? []) as Json[];
const text = (json: Json, tag: string): unknown => json[tag]?.Value?.[0];
const conceptOf = (item: Json): unknown => text(items(item, '0040A043')[0] ?? {}, '00080100');

async function write(claim: ClaimedCase, findings: Findings, options: object = {}): Promise<ResultObject[]> {
  const writer = { ...study.options, options: { heatmaps: true, keySlices: true, ...options } };
  return createResultWriter(writer).write(claim, findings);
}
const selections = (objects: readonly ResultObject[]) => objects.filter(({ kind }) => kind === 'ks');

test('of a flagged scan points at its key slices, best first, as the patient of the report and by this device', async () => {
  const objects = await write(study.claim, suspected(study.claim));
  const [selection, ...more] = selections(objects);
  expect(more).toEqual([]);
  expect(selection!.sopClassUid).toBe('1.2.840.10008.5.1.4.1.1.88.59');
  expect(await dciodvfyErrors(selection!.path)).toEqual([]);
  const { stdout, stderr } = await run('dsrdump', [selection!.path]);
  expect(stdout).toContain('Of Interest');
  expect(stderr.split('\n').filter((line) => /^[EF]:/.test(line))).toEqual([]);

  const [json, report] = (await pydicomJson(selection!.path, objects[0]!.path)) as [Json, Json];
  for (const tag of ['00100010', '00100020', '00080050', '0020000D', '00080020', '0040A370'])
    expect(json[tag], tag).toEqual(report[tag]);
  // PS3.16 CID 7010.
  expect([conceptOf(json), text(json, '00080060'), text(json, '00200011')]).toEqual(['113000', 'KO', 9102]);
  const content = items(json, '0040A730');
  expect(
    text(
      items(
        content.find((item) => conceptOf(item) === '121005')!,
        '0040A168',
      )[0]!,
      '00080100',
    ),
  ).toBe('121007');
  expect(
    text(
      content.find((item) => conceptOf(item) === '113012')!,
      '0040A160',
    ),
  ).toMatch(/^AI flag: possible fracture\. .* C5-C6, series 3 image 41\. Research software\. Not a diagnosis\./);
  const images = content.filter((item) => text(item, '0040A040') === 'IMAGE');
  const { slices, seriesInstanceUid } = study.claim.record.manifest!;
  const uids = [9, 11].map((index) => slices[index]!.sopInstanceUid);
  expect(images.map((item) => text(items(item, '00081199')[0]!, '00081155'))).toEqual(uids);
  const [series, ...otherSeries] = items(items(json, '0040A375')[0]!, '00081115');
  expect(otherSeries).toEqual([]);
  expect(text(series!, '0020000E')).toBe(seriesInstanceUid);
  expect(items(series!, '00081199').map((item) => text(item, '00081155'))).toEqual(uids);
});

test('of a multi-frame object names the frames', async () => {
  const claim = await asEnhancedCt(study);
  const [selection] = selections(await write(claim, suspected(claim)));
  expect(await dciodvfyErrors(selection!.path)).toEqual([]);
  const [json] = (await pydicomJson(selection!.path)) as [Json];
  const references = items(json, '0040A730').flatMap((item) => items(item, '00081199'));
  // Slice n from the head is frame 24 - n.
  expect(references.map((item) => [text(item, '00081150'), text(item, '00081160')])).toEqual([
    ['1.2.840.10008.5.1.4.1.1.2.1', 15],
    ['1.2.840.10008.5.1.4.1.1.2.1', 13],
  ]);
  expect(items(items(items(json, '0040A375')[0]!, '00081115')[0]!, '00081199')).toHaveLength(1);
});

test('each revision has one of its own, in a series of its own, and the same one again', async () => {
  const [first] = selections(await write(study.claim, suspected(study.claim)));
  expect(selections(await write(study.claim, suspected(study.claim)))).toEqual([first]);
  const later = { ...study.claim, record: { ...study.claim.record, revision: 4 } };
  const [second] = selections(await write(later, suspected(later)));
  expect(second!.sopInstanceUid).not.toBe(first!.sopInstanceUid);
  expect(second!.seriesInstanceUid).not.toBe(first!.seriesInstanceUid);
});

test.each<[string, (claim: ClaimedCase) => Findings, object]>([
  ['that is not flagged', notSuspected, {}],
  ['that was not analysed', () => notAnalysed('this looks like a head', 'outside-domain'), {}],
  ['that is flagged without a key slice', (claim) => ({ ...suspected(claim), keySlices: [] }), {}],
  ['where no destination wants one', suspected, { keySlices: undefined }],
  ['at a site that shows no locations', suspected, { heatmaps: false }],
])('there is none of a scan %s', async (_, findings, options) => {
  const objects = await write(study.claim, findings(study.claim), options);
  expect(objects.length).toBeGreaterThan(1);
  expect(selections(objects)).toEqual([]);
});
