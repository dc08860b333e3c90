import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { packageRoot } from '../../../src/base/packageRoot.ts';
import { createLog } from '../../../src/base/log.ts';
import type { StoredInstance } from '../../../src/case/case.ts';
import { isStorageSopClass } from '../../../src/dicom/sopClasses.ts';
import { retrievablePairs } from '../../../src/pacs/retrievablePairs.ts';
import type { RetrieveWay } from '../../../src/pacs/retrieveOutcome.ts';
import { createRetrieveScu } from '../../../src/pacs/retrieveScu.ts';
import { DEFAULT_RECEIVE_CONFIG, type ReceiveConfig } from '../../../src/receive/receiveConfig.ts';
import { openSpool } from '../../../src/receive/spool.ts';
import { startStorageScp, type StorageScp } from '../../../src/receive/storageScp.ts';
import { pullStudy } from '../../../src/pull/pullStudy.ts';
import { recordedStudy } from '../../../src/pull/recordedStudy.ts';
import { runTool } from '../../interop/dcmtk.ts';
import {
  associated,
  commandSet,
  CT,
  ctDataSet,
  pdu,
  pdv,
  readCommandElements,
  RELEASE_REQUEST,
  store as storeMessage,
  storeCommand,
} from '../receive/rawPeer.ts';
import { openWorklist } from '../worklist/fixture.ts';

/** C-GET from an archive that does exactly what a test says, into a real Storage SCP. The archive is written from PS3.7 and PS3.8. */

const GET = '1.2.840.10008.5.1.4.1.2.2.3';
const MOVE = '1.2.840.10008.5.1.4.1.2.2.2';
const EXPLICIT = '1.2.840.10008.1.2.1';
const OPHTHALMIC_TOMOGRAPHY = '1.2.840.10008.5.1.4.1.1.77.1.5.4';
const PRIVATE = '1.2.826.0.1.9';
const ENHANCED_CT = '1.2.840.10008.5.1.4.1.1.2.1';
let dir: string;
let door: StorageScp;
let events: string[];
let stored: StoredInstance[];
let archive: Server | null;
let served: Promise<void>;

async function openDoor(changes: Partial<ReceiveConfig> = {}): Promise<void> {
  const config = { ...DEFAULT_RECEIVE_CONFIG, port: 0, minFreeBytes: 0, ...changes };
  door = await startStorageScp({
    config: { ...config, sources: [{ aeTitle: 'ARCHIVE', addresses: ['127.0.0.1'] }] },
    spool: await openSpool({ dir, minFreeBytes: 0, maxObjectBytes: config.maxObjectBytes, clock: systemClock }),
    clock: systemClock,
    log: createLog('silent'),
    idPrefix: 't',
    open: new Map(),
    listener: {
      opened: (_id, aeTitle) => events.push(`opened ${aeTitle}`),
      stored: (_id, instance) => {
        stored.push(instance);
        return Promise.resolve();
      },
      commitmentAsked: () => Promise.reject(new Error('nobody asks')),
      commitmentReported: () => Promise.reject(new Error('nobody asks')),
      refused: () => undefined,
      ended: (_id, how) => events.push(how),
    },
  });
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-get-'));
  archive = null;
  events = [];
  stored = [];
  await openDoor();
});
afterEach(async () => {
  archive?.close();
  await door.close(0);
  await rm(dir, { recursive: true, force: true });
});

/** What the archive does once it is asked. */
type Play = (line: ArchiveLine) => Promise<void>;
interface ArchiveLine {
  socket: Socket;
  /** The first context that was proposed for a class. */
  contextOf: (sopClassUid: string, transferSyntaxUid?: string) => number;
  /** Of CT Image Storage in Explicit VR. */
  ctContext: number;
  /** Sends these bytes and returns the status of the next C-STORE-RSP. */
  store: (bytes: Buffer) => Promise<{ status: number; comment: string }>;
  /** The final C-GET-RSP. */
  answer: (status: number, counts?: { completed: number; failed: number }) => void;
}

