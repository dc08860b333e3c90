import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createLog } from '../../../src/base/log.ts';
import type { StoredInstance } from '../../../src/case/case.ts';
import { writeFileMeta } from '../../../src/dicom/fileMeta.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '../../../src/dicom/transferSyntaxes.ts';
import { DEFAULT_RECEIVE_CONFIG, type ReceiveConfig } from '../../../src/receive/receiveConfig.ts';
import type { Refusal } from '../../../src/receive/refusals.ts';
import { openSpool } from '../../../src/receive/spool.ts';
import { startStowServer, type StowServer } from '../../../src/receive/stowServer.ts';
import { CT, ctDataSet } from './rawPeer.ts';

const SECRET = 'between the two processes';
let dir: string;
let server: StowServer;
let events: string[];
let stored: StoredInstance[];
let refusals: Refusal[];
let open: Map<string, string>;

async function start(changes: Partial<ReceiveConfig> = {}, limits = {}): Promise<void> {
  const config = { ...DEFAULT_RECEIVE_CONFIG, minFreeBytes: 0, ...changes };
  const { minFreeBytes, maxObjectBytes } = config;
  server = await startStowServer({
    config,
    stow: { port: 0, secret: SECRET, maxParts: 10_000, maxRequestBytes: 50_000_000, ...limits },
    spool: await openSpool({ dir, minFreeBytes, maxObjectBytes, clock: systemClock }),
    log: createLog('silent'),
    idPrefix: 't',
    open,
    listener: {
      opened: (id, aeTitle, address) => events.push(`${id} opened by ${aeTitle} at ${address}`),
      stored: (id, instance) => {
        events.push(`${id} stored ${instance.header.sopInstanceUid}`);
        stored.push(instance);
        return Promise.resolve();
      },
      refused: (_id, refusal) => refusals.push(refusal),
      ended: (id, how) => events.push(`${id} ${how === 'released' ? 'released' : 'cut'}`),
    },
  });
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-stow-'));
  events = [];
  stored = [];
  refusals = [];
  open = new Map();
});
afterEach(async () => {
  await server.close(0);
  expect(await readdir(join(dir, 'tmp'))).toEqual([]);
  await rm(dir, { recursive: true, force: true });
});

const file = (sopInstanceUid: string, changes: Parameters<typeof ctDataSet>[1] = {}, sopClassUid = CT): Buffer =>
  Buffer.concat([
    writeFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN }),
    ctDataSet(sopInstanceUid, changes),
  ]);
