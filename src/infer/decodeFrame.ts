import { inflateRawSync } from 'node:zlib';
import dcmjsCodecs from 'dcmjs-codecs';
import { TriageError, messageOf } from '../base/errors.ts';
import {
  DEFLATED_IMAGE_FRAME,
  ENCAPSULATED_UNCOMPRESSED,
  unsupportedTransferSyntax,
} from '../dicom/transferSyntaxes.ts';
import { JPEG_2000_STREAM, JPEG_LS_STREAM, JPEG_STREAM, codestreamIn, readCodestreamHeader } from './codestream.ts';
import type { CodestreamFamily } from './codestream.ts';

const { Context, NativeCodecs, log } = dcmjsCodecs;

/** The matrix that the data set declares; 16 bits allocated, one sample per pixel. */
export interface FrameLayout {
  rows: number;
  columns: number;
  bitsStored: number;
  signed: boolean;
}

export interface DecodedFrame {
  /** `[row][column]`, row-major; sample bits as stored, upper bits undefined. */
  samples: Uint16Array;
  /** Number of low bits that hold the sample, including the sign; null for whole words as the data set describes them (BitsStored, HighBit). */
  significantBits: number | null;
}

type CodecName = 'decodeJpeg' | 'decodeJpegLs' | 'decodeJpeg2000' | 'decodeHtJpeg2000';
interface Compression {
  codec: CodecName;
  stream: CodestreamFamily;
}
const JPEG: Compression = { codec: 'decodeJpeg', stream: JPEG_STREAM };
const JPEG_LS: Compression = { codec: 'decodeJpegLs', stream: JPEG_LS_STREAM };
const JPEG_2000: Compression = { codec: 'decodeJpeg2000', stream: JPEG_2000_STREAM };
const HTJ2K: Compression = { codec: 'decodeHtJpeg2000', stream: JPEG_2000_STREAM };

/** Transfer syntaxes whose frames hold whole words, as they are or packed without loss. */
const WHOLE_WORDS: ReadonlyMap<string, (frame: Uint8Array, layout: FrameLayout) => Uint16Array> = new Map([
  ['1.2.840.10008.1.2.5', decodeRle],
  [ENCAPSULATED_UNCOMPRESSED, wordsOf],
  [DEFLATED_IMAGE_FRAME, inflate],
]);
/** Compressed transfer syntaxes (PS3.6 A) that we have a codec for. JPEG baseline has 8 bits per sample, so it cannot hold a CT (PS3.3 C.8.2.1). */
const COMPRESSIONS: ReadonlyMap<string, Compression> = new Map([
  ['1.2.840.10008.1.2.4.51', JPEG],
  ['1.2.840.10008.1.2.4.57', JPEG],
  ['1.2.840.10008.1.2.4.70', JPEG],
  ['1.2.840.10008.1.2.4.80', JPEG_LS],
  ['1.2.840.10008.1.2.4.81', JPEG_LS],
  ['1.2.840.10008.1.2.4.90', JPEG_2000],
  ['1.2.840.10008.1.2.4.91', JPEG_2000],
  ['1.2.840.10008.1.2.4.201', HTJ2K],
  ['1.2.840.10008.1.2.4.202', HTJ2K],
  ['1.2.840.10008.1.2.4.203', HTJ2K],
]);

/**
 * Decodes one compressed frame (PS3.5 A.4, 8.2, annex G). Refuses a frame that does not fill the declared matrix exactly.
 *
 * @throws TriageError `pixel-data-undecodable`, `transfer-syntax-unsupported`
 */
export async function decodeFrame(
  transferSyntaxUid: string,
  frame: Uint8Array,
  layout: FrameLayout,
): Promise<DecodedFrame> {
  const samplesOf = WHOLE_WORDS.get(transferSyntaxUid);
  if (samplesOf !== undefined) return { samples: samplesOf(frame, layout), significantBits: null };
  const compression = COMPRESSIONS.get(transferSyntaxUid);
  if (compression === undefined) throw unsupportedTransferSyntax(transferSyntaxUid);
  const codestream = compression.stream.kind === 'jpeg2000' ? codestreamIn(frame) : frame;
  const header = readCodestreamHeader(codestream, compression.stream);
  if (header.rows !== layout.rows || header.columns !== layout.columns) {
    throw undecodable(
      `The compressed frame is ${header.rows} x ${header.columns}, the data set says ${layout.rows} x ${layout.columns}.`,
    );
  }
  if (header.components !== 1 || header.bitsPerSample <= 8 || header.bitsPerSample > 16) {
    throw undecodable(
      `The compressed frame has ${header.components} components of ${header.bitsPerSample} bits; a CT has one of 9 to 16.`,
    );
  }
  if (header.signed && !layout.signed)
    throw undecodable('The compressed frame is signed, PixelRepresentation says unsigned.');
  const decoded = await runCodec(compression.codec, codestream, layout);
  const pixels = layout.rows * layout.columns;
  if (decoded.length !== pixels * 2)
    throw undecodable(`The compressed frame decodes to ${decoded.length} bytes, ${pixels * 2} are needed.`);
  return {
    samples: new Uint16Array(decoded.buffer, decoded.byteOffset, pixels),
    // The frame knows its own precision; BitsStored is sometimes wrong, and pydicom and GDCM then follow the frame, too.
    significantBits: header.bitsPerSample,
  };
}