/** Plays an archive that accepts the SOP classes `offers` and lets the requestor be the SCP of `scpOf`. */
async function startArchive(play: Play, { offers = [GET, CT], scpOf = [CT] } = {}): Promise<number> {
  const server = (archive = createServer((socket) => {
    socket.on('error', () => undefined);
    served = serve(socket, play, offers, scpOf);
    served.catch(() => socket.destroy());
  }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function serve(socket: Socket, play: Play, offers: string[], scpOf: string[]): Promise<void> {
  const pdus = pdusOf(socket);
  const next = async () => (await pdus.next()).value as { type: number; body: Buffer };
  const proposed = proposedIn((await next()).body);
  socket.write(acceptance(proposed, offers, scpOf));
  const contextOf = (uid: string, syntax?: string) =>
    proposed.find((one) => one.uid === uid && (syntax === undefined || one.syntax === syntax))?.id ?? 0;
  const command = await next();
  if (command.type !== 4) {
    socket.end(pdu(6, Buffer.alloc(4)));
    return;
  }
  const request = readCommandElements(command.body.subarray(6));
  const messageId = request.get(0x0110)!.readUInt16LE();
  if (request.get(0x0800)!.readUInt16LE() !== 0x0101) await next();
  await play({
    socket,
    contextOf,
    ctContext: contextOf(CT, EXPLICIT),
    store: async (bytes) => {
      socket.write(bytes);
      const elements = readCommandElements((await next()).body.subarray(6));
      return {
        status: elements.get(0x0900)!.readUInt16LE(),
        comment: (elements.get(0x0902) ?? '').toString('latin1').trim(),
      };
    },
    answer: (status, counts) => {
      const response = commandSet([
        [0x0002, request.get(0x0002)!.toString('latin1').replace(/\0/, '')],
        [0x0100, 0x8000 | request.get(0x0100)!.readUInt16LE()],
        [0x0120, messageId],
        [0x0800, 0x0101],
        [0x0900, status],
        ...(counts === undefined
          ? []
          : ([
              [0x1021, counts.completed],
              [0x1022, counts.failed],
            ] satisfies [number, number][])),
      ]);
      socket.write(pdu(4, pdv(response, { contextId: command.body[4]!, command: true })));
    },
  });
  if ((await next()).type === 5) socket.end(pdu(6, Buffer.alloc(4)));
}

async function* pdusOf(socket: Socket) {
  let held = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 6 && held.length >= 6 + held.readUInt32BE(2)) {
      const end = 6 + held.readUInt32BE(2);
      yield { type: held[0]!, body: held.subarray(6, end) };
      held = held.subarray(end);
    }
  }
}

const item = (type: number, ...content: Buffer[]): Buffer => {
  const value = Buffer.concat(content);
  const head = Buffer.from([type, 0, 0, 0]);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value]);
};
function itemsIn(bytes: Buffer): { type: number; value: Buffer }[] {
  const items = [];
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt16BE(at + 2))
    items.push({ type: bytes[at]!, value: bytes.subarray(at + 4, at + 4 + bytes.readUInt16BE(at + 2)) });
  return items;
}
function proposedIn(body: Buffer): { id: number; uid: string; syntax: string }[] {
  return itemsIn(body.subarray(68)).flatMap(({ type, value }) => {
    if (type !== 0x20) return [];
    const [uid, syntax] = itemsIn(value.subarray(4)).map((inner) => inner.value.toString('latin1'));
    return [{ id: value[0]!, uid: uid!, syntax: syntax! }];
  });
}
function acceptance(proposed: ReturnType<typeof proposedIn>, offers: string[], scpOf: string[]): Buffer {
  const contexts = proposed.map(({ id, uid, syntax }) =>
    item(0x21, Buffer.from([id, 0, offers.includes(uid) ? 0 : 3, 0]), item(0x40, Buffer.from(syntax))),
  );
  const roles = scpOf.map((uid) => item(0x54, Buffer.from([0, uid.length]), Buffer.from(uid), Buffer.from([0, 1])));
  const user = item(0x50, item(0x51, Buffer.from([0, 0, 0x40, 0])), item(0x52, Buffer.from('1.2.3')), ...roles);
  const head = Buffer.concat([Buffer.from([0, 1, 0, 0]), Buffer.alloc(64, 0x20)]);
  return pdu(2, Buffer.concat([head, item(0x10, Buffer.from('1.2.840.10008.3.1.1.1')), ...contexts, user]));
}

