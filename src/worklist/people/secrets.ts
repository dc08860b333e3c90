import { createHash, randomBytes } from 'node:crypto';

/** A new secret of 256 bits, as it may stand in an address or a header. Not from a port: no test may steer a secret. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** A name for a thing, not a secret. */
export function newId(): string {
  return randomBytes(9).toString('base64url');
}

/** What is kept of a secret. Long random secrets need no slow hash; passwords do, and get it elsewhere. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
