import { crc32, deflateSync } from 'node:zlib';

/** Encodes 8-bit samples, shape [row][column][channel], as PNG: one channel is grey, three are RGB. */
export function encodePng(samples: Uint8Array, rows: number, columns: number, channels: 1 | 3): Uint8Array {
  const stride = columns * channels;
  const raw = Buffer.alloc(rows * (stride + 1));
  for (let row = 0; row < rows; row++) {
    // Filter 2 (the byte above) suits pictures whose rows resemble each other.
    raw[row * (stride + 1)] = row === 0 ? 0 : 2;
    for (let i = 0; i < stride; i++) {
      const above = row === 0 ? 0 : samples[(row - 1) * stride + i]!;
      raw[row * (stride + 1) + 1 + i] = samples[row * stride + i]! - above;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(columns, 0);
  header.writeUInt32BE(rows, 4);
  header[8] = 8;
  header[9] = channels === 1 ? 0 : 2;
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(raw, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  // node:zlib has crc32 from 20.15 on.
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}
