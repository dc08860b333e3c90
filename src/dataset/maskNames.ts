/** Words of a file's path by which people tell masks from images. */
const MASK_WORDS: ReadonlySet<string> = new Set(
  'mask masks seg segm segs segmentation segmentations label labels labelmap annotation annotations annotated roi rois'.split(
    ' ',
  ),
);
/** Words that name the kind of a file, its finding or its reader, and not its scan. */
const OTHER_WORDS: ReadonlySet<string> = new Set(
  'dcm dicom image images img ct scan scans study studies series volume data dataset positive positives negative negatives fracture fractured fractures reader annotator rater radiologist'.split(
    ' ',
  ),
);
const POSITIVE_WORDS: ReadonlySet<string> = new Set(['positive', 'positives', 'fracture', 'fractured', 'fractures']);
const NEGATIVE_WORDS: ReadonlySet<string> = new Set([
  'negative',
  'negatives',
  'normal',
  'normals',
  'control',
  'controls',
]);
const READER_WORD = /^(reader|annotator|rater|radiologist)\d+$/;
const READER_MARK = /^(\d|[a-e])$/;
const COUNTED: ReadonlySet<string> = new Set(['reader', 'annotator', 'rater', 'radiologist', 'mask', 'seg']);

/** True when the path says that the file is a mask. */
export function isMaskName(path: string): boolean {
  return words(path).some((word) => MASK_WORDS.has(word));
}

/** What of a path names the scan: equal for an image and the masks that belong to it ("images/0017.dcm", "masks/reader 1/0017_seg.dcm"). */
export function scanName(path: string): string {
  return path.split(/[/\\]/).flatMap(scanWords).join(' ');
}

/** Of the name of one file or folder. A digit behind "reader" or "mask" counts the readers. */
function scanWords(name: string): string[] {
  const all = words(name);
  return all.filter((word, index) => {
    const isCount = READER_MARK.test(word) && COUNTED.has(all[index - 1] ?? '');
    return !isCount && !READER_WORD.test(word) && !MASK_WORDS.has(word) && !OTHER_WORDS.has(word);
  });
}

/** The finding that the folders of a path state; null when they state none, or both. */
export function statedFinding(path: string): boolean | null {
  const folders = words(path.split(/[/\\]/).slice(0, -1).join(' '));
  const [positive, negative] = [POSITIVE_WORDS, NEGATIVE_WORDS].map((known) => folders.some((word) => known.has(word)));
  return positive === negative ? null : positive!;
}

function words(path: string): string[] {
  return path
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}
