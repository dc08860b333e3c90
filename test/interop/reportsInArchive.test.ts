import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock as clock } from '../../src/base/clock.ts';
import { createLog } from '../../src/base/log.ts';
import type { ReportSource, ResultObject } from '../../src/case/delivery.ts';
import { derivedUid } from '../../src/dicom/uids.ts';
import { createDicomWeb } from '../../src/pacs/dicomWeb.ts';
import { createDimseScu } from '../../src/pacs/dimseScu.ts';
import { writeSampleResults } from '../unit/pacs/sampleObjects.ts';
import { runTool, temporaryDirectory } from './dcmtk.ts';
import { startOrthanc, type Orthanc } from './orthanc.ts';

const log = createLog('silent');
let temporary: Awaited<ReturnType<typeof temporaryDirectory>>;
let orthanc: Orthanc;
let sr: ResultObject;

beforeAll(async () => {
  temporary = await temporaryDirectory();
  orthanc = await startOrthanc({ dir: join(temporary.dir, 'orthanc'), dicomWeb: true });
  const objects = await writeSampleResults(join(temporary.dir, 'results'), 'reported');
  sr = objects.find(({ kind }) => kind === 'sr')!;
  await toOrthanc(sr.path);
  for (const { path, kind } of objects) if (kind !== 'sr') await toOrthanc(path);
  await variant('signed', ['VerificationFlag=VERIFIED']);
  await variant('silent', [], ['VerificationFlag']);
  await variant('dose', ['SOPClassUID=1.2.840.10008.5.1.4.1.1.88.67', 'VerificationFlag=VERIFIED']);
  await variant('document', ['SOPClassUID=1.2.840.10008.5.1.4.1.1.104.1', 'Modality=DOC', 'VerificationFlag=VERIFIED']);
});
afterAll(async () => {
  await orthanc.stop();
  await temporary.remove();
});

const uidsOf = (name: string) => ({
  sopInstanceUid: derivedUid('instance', name),
  seriesInstanceUid: derivedUid('series', name),
});

async function toOrthanc(path: string): Promise<void> {
  const answer = await fetch(`${orthanc.httpUrl}/instances`, { method: 'POST', body: await readFile(path) });
  expect(answer.status).toBe(200);
}

/** Our report, changed into what somebody else might have written of the same study. */
async function variant(name: string, values: readonly string[], erased: readonly string[] = []): Promise<void> {
  const path = join(temporary.dir, `${name}.dcm`);
  await copyFile(sr.path, path);
  const { sopInstanceUid, seriesInstanceUid } = uidsOf(name);
  const all = [...values, `SOPInstanceUID=${sopInstanceUid}`, `SeriesInstanceUID=${seriesInstanceUid}`];
  const changes = [...all.flatMap((value) => ['-i', value]), ...erased.flatMap((tag) => ['-e', tag])];
  expect(await runTool('dcmodify', ['-nb', ...changes, path])).toMatchObject({ exitCode: 0 });
  await toOrthanc(path);
}

test.each<[string, () => ReportSource]>([
  [
    'C-FIND',
    () =>
      createDimseScu(
        {
          name: 'pacs',
          aeTitle: 'ORTHANC',
          host: '127.0.0.1',
          port: orthanc.dicomPort,
          callingAeTitle: 'ODONTOID',
          timeoutMs: 10_000,
        },
        { clock, log },
      ),
  ],
  ['QIDO-RS', () => createDicomWeb({ name: 'web', url: orthanc.dicomWebUrl, timeoutMs: 10_000 }, { clock, log })],
])('%s: Orthanc names the reports of a study and who signed them; dose reports are none', async (_, connect) => {
  const found = await connect().reportsOf(sr.studyInstanceUid);
  expect(found.sort((a, b) => a.sopInstanceUid.localeCompare(b.sopInstanceUid))).toEqual(
    [
      { sopInstanceUid: sr.sopInstanceUid, seriesInstanceUid: sr.seriesInstanceUid, modality: 'SR', isVerified: false },
      { ...uidsOf('signed'), modality: 'SR', isVerified: true },
      { ...uidsOf('silent'), modality: 'SR', isVerified: null },
      { ...uidsOf('document'), modality: 'DOC', isVerified: true },
    ].sort((a, b) => a.sopInstanceUid.localeCompare(b.sopInstanceUid)),
  );
  expect(await connect().reportsOf(derivedUid('unknown study'))).toEqual([]);
});
