import type { CaseAnswer, CaseVolume } from '../../answers/caseAnswer.ts';
import { imageName as nameOf } from '../../case/findingLine.ts';
import { caseWords as words } from './caseWords.ts';

/** How the PACS names a slice of the analysed series: `Series 2 image 25`, `Series 2 image 1 frame 25`; empty when its header does not say. */
export function imageName({ series: all }: Pick<CaseAnswer, 'series'>, volume: CaseVolume, index: number): string {
  const name = nameOf({
    seriesNumber: all.find(({ chosen }) => chosen)?.seriesNumber ?? null,
    instanceNumber: volume.instanceNumbers[index] ?? null,
    frameNumber: volume.frameNumbers?.[index] ?? null,
  });
  return name === null ? '' : name.charAt(0).toUpperCase() + name.slice(1);
}

/** The slice as the PACS names it, and its place from the head downwards. */
export function placeName(answer: Pick<CaseAnswer, 'series'>, volume: CaseVolume, index: number): string {
  const place = words.sliceOf(index + 1, volume.positionsMm.length);
  return [imageName(answer, volume, index), place].filter(Boolean).join(' · ');
}
