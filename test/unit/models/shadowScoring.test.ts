import { describe, expect, it } from 'vitest';
import type { EncodedSlice } from '../../../src/case/case.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { createLog } from '../../../src/base/log.ts';
import type { TriageModel } from '../../../src/case/triageModel.ts';
import { createShadowScoring } from '../../../src/models/shadowScoring.ts';
import type { ShadowCase, ShadowOutcome } from '../../../src/worklist/models/shadowScores.ts';
import { findingsOf, instanceOf, manifestOf, studyUid } from '../worklist/facts.ts';

const SHADOW = { name: 'compact', version: '2.0.0', sha256: 'cd'.repeat(32) };

function caseOf(study: number): ShadowCase {
  return {
    studyInstanceUid: studyUid(study),
    revision: 1,
    manifest: manifestOf([1, 2, 3, 4].map((number) => instanceOf({ study, number }))),
    findings: findingsOf(0.9),
  };
}

function setUp(cases: ShadowCase[], encode: () => Promise<unknown> = () => Promise.resolve()) {
  const state = { isActiveBusy: false, isCurrent: true, isOurs: true, released: 0, encoded: 0 };
  const kept: { study: string; outcome: ShadowOutcome }[] = [];
  const model = {
    identity: SHADOW,
    provider: 'cpu',
    defaultThreshold: 0.4,
    encodeSlice: async () => {
      await encode();
      state.encoded += 1;
      return {
        feature: Float32Array.of(1),
        imageProbability: 0.1,
        cam: Float32Array.of(0),
        camRows: 1,
        camColumns: 1,
      } as EncodedSlice;
    },
    classify: (slices: readonly EncodedSlice[]) =>
      Promise.resolve({
        probability: 0.45,
        sliceScores: slices.map(() => 0.1),
        sliceLevels: slices.map(() => []),
        domainDistance: 1,
        domainLimit: 3,
        outsideDomain: null,
      }),
  } as unknown as TriageModel;
  const scoring = createShadowScoring({
    store: {
      nextForShadow: () =>
        Promise.resolve(
          cases.find(({ studyInstanceUid }) => !kept.some(({ study }) => study === studyInstanceUid)) ?? null,
        ),
      saveShadowScore: (_model, { studyInstanceUid }, outcome) => {
        kept.push({ study: studyInstanceUid, outcome });
        return Promise.resolve();
      },
    },
    isOurs: () => Promise.resolve(state.isOurs),
    lease: () => ({
      model,
      isCurrent: () => state.isCurrent,
      release: () => {
        state.released += 1;
      },
    }),
    isActiveBusy: () => state.isActiveBusy,
    resolvePath: (path) => path,
    clock: systemClock,
    log: createLog('silent'),
  });
  return { scoring, state, kept };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await systemClock.sleep(5);
  }
}

describe('shadow scoring', () => {
  it('scores every case that is due, at the package’s own operating point', async () => {
    const { scoring, kept } = setUp([caseOf(1), caseOf(2)]);
    await until(() => kept.length === 2);
    expect(kept.map(({ study }) => study)).toEqual([studyUid(1), studyUid(2)]);
    expect(kept[0]!.outcome).toMatchObject({
      findings: { decision: 'suspected', probability: 0.45, threshold: { value: 0.4 }, model: SHADOW },
    });
    await scoring.close();
  });

  it('leaves cases to the node that scores, until it is this one', async () => {
    const { scoring, state, kept } = setUp([caseOf(1)]);
    state.isOurs = false;
    scoring.nudge();
    await until(() => state.released > 1);
    expect([kept, state.encoded]).toEqual([[], 0]);
    state.isOurs = true;
    scoring.nudge();
    await until(() => kept.length === 1);
    await scoring.close();
  });

  it('stands aside between two slices while the active package has work, and does not count that time', async () => {
    const { scoring, state, kept } = setUp([caseOf(1)], () => {
      state.isActiveBusy = state.encoded === 0;
      return Promise.resolve();
    });
    await until(() => state.encoded > 0);
    const meanwhile = state.encoded;
    await systemClock.sleep(1_500);
    // What was with the process already may end; nothing new is asked.
    expect(state.encoded).toBeLessThanOrEqual(meanwhile + 1);
    expect(kept).toEqual([]);
    state.isActiveBusy = false;
    await until(() => kept.length === 1);
    expect((kept[0]!.outcome as { seconds: number }).seconds).toBeLessThan(1);
    await scoring.close();
  });

  it('drops a case when another package becomes the shadow, or the agent stops', async () => {
    const { scoring, state, kept } = setUp([caseOf(1)], () => {
      state.isCurrent = false;
      return Promise.resolve();
    });
    await until(() => state.released > 0);
    expect(kept).toEqual([]);
    await scoring.close();
  });

  it('keeps a failure as the answer after two attempts, and goes on', async () => {
    let asked = 0;
    const { scoring, kept, state } = setUp([caseOf(1), caseOf(2)], () => {
      // How many slices are asked for at a time depends on the machine: the lease tells the attempts apart.
      asked += 1;
      const attempt = state.released + 1;
      return kept.length === 0
        ? Promise.reject(new TriageError('inference-died', `It grew too large, attempt ${attempt}.`))
        : Promise.resolve();
    });
    await until(() => asked > 0);
    while (kept.length < 2) {
      scoring.nudge();
      await systemClock.sleep(5);
    }
    expect(kept[0]).toEqual({ study: studyUid(1), outcome: { failure: 'It grew too large, attempt 2.' } });
    expect(kept[1]!.outcome).toMatchObject({ findings: { probability: 0.45 } });
    await scoring.close();
  });
});
