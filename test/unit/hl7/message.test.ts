import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TriageError } from '../../../src/base/errors.ts';
import { acknowledgement } from '../../../src/hl7/answer.ts';
import { components, first, readHeader, readMessage, repetitions, type Message } from '../../../src/hl7/message.ts';
import { bytesOf, REPORTS } from './messages.ts';

function read(bytes: Buffer): Message {
  const header = readHeader(bytes);
  if (header === null) throw new Error('no header');
  return readMessage(bytes, header);
}
const pid = (message: Message) => message.segments.find(({ name }) => name === 'PID')!;
const written = (character: string, bytes: readonly number[]): Buffer =>
  Buffer.concat([
    Buffer.from(`MSH|^~\\&|A|B|||||ORU^R01|1|P|2.4||||||${character}\rPID|||`),
    Buffer.from(bytes),
    Buffer.from('^^^X\r'),
  ]);

test('fields, repetitions, components and subcomponents are those of the message’s own separators', () => {
  const message = read(bytesOf(REPORTS.components));
  expect(message.segments.map(({ name }) => name)).toEqual(['PID', 'ORC', 'OBR', 'OBX']);
  expect(first(message, message.fields[9], 2)).toBe('R01');
  expect(message.fields[12]).toBe('2.3');
  expect(repetitions(message, pid(message).fields[3]).map((one) => components(message, one)[0])).toEqual([
    ['M4711'],
    ['900-11'],
  ]);
  const other = read(bytesOf(REPORTS.separators));
  expect(other.fields[3]).toBe('SENDER');
  const obr = other.segments.find(({ name }) => name === 'OBR')!;
  expect(first(other, obr.fields[3])).toBe('A*4004');
  expect(first(other, obr.fields[18])).toBe('A#5');
  expect(components(other, obr.fields[32]!)).toEqual([['9', 'Lee', 'Ann']]);
});

test.each<[string, number[], string]>([
  ['8859/1', [0xdc, 0x35], 'Ü5'],
  ['8859/2', [0xb1], 'ą'],
  ['UNICODE UTF-8', [0xc3, 0x9c], 'Ü'],
  ['GB 18030-2000', [0xd5, 0xc5], '张'],
  ['KS X 1001', [0xb1, 0xe8], '김'],
  ['BIG-5', [0xb1, 0x69], '張'],
  ['', [0xc3, 0x9c], 'Ü'],
  ['NO SUCH SET', [0xdc], 'Ü'],
])('text in %j is read', (character, bytes, expected) => {
  const message = read(written(character, bytes));
  expect(first(message, pid(message).fields[3])).toBe(expected);
});

test('line ends of every kind end segments, but a line break within a text does not', () => {
  const segments = ['MSH|^~\\&|A|B|||||ORU^R01|1|P|2.4', 'PID|||7', 'OBR|1||X'];
  for (const end of ['\r', '\n', '\r\n'])
    expect(read(Buffer.from(`\ufeff${segments.join(end)}${end}`)).segments).toHaveLength(2);
  const message = read(bytesOf([...segments, 'OBX|1|TX|R||a\nOBR|2||Y']));
  expect(message.segments.map(({ name }) => name)).toEqual(['PID', 'OBR', 'OBX']);
});

test('a long document is not read, another long segment and a second message are refused', () => {
  expect(read(bytesOf(REPORTS.preliminary)).segments.map(({ name }) => name)).toEqual(['PID', 'OBR']);
  const head = 'MSH|^~\\&|A|B|||||ORU^R01|1|P|2.4';
  expect(() => read(bytesOf([head, `PID|||${'7'.repeat(70_000)}`]))).toThrow('Its PID segment is longer');
  expect(() => read(bytesOf([head, head]))).toThrow('It holds more than one message.');
  expect(() => read(bytesOf([head, ...Array.from({ length: 2_001 }, () => 'OBX|1')]))).toThrow(
    'more than 2000 segments',
  );
  for (const none of ['', 'MSH', 'BHS|^~\\&|A', 'MSH|^^\\&|A|', 'PID|||7', 'MSHA^~\\&A', 'MSH|^~\\&'])
    expect(readHeader(Buffer.from(none))).toBeNull();
});

test('any bytes are read or refused with a sentence, and answered', () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc
      .tuple(
        fc.constantFrom('MSH|^~\\&|', 'MSH#*~!@#', 'MSH|'),
        fc.stringMatching(/^[\w|^~\\&#*!@"\r\n]{0,200}$/),
        fc.uint8Array({ maxLength: 40 }),
      )
      .map(([head, text, end]) => Buffer.concat([Buffer.from(head + text), end])),
  );
  fc.assert(
    fc.property(noise, (bytes) => {
      const header = readHeader(Buffer.from(bytes));
      const answer = acknowledgement(header, { code: 'AR', text: 'No.' }, 0, 'x');
      expect([answer[0], ...answer.subarray(-2)]).toEqual([0x0b, 0x1c, 0x0d]);
      expect(readHeader(answer.subarray(1, -2))).not.toBeNull();
      if (header === null) return;
      try {
        readMessage(Buffer.from(bytes), header);
      } catch (error) {
        expect(error).toBeInstanceOf(TriageError);
      }
    }),
  );
});

test('an answer names the message in the sender’s own separators, and goes back the way it came', () => {
  const header = readHeader(bytesOf(REPORTS.separators));
  const answer = acknowledgement(header, { code: 'AE', text: 'Not #this one.' }, Date.UTC(2026, 2, 1, 9, 8, 7), 'id1');
  expect(answer.toString('latin1')).toBe(
    '\vMSH#*~!@#RECV#RFAC#SENDER#WEST#20260301090807+0000##ACK*R01#id1#P#2.4\rMSA#AE#MSG9#Not this one.\r\x1c\r',
  );
});
