import { useEffect, useState } from 'preact/hooks';
import type { CaseVolume } from '../../answers/caseAnswer.ts';
import { matchHeights, type HeightProfile } from './heightMatch.ts';
import { sliceProfile } from './sliceProfile.ts';
import type { SliceStore } from './sliceStore.ts';

/** One side of a comparison. */
export interface ComparedVolume {
  store: SliceStore;
  volume: CaseVolume;
}

/** Whether the heights of two scans are known: `offsetMm` as in {@link matchHeights}. */
export type HeightEstimate = { kind: 'working' | 'unmatched' } | { kind: 'matched'; offsetMm: number };

/** A slice in each of so many mm is profiled: thinner ones tell no more of the height. */
const SAMPLE_MM = 4;
/** Of the smaller field: what both show of the body, wherever it lies in them. */
const SHARE_OF_FIELD = 0.9;
/** Of the sampled slices, this share has to be readable. */
const LEAST_READ = 0.8;

/** Matches the heights of two scans by their pixels, in the background. */
export function useHeightMatch(scan: ComparedVolume, prior: ComparedVolume): HeightEstimate {
  const [estimate, setEstimate] = useState<HeightEstimate>({ kind: 'working' });
  useEffect(() => {
    let wanted = true;
    setEstimate({ kind: 'working' });
    const fieldMm = SHARE_OF_FIELD * Math.min(widthMm(scan.volume), widthMm(prior.volume));
    const profiles = [scan, prior].map((one) => heightProfile(one, fieldMm, () => wanted));
    Promise.all(profiles).then(([ofScan, ofPrior]) => {
      if (!wanted) return;
      const offsetMm = ofScan == null || ofPrior == null ? null : matchHeights(ofScan, ofPrior);
      setEstimate(offsetMm === null ? { kind: 'unmatched' } : { kind: 'matched', offsetMm });
    }, reportError);
    return () => {
      wanted = false;
    };
  }, [scan.store, prior.store]);
  return estimate;
}

const widthMm = ({ columns, pixelSpacingMm }: CaseVolume): number => columns * pixelSpacingMm[1];

/** Null when too few of its slices can be read. */
async function heightProfile(
  { store, volume }: ComparedVolume,
  fieldMm: number,
  isWanted: () => boolean,
): Promise<HeightProfile | null> {
  const { positionsMm, sliceSpacingMm, pixelSpacingMm } = volume;
  const every = Math.max(1, Math.floor(SAMPLE_MM / sliceSpacingMm));
  const sampled = positionsMm
    .map((positionMm, index) => ({ positionMm, index }))
    .filter(({ index }) => index % every === 0);
  const profile: { positionMm: number; profile: ReturnType<typeof sliceProfile> }[] = [];
  for (const { positionMm, index } of sampled) {
    if (!isWanted()) return null;
    const slice = await store.slice(index).catch(() => null);
    if (slice !== null) profile.push({ positionMm, profile: sliceProfile(slice, pixelSpacingMm, fieldMm) });
  }
  return profile.length < LEAST_READ * sampled.length ? null : profile;
}
