import { describe, expect, it } from 'vitest';
import { CASE_STATES } from '../../../../src/case/caseState.ts';
import { caseStatus } from '../../../../src/worklist/list/caseStatus.ts';
import type { CaseStatusKind, StatusFacts } from '../../../../src/worklist/list/caseStatus.ts';
import { whyHere } from '../../../../src/worklist/list/priority.ts';

const BANNED = /negative|normal|clear|safe|rule out|confidence/i;
const facts: StatusFacts = {
  studyInstanceUid: '1.2.3',
  revision: 1,
  state: 'delivered',
  decision: null,
  reason: null,
  reasonCode: null,
  quarantineReason: null,
  priorOf: null,
  elapsedMs: 60_000,
};

describe('fixed words', () => {
  it.each<[string, Partial<StatusFacts>, number | null, CaseStatusKind, string]>([
    [
      'suspected',
      { decision: 'suspected' },
      null,
      'flagged',
      'AI flag: possible fracture. Review now. Not a diagnosis.',
    ],
    ['not suspected', { decision: 'not-suspected' }, null, 'unflagged', 'AI did not flag this scan - read as usual'],
    [
      'flagged in a part of the scan',
      { decision: 'suspected', reasonCode: 'partial', reason: '27 of 48 slices came' },
      null,
      'flagged',
      'AI flag: possible fracture. Review now. Not a diagnosis. Only 27 of 48 slices came.',
    ],
    [
      'no flag in a part of the scan',
      { decision: 'not-suspected', reasonCode: 'partial', reason: '27 of 48 slices came' },
      null,
      'not-analysed',
      'Not analysed whole: only 27 of 48 slices came, no flag in them - read as usual',
    ],
    [
      'held after it was not flagged',
      { decision: 'not-suspected', quarantineReason: 'An image came twice with other pixels' },
      null,
      'held',
      'AI did not flag this scan - read as usual. Held for checking: An image came twice with other pixels',
    ],
    ['running', { state: 'assembled' }, 120_000, 'running', 'AI running, 1 min - do not wait for it'],
    [
      'delayed',
      { state: 'assembled', elapsedMs: 360_000 },
      120_000,
      'delayed',
      'AI delayed: 6 min, usually 2 min - read as usual',
    ],
    [
      'delayed, first of its kind',
      { state: 'receiving', elapsedMs: 660_000 },
      null,
      'delayed',
      'AI delayed: 11 min - read as usual',
    ],
    [
      'not analysed',
      { state: 'ineligible', decision: 'not-analysed', reason: 'Only a localizer.' },
      null,
      'not-analysed',
      'Not analysed: Only a localizer - read as usual',
    ],
    [
      'outside the domain',
      {
        decision: 'not-analysed',
        reasonCode: 'outside-domain',
        reason: 'Outside tested range (field of view) - not scored',
      },
      null,
      'outside-domain',
      'Outside tested range (field of view) - not scored. Read as usual',
    ],
    [
      'failed',
      { state: 'failed', decision: 'not-analysed', reason: 'x' },
      null,
      'failed',
      'AI failed - not analysed. Read as usual. Ref 98E7',
    ],
    [
      'held',
      { quarantineReason: 'Two patients in one study', state: 'receiving' },
      null,
      'held',
      'Not analysed: held for checking, Two patients in one study - read as usual',
    ],
    [
      'suspected whose report cannot be written',
      { state: 'failed', decision: 'suspected' },
      null,
      'flagged',
      'AI flag: possible fracture. Review now. Not a diagnosis.',
    ],
  ])('%s', (_name, wishes, usualMs, kind, text) => {
    const status = caseStatus({ ...facts, ...wishes }, usualMs);
    expect(status.kind).toBe(kind);
    if (kind === 'failed') expect(status.text).toMatch(/^AI failed - not analysed\. Read as usual\. Ref [0-9A-F]{4}$/);
    else expect(status.text).toBe(text);
  });

  it('knows no reassuring word, in any state and decision', () => {
    for (const state of CASE_STATES)
      for (const decision of [null, 'suspected', 'not-suspected', 'not-analysed'] as const)
        for (const quarantineReason of [null, 'Two patients in one study: name differs'])
          for (const reasonCode of [null, 'outside-domain']) {
            const status = caseStatus({ ...facts, state, decision, quarantineReason, reasonCode }, 1000);
            const why = whyHere(
              { studyInstanceUid: '1', stat: false, arrivedAtMs: 0, status: status.kind, decision, probability: 0.5 },
              1000,
              10,
            ).why;
            expect(`${status.text} ${why}`).not.toMatch(BANNED);
            if (decision !== 'suspected' || quarantineReason !== null)
              expect(status.text).toMatch(/read as usual|do not wait|Review now/i);
          }
  });
});
