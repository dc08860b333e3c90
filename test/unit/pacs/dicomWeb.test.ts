import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock as clock } from '../../../src/base/clock.ts';
import { createLog } from '../../../src/base/log.ts';
import { createDicomWeb } from '../../../src/pacs/dicomWeb.ts';
import type { Pacs, ResultObject } from '../../../src/case/delivery.ts';
import { freePort, temporaryDirectory } from '../../interop/dcmtk.ts';
import { writeSampleResults } from './sampleObjects.ts';

const log = createLog('silent');
interface Reply {
  status: number;
  body?: string;
  headers?: Record<string, string>;
}
let temporary: Awaited<ReturnType<typeof temporaryDirectory>>;
let objects: ResultObject[];
let server: Server;
let base: string;
let answer: (request: IncomingMessage, body: Buffer) => Reply | 'cut' | 'silence';
let requests: { method: string; url: string; headers: IncomingMessage['headers']; body: Buffer }[];

beforeEach(async () => {
  temporary = await temporaryDirectory();
  objects = await writeSampleResults(join(temporary.dir, 'results'), '1');
  requests = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      requests.push({ method: request.method!, url: request.url!, headers: request.headers, body });
      const reply = answer(request, body);
      if (reply === 'cut') request.socket.destroy();
      else if (reply !== 'silence')
        response
          .writeHead(reply.status, { 'content-type': 'application/dicom+json', ...reply.headers })
          .end(reply.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dicom-web`;
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await temporary.remove();
});

const connect = (change: object = {}): Pacs =>
  createDicomWeb(
    { name: 'web', url: `${base}/`, headers: () => ({ Authorization: 'Bearer secret' }), timeoutMs: 1_000, ...change },
    { clock, log },
  );
const reference = (uid: string, more: object = {}): object => ({
  '00081150': { vr: 'UI', Value: ['1.2'] },
  '00081155': { vr: 'UI', Value: [uid] },
  ...more,
});
const storeResponse = (stored: object[], failed: object[] = []): string =>
  JSON.stringify({
    ...(stored.length ? { '00081199': { vr: 'SQ', Value: stored } } : {}),
    ...(failed.length ? { '00081198': { vr: 'SQ', Value: failed } } : {}),
  });

test('STOW-RS carries the whole files, one request for each study, with the credentials', async () => {
  const other = await writeSampleResults(join(temporary.dir, 'results'), '2', 0);
  const all = [...objects, ...other];
  answer = () => ({ status: 200, body: storeResponse(all.map((object) => reference(object.sopInstanceUid))) });
  expect(await connect().store(all)).toEqual(all.map(() => ({ kind: 'stored', status: '0x0000' })));
  expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
    `POST /dicom-web/studies/${objects[0]!.studyInstanceUid}`,
    `POST /dicom-web/studies/${other[0]!.studyInstanceUid}`,
  ]);
  const { headers, body } = requests[0]!;
  expect(headers).toMatchObject({ authorization: 'Bearer secret', accept: 'application/dicom+json' });
  const boundary = /^multipart\/related; type="application\/dicom"; boundary=(\S{1,70})$/.exec(
    headers['content-type']!,
  )![1]!;
  const files = await Promise.all(objects.map((object) => readFile(object.path)));
  const expected = Buffer.concat([
    ...files.flatMap((file) => [
      Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
      file,
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
  expect(body.equals(expected)).toBe(true);
});

test('STOW-RS carries the files in ISO_IR 100 for a service that cannot read UTF-8, and the loss can be told', async () => {
  answer = () => ({ status: 200, body: storeResponse(objects.map((object) => reference(object.sopInstanceUid))) });
  const pacs = connect({ characterSet: 'ISO_IR 100' });
  expect((await pacs.store(objects)).map(({ kind }) => kind)).toEqual(objects.map(() => 'stored'));
  const { body } = requests[0]!;
  expect([body.includes('ISO_IR 192'), body.includes('山田')]).toEqual([false, false]);
  expect(body.includes(Buffer.from('M\xfcller^Zo\xeb', 'latin1'))).toBe(true);
  expect([await pacs.losesText!(objects[0]!), await connect().losesText!(objects[0]!)]).toEqual([true, false]);
});

test('each instance has its own outcome: stored, stored with a warning, refused, to be tried again, left out', async () => {
  const [sr, first, second] = objects as [ResultObject, ResultObject, ResultObject];
  const failure = (code: number): object => ({ '00081197': { vr: 'US', Value: [code] } });
  answer = () => ({
    status: 202,
    body: storeResponse(
      [reference(sr.sopInstanceUid, { '00081196': { vr: 'US', Value: [0xb000] } })],
      [reference(first.sopInstanceUid, failure(0x0122)), reference(second.sopInstanceUid, failure(0xa700))],
    ),
  });
  expect(await connect().store(objects)).toMatchObject([
    { kind: 'stored', status: '0xB000' },
    { kind: 'refused', status: '0x0122' },
    { kind: 'unreachable', reason: expect.stringMatching(/0xA700/) },
  ]);
  answer = () => ({ status: 200, body: `[${storeResponse([reference(sr.sopInstanceUid)])}]` });
  expect(await connect().store([sr, first])).toMatchObject([
    { kind: 'stored' },
    { kind: 'unreachable', reason: 'the answer does not name the instance.' },
  ]);
});

test.each([
  [{ status: 200, body: '' }, 'stored', null],
  [{ status: 200, body: '<NativeDicomModel/>' }, 'stored', null],
  [{ status: 202, body: '' }, 'unreachable', /does not name/],
  [{ status: 401 }, 'unreachable', /check auth/],
  [{ status: 403 }, 'unreachable', /may not do this/],
  [{ status: 404 }, 'unreachable', /check url/],
  [{ status: 409, body: '{}' }, 'unreachable', /stored none/],
  [{ status: 413 }, 'refused', /larger/],
  [{ status: 415 }, 'refused', /kind of object/],
  [{ status: 503 }, 'unreachable', /failed/],
  [{ status: 307, headers: { location: 'http://127.0.0.1:1/elsewhere' } }, 'unreachable', /redirect/],
  ['cut', 'unreachable', /cut/],
  ['silence', 'unreachable', /no answer within 300 ms/],
] as const)('the answer %j to STOW-RS is %s', async (reply, kind, reason) => {
  answer = () => reply;
  const [outcome] = await connect({ timeoutMs: 300 }).store(objects.slice(0, 1));
  expect(outcome!.kind).toBe(kind);
  if (outcome!.kind !== 'stored') expect(outcome!.reason).toMatch(reason!);
  expect(requests).toHaveLength(1);
});

/** Which SR class may be taken instead, by the answer to a request with the report alone. */
test.each([
  [{ status: 415 }, { kind: 'refused', lowerSopClassUid: '1.2.840.10008.5.1.4.1.1.88.33' }],
  [{ status: 409 }, { kind: 'unreachable', lowerSopClassUid: '1.2.840.10008.5.1.4.1.1.88.33', mayBeStored: true }],
  [{ status: 400 }, { kind: 'unreachable', lowerSopClassUid: '1.2.840.10008.5.1.4.1.1.88.33' }],
] as const)('the answer %j to a report may mean its SR class', async (reply, expected) => {
  answer = () => reply;
  expect((await connect().store(objects.slice(0, 1)))[0]).toEqual({
    ...expected,
    reason: expect.any(String),
    ...(expected.kind === 'refused' ? { status: 'HTTP 415' } : {}),
  });
  // A picture has no other class.
  expect((await connect().store(objects.slice(1, 2)))[0]).not.toHaveProperty('lowerSopClassUid');
});

test.each([401, 503])('HTTP %i says nothing about the SR class', async (status) => {
  answer = () => ({ status });
  expect((await connect().store(objects.slice(0, 1)))[0]).not.toHaveProperty('lowerSopClassUid');
});

test('a request that is turned down as a whole is sent again object by object, so that one does not hold up the others', async () => {
  const [sr] = objects as [ResultObject];
  answer = (_, body) => {
    const within = objects.filter(({ sopInstanceUid }) => body.includes(sopInstanceUid));
    return within.includes(sr)
      ? { status: 409 }
      : { status: 200, body: storeResponse(within.map(({ sopInstanceUid }) => reference(sopInstanceUid))) };
  };
  expect((await connect().store(objects)).map(({ kind }) => kind)).toEqual(['unreachable', 'stored', 'stored']);
  expect(requests).toHaveLength(1 + objects.length);
});

test('an answer that leaves open whether it has the object asks for a query, unless there are none', async () => {
  answer = () => ({ status: 202, body: '' });
  expect((await connect().store(objects.slice(0, 1)))[0]).toHaveProperty('mayBeStored', true);
  expect((await connect({ confirm: 'none' }).store(objects.slice(0, 1)))[0]).not.toHaveProperty('mayBeStored');
});

test('QIDO-RS reads page by page, and stops at a service that repeats itself', async () => {
  const uids = Array.from({ length: 250 }, (_, index) => `1.2.3.${index}`);
  const instance = (uid: string): object => ({ '00080018': { vr: 'UI', Value: [uid] } });
  answer = (request) => {
    const { searchParams } = new URL(request.url!, 'http://x');
    const offset = Number(searchParams.get('offset'));
    const page = uids.slice(offset, offset + Math.min(60, Number(searchParams.get('limit'))));
    return page.length === 0 ? { status: 204 } : { status: 200, body: JSON.stringify(page.map(instance)) };
  };
  expect(await connect().holds('1.2', '1.3', [uids[249]!, '9.9'])).toEqual(new Set([uids[249]]));
  expect(requests[0]!.url).toBe('/dicom-web/studies/1.2/series/1.3/instances?limit=100&offset=0');
  requests.length = 0;
  answer = () => ({ status: 200, body: JSON.stringify(uids.slice(0, 10).map(instance)) });
  expect(await connect().holds('1.2', '1.3', [uids[0]!, '9.9'])).toEqual(new Set([uids[0]]));
  expect(requests).toHaveLength(2);
});

test.each([[{ status: 204 }], [{ status: 200, body: '[]' }], [{ status: 404 }]] as const)(
  '%j to QIDO-RS for a series: it holds nothing of it',
  async (reply) => {
    answer = () => reply;
    expect(await connect().holds('1.2', '1.3', ['1.4'])).toEqual(new Set());
  },
);

test('echo gives a duration, or an error that says what to do', async () => {
  answer = () => ({ status: 200, body: '[]' });
  await expect(connect().echo()).resolves.toBeGreaterThan(0);
  answer = () => ({ status: 401 });
  await expect(connect().echo()).rejects.toMatchObject({
    code: 'pacs-unreachable',
    message: expect.stringMatching(/check auth/),
  });
  answer = () => ({ status: 200, body: '<html>' });
  await expect(connect().echo()).rejects.toThrow(/other than DICOM JSON/);
  answer = () => ({ status: 404 });
  await expect(connect().echo()).rejects.toThrow(/check url/);
  await expect(connect({ url: `http://127.0.0.1:${await freePort()}` }).echo()).rejects.toThrow(/nothing listens/);
});

test('an answer without end is cut off', async () => {
  answer = () => ({ status: 200, body: ' '.repeat(17 * 1024 * 1024) });
  await expect(connect({ timeoutMs: 5_000 }).echo()).rejects.toThrow(/longer than/);
});

test.each([
  [403, /STOW-RS: HTTP 403.*may not do this/],
  [404, /no STOW-RS at this address/],
  [405, /no STOW-RS at this address/],
])('a service whose STOW-RS answers %i does not pass the test of the connection', async (status, message) => {
  answer = ({ method }) => (method === 'POST' ? { status } : { status: 200, body: '[]' });
  await expect(connect().probe()).rejects.toThrow(message);
});

test('the test of the connection stores nothing, and asks what a delivery would ask', async () => {
  answer = ({ method }) => (method === 'POST' ? { status: 400 } : { status: 204 });
  await expect(connect().probe()).resolves.toMatchObject({ takes: expect.stringContaining('STOW-RS and QIDO-RS') });
  const [, post, query] = requests;
  expect(post!.body.toString()).toBe('--odontoid-probe--\r\n');
  expect(query!.url).toMatch(/\/series\/2\.25\.\d+\/instances\?limit=1$/);
});

test('a sender that is stopped while it waits for an answer waits no more, and sends nothing more', async () => {
  const stopping = new AbortController();
  answer = () => {
    stopping.abort();
    return 'silence';
  };
  const web = connect({ timeoutMs: 3_600_000 });
  const stopped = objects.map(() => ({ kind: 'unreachable' }));
  expect(await web.store(objects, stopping.signal)).toMatchObject(stopped);
  expect(await web.store(objects, stopping.signal)).toMatchObject(stopped);
  expect(requests).toHaveLength(1);
});