/** Messages of the JPEG decoder when it has filled a gap with invented pixels (libjpeg's warnings; it continues regardless). */
const DAMAGE = /corrupt|premature|bad huffman|inconsistent|too many scanlines/i;
const heard: { damage: string | null } = { damage: null };
log.setLevel('silent');
log.info = (message: unknown) => {
  if (typeof message === 'string' && DAMAGE.test(message)) heard.damage = message;
};

/** Read through a function because the codec writes the value where the compiler cannot see it. */
function heardOf(): { damage: string | null } {
  return heard;
}

async function runCodec(codec: CodecName, frame: Uint8Array, layout: FrameLayout): Promise<Uint8Array> {
  if (!NativeCodecs.isInitialized()) await NativeCodecs.initializeAsync({ logCodecsInfo: true });
  heard.damage = null;
  const context = new Context({
    width: layout.columns,
    height: layout.rows,
    bitsAllocated: 16,
    bitsStored: layout.bitsStored,
    samplesPerPixel: 1,
    pixelRepresentation: layout.signed ? 1 : 0,
    planarConfiguration: 0,
    photometricInterpretation: 'MONOCHROME2',
    encodedBuffer: frame,
  });
  try {
    const decoded = NativeCodecs[codec](context).getDecodedBuffer() ?? new Uint8Array();
    const { damage } = heardOf();
    if (damage !== null) throw new Error(damage);
    return decoded;
  } catch (error) {
    // After an error the codec's stack is not unwound, so the next frame gets a fresh instance.
    NativeCodecs.release();
    throw new TriageError(
      'pixel-data-undecodable',
      `The compressed pixel data are damaged (${messageOf(error).slice(0, 200).trim()}).`,
      { cause: error },
    );
  }
}

/** The words of a frame, little endian; a byte may pad it to an even length. */
function wordsOf(frame: Uint8Array, { rows, columns }: FrameLayout): Uint16Array {
  const bytes = rows * columns * 2;
  if (frame.length < bytes || frame.length > bytes + 1)
    throw undecodable(`The frame has ${frame.length} bytes; ${rows} x ${columns} needs ${bytes}.`);
  // Copied, because words must lie at even addresses.
  return new Uint16Array(Uint8Array.from(frame.subarray(0, bytes)).buffer);
}

/** PS3.5 8.2.16: the words of a frame as a raw deflate stream (RFC 1951). */
function inflate(frame: Uint8Array, layout: FrameLayout): Uint16Array {
  try {
    return wordsOf(inflateRawSync(frame, { maxOutputLength: layout.rows * layout.columns * 2 + 1 }), layout);
  } catch (error) {
    if (error instanceof TriageError) throw error;
    throw undecodable(`The frame cannot be inflated (${messageOf(error)}).`);
  }
}

const RLE_HEADER_BYTES = 64;

/** PS3.5 annex G: two segments, the high bytes first, each run-length encoded. */
function decodeRle(frame: Uint8Array, { rows, columns }: FrameLayout): Uint16Array {
  if (frame.length < RLE_HEADER_BYTES) throw undecodable('The RLE header is cut off.');
  const at = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const segments = at.getUint32(0, true);
  if (segments !== 2) throw undecodable(`The RLE frame has ${segments} segments; a CT of 16 bits has two.`);
  const [high, low] = [at.getUint32(4, true), at.getUint32(8, true)];
  if (high < RLE_HEADER_BYTES || low <= high || low > frame.length)
    throw undecodable('The RLE segments lie outside the frame.');
  const samples = new Uint16Array(rows * columns);
  const mostExcess = Math.min(rows, columns) - 1;
  unpackInto(samples, frame.subarray(high, low), 8, mostExcess);
  unpackInto(samples, frame.subarray(low), 0, mostExcess);
  return samples;
}

/** `mostExcess`: how many bytes more than the matrix has may be unpacked, which some encoders add as padding. A line more would mean another matrix. */
function unpackInto(samples: Uint16Array, segment: Uint8Array, shift: number, mostExcess: number): void {
  let from = 0;
  let to = 0;
  while (to < samples.length) {
    if (from >= segment.length) throw undecodable('An RLE segment is cut off.');
    const control = segment[from++]!;
    if (control === 128) continue;
    const count = control < 128 ? control + 1 : 257 - control;
    const read = control < 128 ? count : 1;
    if (from + read > segment.length || to + count > samples.length + mostExcess)
      throw undecodable('An RLE segment is broken.');
    // What is written behind the end of a typed array is dropped.
    for (let index = 0; index < count; index++)
      samples[to++]! |= segment[control < 128 ? from + index : from]! << shift;
    from += read;
  }
  // A segment may be padded to an even length by one byte (PS3.5 G.3.1); some writers append more zeros.
  const rest = segment.subarray(from);
  if (rest.some((byte) => byte !== 0) && to - samples.length + unpackedBytes(rest) > mostExcess)
    throw undecodable('An RLE segment holds more than its rows and columns.');
}

function unpackedBytes(segment: Uint8Array): number {
  let bytes = 0;
  for (let from = 0; from < segment.length;) {
    const control = segment[from]!;
    bytes += control < 128 ? control + 1 : control === 128 ? 0 : 257 - control;
    from += control < 128 ? control + 2 : control === 128 ? 1 : 2;
  }
  return bytes;
}

function undecodable(message: string): TriageError {
  return new TriageError('pixel-data-undecodable', message);
}
