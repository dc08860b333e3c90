import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readMediaType } from '../../../src/base/mediaType.ts';
import { readMultipart } from '../../../src/receive/multipartRelated.ts';

const LIMITS = { maxParts: 10, maxBytes: 1_000_000 };

async function partsOf(
  body: Buffer,
  boundary: string,
  chunkBytes = body.length,
  limits = LIMITS,
): Promise<{ headers: Record<string, string>; data: string }[]> {
  const parts: { headers: Record<string, string>; data: string; ended: boolean }[] = [];
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; at += Math.max(1, chunkBytes)) chunks.push(body.subarray(at, at + chunkBytes));
  await readMultipart(
    (function* () {
      yield* chunks;
    })() as unknown as AsyncIterable<Buffer>,
    boundary,
    {
      begin: (headers) => {
        parts.push({ headers: Object.fromEntries(headers), data: '', ended: false });
        return Promise.resolve();
      },
      data: (bytes) => {
        parts.at(-1)!.data += bytes.toString('latin1');
        return Promise.resolve();
      },
      end: () => {
        parts.at(-1)!.ended = true;
        return Promise.resolve();
      },
    },
    limits,
  );
  expect(parts.every(({ ended }) => ended)).toBe(true);
  return parts.map(({ headers, data }) => ({ headers, data }));
}

const BODY = [
  'a preamble that nobody reads\r\n',
  '--b 1  \t\r\nContent-Type: application/dicom;\r\n  transfer-syntax=1.2\r\nContent-ID: <1>\r\n\r\none\r\n--b\r\n\r\n',
  '\r\n--b 1\r\n\r\nwithout headers\r\n',
  '--b 1\r\nA: b\r\n\r\n',
  '\r\n--b 1\r\n\r\n\r\n',
  '\r\n--b 1--\r\nan epilogue\r\n--b 1\r\n',
].join('');

it.each([1, 2, 3, 7, 1_000])('reads parts whose bytes come %i at a time', async (chunkBytes) => {
  expect(await partsOf(Buffer.from(BODY, 'latin1'), 'b 1', chunkBytes)).toEqual([
    {
      headers: { 'content-type': 'application/dicom; transfer-syntax=1.2', 'content-id': '<1>' },
      data: 'one\r\n--b\r\n\r\n',
    },
    { headers: {}, data: 'without headers' },
    { headers: { a: 'b' }, data: '' },
    { headers: {}, data: '\r\n' },
  ]);
});

it('gives back any bytes that hold no boundary, in any chunks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.stringMatching(/^[\r\n\-bx]{0,40}$/), { maxLength: 5 }),
      fc.integer({ min: 1, max: 30 }),
      async (datas, chunkBytes) => {
        fc.pre(datas.every((data) => !data.includes('\r\n--bb')));
        const body = datas.map((data) => `--bb\r\nx: y\r\n\r\n${data}\r\n`).join('') + '--bb--';
        // A part of data that begins a boundary together with the line break before it is another body.
        fc.pre(datas.every((data) => !`\r\n${data}\r\n`.includes('\r\n--bb')));
        const parts = await partsOf(Buffer.from(body, 'latin1'), 'bb', chunkBytes);
        expect(parts.map(({ data }) => data)).toEqual(datas);
      },
    ),
  );
});

it.each([
  ['a half body', '--b\r\nx: y\r\n\r\nhalf of it', /ends before its closing boundary/],
  ['no boundary at all', 'something', /ends before its closing boundary/],
  ['a body without bytes', '', /ends before its closing boundary/],
  ['a boundary that goes on', '--bc\r\n\r\n\r\n--b--', /stands on the line of a boundary/],
  ['a header that is none', '--b\r\nnothing\r\n\r\n\r\n--b--', /is no header/],
  ['headers without an end', `--b\r\nx: ${'y'.repeat(9_000)}`, /headers of a part are longer/],
  ['endless padding', `--b${' '.repeat(400)}`, /stands on the line of a boundary/],
  ['too many parts', '--b\r\n\r\n\r\n'.repeat(11) + '--b--', /more than 10 parts/],
] as const)('refuses %s', async (_what, body, message) => {
  for (const chunkBytes of [1, 64, 100_000])
    await expect(partsOf(Buffer.from(body, 'latin1'), 'b', chunkBytes)).rejects.toThrow(message);
});

it('refuses a body beyond the limit before it is read to its end', async () => {
  const body = Buffer.from(`--b\r\n\r\n${'x'.repeat(5_000)}\r\n--b--`, 'latin1');
  await expect(partsOf(body, 'b', 100, { maxParts: 1, maxBytes: 4_000 })).rejects.toThrow(/larger than 4000 bytes/);
});

it.each([
  [
    'multipart/related; type="application/dicom"; boundary=abc',
    'multipart/related',
    { type: 'application/dicom', boundary: 'abc' },
  ],
  [
    'Multipart/Related;boundary="a b\\"c" ;TYPE=application/dicom',
    'multipart/related',
    { boundary: 'a b"c', type: 'application/dicom' },
  ],
  ['application/dicom', 'application/dicom', {}],
  ['application/dicom;', 'application/dicom', {}],
])('reads the media type %s', (text, type, parameters) => {
  const media = readMediaType(text)!;
  expect([media.type, Object.fromEntries(media.parameters)]).toEqual([type, parameters]);
});

it.each(['', 'multipart', 'a/b; boundary="open', 'a/b; c d'])('refuses the media type %j', (text) => {
  expect(readMediaType(text)).toBeNull();
});
