import { doubledMs } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { OtherNodes } from './nodes.ts';

/** A node may be gone for the database only, and go on receiving for a while: one look is not enough. */
const LOOK_AGAIN_MS = 600_000;
const LONGEST_MS = 86_400_000;

/**
 * Has the objects put on record that nodes have acknowledged and left behind, where that falls to this node: as soon as one is gone, and again later and later
 * while it stays away. Call what it returns at each beat.
 */
export function inheritance(
  { leftToThis }: Pick<OtherNodes, 'leftToThis'>,
  { takeInOf, clock, log }: { takeInOf: (nodes: readonly string[]) => Promise<void>; clock: Clock; log: Log },
): () => void {
  const looks = new Map<string, { count: number; dueMs: number }>();
  let isLooking = false;
  const look = async (gone: readonly string[]): Promise<void> => {
    await takeInOf(gone);
    for (const name of gone) {
      const count = (looks.get(name)?.count ?? 0) + 1;
      looks.set(name, { count, dueMs: clock.monotonicMs() + doubledMs(count, LOOK_AGAIN_MS, LONGEST_MS) });
    }
  };
  return () => {
    const gone = leftToThis();
    for (const name of [...looks.keys()]) if (!gone.includes(name)) looks.delete(name);
    const due = gone.filter((name) => (looks.get(name)?.dueMs ?? 0) <= clock.monotonicMs());
    if (isLooking || due.length === 0) return;
    isLooking = true;
    look(due)
      .catch((error: unknown) => log.warn('what nodes that are gone have received is not on record yet', { error }))
      .finally(() => {
        isLooking = false;
      });
  };
}
