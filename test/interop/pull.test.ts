import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ConnectionsAnswer, EchoAnswer } from '../../src/answers/adminAnswers.ts';
import type { PullRun, PullsAnswer } from '../../src/answers/pullAnswers.ts';
import { systemClock } from '../../src/base/clock.ts';
import { createLog } from '../../src/base/log.ts';
import { archiveClient } from '../../src/compose/archives.ts';
import { startAgent, type Agent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { readHeader } from '../../src/dicom/header.ts';
import { createRetrieveScu } from '../../src/pacs/retrieveScu.ts';
import { sendFiles } from '../../src/pacs/sendFiles.ts';
import { smallStudy, until } from '../pipeline/agentUnderTest.ts';
import { odontoid } from '../pipeline/odontoidCommand.ts';
import { freePort, startServer } from './dcmtk.ts';
import { startOrthanc, type Orthanc } from './orthanc.ts';
import { smallObject } from './smallObject.ts';

/** `odontoid pull` from Orthanc, and the same requests to DCMTK's dcmqrscp; the studies come in through the receiver of a running agent. */

const CT = '1.2.840.10008.5.1.4.1.1.2';
const MR = '1.2.840.10008.5.1.4.1.1.4';
const WEISS = { PatientName: 'Weiß^Anna', SpecificCharacterSet: 'ISO_IR 100', StudyDescription: 'CT Neck' };
/** Of a class for which the first association by C-GET has no room. */
const TOMOGRAPHY = {
  SOPClassUID: '1.2.840.10008.5.1.4.1.1.77.1.5.4',
  StudyInstanceUID: '2.25.110',
  AccessionNumber: 'A110',
  SOPInstanceUID: '2.25.110.2.1',
  SeriesInstanceUID: '2.25.110.2',
  Modality: 'OPT',
};
let dir: string;
let agent: Agent;
let orthanc: Orthanc;
let configFile: string;
let dicomPort: number;
let qrscpPort: number;

async function writeStudy(study: string, modality: 'CT' | 'MR', objects: number, attributes = {}): Promise<string[]> {
  const paths: string[] = [];
  for (let index = 1; index <= objects; index++) {
    const path = join(dir, `${study}.${index}.dcm`);
    await writeFile(
      path,
      smallObject(study, index, {
        SOPClassUID: modality === 'CT' ? CT : MR,
        PatientID: 'PULL-1',
        PatientName: 'Pull^Anna',
        AccessionNumber: `A${study.slice(-3)}`,
        StudyDate: '20261102',
        Modality: modality,
        ...attributes,
      }),
    );
    paths.push(path);
  }
  return paths;
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-pull-'));
  dicomPort = await freePort();
  qrscpPort = await freePort();
  orthanc = await startOrthanc({
    dir: join(dir, 'orthanc'),
    modalities: { odontoid: { aeTitle: 'ODONTOID', port: dicomPort } },
    dicomWeb: true,
    configuration: { DicomAlwaysAllowMove: true, DicomAlwaysAllowFind: true },
  });
  const config = {
    dataDir: join(dir, 'agent'),
    receive: {
      port: dicomPort,
      sources: ['ORTHANC', 'QRSCP'].map((aeTitle) => ({ aeTitle, addresses: ['127.0.0.1'] })),
      minFreeBytes: 0,
    },
    destinations: [
      { name: 'pacs', kind: 'dimse', aeTitle: 'ORTHANC', host: '127.0.0.1', port: orthanc.dicomPort },
      // In no receive.sources, and it knows no destination.
      { name: 'closed', kind: 'dimse', aeTitle: 'QRGET', host: '127.0.0.1', port: qrscpPort, retrieve: 'get' },
      ...(['get', 'auto'] as const).map((retrieve) => ({
        ...{ name: `by-${retrieve}`, kind: 'dimse' as const, aeTitle: 'ORTHANC', host: '127.0.0.1' },
        ...{ port: orthanc.dicomPort, retrieve },
      })),
      { name: 'web', kind: 'dicomweb', url: orthanc.dicomWebUrl },
    ],
    priors: { archives: ['by-get'] },
    assemble: { quietMs: 500 },
    proofOfLife: { schedule: 'off' },
    web: { port: 0, signIn: 'off' },
    housekeeping: { lowWaterFreeBytes: 0 },
  } as const;
  configFile = join(dir, 'odontoid.yaml');
  await writeFile(configFile, JSON.stringify(config));
  agent = await startAgent(configFrom(config as never), {
    clock: systemClock,
    log: createLog('silent'),
    environment: {},
  });
  for (const path of [
    ...(await writeStudy('2.25.101', 'CT', 3)),
    ...(await writeStudy('2.25.102', 'CT', 2)),
    ...(await writeStudy('2.25.103', 'MR', 1)),
    ...(await writeStudy('2.25.104', 'CT', 1, { PatientID: 'PULL-12' })),
    ...(await writeStudy('2.25.106', 'CT', 3, { PatientID: 'PULL-6' })),
    ...(await writeStudy('2.25.110', 'CT', 2, { PatientID: 'PULL-10' })),
    ...(await writeStudy('2.25.1102', 'CT', 1, { PatientID: 'PULL-10', ...TOMOGRAPHY })),
    ...(await writeStudy('2.25.108', 'CT', 4, { PatientID: 'WEB-8', ...WEISS })),
    ...(await writeStudy('2.25.109', 'CT', 2, { PatientID: 'WEB-9' })),
  ])
    expect((await fetch(`${orthanc.httpUrl}/instances`, { method: 'POST', body: await readFile(path) })).ok).toBe(true);
});
afterAll(async () => {
  await agent.close();
  await orthanc.stop();
  await rm(dir, { recursive: true, force: true });
});

