import type { InstanceHeader, StoredInstance } from '../case/case.ts';
import { imageKey, imagesOf } from '../case/frames.ts';
import { TriageError } from '../base/errors.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import type { Clock } from '../base/clock.ts';
import { createArrivalQueue, PATIENCE_MS, type QueuedImage } from './arrivalQueue.ts';
import type { ModelLease } from './servingNetworks.ts';
import { createSliceFeatureSaver, type SliceFeatureSaver, type SliceFeatureStore } from './sliceFeatures.ts';
import { SLICES_AT_ONCE } from './slicesAtOnce.ts';
import type { Log } from '../base/log.ts';

interface Options {
  /** Null while no network is loaded: slices then wait for the infer stage. Read again for each slice, because another network may be in use by then. */
  lease: () => ModelLease | null;
  store: SliceFeatureStore;
  resolvePath: (path: string) => string;
  /** Null when the slice may belong to an analysed series, otherwise why not. */
  refuse: (header: InstanceHeader) => unknown;
  /** Negative when series `a` would be analysed rather than `b`, judged by headers alone. */
  preferSeries: (a: InstanceHeader, b: InstanceHeader) => number;
  /** Whether an object, by its digest, is in the share of this node. Another node's slice is encoded here when that one has not done so in time. */
  isOurs: (sha256: string) => boolean;
  clock: Pick<Clock, 'sleep' | 'monotonicMs'>;
  log: Log;
}

export interface ArrivalEncoder {
  /** Queues slices that were just recorded. Never throws: the infer stage encodes whatever is not encoded here. */
  add: (instances: readonly StoredInstance[]) => void;
  /** Drops a study whose slices nobody has to encode any more. */
  forget(studyInstanceUid: string): void;
  encoded(): number;
  /** Whether slices are being encoded, or slices of this node's share are waiting. */
  isBusy(): boolean;
  /** Resolves when this node's share of a study is encoded, so that the infer stage does not encode the same slices at the same time. */
  settle(studyInstanceUid: string): Promise<void>;
  close: () => Promise<void>;
}

/**
 * Encodes slices while their study is still arriving, so that only the classifier is left after the last slice.
 * Of several series of a study, only the one that would be analysed according to the headers; a wrong guess costs time, never a result.
 */
export function createArrivalEncoder(options: Options): ArrivalEncoder {
  const { store, lease: takeLease, log, clock } = options;
  const queue = createArrivalQueue({
    ...options,
    newKept: () => createSliceFeatureSaver(store),
    monotonicMs: () => clock.monotonicMs(),
  });
  let encodedCount = 0;
  let inWork = 0;
  let isClosed = false;

  const encode = async (taken: QueuedImage<SliceFeatureSaver>, { model }: ModelLease): Promise<void> => {
    const { image, study } = taken;
    const { sha256 } = model.identity;
    try {
      const key = imageKey(image);
      if ((await store.sliceFeatures(sha256, [key])).has(key)) return;
      const slice = await model.encodeSlice(options.resolvePath(image.path), image.frameNumber);
      // The study may have got its result meanwhile: nobody would look at what is kept now.
      if (!queue.isWanted(taken)) return;
      await study.kept.add(sha256, key, slice);
      encodedCount += 1;
    } catch (error) {
      // The infer stage will process the same slice again, count attempts and report the error.
      log.warn('slice not encoded on arrival', {
        sopInstanceUid: image.header.sopInstanceUid,
        code: error instanceof TriageError ? error.code : 'unexpected',
        error,
      });
    }
  };

  /** Encodes the next slice, and saves when it was the last of its study so far. */
  const next = async (): Promise<boolean> => {
    const taken = queue.take();
    if (taken === undefined) return false;
    inWork += 1;
    try {
      const lease = takeLease();
      if (lease === null) queue.clear();
      else await encode(taken, lease).finally(lease.release);
      if (queue.isLast(taken) && queue.isWanted(taken)) await taken.study.kept.save();
    } finally {
      inWork -= 1;
      queue.done(taken);
    }
    return true;
  };

  const loops = Array.from({ length: SLICES_AT_ONCE }, () =>
    startWakingLoop({
      step: next,
      pollMs: null,
      onError: (error) => log.error('encoded slices could not be saved; the infer stage encodes them again', { error }),
      clock,
    }),
  );
  const wake = (): void => {
    for (const loop of loops) loop.wake();
  };
  const helping = startWakingLoop({
    // Slices of others become due without anything happening here.
    step: async (stopping) => {
      if (!queue.hasOthers()) return false;
      await clock.sleep(PATIENCE_MS / 2, stopping);
      wake();
      return true;
    },
    pollMs: null,
    onError: () => undefined,
    clock,
  });

  return {
    add: (instances) => {
      const lease = takeLease();
      if (lease === null || isClosed) return;
      lease.release();
      for (const image of instances.flatMap(imagesOf)) queue.add(image);
      wake();
      helping.wake();
    },
    forget: (studyInstanceUid) => queue.forget(studyInstanceUid),
    encoded: () => encodedCount,
    isBusy: () => inWork > 0 || queue.hasOwn(),
    settle: async (studyInstanceUid) => {
      await (await queue.settle(studyInstanceUid))?.save();
    },
    close: async () => {
      isClosed = true;
      queue.clear();
      await Promise.all([helping, ...loops].map((loop) => loop.stop()));
      for (const saver of queue.kept()) await saver.save();
    },
  };
}
