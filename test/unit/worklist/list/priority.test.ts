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
    expect(why({ ...base, status: 'held', decision: 'not-suspected', probability: 0.1 })).toBe(
      'Held for checking, not analysed; waiting 4 min',
    );
    // Only what is past the limit says so: a flag that waits is above an unflagged scan.
    expect(why({ ...base, status: 'unflagged', decision: 'not-suspected', probability: 0.1 }, 65 * 60_000)).toBe(
      'Past the wait limit of 1 h 0 min; AI did not flag it, in order of arrival; waiting 1 h 5 min',
    );
    const later = { ...base, status: 'running', arrivedAtMs: 2 * 60_000 } as const;
    expect(why({ ...later, readBefore: 'ada' })).toBe(
      'Changed since it was read by ada; AI still running; waiting 2 min',
    );
    expect(why({ ...later, readBefore: '' })).toBe('Changed since it was read; AI still running; waiting 2 min');
    expect(why({ ...later, readBefore: null })).toBe('AI still running; waiting 2 min');
    // A clock that was set back.
    expect(why(later, 60_000)).toBe('AI still running; waiting under 1 min');
    // For a list that has a column for the wait.
    expect(whyHere({ ...base, status: 'running', stat: true }, 1000, MAX_WAIT_MS).whyBrief).toBe(
      'Clinically urgent (STAT); AI still running',
    );
  });
});