const object = (contextId: number, number: number, dataSet: Buffer, pieceBytes = 16_000, sopClassUid = CT): Buffer =>
  Buffer.concat([
    pdu(4, pdv(storeCommand(`2.25.9${number}`, { messageId: 40 + number, sopClassUid }), { contextId, command: true })),
    ...Array.from({ length: Math.ceil(dataSet.length / pieceBytes) }, (_, at) =>
      pdu(
        4,
        pdv(dataSet.subarray(at * pieceBytes, (at + 1) * pieceBytes), {
          contextId,
          last: (at + 1) * pieceBytes >= dataSet.length,
        }),
      ),
    ),
  ]);

function clientOf(
  port: number,
  way: RetrieveWay,
  doorPort: number | null = door.port,
  privateClasses: readonly string[] = [],
) {
  const peer = {
    name: 'archive',
    aeTitle: 'ARCHIVE',
    host: '127.0.0.1',
    port,
    callingAeTitle: 'ODONTOID',
    timeoutMs: 5_000,
  };
  return createRetrieveScu(peer, {
    clock: systemClock,
    way,
    door: () =>
      doorPort === null ? null : { host: '127.0.0.1', port: doorPort, idleTimeoutMs: 60_000, privateClasses },
  });
}

function fetchFrom(
  port: number,
  way: RetrieveWay = 'get',
  doorPort: number | null = door.port,
  privateClasses: readonly string[] = [],
) {
  const sent: number[] = [];
  const onSent = (objects: number) => sent.push(objects);
  const outcome = clientOf(port, way, doorPort, privateClasses).retrieve(
    { studyInstanceUid: '2.25.100' },
    'ODONTOID',
    onSent,
  );
  return { sent, outcome };
}

test('every Storage SOP class of the standard is proposed, as many in an association as it has contexts for', async () => {
  const batches = retrievablePairs({ privateClasses: [PRIVATE] });
  for (const pairs of batches) expect(pairs.length).toBeLessThan(128);
  const all = batches.flat();
  expect(new Set(all.map((one) => JSON.stringify(one))).size).toBe(all.length);
  const classesOf = (pairs: typeof all) => new Set(pairs.map(({ abstractSyntaxUid }) => abstractSyntaxUid));
  const { stdout } = await runTool('/usr/bin/python3', ['-c', KNOWN_TO_PYDICOM]);
  const known = stdout.trim().split('\n').filter(isStorageSopClass);
  expect(known.length).toBeGreaterThan(180);
  expect(known.filter((uid) => !classesOf(all).has(uid))).toEqual([]);
  expect([...classesOf(all)].filter((uid) => !isStorageSopClass(uid))).toEqual([PRIVATE]);
  const statement = await readFile(join(packageRoot, 'docs/conformance.md'), 'utf8');
  // Without the private one.
  expect(statement).toContain(`for ${classesOf(all).size - 1} Storage SOP classes\nin ${all.length - 2} contexts`);
  expect(statement).toContain(`on up to ${batches.length - 1} more associations`);
  // What the archive says that a study holds is in the first; what is no Storage SOP class is not proposed.
  const [first] = retrievablePairs({ expected: [OPHTHALMIC_TOMOGRAPHY, GET, PRIVATE] });
  expect(classesOf(first!).has(OPHTHALMIC_TOMOGRAPHY)).toBe(true);
  expect([GET, PRIVATE].filter((uid) => classesOf(first!).has(uid))).toEqual([]);
});
const KNOWN_TO_PYDICOM =
  "from pydicom.uid import UID_dictionary as d\nfor u,v in d.items():\n if v[1]=='SOP Class' and 'Information Model' not in v[0]: print(u)";

