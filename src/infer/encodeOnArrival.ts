import type { EncodedSlice, InstanceHeader, StoredInstance } from '../case/case.ts';
import { TriageError } from '../base/errors.ts';
import type { ModelLease } from './modelServing.ts';
import type { Log } from '../base/log.ts';

/** Encoded slices are saved in batches: one durable transaction for many slices. */
const SAVE_EVERY = 16;

/** Where encoded slices are kept. */
interface SliceFeatureStore {
  /** Slices that this model has encoded already, by the digest of their data set. */
  sliceFeatures(modelSha256: string, instanceSha256s: readonly string[]): Promise<Map<string, EncodedSlice>>;
  saveSliceFeatures(modelSha256: string, features: ReadonlyMap<string, EncodedSlice>): Promise<void>;
}

interface Options {
  /** Null while no network is loaded: slices then wait for the infer stage. Taken anew for each slice, for another network may serve by then. */
  lease: () => ModelLease | null;
  store: SliceFeatureStore;
  resolvePath: (path: string) => string;
  /** Null when the slice may belong to an analysed series, else why not. */
  refuse: (header: InstanceHeader) => unknown;
  /** Negative when series `a` would be analysed rather than `b`, judged by what headers alone say. */
  preferSeries: (a: InstanceHeader, b: InstanceHeader) => number;
  log: Log;
}

export interface ArrivalEncoder {
  /** Queues slices that were just recorded. Never throws: what is not encoded here is encoded by the infer stage. */
  add: (instances: readonly StoredInstance[]) => void;
  /** Forgets a study that left the state of arriving. */
  forget(studyInstanceUid: string): void;
  encoded(): number;
  /** Whether slices are being encoded, or wait for it. */
  isBusy(): boolean;
  /** Resolves when the queue of this study is empty, so that the infer stage does not encode the same slices beside it. */
  settle(studyInstanceUid: string): Promise<void>;
  close: () => Promise<void>;
}

/**
 * Encodes slices while their study is still arriving, so that at the last slice only the classifier is left.
 * Of several series of a study, only the one that would be analysed as far as headers tell; a wrong guess costs time, never a result.
 */
export function createArrivalEncoder(options: Options): ArrivalEncoder {
  const queue: StoredInstance[] = [];
  const best = new Map<string, InstanceHeader>();
  let unsaved = new Map<string, EncodedSlice>();
  let unsavedOf = '';
  let encodedCount = 0;
  let running: Promise<void> = Promise.resolve();
  let busy = false;
  let closed = false;
  let current: string | null = null;
  const waiters: { studyInstanceUid: string; resolve: () => void }[] = [];

  async function save(): Promise<void> {
    if (unsaved.size === 0) return;
    const batch = unsaved;
    unsaved = new Map();
    await options.store.saveSliceFeatures(unsavedOf, batch);
  }

  function tellWaiters(): void {
    for (let i = waiters.length - 1; i >= 0; i--) {
      const { studyInstanceUid, resolve } = waiters[i]!;
      if (
        current === studyInstanceUid ||
        queue.some((instance) => instance.header.studyInstanceUid === studyInstanceUid)
      )
        continue;
      waiters.splice(i, 1);
      resolve();
    }
  }

  async function run(): Promise<void> {
    while (!closed) {
      const instance = queue.shift();
      if (instance === undefined) break;
      const lease = options.lease();
      if (lease === null) {
        queue.length = 0;
        break;
      }
      current = instance.header.studyInstanceUid;
      try {
        await encode(instance, lease);
      } finally {
        lease.release();
      }
      const more = queue.some((waiting) => waiting.header.studyInstanceUid === instance.header.studyInstanceUid);
      if (unsaved.size >= SAVE_EVERY || !more) await save();
      current = null;
      tellWaiters();
    }
    await save();
  }

  async function encode(instance: StoredInstance, { model }: ModelLease): Promise<void> {
    const { sha256 } = model.identity;
    try {
      const known = await options.store.sliceFeatures(sha256, [instance.sha256]);
      if (known.has(instance.sha256)) return;
      const encoded = await model.encodeSlice(options.resolvePath(instance.path));
      // Features of two networks are never saved under one name.
      if (unsavedOf !== sha256) await save();
      unsavedOf = sha256;
      unsaved.set(instance.sha256, encoded);
      encodedCount += 1;
    } catch (error) {
      // The infer stage meets the same slice again, counts attempts and says what is wrong.
      options.log.warn('slice not encoded on arrival', {
        sopInstanceUid: instance.header.sopInstanceUid,
        code: error instanceof TriageError ? error.code : 'unexpected',
        error,
      });
    }
  }

  function start(): void {
    if (busy || closed) return;
    busy = true;
    running = run()
      .catch((error: unknown) => {
        options.log.error('encoding on arrival stopped', { error });
      })
      .finally(() => {
        busy = false;
        current = null;
        tellWaiters();
        if (queue.length > 0) start();
      });
  }

  return {
    add: (instances) => {
      const lease = options.lease();
      if (lease === null || closed) return;
      lease.release();
      for (const instance of instances) {
        const { header } = instance;
        if (options.refuse(header) !== null) continue;
        const leader = best.get(header.studyInstanceUid);
        if (leader === undefined || options.preferSeries(header, leader) < 0) best.set(header.studyInstanceUid, header);
        else if (leader.seriesInstanceUid !== header.seriesInstanceUid) continue;
        queue.push(instance);
      }
      start();
    },
    forget: (studyInstanceUid) => {
      best.delete(studyInstanceUid);
    },
    encoded: () => encodedCount,
    isBusy: () => busy,
    settle: (studyInstanceUid) =>
      new Promise((resolve) => {
        waiters.push({ studyInstanceUid, resolve });
        tellWaiters();
      }),
    close: async () => {
      closed = true;
      queue.length = 0;
      await running;
    },
  };
}
