import { TriageError } from '../base/errors.ts';
import type { ResultObject } from './delivery.ts';
import type { SelectionRule } from './selection.ts';
import type { CaseManifest, Findings, SeriesVerdict } from './case.ts';

/** A state is a fact on disk, never an activity. "Running" is a lease, "read" is a column. */
export const CASE_STATES = [
  'receiving',
  'assembled',
  'inferred',
  'reported',
  'delivered',
  'ineligible',
  'failed',
] as const;
export type CaseState = (typeof CASE_STATES)[number];

/** The outcome of a stage; the case store turns it into a new state. */
export type CaseEvent =
  /** New input of a kind that is triaged. */
  | { type: 'instanceReceived' }
  /** `isPrior`: the scan was old when it came. `rule`: the selection rule that took the study; null for none. */
  | { type: 'seriesChosen'; manifest: CaseManifest; isPrior?: boolean; rule?: SelectionRule | null }
  /**
   * No series is analysed. A result, not an error: `findings` say why and are reported too. `manifest`: the series of a prior that is only kept, which readers
   * may look at.
   */
  | {
      type: 'notEligible';
      series: SeriesVerdict[];
      findings: Findings;
      manifest?: CaseManifest;
      isPrior?: boolean;
      rule?: SelectionRule | null;
    }
  /** `manifest`: set when something else than the assembled series was analysed: damaged slices left out, or the next best series. */
  | { type: 'inferred'; findings: Findings; manifest?: CaseManifest }
  /** Objects are on disk and enter the outbox in the same transaction. */
  | { type: 'reported'; objects: ResultObject[] }
  | { type: 'delivered' }
  /** Attempts used up; `findings` say "could not be analysed" and are reported when the failing stage allows it. */
  | { type: 'gaveUp'; stage: string; code: string; message: string };

export type CaseEventType = CaseEvent['type'];

/** Every legal transition. A pair that is not listed is a bug and throws. */
const STEPS: Readonly<Record<CaseState, Partial<Record<CaseEventType, CaseState>>>> = {
  receiving: { instanceReceived: 'receiving', seriesChosen: 'assembled', notEligible: 'ineligible', gaveUp: 'failed' },
  assembled: { instanceReceived: 'receiving', inferred: 'inferred', gaveUp: 'failed' },
  inferred: { instanceReceived: 'receiving', reported: 'reported', gaveUp: 'failed' },
  reported: { instanceReceived: 'receiving', delivered: 'delivered' },
  delivered: { instanceReceived: 'receiving' },
  // Ineligible and failed cases also get a report, "could not be analysed", which is written and delivered without a change of state.
  ineligible: { instanceReceived: 'receiving', reported: 'ineligible', delivered: 'ineligible', gaveUp: 'failed' },
  failed: { instanceReceived: 'receiving', reported: 'failed', delivered: 'failed', gaveUp: 'failed' },
};

/** The state after `event` in `state`. @throws TriageError `case-event-illegal` for a pair that is not in the table. */
export function nextCaseState(state: CaseState, event: CaseEventType): CaseState {
  const next = STEPS[state][event];
  if (next === undefined) {
    throw new TriageError('case-event-illegal', `A case that is ${state} cannot take the event ${event}.`, {
      context: { state, event },
    });
  }
  return next;
}
