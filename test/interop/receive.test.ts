import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StoredInstance } from '../../src/case/case.ts';
import { systemClock } from '../../src/base/clock.ts';
import { datasetOffset, readHeader } from '../../src/dicom/header.ts';
import { writePart10 } from '../../src/dicom/part10.ts';
import { createLog } from '../../src/base/log.ts';
import { DEFAULT_RECEIVE_CONFIG, type ReceiveConfig } from '../../src/receive/receiveConfig.ts';
import { startReceiver, type Receiver } from '../../src/receive/receiverProcess.ts';
import { listSpool } from '../../src/receive/spool.ts';
import { drawn, soakSeed, soakTimeout, tries } from '../soakSize.ts';
import { rawPart10, type RawElement } from '../unit/dicom/rawPart10.ts';
import {
  associated,
  associateRequest,
  CT,
  ctDataSet,
  pdu,
  pdv,
  rawPeer,
  RELEASE_REQUEST,
  store,
  storeCommand,
  type RawPeer,
} from '../unit/receive/rawPeer.ts';
import { runTool, temporaryDirectory } from './dcmtk.ts';

let dir: string;
let remove: () => Promise<void>;
let receiver: Receiver;
let told: { instance: StoredInstance; associationId: string }[];
let released: { associationId: string; studyInstanceUids: string[]; clean: boolean; toldBefore: number }[];
let rejected: string[];

async function start(changes: Partial<ReceiveConfig> = {}): Promise<void> {
  receiver = await startReceiver({
    config: {
      ...DEFAULT_RECEIVE_CONFIG,
      port: 0,
      minFreeBytes: 0,
      sources: ['SENDER', 'STORESCU', 'ECHOSCU'].map((aeTitle) => ({ aeTitle, addresses: ['127.0.0.1'] })),
      ...changes,
    },
    spoolDir: join(dir, 'spool'),
    longestPauseMs: 5_000,
    clock: systemClock,
    log: createLog('silent'),
    onStored: (instance, associationId) => told.push({ instance, associationId }),
    onReleased: (associationId, studyInstanceUids, { how }) =>
      released.push({
        associationId,
        studyInstanceUids,
        clean: how === 'released',
        toldBefore: told.filter((entry) => entry.associationId === associationId).length,
      }),
    onRefused: ({ kind, callingAeTitle }) => {
      if (kind === 'association') rejected.push(callingAeTitle);
    },
  });
}

beforeEach(async () => {
  ({ dir, remove } = await temporaryDirectory());
  told = [];
  released = [];
  rejected = [];
});
afterEach(async () => {
  await receiver.close();
  await remove();
});

const storescu = (files: readonly string[], ...args: string[]) =>
  runTool('storescu', ['-aec', 'ODONTOID', '-aet', 'STORESCU', ...args, '127.0.0.1', String(receiver.port), ...files], {
    env: { TCP_NODELAY: '1' },
    timeoutMs: 120_000,
  });
const dataSetOf = (file: Buffer): Buffer => file.subarray(datasetOffset(file));
const spooled = async (instance: StoredInstance): Promise<Buffer> => readFile(join(dir, 'spool', instance.path));
const eventually = async (what: string, check: () => boolean, timeoutMs = 100_000): Promise<void> => {
  for (let waited = 0; !check() && waited < timeoutMs; waited += 20) await sleep(20);
  expect(check(), what).toBe(true);
};

