import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { writePart10 } from '../../src/dicom/part10.ts';
import { derivedUid } from '../../src/dicom/uids.ts';
import { viewerLink } from '../../src/page/parts/viewerLink.ts';
import type { WrittenStudy } from '../../src/phantom/writePhantomStudy.ts';
import { smallStudy, until, worklist } from '../pipeline/agentUnderTest.ts';
import { freePort, temporaryDirectory } from './dcmtk.ts';
import { shellBlocks } from './shellBlocks.ts';

/** What else lies in a CT study as scanners leave it: none of it is a CT, and none may keep the CTs from coming. */
const COMPANIONS = [
  { Modality: 'SR', SOPClassUID: '1.2.840.10008.5.1.4.1.1.88.67', SeriesDescription: 'Dose Report' },
  { Modality: 'PR', SOPClassUID: '1.2.840.10008.5.1.4.1.1.11.1', SeriesDescription: 'Presentation' },
  { Modality: 'KO', SOPClassUID: '1.2.840.10008.5.1.4.1.1.88.59', SeriesDescription: 'Key images' },
  // Calls itself CT, and is none.
  { Modality: 'CT', SOPClassUID: '1.2.840.10008.5.1.4.1.1.88.33', SeriesDescription: 'Not an image' },
];

let dir: string;
let remove: () => Promise<void>;
let stop: () => Promise<void>;
let said = '';
const address = { orthanc: '', agent: '' };