interface Pulled {
  studies: { studyInstanceUid: string; completed: number; onRecord: number; problem: string | null }[];
  skipped: { studyInstanceUid: string; modalities: string[] }[];
}
const pull = (...args: string[]) => odontoid(['pull', '--config', configFile, '--json', ...args], { cwd: dir });
const received = async (study: string) => (await agent.query.caseDetail(study)).instances.received;

it('fetches a study by its accession number, and the CTs of a patient', async () => {
  const one = await pull('--from', 'pacs', '--accession', 'A101');
  expect(one.stderr).toBe('');
  expect((JSON.parse(one.stdout) as Pulled).studies).toMatchObject([
    { studyInstanceUid: '2.25.101', completed: 3, onRecord: 3, problem: null },
  ]);
  expect([one.exitCode, await received('2.25.101')]).toEqual([0, 3]);

  const all = await pull('--from', `ORTHANC@127.0.0.1:${orthanc.dicomPort}`, '--patient', 'PULL-1');
  const { studies, skipped } = JSON.parse(all.stdout) as Pulled;
  expect(studies.map(({ studyInstanceUid, onRecord }) => [studyInstanceUid, onRecord]).sort()).toEqual([
    ['2.25.101', 3],
    ['2.25.102', 2],
  ]);
  expect(skipped).toMatchObject([{ studyInstanceUid: '2.25.103', modalities: ['MR'] }]);
  expect(all.exitCode).toBe(0);
});

it('asks for one thing only, never by a wildcard, and says what is not there', async () => {
  expect((await pull('--from', 'pacs', '--patient', 'PULL*')).stderr).toMatch(/no \* \? or \\/);
  expect((await pull('--from', 'pacs')).stderr).toMatch(/Give one of --study, --accession and --patient/);
  expect((await pull('--from', 'elsewhere', '--study', '2.25.1')).stderr).toMatch(
    /is no destination of the configuration/,
  );
  const limited = await pull('--from', 'pacs', '--patient', 'PULL-1', '--limit', '1');
  expect(limited.stderr).toMatch(/2 studies match: ask for one of them, or raise --limit/);
  const none = await pull('--from', 'pacs', '--study', '2.25.999');
  expect([none.exitCode, JSON.parse(none.stdout)]).toEqual([1, { studies: [], skipped: [] }]);
});