/** Process id of the receiver: the one child of this process that runs it. */
async function receiverPid(): Promise<number> {
  const { stdout } = await runTool('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)]);
  const pids = stdout
    .split('\n')
    .filter((line) => line.includes('receiverChild'))
    .map((line) => Number(line.trim().split(' ')[0]));
  expect(pids).toHaveLength(1);
  return pids[0]!;
}

/** A slice of 64 x 64 with some structure, as a file. */
function slice(index: number, studyInstanceUid = '2.25.500', rows = 64): Uint8Array {
  return writePart10({
    SOPClassUID: CT,
    SOPInstanceUID: `2.25.501.${index + 1}`,
    StudyInstanceUID: studyInstanceUid,
    SeriesInstanceUID: `${studyInstanceUid}.1`,
    PatientID: 'P-5',
    PatientName: 'Müller^Zoë',
    Modality: 'CT',
    ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    Rows: rows,
    Columns: rows,
    BitsAllocated: 16,
    BitsStored: 12,
    HighBit: 11,
    PixelRepresentation: 0,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    InstanceNumber: index + 1,
    PixelData: Uint16Array.from(
      { length: rows * rows },
      (_, pixel) => (pixel * 7 + index * 101 + (pixel % rows) * (pixel >> 6)) & 0xfff,
    ).buffer,
  });
}

describe('DCMTK', () => {
  it('verifies and stores in every lossless transfer syntax that it speaks, bytes as they were', async () => {
    await start();
    const echo = await runTool('echoscu', ['-aec', 'ODONTOID', '127.0.0.1', String(receiver.port)]);
    expect(echo.exitCode).toBe(0);
    const plain = join(dir, 'plain.dcm');
    await writeFile(plain, slice(0));
    const encapsulated = rawPart10(
      [
        { tag: 0x00080016, vr: 'UI', value: CT },
        { tag: 0x00080018, vr: 'UI', value: '2.25.501.1' },
        { tag: 0x0020000d, vr: 'UI', value: '2.25.500' },
        { tag: 0x0020000e, vr: 'UI', value: '2.25.500.1' },
        { tag: 0x00280010, vr: 'US', value: Buffer.from([64, 0]) },
      ],
      { transferSyntaxUid: '1.2.840.10008.1.2.4.90' },
    );
    // PixelData OB of undefined length: an empty offset table and one fragment, whose content nobody looks at here.
    const fragments = Buffer.concat([
      Buffer.from('e07f10004f420000ffffffff', 'hex'),
      Buffer.from('feff00e000000000', 'hex'),
      Buffer.from('feff00e004000000ff4fff51', 'hex'),
      Buffer.from('feffdde000000000', 'hex'),
    ]);
    const syntaxes: [uid: string, propose: string, convert: string[] | Buffer][] = [
      ['1.2.840.10008.1.2', '-xi', ['dcmconv', '+ti']],
      ['1.2.840.10008.1.2.1', '-xe', ['dcmconv', '+te']],
      ['1.2.840.10008.1.2.2', '-xb', ['dcmconv', '+tb']],
      ['1.2.840.10008.1.2.1.99', '-xd', ['dcmconv', '+td']],
      ['1.2.840.10008.1.2.5', '-xr', ['dcmcrle']],
      ['1.2.840.10008.1.2.4.70', '-xs', ['dcmcjpeg', '+e1']],
      ['1.2.840.10008.1.2.4.80', '-xt', ['dcmcjpls', '+el']],
      ['1.2.840.10008.1.2.4.90', '-xv', Buffer.concat([encapsulated, fragments])],
    ];
    for (const [uid, propose, source] of syntaxes) {
      const file = join(dir, `${uid}.dcm`);
      if (Buffer.isBuffer(source)) await writeFile(file, source);
      else {
        const { exitCode, stderr } = await runTool(source[0]!, [...source.slice(1), plain, file]);
        expect(exitCode, stderr).toBe(0);
      }
      const before = told.length;
      const { exitCode, stdout, stderr } = await storescu([file], propose, '-R', '-v');
      expect(exitCode, `${uid}: ${stdout}${stderr}`).toBe(0);
      await eventually(`${uid} is told`, () => told.length === before + 1 && released.length === before + 2);
      const { instance } = told.at(-1)!;
      expect(instance.header.transferSyntaxUid).toBe(uid);
      const kept = await spooled(instance);
      const [sent, received] = [dataSetOf(await readFile(file)), dataSetOf(kept)];
      // storescu deflates anew: what it deflates must be equal.
      if (uid.endsWith('.99')) expect(inflateRawSync(received).equals(inflateRawSync(sent))).toBe(true);
      else expect(received.equals(sent), uid).toBe(true);
      expect(createHash('sha256').update(received).digest('hex')).toBe(instance.sha256);
      expect(instance.header).toEqual(readHeader(kept));
      expect(instance.sourceAeTitle).toBe('STORESCU');
    }
    expect(receiver.counters()).toMatchObject({ stored: syntaxes.length, refused: 0, rejected: 0 });
  });

  it('stores several studies on interleaved associations; each release comes after the last slice of its association', async () => {
    await start();
    const studies = await Promise.all(
      [0, 1, 2, 3, 4].map(async (study) => {
        const folder = join(dir, `study${study}`);
        await mkdir(folder);
        for (let index = 0; index < 12; index++)
          await writeFile(join(folder, `${index}.dcm`), slice(100 * study + index, `2.25.6${study}`));
        return folder;
      }),
    );
    const results = await Promise.all(studies.map((folder) => storescu([folder], '+sd', '-R')));
    expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0, 0]);
    await eventually('all released', () => released.length === 5);
    expect(
      released.map(({ toldBefore, clean, studyInstanceUids }) => [toldBefore, clean, studyInstanceUids.length]),
    ).toEqual(Array.from({ length: 5 }, () => [12, true, 1]));
    expect(receiver.openAssociations().size).toBe(0);
    for (const { instance } of told) {
      const index = instance.header.instanceNumber! - 1;
      expect(
        dataSetOf(await spooled(instance)).equals(
          dataSetOf(Buffer.from(slice(index, instance.header.studyInstanceUid))),
        ),
      ).toBe(true);
    }
  });

  it('is turned away under a wrong title', async () => {
    await start();
    const wrong = await runTool('echoscu', ['-aec', 'ELSEWHERE', '127.0.0.1', String(receiver.port)]);
    expect(wrong.stderr).toContain('Called AE Title Not Recognized');
    const stranger = await runTool('echoscu', [
      '-aec',
      'ODONTOID',
      '-aet',
      'STRANGER',
      '127.0.0.1',
      String(receiver.port),
    ]);
    expect(stranger.stderr).toContain('Calling AE Title Not Recognized');
    await eventually('both told', () => rejected.length === 2);
    expect(rejected).toEqual(['ECHOSCU', 'STRANGER']);
    expect(receiver.counters().rejected).toBe(2);
  });

  it('is let in from one moment to the next, also by a receiver that was started again, and turned away after', async () => {
    await start({ stow: { port: 0, secret: 'of this test', maxParts: 1, maxRequestBytes: 1_000 } });
    const stowPort = receiver.stowPort();
    const echo = async (called = 'ODONTOID') =>
      (await runTool('echoscu', ['-aec', called, '-aet', 'CT7', '127.0.0.1', String(receiver.port)])).exitCode;
    const sources = [{ aeTitle: 'CT7', addresses: ['127.0.0.1'] }];
    expect(await echo()).not.toBe(0);
    receiver.allow({ sources, otherAeTitles: ['NIGHT'] });
    await expect.poll(() => echo()).toBe(0);
    expect(await echo('NIGHT')).toBe(0);
    process.kill(await receiverPid(), 'SIGKILL');
    await eventually('it is gone', () => !receiver.isUp());
    await eventually('another one listens', () => receiver.isUp());
    // odontoid pull was told the port at the first start.
    expect([receiver.stowPort(), stowPort]).toEqual([stowPort, expect.any(Number)]);
    expect(await echo()).toBe(0);
    expect(await echo('NIGHT')).toBe(0);
    receiver.allow({ sources, otherAeTitles: [] });
    await expect.poll(() => echo('NIGHT')).not.toBe(0);
    receiver.allow({ sources: [], otherAeTitles: [] });
    await expect.poll(() => echo()).not.toBe(0);
  });

  it('gets 0xA7xx while writing fails, and Success again when it does not', async () => {
    await start();
    const large = join(dir, 'large.dcm');
    await writeFile(large, slice(0, '2.25.500', 512));
    const pid = String(await receiverPid());
    const limit = async (bytes: string) =>
      expect((await runTool('prlimit', ['--pid', pid, `--fsize=${bytes}`])).exitCode).toBe(0);
    await limit('100000:unlimited');
    const full = await storescu([large], '-R', '-v');
    expect(full.stdout + full.stderr).toMatch(/0xa700|OutOfResources/i);
    await limit('unlimited:unlimited');
    const free = await storescu([large], '-R', '-v');
    expect(free.exitCode, free.stderr).toBe(0);
    await eventually('told', () => told.length === 1);
    expect(receiver.counters()).toMatchObject({ stored: 1, refused: 1, restarts: 0 });
    expect(await listSpool(join(dir, 'spool'), 0)).toHaveLength(1);
  });
});

