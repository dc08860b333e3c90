import { promisify } from 'node:util';
import { crc32, deflate, deflateSync } from 'node:zlib';

/** Encodes 8-bit samples, shape `[row][column][channel]`, as PNG (ISO/IEC 15948): one channel is grey, three are RGB. */
export function encodePng(samples: Uint8Array, rows: number, columns: number, channels: 1 | 3): Uint8Array {
  return fileOf(rows, columns, channels, deflateSync(filtered(samples, rows, columns * channels), { level: 9 }));
}

/** The same, compressed in a thread and less thoroughly: for a process that others wait for. */
export async function encodePngInBackground(
  samples: Uint8Array,
  rows: number,
  columns: number,
  channels: 1 | 3,
): Promise<Uint8Array> {
  return fileOf(rows, columns, channels, await promisify(deflate)(filtered(samples, rows, columns * channels)));
}

/** The lines of samples as PNG compresses them: a filter, then `stride` bytes. */
function filtered(samples: Uint8Array, rows: number, stride: number): Buffer {
  const lines = Buffer.alloc(rows * (1 + stride));
  for (let row = 0; row < rows; row++) {
    const line = row * (1 + stride);
    // Filter 2, the difference to the sample above, suits pictures whose rows are similar; the first row has none above.
    lines[line] = row === 0 ? 0 : 2;
    for (let i = 0; i < stride; i++) {
      const above = row === 0 ? 0 : samples[(row - 1) * stride + i]!;
      lines[line + 1 + i] = samples[row * stride + i]! - above;
    }
  }
  return lines;
}

function fileOf(rows: number, columns: number, channels: 1 | 3, compressed: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(columns, 0);
  header.writeUInt32BE(rows, 4);
  // Eight bits; grey or RGB; the only compression and filter method there is; not interlaced.
  header.set([8, channels === 1 ? 0 : 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', compressed),
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
