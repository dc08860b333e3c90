import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFramer, type Frame } from '../../../src/hl7/framer.ts';
import { bytesOf, framed, REPORTS } from './messages.ts';

/** The stream cut at these places (shares of its length). */
function cut(stream: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => Math.floor(place * stream.length)).sort((a, b) => a - b), stream.length];
  return at.slice(1).map((end, index) => stream.subarray(at[index], end));
}
const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 });
const textOf = ({ bytes }: Frame): string => bytes.toString('latin1');

test('however the stream is cut, the same messages come out of it', () => {
  const messages = Object.values(REPORTS);
  const stream = Buffer.concat(messages.flatMap((message) => [framed(message), Buffer.from('\r\n')]));
  const expected = messages.map((message) => bytesOf(message).toString('latin1'));
  fc.assert(
    fc.property(places, (cuts) => {
      const framer = createFramer(1_000_000);
      expect(cut(stream, cuts).flatMap((piece) => framer.take(piece).map(textOf))).toEqual(expected);
      expect(framer.isWithin()).toBe(false);
    }),
  );
});

test('any bytes end in frames within the limit or in a violation, the same however they are cut', () => {
  const bytes = fc.array(fc.constantFrom(0x0b, 0x1c, 0x0d, 0x4d, 0x7c, 0x00, 0xff), { maxLength: 300 });
  const run = (pieces: readonly Buffer[]): unknown[] => {
    const framer = createFramer(20);
    const seen: unknown[] = [];
    try {
      for (const piece of pieces) for (const frame of framer.take(piece)) seen.push([frame.isTooLong, textOf(frame)]);
    } catch (error) {
      return [(error as { code: string }).code];
    }
    return seen;
  };
  fc.assert(
    fc.property(bytes, places, (stream, cuts) => {
      const whole = run([Buffer.from(stream)]);
      expect(run(cut(Buffer.from(stream), cuts))).toEqual(whole);
      for (const one of whole) if (Array.isArray(one)) expect((one[1] as string).length).toBeLessThanOrEqual(20);
    }),
  );
});

test('of a message that never ends no more than the limit is held', () => {
  const framer = createFramer(100_000);
  const before = process.memoryUsage().arrayBuffers;
  framer.take(Buffer.from('\vMSH|^~\\&|A'));
  const piece = Buffer.alloc(1_000_000, 0x41);
  for (let count = 0; count < 100; count++) expect(framer.take(piece)).toEqual([]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
  const [frame] = framer.take(Buffer.of(0x1c));
  expect(frame?.isTooLong).toBe(true);
  expect(frame?.bytes.toString('latin1', 0, 10)).toBe('MSH|^~\\&|A');
  expect(frame?.bytes.buffer.byteLength).toBeLessThanOrEqual(100_000);
  expect(framer.take(framed(['MSH|next'])).map(textOf)).toEqual(['MSH|next\r']);
});

test('what is not MLLP, or begins a message within another, ends the connection', () => {
  expect(() => createFramer(100).take(Buffer.from('GET / HTTP/1.1'))).toThrow('it does not speak MLLP');
  expect(() => createFramer(100).take(Buffer.from('\vMSH|1\v'))).toThrow('a message began before the last one ended');
  const framer = createFramer(100);
  framer.take(Buffer.from('\vMSH|1'));
  expect(() => framer.take(Buffer.from('\v'))).toThrow('a message began before the last one ended');
});
