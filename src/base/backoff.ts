import { createHash } from 'node:crypto';

/**
 * Wait before the next attempt, ms: doubled from `minMs` at each attempt, `maxMs` at the most, spread by a quarter either way.
 * The spread comes from the key, so that many cases that failed together do not come back together, and a test can foresee it.
 */
export function backoffMs(key: string, attempt: number, minMs: number, maxMs: number): number {
  const wait = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 40));
  const share = createHash('sha256').update(`${attempt}:${key}`).digest().readUInt32BE(0) / 2 ** 32;
  return Math.round(wait * (0.75 + share / 2));
}
