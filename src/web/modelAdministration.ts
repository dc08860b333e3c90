import type {
  ModelActivation,
  ModelBoard,
  ModelCardAnswer,
  ModelComparison,
  ModelUse,
} from '../answers/modelAnswers.ts';
import type { TestScores } from '../thresholds/networkTest.ts';
import type { ModelIdentity } from '../case/triageModel.ts';
import type { ModelRole } from '../worklist/models/modelActivations.ts';

/** A file of a package that comes in a request. */
export interface UploadedFile {
  name: string;
  sizeBytes: number;
}

/** What the models page needs of the agent; built where the agent is composed. */
export interface ModelAdministration {
  /** Answers at once; packages are checked in the background. */
  board(): Promise<ModelBoard>;
  /** @throws TriageError `not-found` */
  card(sha256: string): Promise<ModelCardAnswer>;
  /** What a network gave the cases of its own test; null when its package does not bring them. */
  testScores(sha256: string): Promise<TestScores | null>;
  /** The active package and its shadow on the site's own cases; null without a shadow. */
  comparison(): Promise<ModelComparison | null>;
  /** The active package in use, week by week. */
  use(): Promise<ModelUse>;
  /**
   * Decides which package a role has; null ends the shadow. Takes as long as the check of the package does.
   *
   * @throws TriageError `not-found`, `threshold-unsaid`, `model-refused` with what is wrong, `model-check-running`, `second-signature`, `command-invalid`
   */
  decide(decision: {
    role: ModelRole;
    sha256: string | null;
    threshold: 'keep' | 'default' | number | undefined;
    reason: string;
    by: string;
    address: string;
    /** Who signs second; null when nobody does. */
    second: string | null;
  }): Promise<ModelActivation>;
  /**
   * Installs a package whose files come end to end in `body`. It is checked as `odontoid model install` does, and judges nothing before it is activated.
   *
   * @throws TriageError `object-too-large`, `command-invalid`, `model-refused` with what is wrong, `model-conflict`, `model-check-running`
   */
  install(upload: {
    files: readonly UploadedFile[];
    body: AsyncIterable<Uint8Array>;
    by: string;
    address: string;
  }): Promise<{ model: ModelIdentity; wasThere: boolean }>;
  /**
   * Removes an installed package by the name of its folder.
   *
   * @throws TriageError `not-found`, `model-in-use`, `model-check-running`
   */
  remove(removal: { folder: string; by: string; address: string }): Promise<void>;
}
