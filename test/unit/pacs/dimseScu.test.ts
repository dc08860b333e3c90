import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock as clock } from '../../../src/base/clock.ts';
import { startLoopbackPacs, type LoopbackPacs } from '../../../src/demo/loopbackPacs.ts';
import { writeFileMeta } from '../../../src/dicom/fileMeta.ts';
import { derivedUid } from '../../../src/dicom/uids.ts';
import { createLog } from '../../../src/base/log.ts';
import { createDimseScu, type DimseDestination } from '../../../src/pacs/dimseScu.ts';
import { sendFiles } from '../../../src/pacs/sendFiles.ts';
import type { Pacs } from '../../../src/case/delivery.ts';
import { temporaryDirectory } from '../../interop/dcmtk.ts';
import {
  COMPREHENSIVE_3D_SR,
  dataSetBytes,
  PATIENT_ID,
  PATIENT_NAME,
  SECONDARY_CAPTURE,
  writeSampleResults,
} from './sampleObjects.ts';

const log = createLog('silent');
let temporary: Awaited<ReturnType<typeof temporaryDirectory>>;
let pacs: LoopbackPacs;
let scu: Pacs;
let destination: DimseDestination;

beforeEach(async () => {
  temporary = await temporaryDirectory();
  pacs = await startLoopbackPacs({ dir: join(temporary.dir, 'pacs'), port: 0, aeTitle: 'LOOPBACK', clock, log });
  destination = {
    name: 'loopback',
    aeTitle: 'LOOPBACK',
    host: '127.0.0.1',
    port: pacs.port,
    callingAeTitle: 'ODONTOID',
    timeoutMs: 2_000,
  };
  scu = createDimseScu(destination, { clock, log });
});

afterEach(async () => {
  await pacs.close();
  await temporary.remove();
});

test('echo answers with a duration', async () => {
  await expect(scu.echo()).resolves.toBeGreaterThan(0);
});

test('stores objects byte for byte, and holds names exactly those that are held', async () => {
  const objects = await writeSampleResults(temporary.dir, '1');
  expect(await scu.store(objects)).toEqual(objects.map(() => ({ kind: 'stored', status: '0x0000' })));
  const held = pacs.objects();
  expect(held.map((object) => object.sopInstanceUid)).toEqual(objects.map((object) => object.sopInstanceUid));
  for (const [index, object] of objects.entries())
    expect((await dataSetBytes(held[index]!.path)).equals(await dataSetBytes(object.path))).toBe(true);
  expect(held[0]).toMatchObject({ patientId: PATIENT_ID, patientName: PATIENT_NAME, receipts: 1 });

  const [sr, ...captures] = objects;
  const asked = [...captures.map((object) => object.sopInstanceUid), derivedUid('never sent')];
  expect(await scu.holds(sr!.studyInstanceUid, captures[0]!.seriesInstanceUid, asked)).toEqual(
    new Set(asked.slice(0, -1)),
  );
  expect(await scu.holds(sr!.studyInstanceUid, derivedUid('another series'), asked)).toEqual(new Set());
});

test('what was kept is held again after a restart', async () => {
  const objects = await writeSampleResults(temporary.dir, '1');
  await scu.store(objects);
  await pacs.close();
  pacs = await startLoopbackPacs({
    dir: join(temporary.dir, 'pacs'),
    port: destination.port,
    aeTitle: 'LOOPBACK',
    clock,
    log,
  });
  expect(
    await scu.holds(objects[0]!.studyInstanceUid, objects[0]!.seriesInstanceUid, [objects[0]!.sopInstanceUid]),
  ).toEqual(new Set([objects[0]!.sopInstanceUid]));
});

test('a rejected presentation context is a refusal that names SOP class and transfer syntax; the other objects go through', async () => {
  pacs.faults.rejectSopClasses = [COMPREHENSIVE_3D_SR];
  const outcomes = await scu.store(await writeSampleResults(temporary.dir, '1'));
  expect(outcomes.map((outcome) => outcome.kind)).toEqual(['refused', 'stored', 'stored']);
  expect(outcomes[0]).toMatchObject({
    status: 'context-rejected',
    reason: expect.stringMatching(
      /88\.34 in transfer syntax 1\.2\.840\.10008\.1\.2\.1 was not accepted: the PACS does not support the SOP class/,
    ),
  });
});

test.each([
  [0xa700, 'unreachable', /0xA700.*out of resources/],
  [0xc000, 'unreachable', /0xC000.*cannot understand/],
  [0x0122, 'refused', /does not support the SOP class/],
  [0xa900, 'refused', /does not match its SOP class/],
  [0xb000, 'stored', /./],
  [0x0111, 'stored', /./],
])('status %i of C-STORE is %s', async (status, kind, reason) => {
  pacs.faults.storeStatus = status;
  const [outcome] = await scu.store((await writeSampleResults(temporary.dir, '1')).slice(0, 1));
  expect(outcome!.kind).toBe(kind);
  if (outcome!.kind !== 'stored') expect(outcome!.reason).toMatch(reason);
});