it('fetches by the API, in the background, and says what came', async () => {
  const ask = (body: object) =>
    fetch(`${agent.url}/api/pulls`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const runs = async () => ((await (await fetch(`${agent.url}/api/pulls`)).json()) as PullsAnswer).runs;
  const begun = await ask({ archive: 'pacs', key: 'accessionNumber', value: 'A104' });
  expect([begun.status, ((await begun.json()) as PullRun).endedAtMs]).toEqual([201, null]);
  await expect.poll(async () => (await runs())[0]!.endedAtMs, { timeout: 60_000 }).not.toBeNull();
  expect((await runs())[0]).toMatchObject({ says: '1 study came whole: 1 object.', isGood: true });
  expect(await received('2.25.104')).toBe(1);
  expect((await ask({ archive: 'elsewhere', key: 'accessionNumber', value: 'A104' })).status).toBe(404);
  expect((await ask({ archive: 'pacs', key: 'accessionNumber', value: 'A*' })).status).toBe(400);
});

it('fetches by C-GET on the association that it opens, and says whether an archive offers that', async () => {
  const one = await pull('--from', 'by-get', '--study', '2.25.106');
  expect((JSON.parse(one.stdout) as Pulled).studies).toMatchObject([{ completed: 3, onRecord: 3, problem: null }]);
  expect((await agent.query.caseDetail('2.25.106')).row.sourceAeTitle).toBe('ORTHANC');
  const rare = await pull('--from', 'by-get', '--study', '2.25.110');
  expect((JSON.parse(rare.stdout) as Pulled).studies).toMatchObject([{ completed: 3, onRecord: 3, problem: null }]);
  const echo = await fetch(`${agent.url}/api/connections/destination/by-auto/echo`, { method: 'POST' });
  expect(((await echo.json()) as EchoAnswer).takes).toMatch(/; sends studies by C-GET$/);
});

it('fetches from a DICOMweb archive by the command and by the API, the bytes as it keeps them', async () => {
  const one = await pull('--from', 'web', '--patient', 'WEB-8');
  expect([one.stderr, (JSON.parse(one.stdout) as Pulled).studies]).toMatchObject([
    '',
    [{ studyInstanceUid: '2.25.108', completed: 4, onRecord: 4, problem: null, modalities: ['CT'] }],
  ]);
  const { row } = await agent.query.caseDetail('2.25.108');
  expect([row.patientName, row.sourceAeTitle]).toEqual(['Weiß^Anna', 'web']);
  const [held] = await agent.query.heldObjects('2.25.108', { withHeatmaps: true });
  const [kept, sent] = await Promise.all([
    readFile(join(dir, 'agent', 'spool', held!.path)),
    readFile(join(dir, `2.25.108.${held!.sopInstanceUid.split('.').at(-1)}.dcm`)),
  ]);
  expect(kept.subarray(-300).equals(sent.subarray(-300))).toBe(true);

  const begun = await fetch(`${agent.url}/api/pulls`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ archive: 'web', key: 'accessionNumber', value: 'A109' }),
  });
  expect(begun.status).toBe(201);
  const newest = async () => ((await (await fetch(`${agent.url}/api/pulls`)).json()) as PullsAnswer).runs[0]!;
  await expect.poll(async () => (await newest()).endedAtMs, { timeout: 60_000 }).not.toBeNull();
  expect(await newest()).toMatchObject({ says: '1 study came whole: 2 objects.', isGood: true });
  expect(await received('2.25.109')).toBe(2);
  const echo = await fetch(`${agent.url}/api/connections/destination/web/echo`, { method: 'POST' });
  expect(((await echo.json()) as EchoAnswer).takes).toMatch(/; sends studies by WADO-RS$/);

  const [destination] = configFrom({
    destinations: [{ name: 'web', kind: 'dicomweb', url: orthanc.dicomWebUrl }],
  }).destinations;
  const archive = archiveClient(destination!, {
    doors: { storage: () => null, stow: () => null },
    ports: { clock: systemClock, environment: {} },
  });
  const [found] = await archive.findOfPatient('WEB-8');
  expect([found!.patient.patientName, found!.studyDescription]).toEqual(['Weiß^Anna', 'CT Neck']);
  expect((await archive.retrieve({ studyInstanceUid: '2.25.999' }, 'ODONTOID')).problem).toMatch(/has no such study/);
});

