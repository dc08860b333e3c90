import type { Phantom } from './generatePhantom.ts';
import type { WrittenStudy } from './writePhantomStudy.ts';

/** First line of labels.csv: the truth of every image. */
export const LABELS_HEADER =
  'file,studyInstanceUid,sopInstanceUid,sliceIndex,imageLabel,caseLabel,levels,types,grade,maskPixels';

/** First line of cases.csv: the truth of every case. */
export const CASES_HEADER =
  'folder,studyInstanceUid,patientId,sex,ageYears,caseLabel,fractures,grades,slices,sliceSpacingMm,mask';

/** Lines of the two files for one study. */
export interface StudyLines {
  readonly labels: string[];
  readonly case: string;
}

/**
 * The truth of a study, files named relative to `folder`'s parent. In labels.csv `levels` are the vertebrae that the slice crosses, `types` and
 * `grade` belong to the fractures that it shows; in cases.csv `fractures` and `grades` are those that any slice shows. Several are joined by a space.
 */
export function studyLines(phantom: Phantom, study: WrittenStudy, folder: string, mask: string): StudyLines {
  const pixels = phantom.rows * phantom.columns;
  const shownAnywhere = new Set<number>();
  const labels = study.files.map((file, i) => {
    const seen = new Set<number>();
    let maskPixels = 0;
    for (const value of phantom.mask.subarray(i * pixels, (i + 1) * pixels)) {
      if (value === 0) continue;
      maskPixels++;
      seen.add(value);
      shownAnywhere.add(value);
    }
    const shown = fracturesOf(phantom, seen);
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
  const shown = fracturesOf(phantom, shownAnywhere);
  const { sex, ageYears } = phantom.params.patient;
  const line = [
    folder,
    study.studyInstanceUid,
    study.patientId,
    sex,
    ageYears,
    phantom.caseLabel ? 1 : 0,
    shown.map((fracture) => fracture.name).join(' '),
    shown.map((fracture) => fracture.grade).join(' '),
    phantom.slices,
    phantom.sliceSpacingMm,
    mask,
  ].join(',');
  return { labels, case: line };
}

function fracturesOf(phantom: Phantom, values: ReadonlySet<number>): Phantom['fractures'][number][] {
  return [...values].sort((a, b) => a - b).map((value) => phantom.fractures[value - 1]!);
}
