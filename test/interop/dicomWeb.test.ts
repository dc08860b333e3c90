import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { createLog } from '../../src/base/log.ts';
import { startAgent, type Agent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import type { DicomJson } from '../../src/dicom/dicomJson.ts';
import { sendFiles } from '../../src/pacs/sendFiles.ts';
import type { WrittenStudy } from '../../src/phantom/writePhantomStudy.ts';
import { openDatabase } from '../../src/worklist/db/database.ts';
import { createServiceTokens } from '../../src/worklist/people/serviceTokens.ts';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { launchBrowser } from '../browser/page.ts';
import { proxyBefore } from '../browser/proxyBefore.ts';
import { SENDER, smallStudy, until } from '../pipeline/agentUnderTest.ts';
import { runTool } from './dcmtk.ts';
import { startOrthanc, type Orthanc } from './orthanc.ts';

/** QIDO-RS and WADO-RS of the whole agent, by Orthanc as the client, by pydicom, and by requests as viewers send them. */

let dir: string;
let agent: Agent;
let orthanc: Orthanc;
let token: string;
let study: WrittenStudy;
let root: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-wado-'));
  agent = await startAgent(
    configFrom({
      dataDir: join(dir, 'agent'),
      receive: { port: 0, sources: [{ aeTitle: SENDER, addresses: ['127.0.0.1'] }], minFreeBytes: 0 },
      assemble: { quietMs: 500 },
      proofOfLife: { schedule: 'off' },
      web: { port: 0, signIn: 'local', dicomWeb: true, trustProxy: ['127.0.0.1'] },
      housekeeping: { lowWaterFreeBytes: 0 },
    }),
    { clock: systemClock, log: createLog('silent'), environment: {} },
  );
  root = `${agent.url}/dicom-web`;
  const database = await openDatabase(join(dir, 'agent', 'odontoid.sqlite'));
  token = (await createServiceTokens(database, systemClock).add('viewer', null, 'test')).secret;
  await database.close();
  study = await smallStudy(join(dir, 'study'), 617, { patientId: 'WADO-1', accessionNumber: 'W617' }, 'dens-2@C2');
  const peer = { name: 'agent', aeTitle: 'ODONTOID', host: '127.0.0.1', port: agent.dicomPort };
  const sent = { ...peer, callingAeTitle: SENDER, timeoutMs: 30_000 };
  await sendFiles(
    sent,
    study.files.map(({ path }) => path),
    { clock: systemClock },
  );
  await until('reported', async () => (await agent.query.rows())[0]?.state === 'reported');
  orthanc = await startOrthanc({
    dir: join(dir, 'orthanc'),
    dicomWeb: true,
    configuration: {
      DicomWeb: {
        Enable: true,
        Root: '/dicom-web/',
        Servers: { odontoid: { Url: `${root}/`, HttpHeaders: { Authorization: `Bearer ${token}` } } },
      },
    },
  });
});
afterAll(async () => {
  await orthanc.stop();
  await agent.close();
  await rm(dir, { recursive: true, force: true });
});

const get = (path: string, accept?: string, headers: Record<string, string> = {}) =>
  fetch(`${root}${path}`, {
    headers: { Authorization: `Bearer ${token}`, ...(accept === undefined ? {} : { Accept: accept }), ...headers },
  });
const json = async (path: string): Promise<DicomJson[]> => {
  const response = await get(path);
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/dicom+json']);
  return (await response.json()) as DicomJson[];
};
const value = (dataset: DicomJson, tag: string): unknown => dataset[tag]?.Value?.[0];
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

