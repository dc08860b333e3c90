import type { ErrorMessage } from '../base/errorMessage.ts';
import type { Anatomy, EncodedSlice, Texture } from '../case/case.ts';
import type { CaseScore, ModelIdentity, SourceSlice, StoredLine } from '../case/triageModel.ts';
import type { ProviderChoice } from './onnxGraphs.ts';

/** Setup of the child: the first message that it gets. */
export interface ChildSetup {
  modelDir: string;
  provider: ProviderChoice;
  /** Threads that compute at the same time, at least 1. */
  threads: number;
  memoryLimitMb: number;
  niceness: number;
}

/** Questions from the parent: paths and features, never whole images. `frameNumber` only for multi-frame objects. */
export type Question =
  | { kind: 'encode'; path: string; frameNumber: number | undefined }
  /** `features`: `[slice][feature]`; `positionsMm`, `anatomies` and `textures` of the slices. */
  | {
      kind: 'classify';
      features: Float32Array;
      positionsMm: readonly number[];
      anatomies: readonly Anatomy[];
      textures: readonly Texture[];
    }
  /** Pixels for a picture: a few key slices per case. */
  | { kind: 'decode'; path: string; frameNumber: number | undefined }
  /** One line of a slice, for a reformat. */
  | { kind: 'line'; path: string; frameNumber: number | undefined; line: StoredLine }
  | { kind: 'peakRss' };

export interface Answers {
  encode: EncodedSlice;
  classify: CaseScore;
  decode: SourceSlice;
  line: Float32Array;
  peakRss: number;
}

/** `lane`: the thread that it is for, from 0. */
export type ToChild = Question & { id: number; lane: number };

export type FromChild =
  | { kind: 'ready'; identity: ModelIdentity; provider: string; defaultThreshold: number; lanes: number }
  | { kind: 'unready'; error: ErrorMessage }
  | { kind: 'answer'; id: number; answer: Answers[keyof Answers]; provider: string }
  | { kind: 'error'; id: number; error: ErrorMessage };