describe('kill -9', () => {
  it(
    'loses no acknowledged object, and tells each of them, whenever it comes',
    async () => {
      await start();
      const acknowledged = new Map<string, Buffer>();
      let count = 0;
      /** Sends one object after the other until the connection ends. */
      const sendAll = async (): Promise<void> => {
        const peer = await associated(receiver.port);
        for (;;) {
          const uid = `1.2.88.${++count}`;
          const dataSet = ctDataSet(uid, {
            StudyInstanceUID: `2.25.88${count % 5}`,
            pixelBytes: 2 * (1_000 + ((count * 7_919) % 60_000)),
          });
          peer.send(store(uid, dataSet, { pieceBytes: 16_000 }));
          if ((await peer.status()) === 0) acknowledged.set(uid, dataSet);
        }
      };
      for (let round = 0; round < tries('RECEIVER_KILLS', 6); round++) {
        const senders = [0, 1, 2].map(() => sendAll().catch(() => undefined));
        const before = acknowledged.size;
        await eventually('some are acknowledged', () => acknowledged.size > before + 2);
        await sleep((round * 37) % 200);
        process.kill(await receiverPid(), 'SIGKILL');
        await Promise.all(senders);
        await eventually('it is up again', () => receiver.isUp() && receiver.counters().restarts === round + 1, 60_000);
        await eventually('the dead associations are released', () => released.length >= 3 * (round + 1));
      }
      await eventually('each acknowledged object is told', () => {
        const uids = new Set(told.map(({ instance }) => instance.header.sopInstanceUid));
        return [...acknowledged.keys()].every((uid) => uids.has(uid));
      });
      for (const [uid, dataSet] of acknowledged) {
        const { instance } = told.find((entry) => entry.instance.header.sopInstanceUid === uid)!;
        expect(dataSetOf(await spooled(instance)).equals(dataSet), uid).toBe(true);
      }
      // Nothing half-written was ever told, nor lies among the objects.
      expect(told.every(({ instance }) => instance.path.startsWith('objects/'))).toBe(true);
      const spool = join(dir, 'spool');
      expect(await receiver.describe(await listSpool(spool, 0))).toEqual([]);
      expect(released.some(({ clean }) => clean)).toBe(false);
      expect(acknowledged.size).toBeGreaterThan(18);
    },
    soakTimeout(240_000),
  );

  it('of the agent ends the receiver too', async () => {
    await start();
    const script = `
      const { startReceiver } = await import(${JSON.stringify(new URL('../../src/receive/receiverProcess.ts', import.meta.url).href)});
      const { systemClock } = await import(${JSON.stringify(new URL('../../src/base/clock.ts', import.meta.url).href)});
      const { createLog } = await import(${JSON.stringify(new URL('../../src/base/log.ts', import.meta.url).href)});
      const config = ${JSON.stringify({ ...DEFAULT_RECEIVE_CONFIG, port: 0, minFreeBytes: 0 })};
      const { port } = await startReceiver({ config, spoolDir: ${JSON.stringify(join(dir, 'other'))}, longestPauseMs: 5_000, clock: systemClock, log: createLog('silent'), onStored() {}, onReleased() {} });
      console.log(port);
      process.kill(process.pid, 'SIGKILL');
    `;
    const { stdout } = await runTool(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
    const port = Number(stdout.trim());
    expect(port).toBeGreaterThan(0);
    const listens = () =>
      rawPeer(port).then(
        (peer) => {
          peer.destroy();
          return true;
        },
        () => false,
      );
    for (let waited = 0; waited < 10_000 && (await listens()); waited += 50) await sleep(50);
    expect(await listens()).toBe(false);
  });
});

describe('recovery', () => {
  it('describes objects that are on disk and not on record, and names those that cannot be read', async () => {
    await start();
    const peer = await associated(receiver.port);
    for (const uid of ['1.2.3.1', '1.2.3.2']) {
      peer.send(store(uid, ctDataSet(uid)));
      expect(await peer.status()).toBe(0);
    }
    peer.send(RELEASE_REQUEST);
    await peer.receive();
    peer.end();
    await eventually('released', () => released.length === 1);
    await receiver.close();
    const before = told.splice(0);
    const [first, second] = before.map(({ instance }) => instance.path) as [string, string];
    await writeFile(join(dir, 'spool', second), 'broken');
    await start();
    expect(await receiver.describe([first, second])).toEqual([second]);
    expect(told.map(({ instance }) => instance)).toMatchObject([
      { path: first, header: before[0]!.instance.header, sha256: before[0]!.instance.sha256, sourceAeTitle: 'SENDER' },
    ]);
    // They are told as of an association of their own, which is over.
    expect(released.at(-1)).toEqual({
      associationId: told[0]!.associationId,
      studyInstanceUids: ['2.25.100'],
      clean: false,
      toldBefore: 1,
    });
    expect(receiver.counters().stored).toBe(0);
  });

  it('says at the start that it cannot listen', async () => {
    await start();
    const config = { ...DEFAULT_RECEIVE_CONFIG, port: receiver.port };
    const options = {
      spoolDir: join(dir, 'other'),
      longestPauseMs: 5_000,
      clock: systemClock,
      log: createLog('silent'),
      onStored: () => undefined,
      onReleased: () => undefined,
    };
    await expect(startReceiver({ ...options, config })).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining(`127.0.0.1:${receiver.port}`),
    });
    await expect(
      startReceiver({ ...options, config: { ...config, port: 0, sources: [{ aeTitle: 'A', addresses: ['here'] }] } }),
    ).rejects.toMatchObject({ code: 'config-invalid', message: expect.stringContaining('"here"') });
  });
});

