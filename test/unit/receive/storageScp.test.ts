import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StoredInstance } from '../../../src/case/case.ts';
import type { CommitmentReported, CommitmentRequest } from '../../../src/case/commitment.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { createLog } from '../../../src/base/log.ts';
import { readAssociateAccept } from '../../../src/dimse/negotiation.ts';
import type { CommitmentAnswer } from '../../../src/receive/commitmentService.ts';
import { DEFAULT_RECEIVE_CONFIG, type ReceiveConfig } from '../../../src/receive/receiveConfig.ts';
import type { Refusal } from '../../../src/receive/refusals.ts';
import { listSpool, openSpool } from '../../../src/receive/spool.ts';
import { startStorageScp, type StorageScp } from '../../../src/receive/storageScp.ts';
import { briefly } from '../../soakSize.ts';
import {
  ABORT,
  associated,
  associateRequest,
  commandSet,
  CT,
  ctDataSet,
  CT_CONTEXT,
  ECHO_COMMAND,
  pdu,
  pdv,
  rawPeer,
  readCommandElements,
  RELEASE_REQUEST,
  store,
  storeCommand,
  VERIFICATION,
  type RawPeer,
} from './rawPeer.ts';

let dir: string;
let scp: StorageScp;
let events: string[];
let stored: StoredInstance[];
let refusals: Refusal[];
let askedFor: CommitmentRequest[];
let reports: CommitmentReported[];
let commitmentAnswer: CommitmentAnswer;

async function start(changes: Partial<ReceiveConfig> = {}): Promise<void> {
  const config = {
    ...DEFAULT_RECEIVE_CONFIG,
    port: 0,
    minFreeBytes: 0,
    sources: [{ aeTitle: 'SENDER', addresses: ['127.0.0.1'] }],
    ...changes,
  };
  const spool = await openSpool({
    dir,
    minFreeBytes: config.minFreeBytes,
    maxObjectBytes: config.maxObjectBytes,
    clock: systemClock,
  });
  scp = await startStorageScp({
    config,
    spool,
    clock: systemClock,
    log: createLog('silent'),
    idPrefix: 't',
    open: new Map(),
    listener: {
      opened: (id) => events.push(`${id} opened`),
      stored: (id, instance) => {
        events.push(`${id} stored ${instance.header.sopInstanceUid}`);
        stored.push(instance);
        return Promise.resolve();
      },
      commitmentAsked: (request) => {
        askedFor.push(request);
        return Promise.resolve(commitmentAnswer);
      },
      commitmentReported: (reported) => {
        reports.push(reported);
        return Promise.resolve(commitmentAnswer);
      },
      refused: (id, refusal) => {
        refusals.push(refusal);
        if (refusal.kind === 'object') events.push(`${id} refused ${refusal.why.slice(2, 6).toLowerCase()}`);
        if (refusal.kind === 'association') events.push(`${id} rejected ${refusal.callingAeTitle}`);
      },
      ended: (id, how) => events.push(`${id} ${how === 'broken' ? 'cut' : how}`),
    },
  });
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-scp-'));
  events = [];
  stored = [];
  refusals = [];
  askedFor = [];
  reports = [];
  commitmentAnswer = { status: 0, why: '' };
});
afterEach(async () => {
  await scp.close(0);
  expect(await readdir(join(dir, 'tmp'))).toEqual([]);
  await rm(dir, { recursive: true, force: true });
});

const onDisk = async (instance: StoredInstance, dataSet: Buffer): Promise<boolean> =>
  (await readFile(join(dir, instance.path))).subarray(-dataSet.length).equals(dataSet);
const release = async (peer: RawPeer): Promise<void> => {
  peer.send(RELEASE_REQUEST);
  expect((await peer.receive()).type).toBe(6);
  peer.end();
  await peer.closed();
};
const eventually = async (check: () => boolean): Promise<void> => {
  for (let waited = 0; !check() && waited < 20_000; waited += 10) await sleep(10);
  expect(check()).toBe(true);
};
const expectAbort = async (peer: RawPeer): Promise<void> => {
  const rest = await peer.closed();
  expect(rest.at(-1)?.type).toBe(7);
};