it('lets Orthanc search it and fetch a study with its results, the very bytes', async () => {
  const ask = async (what: string, body: object): Promise<unknown> => {
    const response = await fetch(`${orthanc.dicomWebUrl}/servers/odontoid/${what}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    expect(response.status, await response.clone().text()).toBe(200);
    return response.json();
  };
  const found = (await ask('qido', { Uri: '/studies', Arguments: { PatientID: 'WADO-1' } })) as Record<
    string,
    { Value: unknown }
  >[];
  expect(found).toHaveLength(1);
  await ask('retrieve', { Resources: [{ Study: study.studyInstanceUid }] });
  const { results } = await agent.query.caseDetail(study.studyInstanceUid);
  expect(results.map(({ kind }) => kind).sort()).toEqual(['sc', 'sr'].concat(results.slice(2).map(() => 'sc')).sort());
  const instances = (await orthanc.get('/instances?expand')) as {
    ID: string;
    MainDicomTags: { SOPInstanceUID: string };
  }[];
  const files = [...study.files, ...results].map(({ sopInstanceUid, path }) => ({ sopInstanceUid, path }));
  const fetched = new Map(instances.map(({ ID, MainDicomTags }) => [MainDicomTags.SOPInstanceUID, ID]));
  expect([...fetched.keys()].sort()).toEqual(files.map(({ sopInstanceUid }) => sopInstanceUid).sort());
  for (const { sopInstanceUid, path } of [files[0]!, files.at(-1)!]) {
    const held = await fetch(`${orthanc.httpUrl}/instances/${fetched.get(sopInstanceUid)!}/file`);
    const [theirs, ours] = [Buffer.from(await held.arrayBuffer()), await readFile(path)];
    // The file meta information is the writer's own.
    expect(digest(theirs.subarray(-10_000))).toBe(digest(ours.subarray(-10_000)));
  }
});

it('gives metadata that are what pydicom reads in the files', async () => {
  const metadata = await json(`/studies/${study.studyInstanceUid}/metadata`);
  const { results } = await agent.query.caseDetail(study.studyInstanceUid);
  const pathOf = new Map([...study.files, ...results].map(({ sopInstanceUid, path }) => [sopInstanceUid, path]));
  expect(metadata).toHaveLength(pathOf.size);
  const list = metadata.map((dataset) => ({ path: pathOf.get(value(dataset, '00080018') as string), dataset }));
  await mkdir(join(dir, 'json'));
  await writeFile(join(dir, 'json', 'list.json'), JSON.stringify(list));
  const script = join(import.meta.dirname, 'sameMetadata.py');
  expect(await runTool('/usr/bin/python3', [script, join(dir, 'json', 'list.json')])).toMatchObject({
    exitCode: 0,
    stderr: '',
    stdout: `${list.length} the same\n`,
  });
});

it('finds series and instances of a study, its results among them', async () => {
  const series = await json(`/studies/${study.studyInstanceUid}/series`);
  expect(series.map((one) => value(one, '00080060')).sort()).toEqual(
    ['CT', 'OT', 'SR', ...series.slice(3).map(() => 'OT')].sort(),
  );
  const ct = series.find((one) => value(one, '00080060') === 'CT')!;
  expect(value(ct, '00201209')).toBe(study.files.length);
  const path = `/studies/${study.studyInstanceUid}/series/${value(ct, '0020000E') as string}/instances`;
  const first = await get(`${path}?limit=2&offset=1`);
  expect(first.headers.get('warning')).toBe(
    `299 Odontoid "There are ${study.files.length - 3} additional results that can be requested"`,
  );
  expect((await first.json()) as unknown[]).toHaveLength(2);
  const [found] = await json(`/studies?00100020=WADO*&ModalitiesInStudy=SR&StudyDate=20000101-`);
  const answered = ['0020000D', '00100020', '00080050', '00201208'].map((tag) => value(found!, tag));
  const { results } = await agent.query.caseDetail(study.studyInstanceUid);
  expect(answered).toEqual([study.studyInstanceUid, 'WADO-1', 'W617', study.files.length + results.length]);
  expect(found!['00080061']).toEqual({ vr: 'CS', Value: ['CT', 'OT', 'SR'] });
  expect((await get('/studies?PatientID=WADO-2')).status).toBe(204);
  expect((await get('/studies?PatientWeight=70')).status).toBe(400);
});

it('gives frames as a viewer asks for them, and draws slices and key slices', async () => {
  const [slice] = study.files;
  const instances = await json(`/studies/${study.studyInstanceUid}/instances`);
  const pathTo = (sop: string) => {
    const one = instances.find((candidate) => value(candidate, '00080018') === sop)!;
    return `/studies/${study.studyInstanceUid}/series/${value(one, '0020000E') as string}/instances/${sop}`;
  };
  const path = pathTo(slice!.sopInstanceUid);
  const frame = await get(`${path}/frames/1`, 'multipart/related; type=application/octet-stream; transfer-syntax=*');
  const body = Buffer.from(await frame.arrayBuffer());
  const boundary = /boundary="(.+)"/.exec(frame.headers.get('content-type')!)![1]!;
  const from = body.indexOf('\r\n\r\n', 4) + 4;
  const pixels = body.subarray(from, body.indexOf(`\r\n--${boundary}--`));
  const file = await readFile(slice!.path);
  expect(pixels.equals(file.subarray(-pixels.length))).toBe(true);
  expect((await get(`${path}/frames/2`)).status).toBe(404);
  expect((await get(`${path}/frames/1`, 'image/jpeg')).status).toBe(406);
  const bulk = await get(`${path}/bulkdata/7FE00010`, 'application/octet-stream');
  expect(Buffer.from(await bulk.arrayBuffer()).equals(pixels)).toBe(true);
  const whole = await get(path, 'application/dicom');
  expect(digest(Buffer.from(await whole.arrayBuffer()))).toBe(digest(await storedFile(slice!.sopInstanceUid)));

  const drawn = PNG.sync.read(Buffer.from(await (await get(`${path}/rendered?window=40,400,linear`)).arrayBuffer()));
  expect(drawn.width * drawn.height * 2).toBe(pixels.length);
  // Air is black, and something of the neck is not.
  expect(drawn.data[0]).toBe(0);
  expect(drawn.data.some((sample, index) => index % 4 === 0 && sample > 100)).toBe(true);
  const { results } = await agent.query.caseDetail(study.studyInstanceUid);
  const picture = results.find(({ kind }) => kind === 'sc')!;
  const shown = await get(`${pathTo(picture.sopInstanceUid)}/rendered`);
  expect([shown.status, shown.headers.get('content-type')]).toEqual([200, 'image/png']);
  const report = results.find(({ kind }) => kind === 'sr')!;
  expect((await get(`${pathTo(report.sopInstanceUid)}/rendered`)).status).toBe(404);
});

it('serves the client that OHIF is built on, in a browser', async () => {
  const browser = await launchBrowser();
  try {
    // Its own page may run no script but its own.
    const page = await (await browser.newContext({ bypassCSP: true })).newPage();
    await page.goto(`${agent.url}/healthz`);
    await page.addScriptTag({ path: createRequire(import.meta.url).resolve('dicomweb-client') });
    const sop = study.files[3]!.sopInstanceUid;
    const seen = await page.evaluate(fetchByClient, { root, token, study: study.studyInstanceUid, sop });
    const file = await storedFile(sop);
    expect(seen).toEqual({
      patients: ['WADO-1'],
      none: 0,
      modalities: ['CT', 'OT', 'SR'],
      sop,
      frame: digest(file.subarray(-seen.frameBytes)),
      frameBytes: seen.frameBytes,
      instance: digest(file),
      png: '89504e47',
    });
  } finally {
    await browser.close();
  }
});

interface DicomWebClient {
  searchForStudies(options: object): Promise<DicomJson[]>;
  searchForSeries(options: object): Promise<DicomJson[]>;
  retrieveSeriesMetadata(options: object): Promise<DicomJson[]>;
  retrieveInstanceFrames(options: object): Promise<ArrayBuffer[]>;
  retrieveInstance(options: object): Promise<ArrayBuffer>;
  retrieveInstanceRendered(options: object): Promise<ArrayBuffer[]>;
}

/** Runs in the browser. */
async function fetchByClient({ root, token, study, sop }: Record<'root' | 'token' | 'study' | 'sop', string>) {
  const { DICOMwebClient } = (
    globalThis as unknown as {
      DICOMwebClient: { api: { DICOMwebClient: new (options: object) => DicomWebClient } };
    }
  ).DICOMwebClient.api;
  const client = new DICOMwebClient({ url: root, headers: { Authorization: `Bearer ${token}` } });
  const hex = (bytes: ArrayBuffer): string =>
    Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const sha256 = async (bytes: ArrayBuffer): Promise<string> => hex(await crypto.subtle.digest('SHA-256', bytes));
  const first = (dataset: DicomJson, tag: string) => dataset[tag]?.Value?.[0] as string;

  const studies = await client.searchForStudies({ queryParams: { PatientID: 'WADO-1', limit: 5 } });
  const none = await client.searchForStudies({ queryParams: { PatientID: 'NOBODY' } });
  const series = await client.searchForSeries({ studyInstanceUID: study });
  const ct = first(
    series.find((one) => first(one, '00080060') === 'CT')!,
    '0020000E',
  );
  const metadata = await client.retrieveSeriesMetadata({ studyInstanceUID: study, seriesInstanceUID: ct });
  const instance = {
    studyInstanceUID: study,
    seriesInstanceUID: ct,
    sopInstanceUID: metadata.map((one) => first(one, '00080018')).find((one) => one === sop),
  };
  const [frame] = await client.retrieveInstanceFrames({ ...instance, frameNumbers: [1] });
  const [png] = await client.retrieveInstanceRendered({ ...instance, mediaTypes: [{ mediaType: 'image/png' }] });
  return {
    patients: studies.map((one) => first(one, '00100020')),
    none: none.length,
    modalities: [...new Set(series.map((one) => first(one, '00080060')))].sort(),
    sop: instance.sopInstanceUID,
    frame: await sha256(frame!),
    frameBytes: frame!.byteLength,
    instance: await sha256(await client.retrieveInstance(instance)),
    png: hex(png!.slice(0, 4)),
  };
}

/** The file as the agent keeps it. */
async function storedFile(sopInstanceUid: string): Promise<Buffer> {
  const objects = await agent.query.heldObjects(study.studyInstanceUid, { withHeatmaps: true });
  const { path } = objects.find((object) => object.sopInstanceUid === sopInstanceUid)!;
  return readFile(join(dir, 'agent', 'spool', path));
}

/** The proxy of docs/dicomweb.md as its directives say, before this agent. Returns its address. */
async function documentedProxy(host: string): Promise<string> {
  const guide = await readFile(join(packageRoot, 'docs/dicomweb.md'), 'utf8');
  const { host: upstream } = new URL(agent.url);
  const directives = /```nginx\n([\s\S]*?)```/.exec(guide)![1]!;
  const sets = [...directives.matchAll(/proxy_set_header (\S+) (?:"([^"]*)"|(\S+));/g)].map(
    ([, header, quoted, bare]) => [
      header!.toLowerCase(),
      (quoted ?? bare)!.replace('$host', host).replace('odontoid.example', upstream).replace('odontoid_...', token),
    ],
  );
  expect(sets.map(([header]) => header)).toEqual(['host', 'x-forwarded-host', 'x-forwarded-proto', 'authorization']);
  return proxyBefore(agent.url, {
    sets: Object.fromEntries(sets) as Record<string, string>,
    passOn: (answer, response) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    },
  });
}

it('serves what OHIF 3.13.2 and Weasis 4.7 ask for, through the proxy that is documented for them', async () => {
  const viewer = `${await documentedProxy('viewer.example')}/dicom-web`;
  const asked = async (path: string, accept: string) => {
    const response = await fetch(`${viewer}${path}`, { headers: { Accept: accept } });
    expect([path, response.status]).toEqual([path, 200]);
    return response;
  };
  const listed = async (path: string) => (await (await asked(path, 'application/dicom+json')).json()) as DicomJson[];

  // OHIF: the study list, then one study, its patient's others, its series, and all of each series.
  const list = 'limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060%2C00080090%2C00100030';
  const at = `/studies/${study.studyInstanceUid}`;
  for (const query of [list, `${list}&StudyInstanceUID=${study.studyInstanceUid}`, `00100020=WADO-1&${list}`]) {
    const [found] = await listed(`/studies?${query}`);
    expect(value(found!, '00081190')).toBe(`https://viewer.example/dicom-web${at}`);
  }
  const series = await listed(`${at}/series?includefield=00080021%2C00080031%2C0008103E%2C00200011`);
  for (const one of series) {
    const [first] = await listed(`${at}/series/${value(one, '0020000E') as string}/metadata`);
    // What OHIF sorts and hangs by; without Rows it takes a series for none of images.
    const needed = [
      '00080016',
      '00080060',
      '00200011',
      '00200013',
      '0008103E',
      ...(value(first!, '00080060') === 'SR' ? [] : ['00280010']),
    ];
    expect(needed.filter((tag) => first![tag]?.Value === undefined)).toEqual([]);
    if (value(first!, '00080060') === 'SR') continue;
    const { headers } = await asked(
      `${at}/series/${value(one, '0020000E') as string}/instances/${value(first!, '00080018') as string}/frames/1`,
      'multipart/related; type="application/octet-stream"; transfer-syntax="*"',
    );
    expect(headers.get('content-type')).toMatch(/^multipart\/related; type="application\/octet-stream"; boundary="/);
  }

  // Weasis: the study, its series, and each series as a whole.
  const [found] = await listed(
    `/studies?0020000D=${study.studyInstanceUid}&includefield=00080020,00080030,00080050,00080061,00080090,00081030,00100010,00100020,00100021,00100030,00100040,0020000D,00200010`,
  );
  expect(value(found!, '00100020')).toBe('WADO-1');
  const addresses = (await listed(`${at}/series?includefield=0008103E,00080060,0020000E,00200011,00081190`)).map(
    (one) => new URL(value(one, '00081190') as string).pathname,
  );
  expect(addresses).toHaveLength(series.length);
  const whole = await asked(
    addresses[0]!.replace('/dicom-web', ''),
    'multipart/related;type="application/dicom";transfer-syntax=*',
  );
  expect((await whole.arrayBuffer()).byteLength).toBe(Number(whole.headers.get('content-length')));
});

it('tells strangers nothing, and records who has fetched a study', async () => {
  expect((await fetch(`${root}/studies`)).status).toBe(401);
  expect((await get('/studies/2.25.4711/metadata')).status).toBe(404);
  const [entry, ...more] = await agentAudit('case.fetched');
  expect([entry?.actor, entry?.target, more]).toEqual(['token:viewer', study.studyInstanceUid, []]);
});

async function agentAudit(action: string): Promise<{ actor: string; target: string }[]> {
  const database = await openDatabase(join(dir, 'agent', 'odontoid.sqlite'));
  try {
    return await database.db
      .selectFrom('audit_log')
      .select(['actor', 'target'])
      .where('action', '=', action)
      .where('actor', '=', 'token:viewer')
      .execute();
  } finally {
    await database.close();
  }
}
