import type { z } from 'zod';
import type { modelIdentity } from '../answers/sharedShapes.ts';
import type { EncodedSlice, Side, VertebraScore } from './case.ts';
import type { Vertebra } from './vertebrae.ts';

/** Identifies the model in findings, reports and the worklist. */
export type ModelIdentity = z.infer<typeof modelIdentity>;

/** Score of a case from the case classifier, before any threshold. */
export interface CaseScore {
  /** 0..1, after calibration. */
  probability: number;
  /** Per slice 0..1, same order as the slices given. */
  sliceScores: number[];
  /** For networks that score only the whole scan: per-slice values that replace those in {@link EncodedSlice}, same order. */
  ofSlices?: Pick<EncodedSlice, 'imageProbability' | 'cam'>[];
  /** Per slice the vertebrae that it cuts, from the skull down; empty when there are none or the model names none. */
  sliceLevels: Vertebra[][];
  /** For networks that judge single vertebrae: those that the scan shows, from the skull down. */
  vertebrae?: VertebraScore[];
  /** For networks that know the middle of the spine: per slice the side of the patient on which they responded; null where that is not clear. */
  sliceSides?: (Side | null)[];
  /** Out-of-domain distance of the case, in the manifest's units; beyond `domainLimit` no number may be shown. */
  domainDistance: number;
  domainLimit: number;
  /** Why the case lies outside the model's domain, or null when inside. */
  outsideDomain: string | null;
}

/** A CT slice in Hounsfield units in the orientation of its stored matrix, `[row][column]`. */
export interface SourceSlice {
  hu: Float32Array;
  rows: number;
  columns: number;
}

/** Decodes the image in the Part 10 file at `path`, or one frame of it (from 1), as stored. */
export type DecodeSlice = (path: string, frameNumber?: number) => Promise<SourceSlice>;

/** A row or a column of a stored matrix, from 0. */
export type StoredLine = { row: number } | { column: number };

/** Decodes one line of each of these images, in Hounsfield units and in the order of the stored matrix: `[image][pixel]`. */
export type DecodeLines = (
  images: readonly { path: string; frameNumber?: number }[],
  line: StoredLine,
) => Promise<Float32Array[]>;

/** The network, behind a process boundary. Rejections are TriageErrors of the `inference-*` codes. */
export interface TriageModel {
  readonly identity: ModelIdentity;
  /** Execution provider that is actually in use: `cpu` or `cuda`. */
  readonly provider: string;
  /** Operating point shipped with the model: initialises the threshold table on first start. */
  readonly defaultThreshold: number;
  /** Decodes, preprocesses and encodes the slice in the Part 10 file at `path` (absolute); in a multi-frame object the frame, from 1. */
  encodeSlice(path: string, frameNumber?: number): Promise<EncodedSlice>;
  /** Decodes the slice at `path` (absolute), or the frame, as stored, for a picture. */
  decodeSlice: DecodeSlice;
  /** The same for one line of each of many slices, for a reformat. */
  decodeLines: DecodeLines;
  /** Slices ordered superior to inferior; `positionsMm` of each along their normal, falling. */
  classify(slices: readonly EncodedSlice[], positionsMm: readonly number[]): Promise<CaseScore>;
  /** Peak resident memory of the inference process, bytes. */
  peakRssBytes(): Promise<number>;
  close(): Promise<void>;
}