test('an association lost without an answer is a failure of that object only', async () => {
  const objects = await writeSampleResults(temporary.dir, '1');
  pacs.faults.dropAfterObjects = 1;
  const outcomes = await scu.store(objects);
  expect(outcomes.map((outcome) => outcome.kind)).toEqual(['stored', 'unreachable', 'stored']);
  expect(pacs.objects()).toHaveLength(2);
});

test('a sender that is stopped sends nothing more', async () => {
  const objects = await writeSampleResults(temporary.dir, '1');
  const stopping = new AbortController();
  pacs.onStored(() => stopping.abort());
  const stopped = objects.map(() => ({ kind: 'unreachable', reason: 'Sending was stopped.' }));
  expect((await scu.store(objects, stopping.signal)).slice(1)).toEqual(stopped.slice(1));
  await pacs.close();
  let connections = 0;
  const next = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => next.listen(destination.port, '127.0.0.1', resolve));
  expect(await scu.store(objects, stopping.signal)).toEqual(stopped);
  await new Promise((resolve) => next.close(resolve));
  expect(connections).toBe(0);
  expect(pacs.objects().map(({ receipts }) => receipts)).toEqual([1]);
});

test('a sender that is stopped waits for no answer', async () => {
  const [object] = await writeSampleResults(temporary.dir, '1');
  const stopping = new AbortController();
  const hourly = createDimseScu({ ...destination, timeoutMs: 3_600_000 }, { clock, log });
  // Kept and answered an hour later.
  Object.defineProperty(pacs.faults, 'delayMs', {
    get: () => {
      stopping.abort();
      return 3_600_000;
    },
  });
  expect(await hourly.store([object!], stopping.signal)).toEqual([
    { kind: 'unreachable', reason: 'Sending was stopped.' },
  ]);
});

test('a PACS that accepts and loses does not hold', async () => {
  const objects = await writeSampleResults(temporary.dir, '1');
  pacs.faults.acceptAndLose = true;
  expect((await scu.store(objects)).map((outcome) => outcome.kind)).toEqual(['stored', 'stored', 'stored']);
  expect(
    await scu.holds(objects[0]!.studyInstanceUid, objects[0]!.seriesInstanceUid, [objects[0]!.sopInstanceUid]),
  ).toEqual(new Set());
});

test('an answer that comes too late is none', async () => {
  pacs.faults.delayMs = 1_500;
  const slow = createDimseScu({ ...destination, timeoutMs: 300 }, { clock, log });
  const [outcome] = await slow.store((await writeSampleResults(temporary.dir, '1')).slice(0, 1));
  expect(outcome).toEqual({
    kind: 'unreachable',
    reason: expect.stringMatching(/no answer to the request within 300 ms/),
  });
});

test.each([
  [
    'wrong called AE title',
    { aeTitle: 'NOBODY' },
    /NOBODY at 127\.0\.0\.1:\d+: it rejected the association.*it is not called "NOBODY"/,
  ],
  ['nothing listening', { port: 1 }, /nothing listens there \(connection refused\)/],
  ['unknown host', { host: 'no-such-host.invalid' }, /host name/],
])('%s: the error says what to do', async (_, change, message) => {
  const lost = createDimseScu({ ...destination, ...change }, { clock, log });
  await expect(lost.echo()).rejects.toMatchObject({
    code: 'pacs-unreachable',
    message: expect.stringMatching(message),
  });
  const [outcome] = await lost.store((await writeSampleResults(temporary.dir, '1')).slice(0, 1));
  expect(outcome).toMatchObject({ kind: 'unreachable', reason: expect.stringMatching(message) });
  await expect(lost.holds('1.2', '1.2', ['1.2'])).rejects.toMatchObject({ code: 'pacs-unreachable' });
});

test('a transient rejection is told as one', async () => {
  pacs.faults.rejectAssociations = true;
  await expect(scu.echo()).rejects.toThrow(/transient.*tried again later/);
});

test('with confirm "none" the store status is the receipt', async () => {
  const trusting = createDimseScu({ ...destination, port: 1, confirm: 'none' }, { clock, log });
  expect(await trusting.holds('1.2', '1.3', ['1.4'])).toEqual(new Set(['1.4']));
});

test('a file that is gone or is another object is not sent', async () => {
  const objects = await writeSampleResults(temporary.dir, '1', 1);
  const outcomes = await scu.store([
    { ...objects[0]!, path: join(temporary.dir, 'gone.dcm') },
    { ...objects[0]!, path: objects[1]!.path },
    objects[1]!,
  ]);
  expect(outcomes.map((outcome) => outcome.kind)).toEqual(['unreachable', 'unreachable', 'stored']);
  expect(pacs.objects()).toHaveLength(1);
});

