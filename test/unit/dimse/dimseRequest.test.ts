import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TriageError } from '../../../src/base/errors.ts';
import { readRequest, writeResponse } from '../../../src/dimse/dimseRequest.ts';
import { readAssociateRequest, writeAssociateReject } from '../../../src/dimse/negotiation.ts';
import { readPdvs } from '../../../src/dimse/pdu.ts';
import {
  associateRequest,
  commandSet,
  CT,
  ECHO_COMMAND,
  pdv,
  readCommandElements,
  storeCommand,
  VERIFICATION,
} from '../receive/rawPeer.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const IMPLICIT = '1.2.840.10008.1.2';
const bodyOf = (pdu: Buffer) => pdu.subarray(6);
const VIOLATION = expect.objectContaining({ code: 'protocol-violation' }) as Error;

/** Items of an A-ASSOCIATE-AC behind its fixed part. */
function itemsOf(bytes: Buffer): { type: number; value: Buffer }[] {
  const items = [];
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt16BE(at + 2))
    items.push({ type: bytes[at]!, value: bytes.subarray(at + 4, at + 4 + bytes.readUInt16BE(at + 2)) });
  return items;
}

describe('association requests', () => {
  const contexts = [
    { id: 5, abstractSyntaxUid: CT, transferSyntaxUids: [IMPLICIT, EXPLICIT] },
    { id: 1, abstractSyntaxUid: VERIFICATION, transferSyntaxUids: [IMPLICIT] },
    { id: 3, abstractSyntaxUid: CT, transferSyntaxUids: [EXPLICIT] },
  ];

  it('reads titles and contexts, in any order of identifiers', () => {
    const { request } = readAssociateRequest(bodyOf(associateRequest({ contexts, calling: 'A B' })));
    expect(request).toMatchObject({
      protocolVersion: 1,
      applicationContextName: '1.2.840.10008.3.1.1.1',
      callingAeTitle: 'A B',
      calledAeTitle: 'ODONTOID',
    });
    expect([...request.contexts].sort((a, b) => b.id - a.id)).toEqual([contexts[0], contexts[2], contexts[1]]);
  });

  it('answers each context by its identifier, with our own PDU length and no more than was offered', () => {
    // Role selection for CT with both roles, and 50 asynchronous operations.
    const userItems = Buffer.concat([
      Buffer.from([0x53, 0, 0, 4, 0, 50, 0, 50]),
      Buffer.from([0x54, 0, 0, CT.length + 4, 0, CT.length]),
      Buffer.from(CT),
      Buffer.from([1, 1]),
    ]);
    const { accept } = readAssociateRequest(bodyOf(associateRequest({ contexts, userItems })));
    const answer = accept(
      [
        { id: 5, result: 0, abstractSyntaxUid: CT, transferSyntaxUid: EXPLICIT },
        { id: 1, result: 4, abstractSyntaxUid: VERIFICATION },
        { id: 3, result: 3, abstractSyntaxUid: CT },
      ],
      100_000,
    );
    expect(answer[0]).toBe(2);
    expect(answer.readUInt32BE(2)).toBe(answer.length - 6);
    const items = itemsOf(answer.subarray(6 + 68));
    const results = items
      .filter((item) => item.type === 0x21)
      .map(({ value }) => [value[0], value[2], value.subarray(8).toString()]);
    expect(results.find(([id]) => id === 5)).toEqual([5, 0, EXPLICIT]);
    expect(results.find(([id]) => id === 1)?.[1]).toBe(4);
    expect(results.find(([id]) => id === 3)?.[1]).toBe(3);
    const user = itemsOf(items.find((item) => item.type === 0x50)!.value);
    expect(user.find((item) => item.type === 0x51)!.value.readUInt32BE()).toBe(100_000);
    expect(user.some((item) => item.type === 0x53)).toBe(false);
    for (const { value } of user.filter((item) => item.type === 0x54)) expect([...value.subarray(-2)]).toEqual([1, 0]);
  });

  it('writes the numbers of a rejection', () => {
    expect([...writeAssociateReject({ result: 2, source: 3, reason: 2 })]).toEqual([3, 0, 0, 0, 0, 4, 0, 2, 3, 2]);
  });

  it.each([
    ['an even identifier', [{ id: 2, abstractSyntaxUid: CT, transferSyntaxUids: [EXPLICIT] }]],
    [
      'two contexts of one identifier',
      [
        { id: 1, abstractSyntaxUid: CT, transferSyntaxUids: [EXPLICIT] },
        { id: 1, abstractSyntaxUid: CT, transferSyntaxUids: [EXPLICIT] },
      ],
    ],
    ['a context without a transfer syntax', [{ id: 1, abstractSyntaxUid: CT, transferSyntaxUids: [] }]],
  ])('refuses %s', (_, wrong) => {
    expect(() => readAssociateRequest(bodyOf(associateRequest({ contexts: wrong })))).toThrow(VIOLATION);
  });

  it('reads or refuses any bytes, and never throws anything else', () => {
    const valid = bodyOf(associateRequest({ contexts }));
    const mutated = fc
      .tuple(fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 }), fc.nat(valid.length))
      .map(([changes, length]) => {
        const bytes = Buffer.from(valid);
        for (const [at, value] of changes) bytes[at] = value;
        return length % 3 === 0 ? bytes.subarray(0, length) : bytes;
      });
    fc.assert(
      fc.property(mutated, (bytes) => {
        try {
          const { accept, request } = readAssociateRequest(bytes);
          expect(
            accept(
              request.contexts.map(({ id, abstractSyntaxUid }) => ({ id, result: 3, abstractSyntaxUid })),
              16_384,
            )[0],
          ).toBe(2);
        } catch (error) {
          expect(error).toBeInstanceOf(TriageError);
          expect(error).toMatchObject({ code: 'protocol-violation' });
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('command sets', () => {
  it('reads C-STORE and C-ECHO', () => {
    expect(readRequest(storeCommand('1.2.3', { messageId: 65_535 }))).toEqual({
      kind: 'store',
      messageId: 65_535,
      affectedSopClassUid: CT,
      affectedSopInstanceUid: '1.2.3',
    });
    expect(readRequest(ECHO_COMMAND)).toEqual({ kind: 'echo', messageId: 7, affectedSopClassUid: VERIFICATION });
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['cut off', storeCommand('1.2.3').subarray(0, -1)],
    ['with an element of 512 MiB', Buffer.concat([ECHO_COMMAND, Buffer.from('0000000900000020', 'hex')])],
    ['with an element of another group', Buffer.concat([ECHO_COMMAND, Buffer.from('0800180000000000', 'hex')])],
    [
      'with an element twice',
      commandSet([
        [0x0002, CT],
        [0x0100, 1],
        [0x0110, 1],
        [0x0110, 1],
        [0x0800, 1],
        [0x1000, '1.2'],
      ]),
    ],
    [
      'C-FIND',
      commandSet([
        [0x0002, CT],
        [0x0100, 0x0020],
        [0x0110, 1],
        [0x0800, 1],
      ]),
    ],
    ['C-STORE without a data set', storeCommand('1.2.3', { dataSetType: 0x0101 })],
    [
      'C-STORE without an instance',
      commandSet([
        [0x0002, CT],
        [0x0100, 1],
        [0x0110, 1],
        [0x0800, 1],
      ]),
    ],
    ['C-STORE of two instances', storeCommand('1.2\\1.3')],
  ])('refuses one that is %s', (_, bytes) => {
    expect(() => readRequest(bytes)).toThrow(VIOLATION);
  });

  it('reads or refuses any bytes', () => {
    const valid = storeCommand('1.2.3.4');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(valid);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          readRequest(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'protocol-violation' });
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('writes a response that stands in one fragment', () => {
    const request = readRequest(storeCommand('1.2.34', { messageId: 9 }));
    const response = writeResponse(request, 5, 0xa900, `no\nÄ ${'x'.repeat(100)}`);
    expect(response[0]).toBe(4);
    const [only, ...others] = readPdvs(response.subarray(6));
    expect(others).toEqual([]);
    expect(only).toMatchObject({ contextId: 5, isCommand: true, isLast: true });
    const elements = readCommandElements(only!.value);
    const text = (element: number) =>
      elements
        .get(element)!
        .toString('latin1')
        .replace(/[\0 ]+$/, '');
    expect(elements.get(0x0000)!.readUInt32LE()).toBe(only!.value.length - 12);
    expect([0x0100, 0x0120, 0x0800, 0x0900].map((element) => elements.get(element)!.readUInt16LE())).toEqual([
      0x8001, 9, 0x0101, 0xa900,
    ]);
    expect([text(0x0002), text(0x1000), text(0x0902)]).toEqual([CT, '1.2.34', `no?? ${'x'.repeat(59)}`]);
    expect([...elements.keys()]).toEqual([...elements.keys()].sort((a, b) => a - b));
    expect(writeResponse(readRequest(ECHO_COMMAND), 1, 0).includes(Buffer.from([0x30, 0x80]))).toBe(true);
  });
});

describe('fragments', () => {
  it('reads back any fragments of any messages', () => {
    const fragment = fc.record({
      contextId: fc.nat(255),
      command: fc.boolean(),
      last: fc.boolean(),
      value: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    });
    fc.assert(
      fc.property(fc.array(fragment, { minLength: 1, maxLength: 10 }), (fragments) => {
        const read = readPdvs(Buffer.concat(fragments.map(({ value, ...options }) => pdv(value, options))));
        expect(read).toEqual(
          fragments.map(({ contextId, command, last, value }) => ({
            contextId,
            isCommand: command,
            isLast: last,
            value,
          })),
        );
      }),
    );
  });
  it.each([
    ['none', ''],
    ['half a header', '000000'],
    ['one longer than its PDU', '000000040102aa'],
    ['one shorter than its header', '0000000101'],
    ['one of length 0', '000000000102'],
  ])('refuses %s', (_, hex) => {
    expect(() => readPdvs(Buffer.from(hex, 'hex'))).toThrow(VIOLATION);
  });
});
