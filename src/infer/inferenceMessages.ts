import type { Anatomy, EncodedSlice } from '../case/case.ts';
import { ERROR_KINDS, TriageError, messageOf } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { installationFault } from '../base/installationFault.ts';
import type { CaseScore, ModelIdentity, SourceSlice } from '../case/triageModel.ts';
import type { ProviderChoice } from './onnxGraphs.ts';

/** Setup of the child; its only command line argument, as JSON. */
export interface ChildSetup {
  modelDir: string;
  provider: ProviderChoice;
  threads: number;
  niceness: number;
}

/** Questions from the parent: paths and features, never whole images. */
export type Question =
  | { kind: 'encode'; path: string }
  /** `features`: `[slice][feature]`; `positionsMm` and `anatomies` of the slices. */
  | { kind: 'classify'; features: Float32Array; positionsMm: readonly number[]; anatomies: readonly Anatomy[] }
  /** Pixels for a picture: a few key slices per case. */
  | { kind: 'decode'; path: string }
  | { kind: 'peakRss' };

export interface Answers {
  encode: EncodedSlice;
  classify: CaseScore;
  decode: SourceSlice;
  peakRss: number;
}

export type ToChild = Question & { id: number };

export interface ErrorMessage {
  code: ErrorCode;
  message: string;
  context: Record<string, unknown>;
  /** Code of the installation fault that caused it (a full disk, a failing device); null when there is none. */
  fault: string | null;
}

export type FromChild =
  | { kind: 'ready'; identity: ModelIdentity; provider: string; defaultThreshold: number }
  | { kind: 'unready'; error: ErrorMessage }
  | { kind: 'answer'; id: number; answer: Answers[keyof Answers]; provider: string }
  | { kind: 'error'; id: number; error: ErrorMessage };

/** An error as it crosses the process boundary. Anything but a TriageError counts as a failure of inference. */
export function toErrorMessage(error: unknown): ErrorMessage {
  const fault = installationFault(error);
  if (error instanceof TriageError)
    return { code: error.code, message: error.message, context: { ...error.context }, fault };
  return { code: 'inference-failed', message: `Inference failed: ${messageOf(error)}`, context: {}, fault };
}

export function fromErrorMessage({ code, message, context, fault }: ErrorMessage): TriageError {
  const cause = fault === null ? undefined : Object.assign(new Error(fault), { code: fault });
  return new TriageError(code in ERROR_KINDS ? code : 'inference-failed', message, { context, cause });
}
