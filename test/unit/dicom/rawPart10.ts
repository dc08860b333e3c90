/** An element for `rawPart10`: text as Latin-1 code units, bytes as they are, or items of a sequence of undefined length. */
export interface RawElement {
  tag: number;
  vr: string;
  value: string | Uint8Array | RawElement[][];
}

const LONG_LENGTH: ReadonlySet<string> = new Set(['OB', 'OW', 'SQ', 'UN', 'UT', 'UC', 'UR']);

/** A Part 10 file written byte by byte, in any character set and however wrong: what `writePart10` refuses to write. Elements must be in tag order. */
export function rawPart10(
  elements: readonly RawElement[],
  options: { implicit?: boolean; transferSyntaxUid?: string } = {},
): Uint8Array {
  const implicit = options.implicit ?? false;
  const meta = write(
    [
      {
        tag: 0x00020010,
        vr: 'UI',
        value: options.transferSyntaxUid ?? (implicit ? '1.2.840.10008.1.2' : '1.2.840.10008.1.2.1'),
      },
    ],
    false,
  );
  const length = Buffer.alloc(12);
  length.writeUInt16LE(2, 0);
  length.write('UL', 4, 'latin1');
  length.writeUInt16LE(4, 6);
  length.writeUInt32LE(meta.length, 8);
  return new Uint8Array(
    Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), length, meta, write(elements, implicit)]),
  );
}

function write(elements: readonly RawElement[], implicit: boolean): Buffer {
  return Buffer.concat(elements.map((element) => writeElement(element, implicit)));
}

function writeElement({ tag, vr, value }: RawElement, implicit: boolean): Buffer {
  const isSequence = Array.isArray(value);
  const body = isSequence
    ? sequence(value, implicit)
    : padded(typeof value === 'string' ? Buffer.from(value, 'latin1') : Buffer.from(value), vr);
  const declared = isSequence ? 0xffffffff : body.length;
  const head = Buffer.alloc(implicit || !LONG_LENGTH.has(vr) ? 8 : 12);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  if (!implicit) head.write(vr, 4, 'latin1');
  if (implicit) head.writeUInt32LE(declared, 4);
  else if (LONG_LENGTH.has(vr)) head.writeUInt32LE(declared, 8);
  else head.writeUInt16LE(declared, 6);
  return Buffer.concat([head, body]);
}

function sequence(items: readonly RawElement[][], implicit: boolean): Buffer {
  const parts = items.map((item) =>
    Buffer.concat([
      Buffer.from('feff00e0ffffffff', 'hex'),
      write(item, implicit),
      Buffer.from('feff0de000000000', 'hex'),
    ]),
  );
  return Buffer.concat([...parts, Buffer.from('feffdde000000000', 'hex')]);
}

function padded(bytes: Buffer, vr: string): Buffer {
  return bytes.length % 2 === 0
    ? bytes
    : Buffer.concat([bytes, Buffer.from(vr === 'UI' || vr === 'OB' ? [0] : [0x20])]);
}
