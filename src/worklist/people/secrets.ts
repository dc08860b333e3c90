import { createHash, randomBytes } from 'node:crypto';

/** A new secret of 256 bits, safe in a URL or a header. It does not come from a port, so that no test can control a secret. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** A public identifier, not a secret. */
export function newId(): string {
  return randomBytes(9).toString('base64url');
}

/** The digest that is stored of a secret. Long random secrets need no slow hash; passwords do, and get theirs in `web/access/passwords.ts`. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
