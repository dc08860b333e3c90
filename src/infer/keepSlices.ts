import { createHash } from 'node:crypto';
import type { CaseManifest } from '../case/case.ts';
import { imageKey } from '../case/frames.ts';

/** The manifest of some of its slices, by ascending index: those left out between them become holes. */
export function keepSlices(manifest: CaseManifest, kept: readonly number[]): CaseManifest {
  const slices = kept.map((index) => manifest.slices[index]!);
  const gaps = kept.slice(1).flatMap((to, position) => {
    const from = kept[position]!;
    const holes = manifest.gaps.filter(({ afterSliceIndex }) => afterSliceIndex >= from && afterSliceIndex < to);
    const missingSlices = to - from - 1 + holes.reduce((sum, hole) => sum + hole.missingSlices, 0);
    return missingSlices === 0 ? [] : [{ afterSliceIndex: position, missingSlices }];
  });
  const digest = createHash('sha256');
  for (const slice of slices) digest.update(`${imageKey(slice)}\n`);
  return {
    ...manifest,
    slices,
    gaps,
    coverageMm: slices[0]!.positionMm - slices.at(-1)!.positionMm + manifest.sliceSpacingMm,
    inputSha256: digest.digest('hex'),
    assembledSha256: manifest.assembledSha256 ?? manifest.inputSha256,
  };
}
