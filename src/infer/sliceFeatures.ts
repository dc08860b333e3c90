import type { EncodedSlice } from '../case/case.ts';

/** Where encoded slices are kept. */
export interface SliceFeatureStore {
  /** Slices that this model has encoded already, by `imageKey`. */
  sliceFeatures(modelSha256: string, imageKeys: readonly string[]): Promise<Map<string, EncodedSlice>>;
  saveSliceFeatures(modelSha256: string, features: ReadonlyMap<string, EncodedSlice>): Promise<void>;
}

/** Number of slices saved in one durable transaction: the most that a kill can cost. */
const SAVE_EVERY = 16;

/** Keeps encoded slices, many per transaction. */
export interface SliceFeatureSaver {
  /** Adds a slice, and saves when there are enough. Features of two networks are never saved under one name. */
  add(modelSha256: string, imageKey: string, slice: EncodedSlice): Promise<void>;
  /** Saves whatever has not been saved yet. */
  save(): Promise<void>;
}

export function createSliceFeatureSaver(store: Pick<SliceFeatureStore, 'saveSliceFeatures'>): SliceFeatureSaver {
  /** By network: slices of two may be encoded at the same time while one takes over from the other. */
  let unsaved = new Map<string, Map<string, EncodedSlice>>();
  const save = async (): Promise<void> => {
    const batches = unsaved;
    unsaved = new Map();
    for (const [modelSha256, slices] of batches) await store.saveSliceFeatures(modelSha256, slices);
  };
  return {
    add: async (modelSha256, imageKey, slice) => {
      const slices = unsaved.get(modelSha256) ?? new Map<string, EncodedSlice>();
      unsaved.set(modelSha256, slices.set(imageKey, slice));
      if (slices.size >= SAVE_EVERY) await save();
    },
    save,
  };
}