const body = (files: readonly (Buffer | string)[], boundary = 'cut-here', contentType = 'application/dicom'): Buffer =>
  Buffer.concat([
    ...files.flatMap((one) => [
      Buffer.from(`--${boundary}\r\nContent-Type: ${contentType}\r\n\r\n`),
      Buffer.from(one),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);

interface Answered {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  json: Record<string, { vr: string; Value?: Record<string, { Value: unknown[] }>[] }> & { message?: string };
}
function post(
  bytes: Buffer,
  { path = '/studies', type = 'multipart/related; type="application/dicom"; boundary=cut-here', headers = {} } = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: server.port,
        method: 'POST',
        path,
        headers: {
          'Content-Type': type,
          'x-odontoid-secret': SECRET,
          'x-odontoid-source': 'gateway',
          'x-odontoid-address': '10.1.2.3',
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            json: JSON.parse(Buffer.concat(chunks).toString()) as Answered['json'],
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(bytes);
  });
}
const valuesIn = (answer: Answered, sequence: string, tag: string): unknown[] =>
  (answer.json[sequence]?.Value ?? []).map((item) => item[tag]?.Value[0]);

it('stores each part as C-STORE does, verbatim, as one association, and names it in the answer', async () => {
  await start();
  const answer = await post(body([file('1.2.3.1'), file('1.2.3.2')]));
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/dicom+json']);
  expect(valuesIn(answer, '00081199', '00081155')).toEqual(['1.2.3.1', '1.2.3.2']);
  expect(valuesIn(answer, '00081199', '00081150')).toEqual([CT, CT]);
  expect(answer.json['00081198']).toBeUndefined();
  expect(events).toEqual([
    't.stow.1 opened by gateway at 10.1.2.3',
    't.stow.1 stored 1.2.3.1',
    't.stow.1 stored 1.2.3.2',
    't.stow.1 released',
  ]);
  expect(stored.map(({ sourceAeTitle }) => sourceAeTitle)).toEqual(['gateway', 'gateway']);
  const dataSet = ctDataSet('1.2.3.1');
  expect((await readFile(join(dir, stored[0]!.path))).subarray(-dataSet.length).equals(dataSet)).toBe(true);
  expect([open.size, refusals]).toEqual([0, []]);
});

it('takes any boundary that RFC 2046 allows, quoted or not, and a request without the type parameter', async () => {
  await start();
  for (const [index, [type, boundary]] of (
    [
      ['multipart/related;boundary=x', 'x'],
      [
        'multipart/related; boundary="gc0p4Jq0M:2Yt08\'()+_,-./=? z"; type=application/dicom',
        "gc0p4Jq0M:2Yt08'()+_,-./=? z",
      ],
      ['Multipart/Related; Type="Application/DICOM"; Boundary="----=_Part_1"', '----=_Part_1'],
    ] as const
  ).entries())
    expect((await post(body([file(`1.2.4.${index}`)], boundary), { type })).status, type).toBe(200);
});

it('answers for each instance: 202 when some are refused, with what C-STORE would have answered', async () => {
  await start();
  const wrong = ctDataSet('1.2.5.9');
  const answer = await post(
    body([
      file('1.2.5.1'),
      // The data set is of another instance than its file meta information.
      Buffer.concat([file('1.2.5.2').subarray(0, -wrong.length), wrong]),
      file('1.2.5.3', {}, '1.2.840.10008.1.1'),
      file('1.2.5.4', { pixelBytes: 20 }),
      'no DICOM',
    ]),
  );
  expect(answer.status).toBe(202);
  expect(valuesIn(answer, '00081199', '00081155')).toEqual(['1.2.5.1']);
  expect(valuesIn(answer, '00081198', '00081155')).toEqual(['1.2.5.2', '1.2.5.3', '1.2.5.4']);
  expect(valuesIn(answer, '00081198', '00081197')).toEqual([0xa900, 0x0122, 0xc000]);
  expect(valuesIn(answer, '0008119A', '00081197')).toEqual([0xc000]);
  expect(answer.headers['warning']).toMatch(/^299 odontoid "The data set is of another SOP class or instance/);
  expect(refusals.map(({ kind, callingAeTitle, address }) => [kind, callingAeTitle, address])).toEqual(
    Array.from({ length: 4 }, () => ['object', 'gateway', '10.1.2.3']),
  );
  // Refused objects of which enough came name their study, for the worklist.
  expect(refusals.map(({ header }) => header?.studyInstanceUid)).toEqual([
    '2.25.100',
    '2.25.100',
    '2.25.100',
    undefined,
  ]);
  expect(events.at(-1)).toBe('t.stow.1 released');
});

it('refuses an instance of another study than the address names', async () => {
  await start();
  const path = '/studies/2.25.100';
  const answer = await post(body([file('1.2.6.1'), file('1.2.6.2', { StudyInstanceUID: '2.25.101' })]), { path });
  expect([answer.status, valuesIn(answer, '00081198', '00081155'), valuesIn(answer, '00081198', '00081197')]).toEqual([
    202,
    ['1.2.6.2'],
    [0xa900],
  ]);
  expect((await post(body([file('1.2.6.3')]), { path: '/studies/2.25.102' })).status).toBe(409);
  expect(stored.map(({ header }) => header.sopInstanceUid)).toEqual(['1.2.6.1']);
});

it('answers 503 with a time when only room is lacking', async () => {
  await start({ minFreeBytes: 2 ** 60 });
  const answer = await post(body([file('1.2.7.1')]));
  expect([answer.status, answer.headers['retry-after'], valuesIn(answer, '00081198', '00081197')]).toEqual([
    503,
    '60',
    [0xa700],
  ]);
});

it('counts as an association among the others', async () => {
  await start({ maxAssociations: 2 });
  open.set('a.1', 'CT1');
  expect((await post(body([file('1.2.8.1')]))).status).toBe(200);
  open.set('a.2', 'CT1');
  const answer = await post(body([file('1.2.8.2')]));
  expect([answer.status, answer.headers['retry-after']]).toEqual([503, '60']);
  expect(refusals).toMatchObject([{ kind: 'association', why: 'the limit of open associations is reached' }]);
});

const MULTIPART = 'multipart/related; type="application/dicom"; boundary=cut-here';
it.each([
  ['JSON metadata', 415, { type: MULTIPART.replace('/dicom"', '/dicom+json"') }],
  ['a form', 415, { type: 'multipart/form-data; boundary=cut-here' }],
  ['a single file', 415, { type: 'application/dicom' }],
  ['an encoding', 415, { headers: { 'Content-Encoding': 'gzip' } }],
  ['no boundary', 400, { type: 'multipart/related; type="application/dicom"' }],
  ['another boundary than the body has', 400, { type: MULTIPART.replace('cut', 'but') }],
  ['a study that is none', 400, { path: '/studies/1.2.abc' }],
  ['another resource', 404, { path: '/studies/1.2/series' }],
  ['XML as the answer', 406, { headers: { Accept: 'application/dicom+xml' } }],
] as const)('refuses %s with %i, and says what to do', async (_what, status, options) => {
  await start();
  const answer = await post(body([file('1.2.9.1')]), options);
  expect([answer.status, stored]).toEqual([status, []]);
  expect(answer.json.message).toMatch(/\.$/);
  expect(refusals).toHaveLength(1);
});

it('keeps what came whole when a sender goes away in the middle, and calls no study whole', async () => {
  await start();
  const bytes = body([file('1.2.10.1'), file('1.2.10.2')]);
  const sent = request({
    host: '127.0.0.1',
    port: server.port,
    method: 'POST',
    path: '/studies',
    headers: {
      'Content-Type': MULTIPART,
      'Content-Length': bytes.length,
      'x-odontoid-secret': SECRET,
      'x-odontoid-source': 'gateway',
    },
  });
  sent.on('error', () => undefined);
  sent.write(bytes.subarray(0, -200));
  await expect.poll(() => stored.length).toBe(1);
  sent.destroy();
  await expect.poll(() => events.at(-1)).toBe('t.stow.1 cut');
  expect(refusals).toMatchObject([{ kind: 'abort' }]);
  expect(open.size).toBe(0);
  // A body without its closing boundary, on a connection that stays.
  const half = await post(bytes.subarray(0, -200));
  expect([half.status, half.json.message]).toEqual([
    400,
    'The multipart body cannot be read: it ends before its closing boundary. 1 instances before it are stored.',
  ]);
  expect(events.at(-1)).toBe('t.stow.2 cut');
});

it('reads 10,000 parts, and not one more', async () => {
  await start();
  const small = (count: number) => body(Array.from({ length: count }, () => 'x'));
  const most = await post(small(10_000));
  expect([most.status, most.json['0008119A']?.Value?.length]).toEqual([409, 10_000]);
  const more = await post(small(10_001));
  expect([more.status, more.json.message]).toEqual([413, 'The request has more than 10000 parts; send it in several.']);
  expect(refusals.at(-1)).toMatchObject({
    callingAeTitle: 'gateway',
    why: expect.stringMatching(/10000 parts/) as unknown,
  });
});

it('refuses a request beyond the limit, and keeps what came before', async () => {
  await start({}, { maxRequestBytes: 100_000 });
  const answer = await post(body([file('1.2.11.1'), file('1.2.11.2', { pixelBytes: 400_000 })]));
  expect(answer.status).toBe(413);
  expect(answer.json.message).toMatch(/larger than 100000 bytes; send it in several\./);
  expect(stored).toHaveLength(1);
  expect(refusals.at(-1)).toMatchObject({ why: expect.stringMatching(/larger than 100000 bytes/) as unknown });
});

it('serves nobody but the page’s server', async () => {
  await start();
  await expect(post(body([file('1.2.12.1')]), { headers: { 'x-odontoid-secret': 'guessed' } })).rejects.toThrow();
  expect([stored, events]).toEqual([[], []]);
});