describe('storing', () => {
  it('answers Success once the object is on disk, tells before it answers, and ends cleanly', async () => {
    await start();
    const peer = await associated(scp.port);
    const dataSet = ctDataSet('1.2.3.4');
    peer.send(store('1.2.3.4', dataSet, { pieceBytes: 100 }));
    expect(await peer.status()).toBe(0);
    expect(await listSpool(dir, 0)).toHaveLength(1);
    expect(await onDisk(stored[0]!, dataSet)).toBe(true);
    peer.send(store('1.2.3.4', dataSet));
    expect(await peer.status()).toBe(0);
    await release(peer);
    expect(await onDisk(stored[1]!, dataSet)).toBe(true);
    await eventually(() => events.length === 4);
    expect(events).toEqual(['t.1 opened', 't.1 stored 1.2.3.4', 't.1 stored 1.2.3.4', 't.1 released']);
  });

  it('stores the same bytes however they are cut into fragments, PDUs and packets', async () => {
    await start();
    const peer = await associated(scp.port);
    let count = 0;
    const cut = fc.record({
      pixelBytes: fc.integer({ min: 64, max: 3_000 }).map((half) => 2 * half),
      fragments: fc.array(fc.integer({ min: 0, max: 2_500 }), { minLength: 1, maxLength: 12 }),
      perPdu: fc.integer({ min: 1, max: 4 }),
      packets: fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 12 }),
      commandCut: fc.integer({ min: 1, max: 100 }),
    });
    await fc.assert(
      fc.asyncProperty(cut, async ({ pixelBytes, fragments, perPdu, packets, commandCut }) => {
        const uid = `1.2.5.${++count}`;
        const dataSet = ctDataSet(uid, { pixelBytes });
        const command = storeCommand(uid);
        const pdvs = [pdv(command.subarray(0, commandCut), { command: true, last: commandCut >= command.length })];
        if (commandCut < command.length) pdvs.push(pdv(command.subarray(commandCut), { command: true }));
        for (let at = 0, turn = 0; at < dataSet.length; turn++) {
          // Fragments of length 0 are legal; a run of nothing else would not end.
          const length = fragments[turn % fragments.length]! || (turn % 2 === 0 ? 0 : 700);
          pdvs.push(pdv(dataSet.subarray(at, at + length), { last: at + length >= dataSet.length && length > 0 }));
          at += length;
        }
        const bytes: Buffer[] = [];
        for (let at = 0; at < pdvs.length; at += perPdu) bytes.push(pdu(4, Buffer.concat(pdvs.slice(at, at + perPdu))));
        const stream = Buffer.concat(bytes);
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const length = packets[turn % packets.length]!;
          peer.send(stream.subarray(at, at + length));
          at += length;
          if (turn % 5 === 0) await sleep(0);
        }
        expect(await peer.status()).toBe(0);
        expect(stored.at(-1)!.header.sopInstanceUid).toBe(uid);
        expect(await onDisk(stored.at(-1)!, dataSet)).toBe(true);
      }),
      { numRuns: briefly(60) },
    );
    await release(peer);
  });

  it('takes command and data set in one PDU, and the next command behind them', async () => {
    await start();
    const peer = await associated(scp.port, {
      contexts: [CT_CONTEXT, { id: 3, abstractSyntaxUid: VERIFICATION, transferSyntaxUids: ['1.2.840.10008.1.2'] }],
    });
    const one = ctDataSet('1.2.3.1');
    const two = ctDataSet('1.2.3.2');
    peer.send(
      pdu(
        4,
        Buffer.concat([
          pdv(storeCommand('1.2.3.1'), { command: true }),
          pdv(one.subarray(0, 50), { last: false }),
          pdv(one.subarray(50)),
          pdv(ECHO_COMMAND, { contextId: 3, command: true }),
          pdv(storeCommand('1.2.3.2'), { command: true }),
          pdv(two),
        ]),
      ),
    );
    expect([await peer.status(), await peer.status(), await peer.status()]).toEqual([0, 0, 0]);
    expect(await onDisk(stored[0]!, one)).toBe(true);
    expect(await onDisk(stored[1]!, two)).toBe(true);
    await release(peer);
  });

  it('keeps interleaved associations apart', async () => {
    await start();
    const peers = await Promise.all([0, 1, 2, 3].map(() => associated(scp.port)));
    const objects = peers.map((_, index) =>
      ctDataSet(`1.2.7.${index}`, { StudyInstanceUID: `2.25.${index}`, pixelBytes: 20_000 + index * 2 }),
    );
    const streams = objects.map((dataSet, index) => store(`1.2.7.${index}`, dataSet, { pieceBytes: 1_000 }));
    for (let at = 0; at < 30_000; at += 700) {
      for (const [index, peer] of peers.entries()) peer.send(streams[index]!.subarray(at, at + 700));
      await sleep(1);
    }
    for (const peer of peers) expect(await peer.status()).toBe(0);
    for (const instance of stored) {
      const index = Number(instance.header.sopInstanceUid.split('.').at(-1));
      expect(instance.header.studyInstanceUid).toBe(`2.25.${index}`);
      expect(await onDisk(instance, objects[index]!)).toBe(true);
    }
    for (const peer of peers) await release(peer);
  });
});

