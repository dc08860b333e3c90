import { describe, expect, it } from 'vitest';
import { CASE_STATES, nextCaseState, type CaseEventType, type CaseState } from '../../../src/case/caseState.ts';
import { TriageError } from '../../../src/base/errors.ts';

const EVENTS: readonly CaseEventType[] = [
  'instanceReceived',
  'seriesChosen',
  'notEligible',
  'inferred',
  'reported',
  'delivered',
  'gaveUp',
];

/** Written out by hand, apart from the table in the code: what a reader of ARCHITECTURE.md would expect. */
const LEGAL: Readonly<Record<string, CaseState>> = {
  'receiving seriesChosen': 'assembled',
  'receiving notEligible': 'ineligible',
  'receiving gaveUp': 'failed',
  'assembled inferred': 'inferred',
  'assembled gaveUp': 'failed',
  'inferred reported': 'reported',
  'inferred gaveUp': 'failed',
  'reported delivered': 'delivered',
  'ineligible reported': 'ineligible',
  'ineligible delivered': 'ineligible',
  'ineligible gaveUp': 'failed',
  'failed reported': 'failed',
  'failed delivered': 'failed',
  'failed gaveUp': 'failed',
};

describe('case state machine', () => {
  const pairs = CASE_STATES.flatMap((state) => EVENTS.map((event) => [state, event] as const));

  it.each(pairs)('%s + %s', (state, event) => {
    // New slices always open the case again, whatever was known before.
    const expected = event === 'instanceReceived' ? 'receiving' : LEGAL[`${state} ${event}`];
    if (expected !== undefined) expect(nextCaseState(state, event)).toBe(expected);
    else expect(() => nextCaseState(state, event)).toThrow(TriageError);
  });

  it('never leaves a state without a way on for new input', () => {
    for (const state of CASE_STATES) expect(nextCaseState(state, 'instanceReceived')).toBe('receiving');
  });
});
