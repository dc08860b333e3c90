import { describe, expect, it } from 'vitest';
import { whyHere } from '../../../../src/worklist/list/priority.ts';
import type { Rankable } from '../../../../src/worklist/list/priority.ts';

const MAX_WAIT_MS = 60 * 60_000;

describe('the place of a case', () => {
  it('says in one sentence why a case stands where it does', () => {
    const now = 4 * 60_000;
    const base = { studyInstanceUid: '1.1', stat: false, arrivedAtMs: 0, probability: null, decision: null } as const;
    const why = (item: Rankable, at = now) => whyHere(item, at, MAX_WAIT_MS).why;
    expect(why({ ...base, status: 'flagged', decision: 'suspected', probability: 0.93 })).toBe(
      'Suspected fracture, 0.93; waiting 4 min',
    );
    expect(why({ ...base, status: 'failed' })).toBe('AI failed, not analysed; waiting 4 min');
    expect(why({ ...base, status: 'unflagged', decision: 'not-suspected', probability: 0.1 })).toBe(
      'AI did not flag it, in order of arrival; waiting 4 min',
    );
    expect(why({ ...base, status: 'running', stat: true }, 1000)).toBe(
      'Clinically urgent (STAT); AI still running; waiting under 1 min',
    );
    expect(why({ ...base, status: 'held', decision: 'suspected', probability: 0.8 }, 65 * 60_000)).toBe(
      'Past the wait limit of 1 h 0 min; Suspected fracture, 0.80, held for checking; waiting 1 h 5 min',
    );
    // For a list that has a column for the wait.
    expect(whyHere({ ...base, status: 'running', stat: true }, 1000, MAX_WAIT_MS).whyBrief).toBe(
      'Clinically urgent (STAT); AI still running',
    );
  });
});
