import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createLog } from '../../../src/base/log.ts';
import type { StoredInstance } from '../../../src/case/case.ts';
import { archiveClient } from '../../../src/compose/archives.ts';
import { createProbedPacs } from '../../../src/compose/destinations.ts';
import type { StowDoor } from '../../../src/compose/stowDoor.ts';
import { configFrom } from '../../../src/config/configFile.ts';
import { writeFileMeta } from '../../../src/dicom/fileMeta.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '../../../src/dicom/transferSyntaxes.ts';
import type { ArchiveClient } from '../../../src/pacs/archiveClient.ts';
import { DEFAULT_RECEIVE_CONFIG } from '../../../src/receive/receiveConfig.ts';
import type { Refusal } from '../../../src/receive/refusals.ts';
import { openSpool } from '../../../src/receive/spool.ts';
import { startStowServer, type StowServer } from '../../../src/receive/stowServer.ts';
import { CT, ctDataSet } from '../receive/rawPeer.ts';

/** QIDO-RS and WADO-RS with an archive that answers exactly what a test says; what it sends goes through the receiver's own reader of multipart bodies. */

const STUDY = '2.25.100';
const AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*';
const MULTIPART = 'multipart/related; type="application/dicom"; boundary=cut-here';
let dir: string;
let receiver: StowServer;
let door: StowDoor | null;
let stored: StoredInstance[];
let refusals: Refusal[];
let ends: string[];
let archive: Server;
let base: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let asked: { url: string; accept: string; authorization: string }[];

