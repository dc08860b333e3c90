import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from './uids.ts';

export interface FileMetaFacts {
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntaxUid: string;
  /** SourceApplicationEntityTitle (0002,0016) and ReceivingApplicationEntityTitle (0002,0018); omitted when unknown. */
  sourceAeTitle?: string;
  receivingAeTitle?: string;
}

/**
 * The bytes to put before a data set received over the network to make a Part 10 file (PS3.10 7.1): a preamble of zeros, `DICM`, and the file meta
 * information in Explicit VR Little Endian. The data set bytes follow as they were received.
 */
export function writeFileMeta(facts: FileMetaFacts): Buffer {
  const elements = Buffer.concat([
    element(0x0001, 'OB', Buffer.from([0, 1])),
    element(0x0002, 'UI', uid(facts.sopClassUid)),
    element(0x0003, 'UI', uid(facts.sopInstanceUid)),
    element(0x0010, 'UI', uid(facts.transferSyntaxUid)),
    element(0x0012, 'UI', uid(IMPLEMENTATION_CLASS_UID)),
    element(0x0013, 'SH', padded(IMPLEMENTATION_VERSION_NAME, 0x20)),
    ...(facts.sourceAeTitle === undefined ? [] : [element(0x0016, 'AE', padded(facts.sourceAeTitle, 0x20))]),
    ...(facts.receivingAeTitle === undefined ? [] : [element(0x0018, 'AE', padded(facts.receivingAeTitle, 0x20))]),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(elements.length);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM', 'latin1'), element(0x0000, 'UL', length), elements]);
}

const uid = (value: string): Buffer => padded(value, 0);

function padded(value: string, padByte: number): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from([padByte])]);
}

/** One element of group 0002 (PS3.5 7.1.2). */
function element(elementNumber: number, vr: 'OB' | 'UI' | 'SH' | 'UL' | 'AE', value: Buffer): Buffer {
  const head = Buffer.alloc(vr === 'OB' ? 12 : 8);
  head.writeUInt16LE(0x0002, 0);
  head.writeUInt16LE(elementNumber, 2);
  head.write(vr, 4, 'latin1');
  if (vr === 'OB') head.writeUInt32LE(value.length, 8);
  else head.writeUInt16LE(value.length, 6);
  return Buffer.concat([head, value]);
}
