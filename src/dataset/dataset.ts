/** Something in a dataset that is not as it should be. The case stays out only where `dropped` says so: nothing is left out in silence. */
export interface Problem {
  /** File and line, or the case. */
  readonly where: string;
  readonly problem: string;
  /** The row, or the case, is not used. */
  readonly dropped: boolean;
}

/** A rectangle in the stored pixel matrix, half open. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A study with its truth, whatever kind of dataset it comes from. */
export interface LabelledCase {
  /** Unique in its dataset. */
  readonly id: string;
  /** What a split must not part: all studies of one person. */
  readonly patientKey: string;
  /** Absolute path of the folder with the study's files. */
  readonly folder: string;
  readonly label: boolean;
  readonly sex: 'F' | 'M' | null;
  readonly ageYears: number | null;
  /** Broken vertebrae, `C1` to `T1`. */
  readonly levels: readonly string[];
  /** Kinds of fracture; empty when the dataset does not tell. */
  readonly types: readonly string[];
  /** The easiest to see of its fractures; null when the dataset does not tell. */
  readonly grade: string | null;
  /** Truth of the images that the dataset names, by absolute path. */
  readonly imageLabels: ReadonlyMap<string, boolean>;
  readonly boxes: ReadonlyMap<string, readonly Box[]>;
  /** Files with masks (NIfTI or DICOM SEG), one a reader: a pixel counts when all of them mark it, as in the paper. */
  readonly masks: readonly string[];
  /** True when an image that nothing marks has no fracture; else its truth is not known. */
  readonly unmarkedIsIntact: boolean;
}

export interface Dataset {
  readonly kind: 'folder' | 'rsna-2022';
  readonly root: string;
  readonly cases: readonly LabelledCase[];
  readonly problems: readonly Problem[];
}