async function openReceiver(limits: object = {}): Promise<void> {
  const secret = 'between the two processes';
  receiver = await startStowServer({
    config: { ...DEFAULT_RECEIVE_CONFIG, minFreeBytes: 0 },
    stow: { port: 0, secret, maxParts: 10_000, maxRequestBytes: 50_000_000, ...limits },
    spool: await openSpool({ dir, minFreeBytes: 0, maxObjectBytes: 50_000_000, clock: systemClock }),
    log: createLog('silent'),
    idPrefix: 't',
    open: new Map(),
    listener: {
      opened: (_id, aeTitle, address) => ends.push(`${aeTitle} at ${address}`),
      stored: (_id, instance) => {
        stored.push(instance);
        return Promise.resolve();
      },
      refused: (_id, refusal) => refusals.push(refusal),
      ended: (_id, how) => ends.push(how),
    },
  });
  door = { port: receiver.port, secret };
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-wado-'));
  [stored, refusals, ends, asked] = [[], [], [], []];
  archive = createServer((request, response) => {
    const { accept = '', authorization = '' } = request.headers;
    asked.push({ url: request.url!, accept, authorization });
    answer(request, response);
  });
  await new Promise<void>((resolve) => archive.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(archive.address() as AddressInfo).port}/dicom-web`;
});
afterEach(async () => {
  archive.closeAllConnections();
  archive.close();
  await receiver.close(0);
  // Nothing half is left behind.
  expect(await readdir(join(dir, 'tmp'))).toEqual([]);
  await rm(dir, { recursive: true, force: true });
});

function client(settings: object = {}): ArchiveClient {
  const entry = { name: 'archive-of-the-other-house', kind: 'dicomweb', url: base, timeoutMs: 5_000, ...settings };
  const [destination] = configFrom({ destinations: [entry as never] }).destinations;
  return archiveClient(destination!, {
    doors: { storage: () => null, stow: () => door },
    ports: { clock: systemClock, environment: { TOKEN: 'open sesame' } },
    silenceMs: 5_000,
  });
}
const fetchStudy = (patientId = 'P-1', sent?: (objects: number) => void) =>
  client().retrieve({ studyInstanceUid: STUDY, patientId }, 'ODONTOID', sent);

const file = (
  sopInstanceUid: string,
  changes: Parameters<typeof ctDataSet>[1] = {},
  transferSyntaxUid = EXPLICIT_VR_LITTLE_ENDIAN,
): Buffer =>
  Buffer.concat([
    writeFileMeta({ sopClassUid: CT, sopInstanceUid, transferSyntaxUid }),
    ctDataSet(sopInstanceUid, changes),
  ]);
const body = (...files: Buffer[]): Buffer =>
  Buffer.concat([
    ...files.flatMap((one) => [
      Buffer.from('--cut-here\r\nContent-Type: application/dicom\r\n\r\n'),
      one,
      Buffer.from('\r\n'),
    ]),
    Buffer.from('--cut-here--\r\n'),
  ]);
const giving =
  (bytes: Buffer, { status = 200, headers = {} }: { status?: number; headers?: object } = {}): typeof answer =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': MULTIPART, ...headers }).end(bytes);
const uids = () => stored.map(({ header }) => header.sopInstanceUid);

it('fetches a study byte for byte through the door of STOW-RS, as the archive keeps it', async () => {
  await openReceiver();
  const large = { pixelBytes: 700_000, Rows: 700, Columns: 500 };
  answer = giving(body(file('2.25.1', large), file('2.25.2')));
  const sent: number[] = [];
  const outcome = await fetchStudy('P-1', (objects) => sent.push(objects));
  expect([outcome, sent]).toEqual([{ completed: 2, failed: 0, problem: null }, [2]]);
  expect(asked).toMatchObject([{ url: `/dicom-web/studies/${STUDY}`, accept: AS_STORED }]);
  // An AE title has 16 characters.
  expect(ends).toEqual(['archive-of-the-o at 127.0.0.1', 'released']);
  expect(stored.map(({ sourceAeTitle, calledAeTitle }) => [sourceAeTitle, calledAeTitle])[0]).toEqual([
    'archive-of-the-o',
    'ODONTOID',
  ]);
  const dataSet = ctDataSet('2.25.1', large);
  expect((await readFile(join(dir, stored[0]!.path))).subarray(-dataSet.length).equals(dataSet)).toBe(true);
});

it.each([
  ['another study', { StudyInstanceUID: '2.25.101' }, 'of another study than'],
  ['another patient', { PatientID: 'P-2' }, 'of another Patient ID than the archive named'],
])('%s than was asked for is refused and told of; what is right stays', async (_what, changes, why) => {
  await openReceiver();
  answer = giving(body(file('2.25.1'), file('2.25.2', changes), file('2.25.3', changes)));
  const { problem, ...counts } = await fetchStudy();
  expect(counts).toEqual({ completed: 1, failed: 2 });
  expect(problem).toMatch(new RegExp(`^2 of 3 objects that it sent were refused: The object is ${why}`));
  expect(uids()).toEqual(['2.25.1']);
  // Two lines for admins, and no row of a study that nobody asked for, or of a patient that it is not.
  expect(refusals.map(({ kind, callingAeTitle, header }) => [kind, callingAeTitle, header])).toEqual(
    [1, 2].map(() => ['object', 'archive-of-the-o', undefined]),
  );
  expect(refusals[0]!.why).toMatch(`0xA900: The object is ${why}`);
});

it('a study whose patient nobody asked for is taken of whomever it is', async () => {
  await openReceiver();
  answer = giving(body(file('2.25.1', { PatientID: 'Müller 7' })));
  expect(await fetchStudy('')).toMatchObject({ completed: 1, problem: null });
  expect(await fetchStudy('Müller 7 ')).toMatchObject({ completed: 1, problem: null });
});

it.each<[what: string, play: (response: ServerResponse, bytes: Buffer) => void, why: RegExp]>([
  [
    'is cut',
    (response, bytes) => response.writeHead(200, { 'content-type': MULTIPART }).write(bytes, () => response.destroy()),
    /^its answer broke off \(the connection was cut\); 1 object before is stored$/,
  ],
  [
    'ends early',
    (response, bytes) => response.writeHead(200, { 'content-type': MULTIPART }).end(bytes),
    /^its answer was not taken to its end: it is no multipart body that ends with its closing boundary; 1 object before is stored$/,
  ],
])('half a body that %s keeps what came whole, and calls no study whole', async (_how, play, why) => {
  await openReceiver();
  const bytes = body(file('2.25.1'), file('2.25.2'));
  answer = (_request, response) => play(response, bytes.subarray(0, -300));
  const { completed, problem } = await fetchStudy();
  expect(completed).toBe(1);
  expect(problem).toMatch(why);
  expect([uids(), ends.at(-1)]).toEqual([['2.25.1'], 'broken']);
  expect(refusals).toMatchObject([{ kind: 'abort', callingAeTitle: 'archive-of-the-o' }]);
  // The next attempt brings all.
  answer = giving(bytes);
  expect(await fetchStudy()).toMatchObject({ completed: 2, problem: null });
});

it.each([
  ['parts', { maxParts: 2 }],
  ['bytes', { maxRequestBytes: 2_500 }],
])('an answer beyond the limit of %s is left where the limit is, and told of', async (_what, limits) => {
  await openReceiver(limits);
  answer = giving(body(file('2.25.1'), file('2.25.2'), file('2.25.3'), file('2.25.4')));
  const { completed, problem } = await fetchStudy();
  expect(problem).toMatch(
    /^its answer was not taken to its end: it has more parts or bytes than receive\.stow takes .*; \d objects? before/,
  );
  expect([completed, ends.at(-1), refusals.length]).toEqual([stored.length, 'broken', 1]);
  expect(stored.length).toBeLessThan(3);
});

it.each([
  [{ status: 404 }, /^it says that it has no such study$/],
  [{ status: 206 }, /^it could give only a part of the study \(HTTP 206\)$/],
])('%j is no whole study', async (reply, why) => {
  await openReceiver();
  answer = giving(body(file('2.25.1')), reply);
  expect((await fetchStudy()).problem).toMatch(why);
});

it.each([
  [{ status: 403 }, 'WADO-RS: HTTP 403: these credentials may not do this'],
  [{ status: 500 }, 'WADO-RS: HTTP 500: the service failed'],
  [{ status: 302, headers: { location: 'http://elsewhere.example/' } }, 'it redirects, which is not followed'],
  [{ headers: { 'content-type': 'application/zip' } }, 'with application/zip instead of multipart/related; type='],
  [{ headers: { 'content-type': MULTIPART.replace('dicom"', 'dicom+json"') } }, 'instead of multipart/related; type='],
  [{ headers: { 'content-encoding': 'gzip' } }, 'with a content encoding, which was not asked for'],
])('an answer that holds no study (%j) is refused before a byte of it', async (reply, why) => {
  await openReceiver();
  answer = giving(body(file('2.25.1')), reply);
  await expect(fetchStudy()).rejects.toMatchObject({
    code: 'pacs-unreachable',
    message: expect.stringContaining(why) as string,
  });
  expect([stored, ends]).toEqual([[], []]);
});

it('is asked for Explicit VR where it cannot give, or the agent cannot read, what it keeps', async () => {
  await openReceiver();
  answer = ({ headers }, response) =>
    headers.accept === AS_STORED
      ? response.writeHead(406).end()
      : giving(body(file('2.25.1')))(undefined as never, response);
  expect(await fetchStudy()).toEqual({ completed: 1, failed: 0, problem: null });

  // JPEG XL, of a CT: no decoder here.
  const kept = body(file('2.25.2', {}, '1.2.840.10008.1.2.4.110'), file('2.25.3'));
  const plain = body(file('2.25.2'), file('2.25.3'));
  answer = ({ headers }, response) => giving(headers.accept === AS_STORED ? kept : plain)(undefined as never, response);
  expect(await fetchStudy()).toEqual({ completed: 2, failed: 0, problem: null });
  expect(new Set(uids())).toEqual(new Set(['2.25.1', '2.25.2', '2.25.3']));
});

it('a token that is refused is renewed, and the study is fetched with the new one', async () => {
  await openReceiver();
  const tokens: string[] = [];
  answer = (request, response) => {
    if (request.url === '/token') {
      tokens.push(`token-${tokens.length + 1}`);
      response.writeHead(200).end(JSON.stringify({ access_token: tokens.at(-1), expires_in: 3_600 }));
    } else if (request.headers.authorization !== 'Bearer token-2') response.writeHead(401).end('no');
    else giving(body(file('2.25.1')))(request, response);
  };
  const auth = {
    kind: 'oauth2',
    tokenUrl: base.replace('/dicom-web', '/token'),
    clientId: 'odontoid',
    clientSecret: { env: 'TOKEN' },
  };
  const outcome = await client({ auth }).retrieve({ studyInstanceUid: STUDY }, 'ODONTOID');
  expect([outcome.completed, tokens.length]).toEqual([1, 2]);
});

it('a receiver that is not there takes nothing from the archive', async () => {
  await openReceiver();
  answer = giving(body(file('2.25.1')));
  door = null;
  await expect(fetchStudy()).rejects.toMatchObject({ code: 'receiver-died' });
  door = { port: receiver.port, secret: 'of an earlier start' };
  await expect(fetchStudy()).rejects.toMatchObject({ code: 'receiver-died' });
  expect(stored).toEqual([]);
});

const dataset = (study: string, more: Record<string, unknown[]> = {}) =>
  Object.fromEntries(
    Object.entries({
      '0020000D': [study],
      '00080050': ['A7'],
      '00100020': ['P-1'],
      '00080020': ['20261120'],
      '00080061': ['CT', 'SR'],
      '00201208': [4],
      ...more,
    }).map(([tag, Value]) => [tag, { vr: 'XX', Value }]),
  );
const matching =
  (datasets: readonly object[], pageSize: number, heedsOffset = true): typeof answer =>
  (request, response) => {
    const offset = heedsOffset ? Number(new URL(request.url!, base).searchParams.get('offset')) : 0;
    const page = datasets.slice(offset, offset + pageSize);
    response.writeHead(page.length === 0 ? 204 : 200).end(page.length === 0 ? '' : JSON.stringify(page));
  };

it.each([
  ['gives few at a time', 2, true],
  ['repeats itself', 3, false],
])('reads all pages of an archive that %s', async (_what, pageSize, heedsOffset) => {
  await openReceiver();
  const all = ['2.25.1', '2.25.2', '2.25.3'].map((study) => dataset(study));
  answer = matching(
    [...all, dataset('2.25.4', { '00080050': ['A78'] })].slice(0, heedsOffset ? 4 : 3),
    pageSize,
    heedsOffset,
  );
  const { studies, others } = await client().find('accessionNumber', 'A7');
  expect([studies.map(({ studyInstanceUid }) => studyInstanceUid), others]).toEqual([
    ['2.25.1', '2.25.2', '2.25.3'],
    heedsOffset ? 1 : 0,
  ]);
  expect(studies[0]).toMatchObject({ patientId: 'P-1', statedInstances: 4, modalities: ['CT', 'SR'] });
  expect(new URL(asked[0]!.url, base).searchParams.get('AccessionNumber')).toBe('A7');
});

it('leaves out what an archive gives as a study without a UID, or with what is none', async () => {
  await openReceiver();
  answer = matching(
    ['', '../../token', '2.25.1 HTTP/1.1\r\nX: y', '2.25.9'].map((study) => dataset(study)),
    100,
  );
  const { studies } = await client().find('accessionNumber', 'A7');
  expect(studies.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(['2.25.9']);
});

it('a service that sends no studies passes the test of its connection, unless it is an archive that is asked', async () => {
  await openReceiver();
  answer = ({ method, headers }, response) =>
    response.writeHead(method === 'POST' ? 400 : headers.accept === AS_STORED ? 405 : 204).end();
  const probe = (over: object) => {
    const config = configFrom({ destinations: [{ name: 'web', kind: 'dicomweb', url: base }], ...over });
    const ports = { clock: systemClock, log: createLog('silent'), environment: {} };
    return createProbedPacs(config.destinations[0]!, config, ports).probe();
  };
  expect((await probe({})).takes).toMatch(/; sends no studies \(WADO-RS: HTTP 405: .*\)$/);
  for (const asked of ['watch', 'priors'])
    await expect(probe({ [asked]: { archives: ['web'] } })).rejects.toThrow('WADO-RS: HTTP 405');
});

it('asks for the CTs of days, and leaves out what an archive answers besides', async () => {
  await openReceiver();
  answer = matching(
    [
      dataset('2.25.1'),
      dataset('2.25.2', { '00080061': ['MR'] }),
      dataset('2.25.3', { '00080020': ['20261121'] }),
      dataset('2.25.4', { '00080061': [], '00080020': [] }),
    ],
    100,
  );
  const found = await client().findCts('20261119', '20261120');
  expect(found.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(['2.25.1', '2.25.4']);
  const { searchParams } = new URL(asked[0]!.url, base);
  expect([searchParams.get('StudyDate'), searchParams.get('ModalitiesInStudy')]).toEqual(['20261119-20261120', 'CT']);
  await client().findCts('20261120', null);
  expect(asked.at(-1)!.url).toContain('StudyDate=20261120-&');
});

it('reads whose the studies of a patient are, and asks by what the ID is, letter for letter', async () => {
  await openReceiver();
  const name = { Alphabetic: 'Weiß^Anna', Phonetic: 'vais' };
  answer = matching([dataset('2.25.1', { '00100010': [name], '00100030': ['19700101'], '00100040': ['F'] })], 100);
  const [{ patient } = { patient: null }] = await client().findOfPatient('P 1&x=2+3');
  expect(patient).toEqual({
    ...{ patientId: 'P-1', issuerOfPatientId: '', patientName: 'Weiß^Anna==vais' },
    ...{ patientBirthDate: '19700101', patientSex: 'F' },
  });
  expect(asked[0]!.url).toContain('PatientID=P%201%26x%3D2%2B3&');
});

it('an archive that answers with more than can be read is told of, not read in part', async () => {
  await openReceiver();
  answer = matching(
    Array.from({ length: 1_200 }, (_, at) => dataset(`2.25.${at + 1}`)),
    400,
  );
  await expect(client().findCts('20261120', null)).rejects.toThrow('with more than 1000 matches');
});