describe('refusing an object', () => {
  const refusal = async (bytes: Buffer): Promise<number> => {
    const peer = await associated(scp.port);
    peer.send(bytes);
    const status = await peer.status();
    // The association goes on.
    peer.send(store('1.2.9.9', ctDataSet('1.2.9.9')));
    expect(await peer.status()).toBe(0);
    await release(peer);
    expect(await listSpool(dir, 0)).toHaveLength(1);
    return status;
  };
  it('0xA900: the data set is another instance than the command says', async () => {
    await start();
    expect(await refusal(store('1.2.3.4', ctDataSet('1.2.3.5')))).toBe(0xa900);
  });
  it.each(['../../../../tmp/x', '1.2/../../x', '/etc/passwd'])('0xA900: the UID %j', async (uid) => {
    await start();
    expect(await refusal(store(uid, ctDataSet('1.2.3.4')))).toBe(0xa900);
  });
  it('0x0122: another SOP class than the context is for', async () => {
    await start();
    const secondaryCapture = '1.2.840.10008.5.1.4.1.1.7';
    expect(
      await refusal(
        store('1.2.3.4', ctDataSet('1.2.3.4', { SOPClassUID: secondaryCapture }), { sopClassUid: secondaryCapture }),
      ),
    ).toBe(0x0122);
  });
  it('0xC000: not a data set', async () => {
    await start();
    expect(await refusal(store('1.2.3.4', Buffer.alloc(500, 0x41)))).toBe(0xc000);
    expect(events.filter((event) => event.includes('refused'))).toEqual(['t.1 refused c000']);
  });
  it('0xA700: larger than allowed, without keeping what came so far', async () => {
    await start({ maxObjectBytes: 1_500_000 });
    expect(
      await refusal(store('1.2.3.4', ctDataSet('1.2.3.4', { pixelBytes: 2_000_000 }), { pieceBytes: 60_000 })),
    ).toBe(0xa700);
  });
  it('0xA700: the disk is too full', async () => {
    await start({ minFreeBytes: 2 ** 50 });
    const peer = await associated(scp.port);
    peer.send(store('1.2.3.4', ctDataSet('1.2.3.4')));
    expect(await peer.status()).toBe(0xa700);
    await release(peer);
    expect(await listSpool(dir, 0)).toEqual([]);
  });
});

describe('associations that are refused', () => {
  it.each([
    ['another called AE title', { called: 'OTHER' }, [1, 1, 7]],
    ['an unknown calling AE title', { calling: 'STRANGER' }, [1, 1, 3]],
    ['another protocol version', { version: 2 }, [1, 2, 2]],
    ['another application context', { applicationContext: '1.2.3' }, [1, 1, 2]],
  ] as const)('%s', async (_, request, numbers) => {
    await start();
    const peer = await rawPeer(scp.port);
    peer.send(associateRequest(request));
    const { type, body } = await peer.receive();
    expect([type, ...body.subarray(1)]).toEqual([3, ...numbers]);
    // What comes after the rejection is not looked at: dcmjs-dimse alone would store it.
    peer.send(store('1.2.3.4', ctDataSet('1.2.3.4')));
    expect(await peer.closed()).toEqual([]);
    expect(await listSpool(dir, 0)).toEqual([]);
    await eventually(() => events.length > 0);
    expect(events).toEqual([`t.1 rejected ${'calling' in request ? request.calling : 'SENDER'}`]);
  });

  it('a known title from another address', async () => {
    await start({ sources: [{ aeTitle: 'SENDER', addresses: ['127.0.0.9'] }] });
    const stranger = await rawPeer(scp.port);
    stranger.send(associateRequest());
    expect([...(await stranger.receive()).body.subarray(1)]).toEqual([1, 1, 3]);
    const known = await rawPeer(scp.port, '127.0.0.1', '127.0.0.9');
    known.send(associateRequest());
    expect((await known.receive()).type).toBe(2);
    for (const peer of [stranger, known]) peer.destroy();
  });

  it('more at once than allowed, as transient, until one of them ends', async () => {
    await start({ maxAssociations: 2 });
    const [first, second] = [await associated(scp.port), await associated(scp.port)];
    const third = await rawPeer(scp.port);
    third.send(associateRequest());
    expect([...(await third.receive()).body.subarray(1)]).toEqual([2, 3, 2]);
    await release(first);
    await eventually(() => events.includes('t.1 released'));
    const fourth = await associated(scp.port);
    for (const peer of [second, third, fourth]) peer.destroy();
  });

  it('a second request on an open association', async () => {
    await start();
    const peer = await associated(scp.port);
    peer.send(associateRequest({ calling: 'STRANGER' }), store('1.2.3.4', ctDataSet('1.2.3.4')));
    await expectAbort(peer);
    expect(await listSpool(dir, 0)).toEqual([]);
  });
});

/** SOP Class Common Extended Negotiation (PS3.7 D.3.3.6), without related general classes. */
function commonExtended(sopClassUid: string, serviceClassUid: string): Buffer {
  const counted = (text: string) => Buffer.concat([Buffer.from([0, text.length]), Buffer.from(text)]);
  const value = Buffer.concat([counted(sopClassUid), counted(serviceClassUid), Buffer.from([0, 0])]);
  return Buffer.concat([Buffer.from([0x57, 0, 0, value.length]), value]);
}

