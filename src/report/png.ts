import { crc32, deflateSync } from 'node:zlib';
import type { Picture } from './drawing.ts';

/** A picture as PNG (ISO/IEC 15948), rows unfiltered. */
export function encodePicture({ rgb, rows, columns }: Picture): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(columns, 0);
  header.writeUInt32BE(rows, 4);
  // Eight bits, RGB, the one compression and filter method there is, not interlaced.
  header.set([8, 2, 0, 0, 0], 8);
  const stride = columns * 3;
  const lines = Buffer.alloc(rows * (1 + stride));
  for (let row = 0; row < rows; row++)
    lines.set(rgb.subarray(row * stride, (row + 1) * stride), row * (1 + stride) + 1);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(lines)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, body: Buffer): Buffer {
  const out = Buffer.alloc(12 + body.length);
  out.writeUInt32BE(body.length, 0);
  out.write(type, 4, 'latin1');
  out.set(body, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + body.length)), 8 + body.length);
  return out;
}
