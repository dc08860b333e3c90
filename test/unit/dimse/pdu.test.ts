import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TriageError } from '../../../src/base/errors.ts';
import { readElements, textOf, uint16Of, writeCommand, writeElements } from '../../../src/dimse/commandSet.ts';
import { readAssociateAccept, readAssociateReject, writeAssociateRequest } from '../../../src/dimse/negotiation.ts';
import { maxFragmentBytes, readPdvs, writePdvHeader } from '../../../src/dimse/pdu.ts';

test('presentation data values come back as they were written, several to a PDU', () => {
  const pdv = fc.record({
    contextId: fc.integer({ min: 1, max: 255 }),
    isCommand: fc.boolean(),
    isLast: fc.boolean(),
    value: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  });
  fc.assert(
    fc.property(fc.array(pdv, { minLength: 1, maxLength: 5 }), (pdvs) => {
      // The body of one PDU is the bodies of several, one behind the other.
      const body = Buffer.concat(
        pdvs.flatMap(({ contextId, isCommand, isLast, value }) => [
          writePdvHeader(contextId, isCommand, isLast, value.length).subarray(6),
          value,
        ]),
      );
      expect(readPdvs(body)).toEqual(pdvs);
    }),
  );
});

test('command sets come back as they were written, padded to even length', () => {
  const uid = fc.array(fc.nat(9999), { minLength: 2, maxLength: 8 }).map((parts) => parts.join('.'));
  fc.assert(
    fc.property(uid, fc.nat(0xffff), fc.boolean(), (sopClassUid, messageId, hasDataSet) => {
      const bytes = writeCommand(
        new Map<number, string | number>([
          [0x00000110, messageId],
          [0x00000002, sopClassUid],
        ]),
        hasDataSet,
      );
      const elements = readElements(bytes, 0x0000ffff);
      expect([
        textOf(elements, 0x00000002),
        uint16Of(elements, 0x00000110),
        uint16Of(elements, 0x00000800) === 0x0101,
      ]).toEqual([sopClassUid, messageId, !hasDataSet]);
      expect(elements.get(0x00000000)!.readUInt32LE()).toBe(bytes.length - 12);
      expect([...elements.values()].every((value) => value.length % 2 === 0)).toBe(true);
    }),
  );
});

test('an identifier is in tag order, an empty key has length 0', () => {
  expect(
    writeElements(
      new Map([
        [0x0020000d, '1.2.3'],
        [0x00080052, 'IMAGE'],
        [0x00080018, ''],
      ]),
    ).toString('hex'),
  ).toBe(
    '0800180000000000' +
      '0800520006000000' +
      Buffer.from('IMAGE ').toString('hex') +
      '20000d0006000000' +
      Buffer.from('1.2.3\0').toString('hex'),
  );
});

test('the association request names both AE titles, the contexts and the longest PDU', () => {
  const request = writeAssociateRequest('ODONTOID', 'PACS', [
    { id: 1, abstractSyntaxUid: '1.2.3', transferSyntaxUids: ['1.2.840.10008.1.2'] },
  ]);
  expect([request[0], request.readUInt32BE(2)]).toEqual([1, request.length - 6]);
  expect(request.subarray(10, 42).toString()).toBe('PACS            ODONTOID        ');
  expect(
    request.includes(
      Buffer.concat([
        Buffer.from([0x20, 0, 0, 34, 1, 0, 0, 0, 0x30, 0, 0, 5]),
        Buffer.from('1.2.3'),
        Buffer.from([0x40, 0, 0, 17]),
        Buffer.from('1.2.840.10008.1.2'),
      ]),
    ),
  ).toBe(true);
  expect(request.includes(Buffer.from([0x51, 0, 0, 4, 0, 2, 0, 0]))).toBe(true);
});

test.each([
  [0, 131_066],
  [16_384, 16_378],
  [4_097, 4_090],
  [10_000_000, 131_066],
  [1, 2],
])('a peer that takes PDUs of %i bytes gets even fragments of %i', (maxPduLengthBytes, fragmentBytes) => {
  expect(maxFragmentBytes(maxPduLengthBytes)).toBe(fragmentBytes);
});

test('whatever a peer sends, reading it ends with a value or with a protocol violation', () => {
  const readers: ((bytes: Buffer) => unknown)[] = [
    readPdvs,
    readAssociateAccept,
    readAssociateReject,
    (bytes) => readElements(bytes, 0xffff),
    (bytes) => readAssociateAccept(Buffer.concat([Buffer.alloc(68), bytes])),
  ];
  // Small numbers are more often plausible types and lengths than random bytes are.
  const bytes = fc
    .array(fc.oneof(fc.nat(8), fc.constantFrom(0x10, 0x21, 0x40, 0x50, 0x51), fc.nat(255)), { maxLength: 120 })
    .map((values) => Buffer.from(values));
  fc.assert(
    fc.property(bytes, fc.constantFrom(...readers), (input, read) => {
      try {
        read(input);
      } catch (error) {
        expect(error).toBeInstanceOf(TriageError);
        expect((error as TriageError).code).toBe('protocol-violation');
      }
    }),
    { numRuns: 3_000 },
  );
});