describe('hostile bytes', () => {
  it(
    'thousands of mutated streams: the process lives, answers others, and stays small',
    async () => {
      await start({ requestTimeoutMs: 2_000, idleTimeoutMs: 2_000, objectTimeoutMs: 3_000 });
      const parts = (uid: string): Buffer[] => {
        const dataSet = ctDataSet(uid);
        return [
          associateRequest(),
          pdu(4, pdv(storeCommand(uid), { command: true })),
          pdu(4, pdv(dataSet.subarray(0, 200), { last: false })),
          pdu(4, pdv(dataSet.subarray(200))),
          RELEASE_REQUEST,
        ];
      };
      const mutation = fc.record({
        changes: fc.array(
          fc.record({ at: fc.nat(100_000), value: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)) }),
          { maxLength: 5 },
        ),
        order: fc.array(fc.nat(4), { maxLength: 8 }),
        cut: fc.option(fc.nat(100_000)),
        packets: fc.integer({ min: 50, max: 5_000 }),
      });
      const samples = drawn(mutation, tries('HOSTILE_STREAMS', 3_000), soakSeed(20_261_123));
      let next = 0;
      let slowestMs = 0;
      const work = async (): Promise<void> => {
        for (const { changes, order, cut, packets } of samples) {
          const index = next++;
          const all = parts(`1.2.99.${index}`);
          let stream = Buffer.concat(order.length > 0 && index % 3 === 0 ? order.map((part) => all[part]!) : all);
          for (const { at, value } of changes) if (stream.length > 0) stream[at % stream.length] = value;
          if (cut !== null && stream.length > 0) stream = stream.subarray(0, cut % stream.length);
          const started = performance.now();
          const peer = await rawPeer(receiver.port);
          for (let at = 0; at < stream.length; at += packets) peer.send(stream.subarray(at, at + packets));
          // A sender that closes its side: whatever was begun must end.
          peer.end();
          await peer.closed();
          slowestMs = Math.max(slowestMs, performance.now() - started);
        }
      };
      await Promise.all(Array.from({ length: 8 }, work));
      const peer = await associated(receiver.port);
      peer.send(store('1.2.3.4', ctDataSet('1.2.3.4')));
      expect(await peer.status()).toBe(0);
      peer.destroy();
      await eventually('every association has ended', () => receiver.openAssociations().size === 0);
      expect(receiver.counters().restarts).toBe(0);
      expect(receiver.counters().stored).toBeGreaterThan(10);
      expect(slowestMs).toBeLessThan(15_000);
      expect(await receiver.peakRssBytes()).toBeLessThan(400 * 1024 * 1024);
      // What was stored is what can be read, and all of it was told.
      const paths = await listSpool(join(dir, 'spool'), 0);
      expect(new Set(told.map(({ instance }) => instance.path))).toEqual(new Set(paths));
      expect(await receiver.describe(paths)).toEqual([]);
    },
    soakTimeout(240_000),
  );

  it(
    'sizes, multiplicities, nesting and counts: whatever a header holds of them, the process lives and its records are small',
    async () => {
      await start({ maxAssociations: 20 });
      const IMPLICIT = '1.2.840.10008.1.2';
      const context = { id: 1, abstractSyntaxUid: CT, transferSyntaxUids: [IMPLICIT] };
      const kept = [0x00080005, 0x00080008, 0x00080050, 0x00080060, 0x00081030, 0x00100010, 0x00200032, 0x00280030];
      const nested = (depth: number, inner: RawElement[]): RawElement[] =>
        depth === 0 ? inner : [{ tag: 0x00081140, vr: 'SQ', value: [nested(depth - 1, inner)] }];
      const header = (uid: string, more: RawElement[]): Buffer => {
        const elements = new Map<number, RawElement>();
        const own: RawElement[] = [
          { tag: 0x00080016, vr: 'UI', value: CT },
          { tag: 0x00080018, vr: 'UI', value: uid },
          { tag: 0x0020000d, vr: 'UI', value: '2.25.100' },
          { tag: 0x0020000e, vr: 'UI', value: '2.25.200' },
        ];
        for (const element of [...more, ...own]) elements.set(element.tag, element);
        const sorted = [...elements.values()].sort((a, b) => a.tag - b.tag);
        return dataSetOf(Buffer.from(rawPart10(sorted, { implicit: true })));
      };
      const hostile = fc.oneof(
        // A value of a kept attribute: some unit so many times.
        fc
          .record({
            tag: fc.constantFrom(...kept),
            unit: fc.constantFrom('\\', '1\\', 'A', '^', '=', '\u001b$B', '\\ISO 2022 IR 87', '\u0000', ' '),
            bytes: fc.constantFrom(100, 2_000, 70_000, 1_000_000, 8_000_000),
          })
          .map(({ tag, unit, bytes }): RawElement[] => [
            { tag, vr: 'LO', value: unit.repeat(Math.ceil(bytes / unit.length)) },
          ]),
        fc.integer({ min: 1, max: 400 }).map((depth) => nested(depth, [{ tag: 0x00080100, vr: 'SH', value: 'x' }])),
        // So many elements of their own tags, or items of one sequence.
        fc.constantFrom(1_000, 60_000, 200_000).map((count) =>
          Array.from({ length: count }, (_, index): RawElement => ({
            tag: 0x00090000 + 0x20000 * (index >> 16) + (index & 0xffff),
            vr: 'LO',
            value: '',
          })),
        ),
        fc
          .constantFrom(1_000, 200_000)
          .map((count): RawElement[] => [
            { tag: 0x00082218, vr: 'SQ', value: Array.from({ length: count }, () => []) },
          ]),
      );
      const items: RawElement[] = [{ tag: 0x00082218, vr: 'SQ', value: Array.from({ length: 200_000 }, () => []) }];
      const backslashes: RawElement[] = [{ tag: 0x00081030, vr: 'LO', value: '\\'.repeat(8_000_000) }];
      // What took the heap of earlier versions comes first in every run: eight at once of the one, then the other.
      const found = [...Array.from({ length: 8 }, () => backslashes), items];
      const count = tries('HOSTILE_DATA_SETS', 60);
      const samples = (function* () {
        yield* found;
        yield* drawn(hostile, count, soakSeed());
      })();
      const statuses: number[] = [];
      let next = 0;
      const work = async (): Promise<void> => {
        for (const sample of samples) {
          const uid = `1.2.98.${next++}`;
          const peer = await associated(receiver.port, { contexts: [context] });
          peer.send(store(uid, header(uid, sample), { pieceBytes: 200_000 }));
          statuses.push(await peer.status());
          peer.destroy();
        }
      };
      await Promise.all(Array.from({ length: 8 }, work));
      expect(receiver.counters().restarts).toBe(0);
      expect(statuses).toHaveLength(found.length + count);
      expect(statuses.filter((status) => ![0x0000, 0xa900, 0xc000].includes(status))).toEqual([]);
      expect(statuses).toContain(0x0000);
      expect(await receiver.peakRssBytes()).toBeLessThan(400 * 1024 * 1024);
      for (const { instance } of told) expect(JSON.stringify(instance).length).toBeLessThan(20_000);
    },
    soakTimeout(240_000),
  );

  it('a crowd of connections that say nothing keeps nobody out for long', async () => {
    await start({ requestTimeoutMs: 1_500 });
    const crowd: RawPeer[] = [];
    for (let index = 0; index < 100; index++) crowd.push(await rawPeer(receiver.port));
    await Promise.all(crowd.map((peer) => peer.closed()));
    // The server hears of the last closed connection a moment after its peer: whoever is refused until then tries again.
    const peer = await until(() => associated(receiver.port).catch(() => null));
    peer.send(RELEASE_REQUEST);
    expect((await peer.receive()).type).toBe(6);
    peer.end();
  });
});

async function until<T>(look: () => Promise<T | null>): Promise<T> {
  for (let tries = 0; tries < 300; tries++) {
    const found = await look();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('waited in vain');
}
