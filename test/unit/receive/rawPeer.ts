import { connect } from 'node:net';
import { datasetOffset } from '../../../src/dicom/header.ts';
import { writePart10, type Dataset } from '../../../src/dicom/part10.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '../../../src/dicom/transferSyntaxes.ts';

/** A sender of DICOM bytes that does only, and exactly, what a test says: right or wrong. Written from PS3.7 and PS3.8, not from the code under test. */

export const CT = '1.2.840.10008.5.1.4.1.1.2';
export const VERIFICATION = '1.2.840.10008.1.1';

export function pdu(type: number, body: Buffer, declaredLength = body.length): Buffer {
  const head = Buffer.from([type, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(declaredLength, 2);
  return Buffer.concat([head, body]);
}

function item(type: number, body: Buffer): Buffer {
  const head = Buffer.from([type, 0, 0, 0]);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}

export interface RawContext {
  id: number;
  abstractSyntaxUid: string;
  transferSyntaxUids: string[];
}

export const CT_CONTEXT: RawContext = { id: 1, abstractSyntaxUid: CT, transferSyntaxUids: [EXPLICIT_VR_LITTLE_ENDIAN] };

export function associateRequest(
  options: {
    called?: string;
    calling?: string;
    contexts?: RawContext[];
    version?: number;
    applicationContext?: string;
    userItems?: Buffer;
  } = {},
): Buffer {
  const version = Buffer.from([0, options.version ?? 1, 0, 0]);
  const ae = (title: string) => Buffer.from(title.padEnd(16), 'latin1');
  const contexts = (options.contexts ?? [CT_CONTEXT]).map(({ id, abstractSyntaxUid, transferSyntaxUids }) =>
    item(
      0x20,
      Buffer.concat([
        Buffer.from([id, 0, 0, 0]),
        item(0x30, Buffer.from(abstractSyntaxUid)),
        ...transferSyntaxUids.map((uid) => item(0x40, Buffer.from(uid))),
      ]),
    ),
  );
  const user = item(
    0x50,
    Buffer.concat([
      item(0x51, Buffer.from([0, 0, 0x40, 0])),
      item(0x52, Buffer.from('1.2.3')),
      options.userItems ?? Buffer.alloc(0),
    ]),
  );
  return pdu(
    1,
    Buffer.concat([
      version,
      ae(options.called ?? 'ODONTOID'),
      ae(options.calling ?? 'SENDER'),
      Buffer.alloc(32),
      item(0x10, Buffer.from(options.applicationContext ?? '1.2.840.10008.3.1.1.1')),
      ...contexts,
      user,
    ]),
  );
}

export function pdv(value: Buffer, options: { contextId?: number; command?: boolean; last?: boolean } = {}): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt32BE(value.length + 2, 0);
  head[4] = options.contextId ?? 1;
  head[5] = (options.command === true ? 1 : 0) | (options.last === false ? 0 : 2);
  return Buffer.concat([head, value]);
}

export function commandSet(elements: readonly [element: number, value: string | number][]): Buffer {
  const body = elements.map(([element, value]) => {
    const bytes =
      typeof value === 'number'
        ? Buffer.from([value & 0xff, value >> 8])
        : Buffer.from(value.length % 2 === 0 ? value : `${value}\0`, 'latin1');
    const head = Buffer.alloc(8);
    head.writeUInt16LE(element, 2);
    head.writeUInt32LE(bytes.length, 4);
    return Buffer.concat([head, bytes]);
  });
  const length = Buffer.from([0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
  length.writeUInt32LE(Buffer.concat(body).length, 8);
  return Buffer.concat([length, ...body]);
}

export function storeCommand(
  sopInstanceUid: string,
  options: { messageId?: number; sopClassUid?: string; dataSetType?: number } = {},
): Buffer {
  return commandSet([
    [0x0002, options.sopClassUid ?? CT],
    [0x0100, 0x0001],
    [0x0110, options.messageId ?? 1],
    [0x0700, 0],
    [0x0800, options.dataSetType ?? 0x0001],
    [0x1000, sopInstanceUid],
  ]);
}

export const ECHO_COMMAND: Buffer = commandSet([
  [0x0002, VERIFICATION],
  [0x0100, 0x0030],
  [0x0110, 7],
  [0x0800, 0x0101],
]);
export const RELEASE_REQUEST: Buffer = pdu(5, Buffer.alloc(4));
export const ABORT: Buffer = pdu(7, Buffer.alloc(4));

/** A whole C-STORE: the command in one P-DATA-TF, the data set in others of `pieceBytes`. */
export function store(
  sopInstanceUid: string,
  dataSet: Buffer,
  options: { messageId?: number; contextId?: number; pieceBytes?: number; sopClassUid?: string } = {},
): Buffer {
  const contextId = options.contextId ?? 1;
  const pieceBytes = options.pieceBytes ?? 16_000;
  const pieces: Buffer[] = [pdu(4, pdv(storeCommand(sopInstanceUid, options), { contextId, command: true }))];
  for (let at = 0; at === 0 || at < dataSet.length; at += pieceBytes) {
    pieces.push(
      pdu(4, pdv(dataSet.subarray(at, at + pieceBytes), { contextId, last: at + pieceBytes >= dataSet.length })),
    );
  }
  return Buffer.concat(pieces);
}

/** Data set bytes (no file meta information) of a small CT slice. */
export function ctDataSet(sopInstanceUid: string, options: Dataset & { pixelBytes?: number } = {}): Buffer {
  const { pixelBytes = 128, ...attributes } = options;
  const file = writePart10({
    SOPClassUID: CT,
    SOPInstanceUID: sopInstanceUid,
    StudyInstanceUID: '2.25.100',
    SeriesInstanceUID: '2.25.200',
    PatientID: 'P-1',
    PatientName: 'Test^Patient',
    Modality: 'CT',
    Rows: 8,
    Columns: 8,
    BitsAllocated: 16,
    BitsStored: 12,
    HighBit: 11,
    PixelRepresentation: 0,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    PixelData: Uint8Array.from({ length: pixelBytes }, (_, index) => (index * 31 + (index >> 8)) & 0xff).buffer,
    ...attributes,
  });
  return Buffer.from(file.subarray(datasetOffset(file)));
}

export interface ReceivedPdu {
  type: number;
  body: Buffer;
}

export interface RawPeer {
  send(...bytes: Buffer[]): void;
  /** The next PDU that came back; rejects when the connection ends first. */
  receive(): Promise<ReceivedPdu>;
  /** The status of the next C-STORE-RSP or C-ECHO-RSP. */
  status(): Promise<number>;
  /** Resolves when the peer has closed the connection, with what it had still sent. */
  closed(): Promise<ReceivedPdu[]>;
  end(): void;
  destroy(): void;
}

export async function rawPeer(port: number, host = '127.0.0.1', localAddress?: string): Promise<RawPeer> {
  const socket = connect({ port, host, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => undefined);
  const received: ReceivedPdu[] = [];
  let held = Buffer.alloc(0);
  let over = false;
  let wake: () => void = () => undefined;
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 6 && held.length >= 6 + held.readUInt32BE(2)) {
      const end = 6 + held.readUInt32BE(2);
      received.push({ type: held[0]!, body: held.subarray(6, end) });
      held = held.subarray(end);
    }
    wake();
  });
  socket.on('close', () => {
    over = true;
    wake();
  });
  const until = async (isDone: () => boolean): Promise<void> => {
    while (!isDone()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const receive = async (): Promise<ReceivedPdu> => {
    await until(() => received.length > 0 || over);
    const next = received.shift();
    if (next === undefined) throw new Error('the connection ended without an answer');
    return next;
  };
  return {
    send: (...bytes) => {
      for (const piece of bytes) socket.write(piece);
    },
    receive,
    status: async () => {
      const { type, body } = await receive();
      if (type !== 4) throw new Error(`PDU type ${type} instead of a response`);
      return readCommandElements(body.subarray(6)).get(0x0900)!.readUInt16LE();
    },
    closed: async () => {
      await until(() => over);
      return received.splice(0);
    },
    end: () => socket.end(),
    destroy: () => socket.destroy(),
  };
}

/** Elements of group 0000 by element number. */
export function readCommandElements(bytes: Buffer): Map<number, Buffer> {
  const elements = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length;) {
    const end = at + 8 + bytes.readUInt32LE(at + 4);
    elements.set(bytes.readUInt16LE(at + 2), bytes.subarray(at + 8, end));
    at = end;
  }
  return elements;
}

/** An open association: request sent and accepted. */
export async function associated(port: number, options: Parameters<typeof associateRequest>[0] = {}): Promise<RawPeer> {
  const peer = await rawPeer(port);
  peer.send(associateRequest(options));
  const { type } = await peer.receive();
  if (type !== 2) throw new Error(`PDU type ${type} instead of A-ASSOCIATE-AC`);
  return peer;
}
