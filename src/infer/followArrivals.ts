import type { StoredInstance } from '../case/case.ts';
import type { Clock } from '../base/clock.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import type { Log } from '../base/log.ts';
import type { ArrivalEncoder } from './encodeOnArrival.ts';

/** Many slices come in quick succession: they are looked for together. */
const COALESCE_MS = 150;

interface Options {
  store: {
    onChange(listener: (studyInstanceUid: string) => void): () => void;
    /** Studies of which slices may still come. */
    arrivingStudies(): Promise<string[]>;
    /** CT objects of a study that are not known by digest; null when nobody has to encode slices of it any more. */
    arrivedInstances(
      studyInstanceUid: string,
      known: ReadonlySet<string>,
    ): Promise<{ isArriving: boolean; instances: StoredInstance[] } | null>;
  };
  arrival: Pick<ArrivalEncoder, 'add' | 'forget'>;
  clock: Pick<Clock, 'sleep'>;
  log: Log;
}

export interface ArrivalFollower {
  close: () => Promise<void>;
}

/**
 * Has this node encode its share of slices that other nodes receive, while they come. All that it knows of them is in the database; what it misses, the
 * node that takes the case encodes.
 */
export function followArrivals({ store, arrival, clock, log }: Options): ArrivalFollower {
  const changed = new Set<string>();
  /** Digests of the objects that were queued, by study. */
  const known = new Map<string, Set<string>>();

  const look = async (study: string): Promise<void> => {
    const seen = known.get(study) ?? new Set<string>();
    const arrived = await store.arrivedInstances(study, seen);
    if (arrived === null) {
      known.delete(study);
      arrival.forget(study);
      return;
    }
    // A study that is complete by now and was never seen before is another node's work already, or waits for its turn.
    if (!arrived.isArriving && !known.has(study)) return;
    known.set(study, seen);
    for (const { sha256 } of arrived.instances) seen.add(sha256);
    arrival.add(arrived.instances);
  };

  const loop = startWakingLoop({
    step: async () => {
      const [study] = changed;
      if (study === undefined) return false;
      changed.delete(study);
      // Without a study: some change may have been missed.
      if (study === '') for (const other of [...known.keys(), ...(await store.arrivingStudies())]) changed.add(other);
      else await look(study);
      return changed.size > 0;
    },
    pollMs: null,
    coalesceMs: COALESCE_MS,
    onError: (error) =>
      log.warn('slices that arrive elsewhere are not looked for; the infer stage encodes them', { error }),
    clock,
  });
  const noteChange = (study: string): void => {
    changed.add(study);
    loop.wake();
  };
  const unsubscribe = store.onChange(noteChange);
  noteChange('');
  return {
    close: () => {
      unsubscribe();
      return loop.stop();
    },
  };
}