test('what has no room in the first association comes on another, and what the archive cannot send at all is told of', async () => {
  await door.close(0);
  await openDoor({ acceptedSopClasses: [PRIVATE] });
  const associations: string[][] = [];
  const port = await startArchive(
    async ({ contextOf, store, answer }) => {
      const sent = [CT, OPHTHALMIC_TOMOGRAPHY, PRIVATE].filter((uid) => contextOf(uid, EXPLICIT) !== 0);
      associations.push(sent);
      for (const uid of sent) {
        const number = [CT, OPHTHALMIC_TOMOGRAPHY, PRIVATE].indexOf(uid) + 1;
        const dataSet = ctDataSet(`2.25.9${number}`, { SOPClassUID: uid });
        expect((await store(object(contextOf(uid, EXPLICIT), number, dataSet, 900, uid))).status).toBe(0);
      }
      // Four objects, one of which it has lost.
      answer(0xb000, { completed: sent.length, failed: 4 - sent.length });
    },
    { offers: [GET, CT, OPHTHALMIC_TOMOGRAPHY, PRIVATE], scpOf: [CT, OPHTHALMIC_TOMOGRAPHY, PRIVATE] },
  );
  const { sent, outcome } = fetchFrom(port, 'get', door.port, [PRIVATE]);
  expect(await outcome).toMatchObject({
    completed: 3,
    failed: 1,
    problem: expect.stringMatching(/^it could not send 1 of 4 objects/) as string,
  });
  expect(associations.flat().sort()).toEqual([CT, OPHTHALMIC_TOMOGRAPHY, PRIVATE].sort());
  expect(associations[0]).toEqual([CT, PRIVATE]);
  expect(sent).toEqual([1, 2, 3]);
  expect(new Set(stored.map(({ header }) => header.sopClassUid))).toEqual(
    new Set([CT, OPHTHALMIC_TOMOGRAPHY, PRIVATE]),
  );
});

test('an archive that stops at an object for which it has no context has not sent everything', async () => {
  const port = await startArchive(
    async ({ contextOf, store, answer }) => {
      const contextId = contextOf(OPHTHALMIC_TOMOGRAPHY, EXPLICIT);
      if (contextId !== 0) {
        const dataSet = ctDataSet('2.25.91', { SOPClassUID: OPHTHALMIC_TOMOGRAPHY });
        await store(object(contextId, 1, dataSet, 900, OPHTHALMIC_TOMOGRAPHY));
      }
      answer(0xc000, { completed: contextId === 0 ? 0 : 1, failed: 1 });
    },
    { offers: [GET, CT, OPHTHALMIC_TOMOGRAPHY], scpOf: [CT, OPHTHALMIC_TOMOGRAPHY] },
  );
  expect(await fetchFrom(port).outcome).toEqual({
    completed: 1,
    failed: 0,
    problem: 'it answered C-GET with status 0xC000',
  });
});

test('objects come in byte for byte at the door of pushed ones, as from the archive, and the archive hears each real status', async () => {
  const first = ctDataSet('2.25.91', { pixelBytes: 70_000, Rows: 250, Columns: 140 });
  const statuses: number[] = [];
  let comment = '';
  const port = await startArchive(async ({ ctContext, store, answer }) => {
    statuses.push((await store(object(ctContext, 1, first, 900))).status);
    // The data set is of another instance than the command says.
    const wrong = await store(object(ctContext, 2, ctDataSet('2.25.99')));
    statuses.push(wrong.status);
    ({ comment } = wrong);
    statuses.push((await store(object(ctContext, 3, ctDataSet('2.25.93')))).status);
    // What the archive says of what came does not count.
    answer(0xb000, { completed: 7, failed: 1 });
  });
  const { sent, outcome } = fetchFrom(port);
  expect(await outcome).toEqual({
    completed: 2,
    failed: 1,
    problem: expect.stringMatching(/^1 of 3 objects that it sent were refused: 0xA900: The data set is of another SOP/),
  });
  await served;
  expect(statuses).toEqual([0, 0xa900, 0]);
  expect(comment).toMatch(/^The data set is of another SOP class or instance/);
  expect(sent).toEqual([1, 1, 2]);
  expect(
    stored.map(({ header, sourceAeTitle, calledAeTitle }) => [header.sopInstanceUid, sourceAeTitle, calledAeTitle]),
  ).toEqual([
    ['2.25.91', 'ARCHIVE', 'ODONTOID'],
    ['2.25.93', 'ARCHIVE', 'ODONTOID'],
  ]);
  expect((await readFile(join(dir, stored[0]!.path))).subarray(-first.length).equals(first)).toBe(true);
  expect(events).toEqual(['opened ARCHIVE', 'released']);
});

