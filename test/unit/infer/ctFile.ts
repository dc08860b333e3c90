import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const EXPLICIT_LE = '1.2.840.10008.1.2.1';

/** One element: VR and value; strings are padded to an even length. */
type Value = readonly [vr: string, value: string | number | Uint8Array];

export interface CtFileOptions {
  rows: number;
  columns: number;
  /** Stored words, `[row][column]`. */
  samples?: Uint16Array;
  /** A compressed frame instead, as these fragments. */
  fragments?: Uint8Array[];
  transferSyntaxUid?: string;
  /** By tag; null removes the element. */
  change?: Readonly<Record<number, Value | null>>;
}

/** A CT file written byte by byte in Explicit VR Little Endian, independently of the code under test, so that any element may be wrong. */
export function ctFile(options: CtFileOptions): Uint8Array {
  const elements = new Map<number, Value>([
    [0x00080016, ['UI', '1.2.840.10008.5.1.4.1.1.2']],
    [0x00080018, ['UI', '1.2.3.4']],
    [0x00080060, ['CS', 'CT']],
    [0x00100010, ['PN', 'Test^Slice']],
    [0x00100020, ['LO', '1']],
    [0x0020000d, ['UI', '1.2.3']],
    [0x0020000e, ['UI', '1.2.3.1']],
    [0x00200032, ['DS', '-10\\-10\\5']],
    [0x00200037, ['DS', '1\\0\\0\\0\\1\\0']],
    [0x00280002, ['US', 1]],
    [0x00280004, ['CS', 'MONOCHROME2']],
    [0x00280010, ['US', options.rows]],
    [0x00280011, ['US', options.columns]],
    [0x00280030, ['DS', '0.5\\0.4']],
    [0x00280100, ['US', 16]],
    [0x00280101, ['US', 16]],
    [0x00280102, ['US', 15]],
    [0x00280103, ['US', 0]],
    [0x00281052, ['DS', '-1024']],
    [0x00281053, ['DS', '1']],
  ]);
  for (const [tag, value] of Object.entries(options.change ?? {})) {
    if (value === null) elements.delete(Number(tag));
    else elements.set(Number(tag), value);
  }
  const dataset = [...elements].sort(([a], [b]) => a - b).map(([tag, [vr, value]]) => element(tag, vr, value));
  if (options.samples !== undefined)
    dataset.push(
      element(
        0x7fe00010,
        'OW',
        new Uint8Array(options.samples.buffer, options.samples.byteOffset, options.samples.byteLength),
      ),
    );
  if (options.fragments !== undefined) dataset.push(encapsulated(options.fragments));
  const meta = [
    element(0x00020002, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
    element(0x00020003, 'UI', '1.2.3.4'),
    element(0x00020010, 'UI', options.transferSyntaxUid ?? EXPLICIT_LE),
  ];
  const metaLength = Buffer.alloc(4);
  metaLength.writeUInt32LE(meta.reduce((sum, part) => sum + part.length, 0));
  return new Uint8Array(
    Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), element(0x00020000, 'UL', metaLength), ...meta, ...dataset]),
  );
}

function element(tag: number, vr: string, value: string | number | Uint8Array): Buffer {
  let bytes: Buffer;
  if (typeof value === 'number') {
    bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value & 0xffff);
  } else {
    bytes = Buffer.from(value);
    if (bytes.length % 2 === 1)
      bytes = Buffer.concat([bytes, Buffer.from(vr === 'UI' || typeof value !== 'string' ? '\0' : ' ')]);
  }
  const long = vr === 'OW' || vr === 'OB';
  const head = Buffer.alloc(long ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  if (long) head.writeUInt32LE(bytes.length, 8);
  else head.writeUInt16LE(bytes.length, 6);
  return Buffer.concat([head, bytes]);
}

function encapsulated(fragments: readonly Uint8Array[]): Buffer {
  const item = (elementNumber: number, bytes: Uint8Array): Buffer => {
    const head = Buffer.alloc(8);
    head.writeUInt16LE(0xfffe, 0);
    head.writeUInt16LE(elementNumber, 2);
    head.writeUInt32LE(bytes.length + (bytes.length % 2), 4);
    return Buffer.concat([head, bytes, Buffer.alloc(bytes.length % 2)]);
  };
  const head = Buffer.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff]);
  return Buffer.concat([
    head,
    item(0xe000, Buffer.alloc(0)),
    ...fragments.map((fragment) => item(0xe000, fragment)),
    item(0xe0dd, Buffer.alloc(0)),
  ]);
}

/** Runs one of DCMTK's converters on a file's bytes. */
export function dcmtk(tool: string, args: readonly string[], bytes: Uint8Array): Uint8Array {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'odontoid-dcmtk-'));
  try {
    writeFileSync(path.join(dir, 'in.dcm'), bytes);
    execFileSync(tool, [...args, path.join(dir, 'in.dcm'), path.join(dir, 'out.dcm')], { stdio: 'pipe' });
    return new Uint8Array(readFileSync(path.join(dir, 'out.dcm')));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** A smooth pattern with noise, -1000..2000 HU, the same at every call. */
export function patternHu(rows: number, columns: number): Int16Array {
  let state = 12345;
  return Int16Array.from({ length: rows * columns }, (_, index) => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    const [row, column] = [Math.floor(index / columns), index % columns];
    return Math.round(500 + 1450 * Math.sin(column / 9) * Math.cos(row / 7)) + ((state >> 16) % 41) - 20;
  });
}
