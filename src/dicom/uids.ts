import { createHash } from 'node:crypto';

/** Odontoid's own UUID namespace (RFC 9562, version 5): a constant, so that the same facts give the same UID anywhere. */
const NAMESPACE = Buffer.from('ca503ba8f9d441e2a9432c6c67f6d4f8', 'hex');

/** PS3.5 9.1: components without leading zeros, 64 characters at most. */
const UID_PATTERN = /^(0|[1-9]\d*)(\.(0|[1-9]\d*))+$/;

/** True for a UID that PS3.5 9.1 allows. */
export function isValidUid(uid: string): boolean {
  return uid.length <= 64 && UID_PATTERN.test(uid);
}

/** As many writers make them: components may start with zeros. */
const READABLE_UID_PATTERN = /^\d+(\.\d+)+$/;

/**
 * True for a foreign UID that can be used unchanged: digits and dots, 64 characters at most. Components with leading zeros, which
 * PS3.5 9.1 does not allow, are compared character by character, as in pydicom, GDCM and DCMTK.
 */
export function isReadableUid(uid: string): boolean {
  return uid.length <= 64 && READABLE_UID_PATTERN.test(uid);
}

/**
 * The UID derived from these facts: `2.25.` and a name-based UUID in decimal (PS3.5 B.2). Same parts, same UID.
 * Parts are length-prefixed, so no two lists of parts collide.
 */
export function derivedUid(...parts: readonly string[]): string {
  const hash = createHash('sha1').update(NAMESPACE);
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part};`);
  const bytes = hash.digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return `2.25.${BigInt(`0x${bytes.toString('hex')}`).toString(10)}`;
}

/** Odontoid's implementation class (PS3.7 D.3.3.2): the same in every file and association it writes. */
export const IMPLEMENTATION_CLASS_UID = derivedUid('implementation', 'odontoid');
export const IMPLEMENTATION_VERSION_NAME = 'ODONTOID_0_1';
