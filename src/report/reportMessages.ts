import type { ErrorMessage } from '../base/errorMessage.ts';
import type { Findings } from '../case/case.ts';
import type { ResultObject } from '../case/delivery.ts';
import type { SourceSlice, StoredLine } from '../case/triageModel.ts';
import type { ReportedCase, ResultWriterOptions } from './writeResults.ts';

/** Set-up of the child; its only command line argument, as JSON. */
export type ReportChildSetup = Omit<ResultWriterOptions, 'renderSource' | 'renderLines' | 'onPicture'>;

export type ToReportChild =
  /** `keySlices`: as in {@link ResultWriterOptions}; destinations that want them come and go. */
  | { kind: 'write'; reported: ReportedCase; findings: Findings; keySlices: boolean }
  | { kind: 'slice'; slice: SourceSlice }
  | { kind: 'lines'; lines: Float32Array[] }
  | { kind: 'noSlice'; error: ErrorMessage };

export type FromReportChild =
  | { kind: 'ready' }
  | { kind: 'written'; objects: ResultObject[] }
  | { kind: 'failed'; error: ErrorMessage }
  /** The child decodes no pixels: the parent asks the inference child, once for each key slice. */
  | { kind: 'decode'; path: string; frameNumber: number | undefined }
  /** Once for the key image. */
  | { kind: 'decodeLines'; images: readonly { path: string; frameNumber?: number }[]; line: StoredLine };
