import type {
  ModelActivation,
  ModelBoard,
  ModelCardAnswer,
  ModelComparison,
  ModelUse,
} from '../answers/modelAnswers.ts';
import type { TestScores } from '../thresholds/networkTest.ts';
import type { ModelRole } from '../worklist/models/modelActivations.ts';

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
}
