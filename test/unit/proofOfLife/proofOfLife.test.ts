import { describe, expect, it } from 'vitest';
import { changeToTakeBack, proofAlarm, proofObjection } from '../../../src/proofOfLife/judgeProof.ts';
import type { ProofRun } from '../../../src/answers/adminAnswers.ts';
import { NOTHING_MEASURED, type ProofMeasures } from '../../../src/worklist/proof/proofRuns.ts';

type Found = Parameters<typeof proofObjection>[0];
const MODEL = { name: 'compact', version: '1', sha256: 'aa' };
const sound = (over: Record<string, unknown> = {}): Found =>
  ({
    row: {
      decision: 'suspected',
      probability: 0.99,
      threshold: { value: 0.5, version: 1 },
      reason: null,
      reasonCode: null,
      quarantineReason: null,
      ...over,
    },
    findings: { model: MODEL },
    instances: { received: 56, setAside: 0, ownResults: 0 },
    results: [{ kind: 'sr', deliveries: [] }],
  }) as unknown as Found;
const asked = { sentSlices: 56, expect: 'suspected', before: null } as const;
const before = (probability: number, sha256 = MODEL.sha256): ProofMeasures => ({
  ...NOTHING_MEASURED,
  probability,
  model: { ...MODEL, sha256 },
});

describe('what a proof of life must come to', () => {
  it('is content with a flagged fracture and a written report', () => {
    expect(proofObjection(sound(), asked)).toBeNull();
    expect(proofObjection(sound(), { ...asked, before: before(0.985) })).toBeNull();
  });

  it.each<[string, Found, Partial<Parameters<typeof proofObjection>[1]>, RegExp]>([
    [
      'a held study, however well it was judged',
      sound({ quarantineReason: 'An image came twice with different content' }),
      {},
      /^The study was held: An image came twice/,
    ],
    ['a slice that is not on record', sound(), { sentSlices: 57 }, /57 slices were sent, and 56/],
    ['no report', { ...sound(), results: [] }, {}, /No structured report/],
    [
      'a refused result',
      {
        ...sound(),
        results: [
          { kind: 'sr', deliveries: [{ status: 'refused', destination: 'pacs', lastError: 'no' }] },
        ] as unknown as Found['results'],
      },
      {},
      /pacs refused a result: no/,
    ],
    [
      'a fracture that is not flagged',
      sound({ decision: 'not-suspected', probability: 0.3 }),
      {},
      /not flagged: score 0.30, flagged from 0.50.*proofOfLife.expect/,
    ],
    [
      'a fracture that a threshold set by a person keeps from being flagged, whose change can be taken back',
      sound({ decision: 'not-suspected', probability: 0.996, threshold: { value: 1, version: 7 } }),
      { change: { version: 7, by: 'ann', atMs: Date.UTC(2026, 10, 2, 8, 15), from: 0.32 } },
      /score > 0.99, flagged from 1.00. ann set this threshold \(0.32 before\) on 2026-11-02 08:15 UTC: take it back under Thresholds.$/,
    ],
    [
      'a scan that is not analysed',
      sound({ decision: 'not-analysed', probability: null, reason: 'outside' }),
      {},
      /not analysed: outside/,
    ],
    [
      'a score that is another than before',
      sound({ probability: 0.8 }),
      { before: before(0.99) },
      /0.80; the same network gave the same study 0.99/,
    ],
  ])('objects to %s', (_what, found, over, text) => {
    expect(proofObjection(found, { ...asked, ...over })).toMatch(text);
  });

  it('asks less of a network that cannot know synthetic studies', () => {
    expect(
      proofObjection(sound({ decision: 'not-suspected', probability: 0.3 }), { ...asked, expect: 'analysed' }),
    ).toBeNull();
    expect(
      proofObjection(sound({ decision: 'not-analysed', probability: null }), { ...asked, expect: 'reported' }),
    ).toBeNull();
    expect(proofObjection({ ...sound(), results: [] }, { ...asked, expect: 'reported' })).not.toBeNull();
  });

  it('compares scores of one network only, and takes flags that the site has stopped for what they are', () => {
    expect(proofObjection(sound({ probability: 0.8 }), { ...asked, before: before(0.99, 'bb') })).toBeNull();
    expect(
      proofObjection(sound({ decision: 'not-analysed', probability: null, reasonCode: 'flags-stopped' }), asked),
    ).toBeNull();
  });
});

describe('what can be taken back', () => {
  const change = { version: 7, by: 'ann', atMs: 500, from: 0.32 };
  const run = (over: Partial<ProofRun>, decision: ProofMeasures['decision'] = 'not-suspected'): ProofRun => ({
    id: 1,
    studyInstanceUid: '1.2',
    cause: 'schedule',
    requestedBy: 'odontoid',
    startedAtMs: 600,
    finishedAtMs: 700,
    outcome: 'failed',
    failure: 'It was not flagged.',
    measures: { ...NOTHING_MEASURED, decision },
    ...over,
  });

  it('is a change that was in force when the run began, of a run that failed for want of a flag', () => {
    expect(changeToTakeBack(run({}), change)).toBe(change);
    expect(changeToTakeBack(run({ startedAtMs: 499 }), change)).toBeNull();
    expect(changeToTakeBack(run({ outcome: 'passed' }), change)).toBeNull();
    expect(changeToTakeBack(run({}, 'suspected'), change)).toBeNull();
    expect(changeToTakeBack(run({}), null)).toBeNull();
    expect(changeToTakeBack(null, change)).toBeNull();
  });
});

describe('when somebody must look', () => {
  const HOUR = 3_600_000;
  const run = (outcome: 'passed' | 'failed', finishedAtMs: number): ProofRun => ({
    id: 1,
    studyInstanceUid: '1.2',
    cause: 'schedule',
    requestedBy: 'odontoid',
    startedAtMs: finishedAtMs - 1,
    finishedAtMs,
    outcome,
    failure: outcome === 'failed' ? 'It broke.' : null,
    measures: NOTHING_MEASURED,
  });
  const limits = { sinceMs: 0, alarmAfterMs: 13 * HOUR };

  it('is when the last run failed, at once', () => {
    expect(proofAlarm({ lastJudged: run('failed', HOUR), lastPassed: run('passed', HOUR - 1) }, HOUR, limits)).toBe(
      'The proof of life failed: It broke.',
    );
  });
  it('is when none has passed for too long, counted from the start where none ever ran', () => {
    expect(proofAlarm({ lastJudged: null, lastPassed: null }, 13 * HOUR, limits)).toBeNull();
    expect(proofAlarm({ lastJudged: null, lastPassed: null }, 14 * HOUR, limits)).toBe(
      'The proof of life is overdue: none has passed for 14 h.',
    );
    const passed = run('passed', 10 * HOUR);
    expect(proofAlarm({ lastJudged: passed, lastPassed: passed }, 23 * HOUR, limits)).toBeNull();
    expect(proofAlarm({ lastJudged: passed, lastPassed: passed }, 24 * HOUR, limits)).toMatch(/overdue/);
  });
  it('is never for lateness where no schedule is kept', () => {
    expect(proofAlarm({ lastJudged: null, lastPassed: null }, 1e12, { ...limits, alarmAfterMs: null })).toBeNull();
  });
});
