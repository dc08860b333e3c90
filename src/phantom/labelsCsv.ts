import type { Phantom } from './generatePhantom.ts';
import type { WrittenStudy } from './writePhantomStudy.ts';

/** First line of labels.csv. */
export const LABELS_HEADER =
  'file,studyInstanceUid,sopInstanceUid,sliceIndex,imageLabel,caseLabel,levels,types,grade,maskPixels';

/**
 * The truth of a study, one line a slice (without the header), files named relative to `folder`'s parent. `levels` are the
 * vertebrae that the slice crosses; `types` and `grade` belong to the fractures that it shows, several joined by a space.
 */
export function labelLines(phantom: Phantom, study: WrittenStudy, folder: string): string[] {
  const pixels = phantom.rows * phantom.columns;
  return study.files.map((file, i) => {
    const seen = new Set<number>();
    let maskPixels = 0;
    for (const value of phantom.mask.subarray(i * pixels, (i + 1) * pixels)) {
      if (value === 0) continue;
      maskPixels++;
      seen.add(value);
    }
    const shown = [...seen].sort((a, b) => a - b).map((value) => phantom.fractures[value - 1]!);
    return [
      `${folder}/${file.path.split(/[\\/]/).at(-1)!}`,
      study.studyInstanceUid,
      file.sopInstanceUid,
      i,
      phantom.sliceLabels[i] ? 1 : 0,
      phantom.caseLabel ? 1 : 0,
      phantom.levelsBySlice[i]!.join(' '),
      shown.map((fracture) => fracture.name).join(' '),
      shown.map((fracture) => fracture.grade).join(' '),
      maskPixels,
    ].join(',');
  });
}