test.each([
  ['in the middle of an object', 20_000],
  ['between two objects', 0],
])('an archive that dies %s leaves a study of which something may be missing', async (_when, bytes) => {
  const port = await startArchive(async ({ socket, ctContext, store }) => {
    await store(object(ctContext, 1, ctDataSet('2.25.91')));
    const next = object(ctContext, 2, ctDataSet('2.25.92', { pixelBytes: 70_000, Rows: 250, Columns: 140 }), 900);
    socket.write(next.subarray(0, bytes), () => socket.destroy());
  });
  await expect(fetchFrom(port).outcome).rejects.toMatchObject({
    code: 'pacs-unreachable',
    message: expect.stringMatching(/^ARCHIVE at 127\.0\.0\.1/) as string,
  });
  await expect.poll(() => events).toEqual(['opened ARCHIVE', 'broken']);
  expect(stored.map(({ header }) => header.sopInstanceUid)).toEqual(['2.25.91']);
});

test('what the archive could not send is no success', async () => {
  const port = await startArchive(({ answer }) => {
    answer(0xb000, { completed: 0, failed: 5 });
    return Promise.resolve();
  });
  expect((await fetchFrom(port).outcome).problem).toMatch(/^it could not send 5 of 5 objects/);
});

test('when the receiver is lost, the archive is told so for each object, and the outcome says why', async () => {
  const { port: doorPort } = door;
  await door.close(0);
  const statuses: number[] = [];
  const port = await startArchive(async ({ ctContext, store, answer }) => {
    for (const number of [1, 2]) statuses.push((await store(object(ctContext, number, ctDataSet('2.25.91')))).status);
    answer(0xa702, { completed: 0, failed: 2 });
  });
  const { problem } = await fetchFrom(port, 'get', doorPort).outcome;
  expect(problem).toMatch(/^2 of 2 objects that it sent were refused: ODONTOID at 127\.0\.0\.1.*nothing listens there/);
  expect(statuses).toEqual([0xa700, 0xa700]);
  await expect(fetchFrom(port, 'get', null).outcome).rejects.toMatchObject({ code: 'receiver-died' });
});

test.each<[what: string, contextOf: (line: ArchiveLine) => number, sopClassUid: string]>([
  ['another class', ({ contextOf }) => contextOf(GET), CT],
  ['a class that was not agreed', ({ contextOf }) => contextOf(ENHANCED_CT), ENHANCED_CT],
])('an object in the context of %s breaks the protocol', async (_what, contextOf, sopClassUid) => {
  const port = await startArchive(async (line) => {
    const contextId = contextOf(line);
    line.socket.write(pdu(4, pdv(storeCommand('2.25.91', { sopClassUid }), { contextId, command: true })));
    await line.store(Buffer.alloc(0));
  });
  await expect(fetchFrom(port).outcome).rejects.toThrow('in a presentation context that was not agreed for it');
  expect(stored).toEqual([]);
});

test.each([
  ['without C-GET', { offers: [MOVE], scpOf: [] }, /does not support the SOP class/],
  ['that keeps the role of the SCP', { offers: [GET, MOVE, CT], scpOf: [] }, /does not let the agent be the SCP/],
])('an archive %s is asked by C-MOVE where that is allowed, else told of', async (_what, offer, why) => {
  const asked: number[] = [];
  const port = await startArchive(({ answer }) => {
    asked.push(1);
    answer(0, { completed: 3, failed: 0 });
    return Promise.resolve();
  }, offer);
  expect(await fetchFrom(port, 'auto').outcome).toEqual({ completed: 3, failed: 0, problem: null });
  await expect(fetchFrom(port, 'get').outcome).rejects.toThrow(why);
  expect(asked).toEqual([1]);
});

