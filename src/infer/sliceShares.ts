import { createHash } from 'node:crypto';

/**
 * The one of several nodes that encodes an object while its study arrives; null for no nodes. Nodes agree on it without asking each other, and when one
 * comes or goes, only its own share changes hands (rendezvous hashing).
 */
export function shareOwner(nodes: readonly string[], objectSha256: string): string | null {
  let owner: string | null = null;
  let most = '';
  for (const node of nodes) {
    const weight = createHash('sha256').update(`${node} ${objectSha256}`).digest('hex');
    if (weight > most) [owner, most] = [node, weight];
  }
  return owner;
}
