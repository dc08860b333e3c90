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
  let unsaved = new Map<string, EncodedSlice>();
  let unsavedOf = '';
  const save = async (): Promise<void> => {
    if (unsaved.size === 0) return;
    const batch = unsaved;
    unsaved = new Map();
    await store.saveSliceFeatures(unsavedOf, batch);
  };
  return {
    add: async (modelSha256, imageKey, slice) => {
      if (unsavedOf !== modelSha256) await save();
      unsavedOf = modelSha256;
      unsaved.set(imageKey, slice);
      if (unsaved.size >= SAVE_EVERY) await save();
    },
    save,
  };
}