/** Sends these data sets in the way in which it was asked, and says that this is all. */
const sending =
  (way: 'get' | 'move', dataSets: readonly Buffer[]): Play =>
  async ({ ctContext, store, answer }) => {
    if (way === 'get')
      for (const [at, dataSet] of dataSets.entries())
        expect((await store(object(ctContext, at + 1, dataSet))).status).toBe(0);
    else {
      const peer = await associated(door.port, { calling: 'ARCHIVE' });
      for (const [at, dataSet] of dataSets.entries()) {
        peer.send(storeMessage(`2.25.9${at + 1}`, dataSet));
        expect(await peer.status()).toBe(0);
      }
      peer.send(RELEASE_REQUEST);
      await peer.receive();
      peer.end();
    }
    answer(0, { completed: dataSets.length, failed: 0 });
  };

test.each([
  [
    'get',
    'another study of the patient',
    { StudyInstanceUID: '2.25.101' },
    /^2 objects are said to have come, and 0 of/,
  ],
  [
    'move',
    'another study of the patient',
    { StudyInstanceUID: '2.25.101' },
    /^2 objects are said to have come, and 0 of/,
  ],
  ['get', 'another patient', { PatientID: 'P-2' }, /^the study on record is of another Patient ID than the archive/],
  ['move', 'another patient', { PatientID: 'P-2' }, /^the study on record is of another Patient ID than the archive/],
] as const)(
  'an archive that by C-%s sends %s than it was asked for is told of, and what came is a case of its own',
  async (way, _what, changes, why) => {
    const { store, query, clock } = await openWorklist();
    const port = await startArchive(
      sending(
        way,
        ['2.25.91', '2.25.92'].map((uid) => ctDataSet(uid, { PatientID: 'P-1', ...changes })),
      ),
      { offers: [GET, MOVE, CT], scpOf: [CT] },
    );
    const pulled = await pullStudy(
      { studyInstanceUid: '2.25.100', patientId: 'P-1' },
      {
        retrieve: async (...asked) => {
          const outcome = await clientOf(port, way).retrieve(...asked);
          await store.recordInstances(stored);
          return outcome;
        },
        receivingAeTitle: 'ODONTOID',
        onRecord: (studyInstanceUid) => recordedStudy(query, studyInstanceUid),
        // What does not come is not waited for.
        clock: {
          ...clock,
          sleep: (ms) => {
            clock.advance(60_000 + ms);
            return Promise.resolve();
          },
        },
      },
    );
    expect(pulled).toMatchObject({ completed: 2, problem: expect.stringMatching(why) as string });
    // Nothing is lost, and nothing is under a name that it does not have.
    const { StudyInstanceUID = '2.25.100', PatientID = 'P-1' } = changes as Record<string, string>;
    const rows = await query.rows();
    expect(rows.map(({ studyInstanceUid, patientId }) => [studyInstanceUid, patientId])).toEqual([
      [StudyInstanceUID, PatientID],
    ]);
    expect(await recordedStudy(query, StudyInstanceUID)).toEqual({ objects: 2, patientId: PatientID });
  },
);

test.each(['get', 'move'] as const)(
  'a study that is here keeps its patient when an archive sends another one for it by C-%s',
  async (way) => {
    const { store, query } = await openWorklist();
    const port = await startArchive(
      sending(way, [ctDataSet('2.25.91', { PatientID: 'P-1' }), ctDataSet('2.25.92', { PatientID: 'P-2' })]),
      { offers: [GET, MOVE, CT], scpOf: [CT] },
    );
    const { outcome } = fetchFrom(port, way);
    await outcome;
    await store.recordInstances(stored);
    const { row, instances } = await query.caseDetail('2.25.100');
    expect([row.patientId, row.status, instances]).toEqual([
      'P-1',
      'held',
      { received: 2, setAside: 1, ownResults: 0 },
    ]);
  },
);