it('a private class is kept when the sender states that it is of the Storage Service Class', async () => {
  await start();
  const [stored, printed] = ['1.2.840.113619.4.30', '1.2.840.113619.4.31'];
  const contexts = [stored, printed].map((abstractSyntaxUid, index) => ({
    ...CT_CONTEXT,
    id: 3 + 2 * index,
    abstractSyntaxUid,
  }));
  const userItems = Buffer.concat([
    commonExtended(stored, '1.2.840.10008.4.2'),
    commonExtended(printed, '1.2.840.10008.5.1.1.9'),
    Buffer.from([0x57, 0, 0, 4, 0xff, 0xff, 0, 0]),
  ]);
  const peer = await rawPeer(scp.port);
  peer.send(associateRequest({ contexts, userItems }));
  const { type, body } = await peer.receive();
  expect([type, readAssociateAccept(body).contexts.map(({ id, result }) => [id, result])]).toEqual([
    2,
    [
      [3, 0],
      [5, 3],
    ],
  ]);
  peer.send(store('1.2.3.4.5', ctDataSet('1.2.3.4.5', { SOPClassUID: stored }), { contextId: 3, sopClassUid: stored }));
  expect(await peer.status()).toBe(0);
  peer.end();
});

describe('what is turned away is told, with who, what and why', () => {
  it('a context, an object of a known study, and an association without a release', async () => {
    await start();
    const privateClass = { id: 3, abstractSyntaxUid: '1.3.12.2.1107.5.9.1', transferSyntaxUids: ['1.2.840.10008.1.2'] };
    const undecodable = { ...CT_CONTEXT, id: 5, transferSyntaxUids: ['1.2.840.10008.1.2.4.100'] };
    const peer = await associated(scp.port, { contexts: [CT_CONTEXT, privateClass, undecodable] });
    peer.send(store('1.2.3.4', ctDataSet('1.2.3.4').subarray(0, -2)));
    expect(await peer.status()).toBe(0xc000);
    peer.destroy();
    await eventually(() => refusals.length === 4);
    const who = { callingAeTitle: 'SENDER', address: '127.0.0.1' };
    expect(refusals).toEqual([
      {
        ...who,
        kind: 'context',
        what: '1.3.12.2.1107.5.9.1',
        why: 'it is no Storage SOP class, and no private one that is listed',
      },
      { ...who, kind: 'context', what: CT, why: 'none of the transfer syntaxes proposed for it is taken' },
      {
        ...who,
        kind: 'object',
        what: CT,
        why: '0xC000: The pixel data are shorter than the header says: 128 bytes are declared, and 126 came.',
        studyInstanceUid: '2.25.100',
        header: expect.objectContaining({ sopInstanceUid: '1.2.3.4', studyInstanceUid: '2.25.100', sopClassUid: CT }),
      },
      { ...who, kind: 'abort', what: '', why: 'the sender closed the connection without a release' },
    ]);
  });

  it('a rejected association, a breach, and an abort', async () => {
    await start();
    const stranger = await rawPeer(scp.port);
    stranger.send(associateRequest({ calling: 'STRANGER' }));
    await stranger.closed();
    const breaking = await associated(scp.port);
    breaking.send(pdu(4, Buffer.alloc(0)));
    await breaking.closed();
    const aborting = await associated(scp.port);
    aborting.send(ABORT);
    await aborting.closed();
    await eventually(() => refusals.length === 3);
    expect(refusals.map(({ kind, callingAeTitle, why }) => [kind, callingAeTitle, why])).toEqual([
      ['association', 'STRANGER', 'the calling AE title is not among the sources'],
      ['abort', 'SENDER', 'The peer broke the DICOM upper layer protocol: a P-DATA-TF holds no fragment.'],
      ['abort', 'SENDER', 'the sender aborted'],
    ]);
  });

  it('connections beyond the limit, of which no address takes the last', async () => {
    await start({
      maxAssociations: 2,
      sources: [{ aeTitle: 'SENDER', addresses: ['127.0.0.1', '127.0.0.9'] }],
    });
    const crowd: RawPeer[] = [];
    for (let count = 0; count < 20; count++) crowd.push(await rawPeer(scp.port));
    await eventually(() => refusals.length === 6);
    expect(refusals[0]).toEqual({
      kind: 'connection',
      callingAeTitle: '',
      address: '127.0.0.1',
      what: '',
      why: 'too many connections are open',
    });
    const other = await rawPeer(scp.port, '127.0.0.1', '127.0.0.9');
    other.send(associateRequest());
    expect((await other.receive()).type).toBe(2);
    for (const peer of [...crowd, other]) peer.destroy();
  });
});

