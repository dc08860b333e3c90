import type { InstanceHeader } from '../case/case.ts';

/** A fault in a dataset. The case is left out only if `dropped` says so: nothing is left out silently. */
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
  /** Identifies the person: a split must keep all studies of one person together. */
  readonly patientKey: string;
  /** Absolute path of the folder with the study's files. */
  readonly folder: string;
  /** Absolute paths of its images, where the folder holds others too; they count as CT whatever their SOP class. Absent: every file of the folder. */
  readonly files?: readonly string[];
  readonly label: boolean;
  readonly sex: 'F' | 'M' | null;
  readonly ageYears: number | null;
  /** Broken vertebrae, `C1` to `T1`. */
  readonly levels: readonly string[];
  /** Kinds of fracture; empty when the dataset does not state them. */
  readonly types: readonly string[];
  /** The grade of its most visible fracture; null when the dataset does not state it. */
  readonly grade: string | null;
  /** Truth of the images that the dataset names, by absolute path. */
  readonly imageLabels: ReadonlyMap<string, boolean>;
  readonly boxes: ReadonlyMap<string, readonly Box[]>;
  /** The masks of each reader: one file, or several that each have some slices. A pixel counts when all readers mark it, as in the paper. */
  readonly masks: readonly (readonly string[])[];
  /** Absolute path of a NIfTI volume of its vertebrae: 1 to 7 are C1 to C7, 8 is T1. */
  readonly vertebrae?: string;
  /** True when an image without any mark has no fracture; otherwise its truth is not known. */
  readonly unmarkedIsIntact: boolean;
}

export interface Dataset {
  readonly kind: 'folder' | 'rsna-2022' | 'cspine-ct';
  readonly root: string;
  readonly cases: readonly LabelledCase[];
  readonly problems: readonly Problem[];
}

/** A slice of the analysed series: its header, its file's absolute path, and in a multi-frame file its frame. */
export interface TruthSlice {
  readonly header: InstanceHeader;
  readonly file: string;
  readonly frameNumber?: number;
}
