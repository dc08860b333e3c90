import type { InstanceHeader, StoredImage, StoredInstance } from '../case/case.ts';
import { imageKey, imagesOf } from '../case/frames.ts';
import { TriageError } from '../base/errors.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import type { Clock } from '../base/clock.ts';
import type { ModelLease } from './servingNetworks.ts';
import { createSliceFeatureSaver, type SliceFeatureStore } from './sliceFeatures.ts';
import { SLICES_AT_ONCE } from './slicesAtOnce.ts';
import type { Log } from '../base/log.ts';

interface Options {
  /** Null while no network is loaded: slices then wait for the infer stage. Read again for each slice, because another network may be in use by then. */
  lease: () => ModelLease | null;
  store: SliceFeatureStore & {
    /** Whether another node analyses the study, or has done so: its slices are not needed here any more. */
    isAnalysedElsewhere(studyInstanceUid: string): Promise<boolean>;
  };
  resolvePath: (path: string) => string;
  /** Null when the slice may belong to an analysed series, otherwise why not. */
  refuse: (header: InstanceHeader) => unknown;
  /** Negative when series `a` would be analysed rather than `b`, judged by headers alone. */
  preferSeries: (a: InstanceHeader, b: InstanceHeader) => number;
  clock: Pick<Clock, 'sleep'>;
  log: Log;
}

export interface ArrivalEncoder {
  /** Queues slices that were just recorded. Never throws: the infer stage encodes whatever is not encoded here. */
  add: (instances: readonly StoredInstance[]) => void;
  /** Drops a study that is no longer arriving. */
  forget(studyInstanceUid: string): void;
  encoded(): number;
  /** Whether slices are being encoded or waiting. */
  isBusy(): boolean;
  /** Resolves when the queue of this study is empty, so that the infer stage does not encode the same slices at the same time. */
  settle(studyInstanceUid: string): Promise<void>;
  close: () => Promise<void>;
}

/**
 * Encodes slices while their study is still arriving, so that only the classifier is left after the last slice.
 * Of several series of a study, only the one that would be analysed according to the headers; a wrong guess costs time, never a result.
 */
export function createArrivalEncoder(options: Options): ArrivalEncoder {
  const { store, lease: takeLease, log, clock } = options;
  const queue: StoredImage[] = [];
  /** For each study the header of the series that would be analysed. */
  const best = new Map<string, InstanceHeader>();
  const saver = createSliceFeatureSaver(store);
  const waiters: { studyInstanceUid: string; resolve: () => void }[] = [];
  let encodedCount = 0;
  /** The study of each slice that is being encoded. */
  const inWork: string[] = [];
  let isClosed = false;

  const isQueued = (studyInstanceUid: string): boolean =>
    queue.some(({ header }) => header.studyInstanceUid === studyInstanceUid);
  const isWaiting = (studyInstanceUid: string): boolean =>
    inWork.includes(studyInstanceUid) || isQueued(studyInstanceUid);

  const tellWaiters = (): void => {
    for (const waiter of [...waiters]) {
      if (isWaiting(waiter.studyInstanceUid)) continue;
      waiters.splice(waiters.indexOf(waiter), 1);
      waiter.resolve();
    }
  };

  const encode = async (image: StoredImage, { model }: ModelLease): Promise<void> => {
    const { sha256 } = model.identity;
    try {
      const key = imageKey(image);
      if (await store.isAnalysedElsewhere(image.header.studyInstanceUid)) return;
      if ((await store.sliceFeatures(sha256, [key])).has(key)) return;
      await saver.add(sha256, key, await model.encodeSlice(options.resolvePath(image.path), image.frameNumber));
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
    const image = queue.shift();
    if (image === undefined) return false;
    const { studyInstanceUid } = image.header;
    inWork.push(studyInstanceUid);
    try {
      const lease = takeLease();
      if (lease === null) queue.length = 0;
      else await encode(image, lease).finally(lease.release);
      if (inWork.filter((uid) => uid === studyInstanceUid).length === 1 && !isQueued(studyInstanceUid))
        await saver.save();
    } finally {
      inWork.splice(inWork.indexOf(studyInstanceUid), 1);
      tellWaiters();
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

  return {
    add: (instances) => {
      const lease = takeLease();
      if (lease === null || isClosed) return;
      lease.release();
      for (const image of instances.flatMap(imagesOf)) {
        const { header } = image;
        if (options.refuse(header) !== null) continue;
        const leader = best.get(header.studyInstanceUid);
        if (leader === undefined || options.preferSeries(header, leader) < 0) best.set(header.studyInstanceUid, header);
        else if (leader.seriesInstanceUid !== header.seriesInstanceUid) continue;
        queue.push(image);
      }
      for (const loop of loops) loop.wake();
    },
    forget: (studyInstanceUid) => {
      best.delete(studyInstanceUid);
    },
    encoded: () => encodedCount,
    isBusy: () => inWork.length > 0 || queue.length > 0,
    settle: (studyInstanceUid) =>
      new Promise((resolve) => {
        waiters.push({ studyInstanceUid, resolve });
        tellWaiters();
      }),
    close: async () => {
      isClosed = true;
      queue.length = 0;
      await Promise.all(loops.map((loop) => loop.stop()));
      tellWaiters();
      await saver.save();
    },
  };
}
