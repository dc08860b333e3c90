import { createHash } from 'node:crypto';

/** Wait before the next attempt, ms: `minMs` after the first, doubled each time, up to `maxMs`. */
export function doubledMs(attempt: number, minMs: number, maxMs: number): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(Math.max(0, attempt - 1), 40));
}

/**
 * {@link doubledMs}, spread by up to a quarter either way. The spread is derived from the key, so that many cases that failed together do not retry together,
 * and a test can predict it.
 */
export function backoffMs(key: string, attempt: number, minMs: number, maxMs: number): number {
  const share = createHash('sha256').update(`${attempt}:${key}`).digest().readUInt32BE(0) / 2 ** 32;
  return Math.round(doubledMs(attempt, minMs, maxMs) * (0.75 + share / 2));
}