/** A peer that says what it likes. */
async function hostilePeer(
  talk: (socket: Socket, chunk: Buffer) => void,
): Promise<{ port: number; server: Server; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      talk(socket, chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, server, sockets };
}

const drip = (socket: Socket): void => {
  socket.write(Buffer.from([2, 0, 0, 0, 1, 0]));
  const timer = setInterval(() => socket.write(Buffer.from([0])), 50);
  socket.on('close', () => {
    clearInterval(timer);
  });
};

test.each([
  ['closes at once', (socket: Socket) => socket.end(), /cut|closed/],
  ['says nothing', () => undefined, /no answer to the association request.*within 400 ms/],
  ['drips', drip, /within 400 ms/],
  ['speaks HTTP', (socket: Socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), /PDU of \d+ bytes/],
  [
    'announces 4 GiB',
    (socket: Socket) => socket.write(Buffer.from([2, 0, 255, 255, 255, 255])),
    /PDU of 4294967295 bytes/,
  ],
  [
    'accepts with cut-off items',
    (socket: Socket) => socket.write(Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 71]), Buffer.alloc(71, 0x21)])),
    /broke the DICOM upper layer protocol/,
  ],
  ['aborts', (socket: Socket) => socket.write(Buffer.from([7, 0, 0, 0, 0, 4, 0, 0, 2, 0])), /an abort/],
])('a peer that %s is unreachable in time, and its socket is closed', async (_, talk, message) => {
  const peer = await hostilePeer(talk);
  try {
    const hurried = createDimseScu({ ...destination, port: peer.port, timeoutMs: 400 }, { clock, log });
    await expect(hurried.echo()).rejects.toMatchObject({
      code: 'pacs-unreachable',
      message: expect.stringMatching(message),
    });
    await expect.poll(() => peer.sockets.size).toBe(0);
  } finally {
    for (const socket of peer.sockets) socket.destroy();
    peer.server.close();
  }
});

test('sendFiles sends any SOP class and transfer syntax over several associations, and names what it cannot read', async () => {
  const results = await writeSampleResults(temporary.dir, '1', 6);
  // Bytes that no decoder here knows: they must go through as they are.
  const oddSyntax = '1.2.840.10008.1.2.4.999';
  const dataSet = (await dataSetBytes(results[1]!.path)).subarray();
  await mkdir(join(temporary.dir, 'more'));
  const odd = join(temporary.dir, 'more', 'odd.dcm');
  await writeFile(
    odd,
    Buffer.concat([
      writeFileMeta({
        sopClassUid: SECONDARY_CAPTURE,
        sopInstanceUid: results[1]!.sopInstanceUid,
        transferSyntaxUid: oddSyntax,
      }),
      dataSet,
    ]),
  );
  const text = join(temporary.dir, 'more', 'note.txt');
  await writeFile(text, 'not DICOM');
  const empty = join(temporary.dir, 'more', 'empty.dcm');
  await writeFile(empty, '');
  const cut = join(temporary.dir, 'more', 'cut.dcm');
  await writeFile(cut, (await readFile(results[0]!.path)).subarray(0, 400));

  const paths = [text, odd, empty, ...results.filter((_, index) => index !== 1).map((object) => object.path), cut];
  const seen: number[] = [];
  const outcomes = await sendFiles(
    destination,
    paths,
    { clock },
    {
      associations: 3,
      onProgress: (_, done, total) => {
        expect(total).toBe(paths.length);
        seen.push(done);
      },
    },
  );
  expect(outcomes.map((outcome) => outcome.path)).toEqual(paths);
  expect(outcomes.map((outcome) => outcome.outcome.kind)).toEqual([
    'unreadable',
    'stored',
    'unreadable',
    ...results.slice(1).map(() => 'stored'),
    'unreadable',
  ]);
  expect(seen).toEqual(paths.map((_, index) => index + 1));
  const held = pacs.objects().find((object) => object.transferSyntaxUid === oddSyntax);
  expect((await dataSetBytes(held!.path)).equals(dataSet)).toBe(true);
  expect(pacs.objects()).toHaveLength(results.length);
});

test('sendFiles to a dead peer gives an outcome for each file and does not try each one', async () => {
  const results = await writeSampleResults(temporary.dir, '1', 3);
  const outcomes = await sendFiles(
    { ...destination, port: 1 },
    results.map((object) => object.path),
    { clock },
    { associations: 2 },
  );
  expect(outcomes.map((outcome) => outcome.outcome.kind)).toEqual(results.map(() => 'unreachable'));
});