/** Runs the recipe's text as a reader would, with its folders and ports moved to where this test may write and listen. */
beforeAll(async () => {
  ({ dir, remove } = await temporaryDirectory());
  const [recipe] = (await shellBlocks('README.md')).filter(({ heading }) => heading === 'With Orthanc');
  const [orthancDicom, orthancHttp, agentDicom, agentWeb] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  address.orthanc = `http://127.0.0.1:${orthancHttp}`;
  address.agent = `http://127.0.0.1:${agentWeb}`;

  const configuration = join(dir, 'etc/orthanc');
  await mkdir(join(dir, 'storage'));
  await mkdir(configuration, { recursive: true });
  // Credentials, of which Debian defines none, are readable by Orthanc's own user only.
  for (const name of (await readdir('/etc/orthanc')).filter((file) => file !== 'credentials.json'))
    await cp(join('/etc/orthanc', name), join(configuration, name));
  await replaceIn(join(configuration, 'orthanc.json'), [
    ['/var/lib/orthanc/db-v6', join(dir, 'storage')],
    ['"HttpPort" : 8042', `"HttpPort" : ${orthancHttp}`],
    ['"DicomPort" : 4242', `"DicomPort" : ${orthancDicom}`],
  ]);
  await cp(join(packageRoot, 'config'), join(dir, 'config'), { recursive: true });
  await replaceIn(join(dir, 'config/example-orthanc.yaml'), [
    ['port: 4242', `port: ${orthancDicom}`],
    ['127.0.0.1:8042/', `127.0.0.1:${orthancHttp}/`],
  ]);

  const commands = {
    'apt-get': 'exit 0',
    service: `test "$*" = "orthanc restart" && Orthanc ${configuration} &`,
    npm: 'exit 0',
    npx: `test "$1" = odontoid && shift && exec ${process.execPath} ${join(packageRoot, 'bin/odontoid.js')} "$@"`,
  };
  await mkdir(join(dir, 'bin'));
  for (const [name, script] of Object.entries(commands))
    await writeFile(join(dir, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const text = recipe!.text.replaceAll('/etc/orthanc', configuration).replaceAll('11112', String(agentDicom));
  const reader = spawn('sh', ['-e', '-c', text], {
    cwd: dir,
    detached: true,
    env: {
      ...process.env,
      PATH: `${join(dir, 'bin')}:${process.env['PATH']!}`,
      ODONTOID__DATA_DIR: join(dir, 'data'),
      ODONTOID__RECEIVE__PORT: String(agentDicom),
      ODONTOID__WEB__PORT: String(agentWeb),
      ODONTOID__WEB__SIGN_IN: 'off',
    },
  });
  for (const stream of [reader.stdout, reader.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const gone = once(reader, 'close');
  stop = async () => {
    process.kill(-reader.pid!, 'SIGTERM');
    await gone;
  };
  await until(
    'both are up',
    async () => (await answers(`${address.orthanc}/system`)) && answers(`${address.agent}/readyz`),
    60_000,
  ).catch((error: unknown) => {
    throw new Error(`They said: ${said}`, { cause: error });
  });
});
afterAll(async () => {
  await stop();
  await remove();
});

async function replaceIn(path: string, pairs: [string, string][]): Promise<void> {
  let text = await readFile(path, 'utf8');
  for (const [from, to] of pairs) {
    expect(text).toContain(from);
    text = text.replaceAll(from, to);
  }
  await writeFile(path, text);
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function orthanc<T>(path: string): Promise<T> {
  return (await (await fetch(`${address.orthanc}${path}`)).json()) as T;
}

async function store(bytes: Uint8Array): Promise<void> {
  const response = await fetch(`${address.orthanc}/instances`, { method: 'POST', body: Buffer.from(bytes) });
  expect(response.ok, await response.text()).toBe(true);
}

function companion(study: WrittenStudy, index: number): Uint8Array {
  return writePart10({
    ...COMPANIONS[index],
    SOPInstanceUID: derivedUid('companion', 'instance', String(index)),
    StudyInstanceUID: study.studyInstanceUid,
    SeriesInstanceUID: derivedUid('companion', 'series', String(index)),
    PatientName: 'Fracture^Felix',
    PatientID: 'RECIPE-1',
    StudyDate: '20261129',
    StudyTime: '120000',
    AccessionNumber: 'ACC-77',
    SeriesNumber: String(500 + index),
    InstanceNumber: '1',
  });
}

interface Job {
  State: string;
  Content: { InstancesCount: number; FailedInstancesCount: number };
}
const stores = async () => (await orthanc<Job[]>('/jobs?expand')).filter(({ Content }) => 'InstancesCount' in Content);
const series = async () =>
  (await orthanc<{ MainDicomTags: { Modality: string } }[]>('/series?expand')).map(
    ({ MainDicomTags }) => MainDicomTags.Modality,
  );

test('a study with all that scanners add is analysed soon after its last slice, and the results are not sent round again', async () => {
  const study = await smallStudy(
    join(dir, 'study'),
    4711,
    { patientName: 'Fracture^Felix', patientId: 'RECIPE-1', accessionNumber: 'ACC-77' },
    'burst@C5',
  );
  await store(companion(study, 0));
  for (const { path } of study.files) await store(await readFile(path));
  for (const index of COMPANIONS.keys()) await store(companion(study, index));

  const stored = Date.now();
  await until('it is on the worklist', async () => (await worklist(address.agent)).length > 0);
  // Orthanc by itself waits for 60 s.
  expect(Date.now() - stored).toBeLessThan(45_000);
  const row = await until(
    'delivered',
    async () => (await worklist(address.agent)).find(({ state }) => state === 'delivered'),
    120_000,
  );
  expect(row).toMatchObject({ decision: 'suspected', patientId: 'RECIPE-1' });
  const modalities = await until('the report is in Orthanc', async () => {
    const there = await series();
    return there.filter((name) => name === 'SR').length === 2 && there;
  });
  expect(modalities).toContain('OT');

  const { viewerTemplate } = (await (await fetch(`${address.agent}/api/worklist`)).json()) as {
    viewerTemplate: string;
  };
  const link = viewerLink(viewerTemplate, { ...row, accessionNumber: 'ACC-77' })!;
  expect(link).toMatch(`${address.orthanc}/app/explorer.html#instance?uuid=`);
  expect((await fetch(link)).ok).toBe(true);
  const named = await orthanc<{ MainDicomTags: { SOPInstanceUID: string } }>(`/instances/${link.split('uuid=')[1]!}`);
  expect(named.MainDicomTags.SOPInstanceUID).toBe(row.keySlices[0]!.sopInstanceUid);

  // Longer than Orthanc waits for more of a series.
  await sleep(12_000);
  const sent = await stores();
  expect(sent.map(({ State }) => State)).toEqual(['Success', 'Success']);
  expect(sent.map(({ Content }) => [Content.InstancesCount, Content.FailedInstancesCount]).sort()).toEqual([
    [1, 0],
    [study.files.length, 0],
  ]);
  expect(await worklist(address.agent)).toMatchObject([{ revision: row.revision, state: 'delivered' }]);
});
