import type { ImageReference, KeySlice } from '../../case/case.ts';

/** What lists know of a key slice; all but its map. */
type ListedKeySlice = ImageReference & { seriesInstanceUid?: string } & Pick<
    KeySlice,
    'sliceIndex' | 'seriesNumber' | 'instanceNumber' | 'score' | 'levels' | 'side'
  >;

/** Reads the narrow column `key_slices`, best first. What an earlier version stored may lack series, levels, sides and numbers. */
export function readKeySlices(json: string): ListedKeySlice[] {
  return JSON.parse(json) as ListedKeySlice[];
}
