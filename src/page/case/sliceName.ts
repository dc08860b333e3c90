import type { CaseAnswer, CaseVolume } from '../../answers/caseAnswer.ts';
import { caseWords as words } from './caseWords.ts';

/** How the PACS names a slice of the analysed series: `Series 2 image 25`, `Series 2 image 1 frame 25`; empty when its header does not say. */
export function imageName({ series: all }: Pick<CaseAnswer, 'series'>, volume: CaseVolume, index: number): string {
  const image = volume.instanceNumbers[index] ?? null;
  const series = all.find(({ chosen }) => chosen)?.seriesNumber ?? null;
  const frame = volume.frameNumbers?.[index] ?? null;
  return image === null ? '' : words.imageOf(series, image, frame);
}

/** The slice as the PACS names it, and its place from the head downwards. */
export function placeName(answer: Pick<CaseAnswer, 'series'>, volume: CaseVolume, index: number): string {
  const place = words.sliceOf(index + 1, volume.positionsMm.length);
  return [imageName(answer, volume, index), place].filter(Boolean).join(' · ');
}

/** The finding in one line, as far as the network knows it: `C5-C6, series 2 image 25`; null without a key slice. */
export function findingLine(answer: CaseAnswer): string | null {
  const best = answer.findings?.keySlices[0];
  if (best === undefined || answer.volume === null) return null;
  const where = imageName(answer, answer.volume, best.sliceIndex) || placeName(answer, answer.volume, best.sliceIndex);
  const levels = (best.levels ?? []).join('-');
  return levels === '' ? where : `${levels}, ${where.charAt(0).toLowerCase()}${where.slice(1)}`;
}