it('fetches the priors of an analysed scan, and nothing of a namesake or of another region', async () => {
  const scan = await smallStudy(join(dir, 'scan'), 77, {
    patientName: 'Wei\u00df^Anna',
    patientId: 'PRIOR-1',
    accessionNumber: 'A300',
  });
  const { patientBirthDate: PatientBirthDate } = readHeader(await readFile(scan.files[0]!.path));
  const patient = { PatientID: 'PRIOR-1', PatientBirthDate, StudyDescription: 'CT Neck' };
  const ofAnna = { ...patient, PatientName: 'Wei\u00df^Anna', SpecificCharacterSet: 'ISO_IR 192' };
  for (const path of [
    ...(await writeStudy('2.25.301', 'CT', 3, { ...ofAnna, StudyDate: '20250312' })),
    ...(await writeStudy('2.25.302', 'CT', 2, { ...patient, PatientName: 'Braun^Berta', StudyDate: '20250413' })),
    ...(await writeStudy('2.25.303', 'CT', 1, { ...ofAnna, StudyDate: '20250514', StudyDescription: 'CT Chest' })),
    ...(await writeStudy('2.25.304', 'CT', 1, { ...ofAnna, StudyDate: '20150615' })),
  ])
    expect((await fetch(`${orthanc.httpUrl}/instances`, { method: 'POST', body: await readFile(path) })).ok).toBe(true);
  const receiver = { host: '127.0.0.1', port: dicomPort, name: 'agent', aeTitle: 'ODONTOID', timeoutMs: 30_000 };
  const sent = await sendFiles(
    { ...receiver, callingAeTitle: 'ORTHANC' },
    scan.files.map(({ path }) => path),
    { clock: systemClock },
  );
  expect(sent.every(({ outcome }) => outcome.kind === 'stored')).toBe(true);
  const row = await until(
    'the prior is linked',
    async () => {
      const known = await agent.query.caseDetail(scan.studyInstanceUid);
      return known.row.priorNote === null ? null : known.row;
    },
    180_000,
  );
  expect(row.priorNote).toBe('Prior not analysed (12-Mar-2025)');
  const connections = async () => (await (await fetch(`${agent.url}/api/connections`)).json()) as ConnectionsAnswer;
  await expect
    .poll(async () => (await connections()).destinations.find(({ name }) => name === 'by-get')!.priors, {
      timeout: 60_000,
    })
    .toEqual({ waiting: 0, lastError: '1 left there: under the same patient ID, but another name' });
  expect(await received('2.25.301')).toBe(3);
  for (const study of ['2.25.302', '2.25.303', '2.25.304'])
    await expect(received(study)).rejects.toMatchObject({ code: 'not-found' });
  const { rows } = await agent.query.page({
    ...{ list: null, offset: 0, limit: 50, read: false, show: 'all', search: 'PRIOR-1', location: '' },
  });
  expect(rows.map((one) => one!.studyInstanceUid)).toEqual([scan.studyInstanceUid]);
});

it('works with dcmqrscp, and says when the archive does not know the agent', async () => {
  const port = qrscpPort;
  await mkdir(join(dir, 'db'));
  const configuration = join(dir, 'dcmqrscp.cfg');
  await writeFile(
    configuration,
    [
      `NetworkTCPPort = ${port}`,
      'MaxPDUSize = 16384',
      'MaxAssociations = 16',
      'HostTable BEGIN',
      `agent = (ODONTOID, 127.0.0.1, ${dicomPort})`,
      'HostTable END',
      'VendorTable BEGIN',
      'VendorTable END',
      'AETable BEGIN',
      `QRSCP ${join(dir, 'db')} RW (200, 1024mb) ANY`,
      `QRGET ${join(dir, 'db')} RW (200, 1024mb) ANY`,
      'AETable END',
      '',
    ].join('\n'),
  );
  const server = await startServer('dcmqrscp', ['-c', configuration, '--disable-host-lookup'], [port], {
    env: { TCP_NODELAY: '1' },
  });
  const peer = {
    name: 'qrscp',
    aeTitle: 'QRSCP',
    host: '127.0.0.1',
    port,
    callingAeTitle: 'ODONTOID',
    timeoutMs: 30_000,
  };
  const paths = [...(await writeStudy('2.25.105', 'CT', 4)), ...(await writeStudy('2.25.107', 'CT', 5))];
  for (const { outcome } of await sendFiles(peer, paths, { clock: systemClock })) expect(outcome.kind).toBe('stored');
  const scu = createRetrieveScu(peer, { clock: systemClock });
  expect(await scu.find('accessionNumber', 'A105')).toMatchObject({
    studies: [{ studyInstanceUid: '2.25.105', patientId: 'PULL-1', studyDate: '20261102' }],
    others: 0,
  });
  expect(await scu.retrieve({ studyInstanceUid: '2.25.105' }, 'ODONTOID')).toEqual({
    completed: 4,
    failed: 0,
    problem: null,
  });
  await expect.poll(() => received('2.25.105').catch(() => 0)).toBe(4);
  // By C-GET, from an AE title that is no source of the agent, to an archive that knows no such destination.
  const got = await pull('--from', 'closed', '--accession', 'A107');
  expect([got.stderr, (JSON.parse(got.stdout) as Pulled).studies]).toMatchObject([
    '',
    [{ studyInstanceUid: '2.25.107', completed: 5, onRecord: 5, problem: null }],
  ]);
  expect((await scu.retrieve({ studyInstanceUid: '2.25.105' }, 'NOBODY')).problem).toMatch(
    /^it does not know the AE title NOBODY.*: register the agent there/,
  );
  await server.stop();
});