describe('breaches of the protocol end the connection', () => {
  const data = (...pdvs: Buffer[]) => pdu(4, Buffer.concat(pdvs));
  it.each([
    ['data before the association', null, store('1.2.3.4', ctDataSet('1.2.3.4'))],
    ['a release before the association', null, RELEASE_REQUEST],
    ['HTTP', null, Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a request of 4 GiB', null, pdu(1, Buffer.alloc(100), 0xffffffff)],
    ['a request that is cut short inside', null, pdu(1, associateRequest().subarray(6, 150))],
    ['a PDU of 4 GiB', {}, pdu(4, Buffer.alloc(100), 0xffffffff)],
    ['a PDU over the announced length', {}, pdu(4, pdv(Buffer.alloc(262_145)))],
    ['a data set without a command', {}, data(pdv(Buffer.alloc(10)))],
    [
      'a command within a data set',
      {},
      data(
        pdv(storeCommand('1.2.3'), { command: true }),
        pdv(Buffer.alloc(10), { last: false }),
        pdv(storeCommand('1.2.3'), { command: true }),
      ),
    ],
    [
      'a release within a data set',
      {},
      Buffer.concat([
        data(pdv(storeCommand('1.2.3'), { command: true }), pdv(Buffer.alloc(10), { last: false })),
        RELEASE_REQUEST,
      ]),
    ],
    [
      'a fragment for a context that was not accepted',
      {},
      data(pdv(storeCommand('1.2.3'), { command: true, contextId: 9 })),
    ],
    [
      'a data set on another context than its command',
      { contexts: [CT_CONTEXT, { ...CT_CONTEXT, id: 3 }] },
      data(pdv(storeCommand('1.2.3'), { command: true }), pdv(Buffer.alloc(10), { contextId: 3 })),
    ],
    ['a command set of 20 kB', {}, data(pdv(Buffer.alloc(20_000), { command: true, last: false }))],
    [
      'a C-FIND',
      {},
      data(
        pdv(
          commandSet([
            [0x0002, CT],
            [0x0100, 0x0020],
            [0x0110, 1],
            [0x0800, 1],
          ]),
          { command: true },
        ),
      ),
    ],
    ['a fragment that is longer than its PDU', {}, pdu(4, Buffer.from('00001000010200', 'hex'))],
    ['an empty P-DATA-TF', {}, pdu(4, Buffer.alloc(0))],
    ['an A-ASSOCIATE-AC', {}, pdu(2, Buffer.alloc(100))],
    ['a PDU of an unknown type', {}, pdu(0x42, Buffer.alloc(4))],
  ])('%s', async (_, association, bytes) => {
    await start();
    const peer = association === null ? await rawPeer(scp.port) : await associated(scp.port, association);
    peer.send(bytes);
    await expectAbort(peer);
    expect(await listSpool(dir, 0)).toEqual([]);
    await eventually(() => association === null || events.includes('t.1 cut'));
    // And nobody else is concerned.
    const other = await associated(scp.port);
    other.send(store('1.2.9.9', ctDataSet('1.2.9.9')));
    expect(await other.status()).toBe(0);
    await release(other);
  });

  it('an object without its last fragment is never stored', async () => {
    await start();
    const peer = await associated(scp.port);
    const dataSet = ctDataSet('1.2.3.4', { pixelBytes: 3_000_000 });
    peer.send(store('1.2.3.4', dataSet, { pieceBytes: 50_000 }).subarray(0, -60_000));
    await eventually(() => events.length === 1);
    await sleep(100);
    peer.destroy();
    await eventually(() => events.includes('t.1 cut'));
    expect(events).toEqual(['t.1 opened', 't.1 cut']);
  });

  it('a sender that closes between two messages may have sent everything, one that aborts has not', async () => {
    await start();
    for (const [number, leave] of [
      [1, (peer: RawPeer) => peer.end()],
      [2, (peer: RawPeer) => peer.send(pdu(7, Buffer.alloc(4)))],
    ] as const) {
      const peer = await associated(scp.port);
      peer.send(store(`1.2.3.${number}`, ctDataSet(`1.2.3.${number}`)));
      expect(await peer.status()).toBe(0);
      leave(peer);
      await eventually(() => events.length === 3 * number);
    }
    expect(events.filter((event) => /(closed|cut|released)$/.test(event))).toEqual(['t.1 closed', 't.2 cut']);
  });

  it('peers that abort before they ask, and stay connected, take nobody a place', async () => {
    await start();
    for (let count = 0; count < 60; count++) {
      const peer = await rawPeer(scp.port);
      peer.send(ABORT);
      await peer.closed();
    }
    await release(await associated(scp.port));
  });

  it('A-ABORT ends an association uncleanly', async () => {
    await start();
    const peer = await associated(scp.port);
    peer.send(ABORT);
    await peer.closed();
    await eventually(() => events.includes('t.1 cut'));
  });
});

describe('deadlines', () => {
  it('a connection that says nothing, or drips its request', async () => {
    await start({ requestTimeoutMs: 300 });
    const silent = await rawPeer(scp.port);
    const dripping = await rawPeer(scp.port);
    const request = associateRequest();
    const over = new AbortController();
    const drip = (async () => {
      for (let at = 0; at < request.length && !over.signal.aborted; at++) {
        dripping.send(request.subarray(at, at + 1));
        await sleep(20);
      }
    })();
    // Whole, the request would be accepted.
    await Promise.all([expectAbort(silent), expectAbort(dripping)]);
    over.abort();
    await drip;
  });

  it('an association that falls silent', async () => {
    await start({ idleTimeoutMs: 300 });
    await expectAbort(await associated(scp.port));
    await eventually(() => events.includes('t.1 cut'));
  });

  it('an object that takes too long, although its bytes keep coming', async () => {
    await start({ objectTimeoutMs: 400 });
    const peer = await associated(scp.port);
    peer.send(pdu(4, pdv(storeCommand('1.2.3.4'), { command: true })));
    let over = false;
    const closed = peer.closed().then((rest) => {
      over = true;
      return rest;
    });
    while (!over) {
      peer.send(pdu(4, pdv(Buffer.alloc(100), { last: false })));
      await sleep(20);
    }
    // The abort itself may be lost: it crosses bytes of the peer's.
    expect((await closed).every(({ type }) => type === 7)).toBe(true);
    await eventually(() => events.includes('t.1 cut'));
  });
});

it('finishes the object in hand when it stops, and takes no other', async () => {
  await start();
  const busy = await associated(scp.port);
  const idle = await associated(scp.port);
  const bytes = store('1.2.3.4', ctDataSet('1.2.3.4', { pixelBytes: 100_000 }));
  busy.send(bytes.subarray(0, 50_000));
  await sleep(100);
  const closing = scp.close(5_000);
  await expectAbort(idle);
  busy.send(bytes.subarray(50_000));
  expect(await busy.status()).toBe(0);
  await expectAbort(busy);
  await closing;
  await expect(rawPeer(scp.port)).rejects.toThrow('ECONNREFUSED');
  expect(events.sort()).toEqual(['t.1 cut', 't.1 opened', 't.1 stored 1.2.3.4', 't.2 cut', 't.2 opened']);
});

it('says which port it cannot have', async () => {
  await start();
  const config = { ...DEFAULT_RECEIVE_CONFIG, port: scp.port };
  const spool = await openSpool({ dir, minFreeBytes: 0, maxObjectBytes: 1, clock: systemClock });
  const listener = {
    opened: () => undefined,
    stored: () => Promise.resolve(),
    commitmentAsked: () => Promise.resolve({ status: 0, why: '' }),
    commitmentReported: () => Promise.resolve({ status: 0, why: '' }),
    refused: () => undefined,
    ended: () => undefined,
  };
  await expect(
    startStorageScp({
      config,
      spool,
      clock: systemClock,
      log: createLog('silent'),
      open: new Map(),
      idPrefix: 'u',
      listener,
    }),
  ).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringContaining(String(scp.port)),
  });
});

