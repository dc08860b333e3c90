/**
 * A deflate stream (RFC 1951) without the zlib header (RFC 1950) that some writers put before it, although PS3.5 A.5 allows none; the checksum behind it
 * is not read. `bytes`: the beginning of the stream, at least five bytes of it.
 */
export function withoutZlibHeader(bytes: Uint8Array): Uint8Array {
  const [method = 0, flags = 0, a = 0, b = 0, c = 0] = bytes;
  const isZlib =
    (method & 0x0f) === 8 && method >>> 4 <= 7 && (method * 256 + flags) % 31 === 0 && (flags & 0x20) === 0;
  // As deflate, the same byte begins a stored block, whose length is followed by its complement.
  const isStoredBlock = (flags ^ b) === 0xff && (a ^ c) === 0xff;
  return isZlib && !isStoredBlock ? bytes.subarray(2) : bytes;
}
