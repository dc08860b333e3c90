import { TriageError } from '../base/errors.ts';

/** What becomes of the parts of a multipart body, in order; the next bytes are read once a callback has resolved. */
export interface PartHandler {
  /** Header names are in lower case. */
  begin(headers: ReadonlyMap<string, string>): Promise<void>;
  data(bytes: Buffer): Promise<void>;
  end(): Promise<void>;
}

export interface MultipartLimits {
  maxParts: number;
  maxBytes: number;
}

const CRLF = Buffer.from('\r\n');
const HEADERS_END = Buffer.from('\r\n\r\n');
const MAX_HEADER_BYTES = 8_192;
/** Spaces after a boundary (RFC 2046 5.1.1), or a line that only begins like one. */
const MAX_PADDING_BYTES = 256;

/**
 * Reads a multipart body (RFC 2046 5.1) as it arrives, holding no more than a chunk and a boundary of it in memory. Resolves after the closing boundary.
 *
 * @throws TriageError `protocol-violation` when it is no such body or ends before its closing boundary; `object-too-large` beyond a limit
 */
export async function readMultipart(
  body: AsyncIterable<Buffer>,
  boundary: string,
  handler: PartHandler,
  limits: MultipartLimits,
): Promise<void> {
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  // The first boundary may stand at the very beginning, without a line break before it.
  let held: Buffer = CRLF;
  let state = 'preamble' as 'preamble' | 'boundary' | 'headers' | 'data' | 'epilogue';
  let parts = 0;
  let total = 0;
  /** Bytes before the data of a part that are none of them. */
  let skip = 0;

  /** Does what can be done with the bytes held; false when more are needed. */
  const step = async (): Promise<boolean> => {
    if (state === 'epilogue') {
      held = held.subarray(held.length);
      return false;
    }
    if (state === 'boundary') {
      if (held.length >= 2 && held.toString('latin1', 0, 2) === '--') {
        state = 'epilogue';
        return true;
      }
      const at = held.indexOf(CRLF);
      if (at === -1 && held.length <= MAX_PADDING_BYTES) return false;
      if (at === -1 || held.toString('latin1', 0, at).trim() !== '')
        throw malformed('something else stands on the line of a boundary');
      parts += 1;
      if (parts > limits.maxParts)
        throw new TriageError(
          'object-too-large',
          `The request has more than ${limits.maxParts} parts; send it in several.`,
        );
      // The line break is kept: a part without headers has nothing but it before its data.
      held = held.subarray(at);
      state = 'headers';
      return true;
    }
    if (state === 'headers') {
      const at = held.indexOf(HEADERS_END);
      if (at === -1 ? held.length > MAX_HEADER_BYTES : at > MAX_HEADER_BYTES)
        throw malformed(`the headers of a part are longer than ${MAX_HEADER_BYTES} bytes`);
      if (at === -1) return false;
      const headers = readHeaders(held.toString('latin1', 0, at));
      // One line break stays before the data: where there are none, it begins their closing boundary.
      held = held.subarray(at + CRLF.length);
      skip = CRLF.length;
      await handler.begin(headers);
      state = 'data';
      return true;
    }
    const at = held.indexOf(delimiter);
    const whole = at === -1 ? Math.max(0, held.length - delimiter.length + 1) : at;
    const skipped = Math.min(skip, whole);
    skip -= skipped;
    if (state === 'data' && whole > skipped) await handler.data(held.subarray(skipped, whole));
    held = held.subarray(whole);
    if (at === -1) return false;
    if (state === 'data') await handler.end();
    held = held.subarray(delimiter.length);
    skip = 0;
    state = 'boundary';
    return true;
  };
  for await (const chunk of body) {
    total += chunk.length;
    if (total > limits.maxBytes)
      throw new TriageError(
        'object-too-large',
        `The request is larger than ${limits.maxBytes} bytes; send it in several.`,
      );
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (await step());
  }
  if (state !== 'epilogue') throw malformed('it ends before its closing boundary');
}

function readHeaders(text: string): Map<string, string> {
  const headers = new Map<string, string>();
  // A line that begins with a space continues the one before (RFC 822).
  for (const line of text.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    if (line === '') continue;
    const at = line.indexOf(':');
    if (at < 1) throw malformed('a line among the headers of a part is no header');
    headers.set(line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim());
  }
  return headers;
}

function malformed(why: string): TriageError {
  return new TriageError('protocol-violation', `The multipart body cannot be read: ${why}.`);
}