it('verifies (C-ECHO) on a context for it, and only there', async () => {
  await start();
  const contexts = [CT_CONTEXT, { id: 3, abstractSyntaxUid: VERIFICATION, transferSyntaxUids: ['1.2.840.10008.1.2'] }];
  const peer = await associated(scp.port, { contexts });
  peer.send(pdu(4, pdv(ECHO_COMMAND, { command: true, contextId: 3 })));
  expect(await peer.status()).toBe(0);
  peer.send(pdu(4, pdv(ECHO_COMMAND, { command: true, contextId: 1 })));
  expect(await peer.status()).toBe(0x0122);
  peer.send(store('1.2.3.4', ctDataSet('1.2.3.4'), { contextId: 3, sopClassUid: VERIFICATION }));
  expect(await peer.status()).toBe(0x0122);
  peer.send(store('1.2.3.4', ctDataSet('1.2.3.4'), { sopClassUid: CT }));
  expect(await peer.status()).toBe(0);
  await release(peer);
});

describe('storage commitment', () => {
  const COMMITMENT = '1.2.840.10008.1.20.1';
  const CONTEXTS = [
    CT_CONTEXT,
    { id: 3, abstractSyntaxUid: COMMITMENT, transferSyntaxUids: ['1.2.840.10008.1.2'] },
    { id: 5, abstractSyntaxUid: COMMITMENT, transferSyntaxUids: ['1.2.840.10008.1.2.1'] },
  ];
  const even = (text: string) => (text.length % 2 === 0 ? text : `${text}\0`);
  /** Implicit VR: tag, length, value. */
  const element = (tag: number, value: string | Buffer): Buffer => {
    const bytes = Buffer.from(typeof value === 'string' ? even(value) : value);
    const head = Buffer.alloc(8);
    head.writeUInt16LE(tag >>> 16, 0);
    head.writeUInt16LE(tag & 0xffff, 2);
    head.writeUInt32LE(bytes.length, 4);
    return Buffer.concat([head, bytes]);
  };
  const reference = (sopClassUid: string, sopInstanceUid: string) =>
    element(0xfffee000, Buffer.concat([element(0x00081150, sopClassUid), element(0x00081155, sopInstanceUid)]));
  const request = (transactionUid: string, ...references: Buffer[]) =>
    Buffer.concat([element(0x00081195, transactionUid), element(0x00081199, Buffer.concat(references))]);
  const action = (changes: { sopClass?: string; instance?: string; type?: number } = {}) =>
    commandSet([
      [0x0003, changes.sopClass ?? COMMITMENT],
      [0x0100, 0x0130],
      [0x0110, 5],
      [0x0800, 1],
      [0x1001, changes.instance ?? '1.2.840.10008.1.20.1.1'],
      [0x1008, changes.type ?? 1],
    ]);
  const ask = (peer: RawPeer, dataSet: Buffer, command = action(), contextId = 3): Promise<number> => {
    peer.send(pdu(4, pdv(command, { command: true, contextId })));
    for (let at = 0; at < dataSet.length; at += 10_000)
      peer.send(pdu(4, pdv(dataSet.subarray(at, at + 10_000), { contextId, last: at + 10_000 >= dataSet.length })));
    return peer.status();
  };
  const GOOD = request('2.25.7', reference(CT, '2.25.8'), reference('1.2.840.10008.5.1.4.1.1.4', '2.25.9'));

  it('asks with what the sender names, between objects on the same association', async () => {
    await start();
    const peer = await associated(scp.port, { contexts: CONTEXTS });
    peer.send(store('1.2.3.4', ctDataSet('1.2.3.4')));
    expect(await peer.status()).toBe(0);
    expect(await ask(peer, GOOD)).toBe(0);
    peer.send(store('1.2.3.5', ctDataSet('1.2.3.5')));
    expect(await peer.status()).toBe(0);
    await release(peer);
    const references = [
      { sopClassUid: CT, sopInstanceUid: '2.25.8' },
      { sopClassUid: '1.2.840.10008.5.1.4.1.1.4', sopInstanceUid: '2.25.9' },
    ];
    expect(askedFor).toEqual([
      { sourceAeTitle: 'SENDER', calledAeTitle: 'ODONTOID', transactionUid: '2.25.7', references },
    ]);
    expect(refusals).toEqual([]);
  });

  it('reads Explicit VR too, and answers what it is told to', async () => {
    await start();
    commitmentAnswer = { status: 0x0124, why: 'not from you' };
    const peer = await associated(scp.port, { contexts: CONTEXTS });
    const explicit = (tag: Buffer, vr: string, value: string | Buffer) => {
      const bytes = Buffer.from(typeof value === 'string' ? even(value) : value);
      const head = Buffer.alloc(vr === 'SQ' ? 8 : 4);
      head.write(vr, 0, 'latin1');
      if (vr === 'SQ') head.writeUInt32LE(bytes.length, 4);
      else head.writeUInt16LE(bytes.length, 2);
      return Buffer.concat([tag, head, bytes]);
    };
    const tag = (element: number) => Buffer.from([0x08, 0x00, element & 0xff, element >> 8]);
    const item = Buffer.concat([explicit(tag(0x1150), 'UI', CT), explicit(tag(0x1155), 'UI', '2.25.10')]);
    const itemHead = Buffer.from([0xfe, 0xff, 0x00, 0xe0, item.length, 0, 0, 0]);
    const dataSet = Buffer.concat([
      explicit(tag(0x1195), 'UI', '2.25.11'),
      explicit(tag(0x1199), 'SQ', Buffer.concat([itemHead, item])),
    ]);
    expect(await ask(peer, dataSet, action(), 5)).toBe(0x0124);
    expect(askedFor[0]).toMatchObject({ transactionUid: '2.25.11', references: [{ sopInstanceUid: '2.25.10' }] });
    expect(refusals).toMatchObject([{ kind: 'commitment', callingAeTitle: 'SENDER', why: 'not from you' }]);
    await release(peer);
  });

  it.each([
    ['another class', GOOD, action({ sopClass: '1.2.840.10008.1.20.2' }), 0x0118],
    ['another instance', GOOD, action({ instance: '1.2.3' }), 0x0112],
    ['another action', GOOD, action({ type: 2 }), 0x0123],
    ['no transaction', request('', reference(CT, '2.25.8')), action(), 0x0115],
    ['no object', request('2.25.7'), action(), 0x0115],
    ['an object without its class', request('2.25.7', reference('', '2.25.8')), action(), 0x0115],
    ['half a data set', GOOD.subarray(0, 60), action(), 0x0115],
    ['too many objects', request('2.25.7', ...Array(10_001).fill(reference(CT, '2.25.8'))), action(), 0x0115],
    ['too many bytes', Buffer.concat([GOOD, element(0x00090010, Buffer.alloc(3_000_000))]), action(), 0x0213],
  ])('answers %s with a status, says why, and goes on', async (_what, dataSet, command, status) => {
    await start();
    const peer = await associated(scp.port, { contexts: CONTEXTS });
    expect(await ask(peer, dataSet, command)).toBe(status);
    expect(askedFor).toEqual([]);
    expect(refusals).toMatchObject([{ kind: 'commitment', why: expect.stringMatching(/\w{5}/) }]);
    expect(await ask(peer, GOOD)).toBe(0);
    await release(peer);
  });

  const eventReport = (changes: { sopClass?: string; instance?: string; type?: number } = {}) =>
    commandSet([
      [0x0002, changes.sopClass ?? COMMITMENT],
      [0x0100, 0x0100],
      [0x0110, 6],
      [0x0800, 1],
      [0x1000, changes.instance ?? '1.2.840.10008.1.20.1.1'],
      [0x1002, changes.type ?? 2],
    ]);
  /** Item 54H: its length, the length of the UID, the UID, SCU role, SCP role (PS3.7 table D.3-9). */
  const roles = (scu: number, scp: number, uid = COMMITMENT) =>
    Buffer.from([0x54, 0, 0, uid.length + 4, 0, uid.length, ...Buffer.from(uid), scu, scp]);
  const failed = element(
    0xfffee000,
    Buffer.concat([
      element(0x00081150, CT),
      element(0x00081155, '2.25.12'),
      element(0x00081197, Buffer.from([0x12, 0x01])),
    ]),
  );
  const REPORT = Buffer.concat([
    element(0x00081195, '2.25.13'),
    element(0x00081198, failed),
    element(0x00081199, reference(CT, '2.25.14')),
  ]);

  it('takes the report of an archive that asks to be the SCP', async () => {
    await start();
    const peer = await rawPeer(scp.port);
    peer.send(associateRequest({ contexts: CONTEXTS, userItems: Buffer.concat([roles(0, 1), roles(1, 1, CT)]) }));
    const accept = await peer.receive();
    // As SCP of Storage Commitment, and of nothing else.
    expect([accept.body.includes(roles(0, 1)), accept.body.includes(roles(1, 0, CT))]).toEqual([true, true]);
    expect(await ask(peer, REPORT, eventReport())).toBe(0);
    expect(reports).toEqual([
      {
        sourceAeTitle: 'SENDER',
        calledAeTitle: 'ODONTOID',
        report: {
          transactionUid: '2.25.13',
          referenced: [{ sopClassUid: CT, sopInstanceUid: '2.25.14' }],
          failed: [{ sopClassUid: CT, sopInstanceUid: '2.25.12', reason: 0x0112 }],
        },
      },
    ]);
    expect([askedFor, refusals]).toEqual([[], []]);
    await release(peer);
  });

  it('answers a report with what concerns it', async () => {
    await start();
    commitmentAnswer = { status: 0x0110, why: 'nobody asked' };
    const peer = await associated(scp.port, { contexts: CONTEXTS });
    peer.send(pdu(4, pdv(eventReport(), { command: true, contextId: 3 })));
    peer.send(pdu(4, pdv(REPORT, { contextId: 3 })));
    const { body } = await peer.receive();
    const response = readCommandElements(body.subarray(6));
    const text = (tag: number) =>
      response
        .get(tag)
        ?.toString('latin1')
        .replace(/[\0 ]+$/, '');
    const number = (tag: number) => response.get(tag)?.readUInt16LE();
    // N-EVENT-REPORT-RSP (PS3.7 table 10.3-2), to message 6 and event type 2.
    expect([number(0x0100), number(0x0120), number(0x0900), number(0x1002)]).toEqual([0x8100, 6, 0x0110, 2]);
    expect([text(0x0002), text(0x1000), text(0x0902)]).toEqual([COMMITMENT, `${COMMITMENT}.1`, 'nobody asked']);
    expect(refusals).toMatchObject([{ kind: 'commitment', callingAeTitle: 'SENDER', why: 'nobody asked' }]);
    await release(peer);
  });

  it.each([
    ['another class', REPORT, eventReport({ sopClass: '1.2.840.10008.1.20.2' }), 0x0118],
    ['another instance', REPORT, eventReport({ instance: '1.2.3' }), 0x0112],
    ['another event', REPORT, eventReport({ type: 3 }), 0x0113],
    ['no transaction', REPORT.subarray(16), eventReport(), 0x0115],
    ['half a data set', REPORT.subarray(0, 60), eventReport(), 0x0115],
    ['too many bytes', Buffer.concat([REPORT, element(0x00090010, Buffer.alloc(3_000_000))]), eventReport(), 0x0213],
  ])('answers a report with %s with a status, says why, and goes on', async (_what, dataSet, command, status) => {
    await start();
    const peer = await associated(scp.port, { contexts: CONTEXTS });
    expect(await ask(peer, dataSet, command)).toBe(status);
    expect(reports).toEqual([]);
    expect(refusals).toMatchObject([{ kind: 'commitment', why: expect.stringMatching(/\w{5}/) }]);
    expect(await ask(peer, REPORT, eventReport())).toBe(0);
    await release(peer);
  });

  it('takes no object in its context, and no N-ACTION in another', async () => {
    await start();
    const peer = await associated(scp.port, { contexts: CONTEXTS });
    peer.send(store('1.2.3.4', ctDataSet('1.2.3.4'), { contextId: 3, sopClassUid: COMMITMENT }));
    expect(await peer.status()).toBe(0x0122);
    peer.send(pdu(4, pdv(action(), { command: true, contextId: 1 })));
    await expectAbort(peer);
    expect(askedFor).toEqual([]);
  });
});
