import { useLayoutEffect, useState } from 'preact/hooks';
import type { CaseVolume } from '../../answers/caseAnswer.ts';
import { hasHeight, nearestSlice, offsetOfTops } from './linkedHeights.ts';
import type { HeightEstimate } from './useHeightMatch.ts';
import type { Slices } from './useSlices.ts';

interface Side {
  slices: Slices;
  volume: CaseVolume;
}

export interface LinkedSlices {
  linked: boolean;
  /** Links the two slices that are shown now, or lets each be scrolled alone. */
  toggleLink: () => void;
  /** Moves through the prior, and through the scan with it while they are linked. */
  step: (by: number) => void;
  /** Moves the prior alone: while linked, that changes what counts as the same height. */
  nudge: (by: number) => void;
  /** How much higher than estimated the prior is shown, because the reader wants it so; null while the estimate is used. */
  byHandMm: number | null;
  /** Back to the estimate. */
  reset: () => void;
  /** The linked prior has no slice at the height of the slice that is shown. */
  isBeyondPrior: boolean;
  /** How much higher the linked prior is shown than the scan, which ends there; null while both show the same height. */
  apartMm: number | null;
}

/** Two scans scrolled together in both directions at the same height, as it was estimated or as the reader has set it. */
export function useLinkedSlices(scan: Side, prior: Side, estimate: HeightEstimate): LinkedSlices {
  const [linked, setLinked] = useState(true);
  const [byHand, setByHand] = useState<number | null>(null);
  const { positionsMm } = scan.volume;
  const priorMm = prior.volume.positionsMm;
  const estimatedMm = estimate.kind === 'matched' ? estimate.offsetMm : offsetOfTops(positionsMm, priorMm);
  const offsetMm = byHand ?? estimatedMm;
  const { index } = scan.slices;
  const sameHeightMm = positionsMm[index]! + offsetMm;

  useLayoutEffect(() => {
    if (!linked) return;
    // Of several thin slices that belong to one thick slice of the scan, the one the reader went to stays.
    const partner = nearestSlice(positionsMm, priorMm[prior.slices.asked()]! - offsetMm);
    if (partner !== index) prior.slices.go(nearestSlice(priorMm, sameHeightMm));
  }, [linked, index, offsetMm]);

  const step = (by: number) => {
    prior.slices.step(by);
    if (linked) scan.slices.go(nearestSlice(positionsMm, priorMm[prior.slices.asked()]! - offsetMm));
  };
  const nudge = (by: number) => {
    const fromMm = priorMm[prior.slices.asked()]!;
    prior.slices.step(by);
    if (linked) setByHand(offsetMm + priorMm[prior.slices.asked()]! - fromMm);
  };
  const toggleLink = () => {
    if (!linked) setByHand(priorMm[prior.slices.asked()]! - positionsMm[scan.slices.asked()]!);
    setLinked(!linked);
  };
  const isBeyondPrior = linked && !hasHeight(priorMm, prior.volume.sliceSpacingMm, sameHeightMm);
  const apartMm = priorMm[prior.slices.index]! - sameHeightMm;
  const toleranceMm = Math.max(scan.volume.sliceSpacingMm, prior.volume.sliceSpacingMm);
  return {
    linked,
    toggleLink,
    step,
    nudge,
    byHandMm: byHand === null ? null : byHand - estimatedMm,
    reset: () => {
      setByHand(null);
      setLinked(true);
    },
    isBeyondPrior,
    apartMm: linked && !isBeyondPrior && Math.abs(apartMm) > toleranceMm ? apartMm : null,
  };
}
