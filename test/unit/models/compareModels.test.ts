import { describe, expect, it } from 'vitest';
import { compareModels } from '../../../src/models/compareModels.ts';
import type { ShadowScore } from '../../../src/worklist/models/shadowScores.ts';

const ACTIVE = { name: 'compact', version: '1', sha256: 'a' };
const SHADOW = { name: 'compact', version: '2', sha256: 'b' };

function row(
  study: number,
  active: number | null,
  shadow: number | null,
  more: Partial<ShadowScore> = {},
): ShadowScore {
  const decide = (probability: number | null, threshold: number) =>
    probability === null ? 'not-analysed' : probability >= threshold ? 'suspected' : 'not-suspected';
  return {
    study_instance_uid: `1.${study}`,
    revision: 1,
    model_name: SHADOW.name,
    model_version: SHADOW.version,
    model_sha256: SHADOW.sha256,
    failure: null,
    decision: decide(shadow, 0.4),
    reason_code: shadow === null ? 'outside-domain' : null,
    reason: null,
    probability: shadow,
    threshold: 0.4,
    seconds: 3,
    slices: 40,
    active_model_name: ACTIVE.name,
    active_model_version: ACTIVE.version,
    active_model_sha256: ACTIVE.sha256,
    active_decision: decide(active, 0.5),
    active_reason_code: active === null ? 'outside-domain' : null,
    active_probability: active,
    active_threshold: 0.5,
    active_seconds: 1,
    created_at: study,
    fracture: null,
    ...more,
  };
}

describe('compareModels', () => {
  it('counts agreement at each one’s operating point and lists the flips', () => {
    const rows = [
      row(1, 0.9, 0.8),
      row(2, 0.2, 0.1),
      row(3, 0.3, 0.45),
      row(4, 0.6, 0.3),
      row(5, null, 0.2),
      row(6, 0.1, null),
      row(7, 0.1, 0.05),
    ];
    const comparison = compareModels(ACTIVE, SHADOW, rows);
    expect(comparison.cases).toBe(7);
    expect(comparison.decisions).toEqual({
      suspected: { suspected: 1, 'not-suspected': 1, 'not-analysed': 0 },
      'not-suspected': { suspected: 1, 'not-suspected': 2, 'not-analysed': 1 },
      'not-analysed': { suspected: 0, 'not-suspected': 1, 'not-analysed': 0 },
    });
    expect(comparison.agreement).toMatchObject({ cases: 5, share: { value: 0.6 } });
    // Wilson's interval of 3 in 5, and kappa (0.6 - 0.52) / (1 - 0.52), both by hand.
    expect(comparison.agreement.share!.low).toBeCloseTo(0.2307, 3);
    expect(comparison.agreement.share!.high).toBeCloseTo(0.8824, 3);
    expect(comparison.agreement.kappa).toBeCloseTo(0.1667, 3);
    expect(comparison.flips.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(['1.3', '1.4', '1.5', '1.6']);
    expect(comparison.notAnalysed).toEqual({ active: { 'outside-domain': 1 }, shadow: { 'outside-domain': 1 } });
    expect(comparison.secondsPerCase).toEqual({ active: 1, shadow: 3 });
  });

  it('measures how the scores go together', () => {
    const { scores } = compareModels(ACTIVE, SHADOW, [
      row(1, 0.1, 0.2),
      row(2, 0.2, 0.4),
      row(3, 0.3, 0.6),
      row(4, 0.4, 0.4),
    ]);
    expect(scores.pearson).toBeCloseTo(0.6325, 4);
    expect(scores.spearman).toBeCloseTo(0.6325, 4);
    expect(scores.meanDifference).toBeCloseTo(0.15);
    expect(scores.largestDifference).toBeCloseTo(0.3);
    expect(compareModels(ACTIVE, SHADOW, [row(1, 0.1, 0.2), row(2, 0.1, 0.3)]).scores).toMatchObject({
      cases: 2,
      pearson: null,
      spearman: null,
    });
  });

  it('holds both against the readers, where they gave a verdict', () => {
    const yes = { fracture: 'yes' as const };
    const no = { fracture: 'no' as const };
    const { readers } = compareModels(ACTIVE, SHADOW, [
      row(1, 0.9, 0.8, yes),
      row(2, 0.3, 0.45, yes),
      row(3, 0.6, 0.3, no),
      row(4, 0.1, 0.1, no),
      row(5, 0.9, 0.9),
      row(6, null, 0.2, yes),
    ]);
    expect(readers).toMatchObject({
      positives: 2,
      negatives: 2,
      active: { sensitivity: { value: 0.5 }, specificity: { value: 0.5 }, auc: { value: 0.75 } },
      shadow: { sensitivity: { value: 1 }, specificity: { value: 1 }, auc: { value: 1 } },
    });
    expect(compareModels(ACTIVE, SHADOW, [row(1, 0.9, 0.8)]).readers).toMatchObject({
      positives: 0,
      active: { sensitivity: null, auc: null },
    });
  });

  it('takes the newest revision, keeps failures apart, and leaves out what another package had judged', () => {
    const comparison = compareModels(ACTIVE, SHADOW, [
      row(1, 0.9, 0.1),
      row(1, 0.9, 0.9, { revision: 2 }),
      row(2, 0.9, null, { failure: 'cut off', decision: null, reason_code: null }),
      row(3, 0.9, 0.1, { active_model_sha256: 'older' }),
    ]);
    expect(comparison).toMatchObject({
      cases: 2,
      byEarlierPackages: 1,
      flips: [],
      failures: [{ studyInstanceUid: '1.2', failure: 'cut off' }],
      agreement: { cases: 1, share: { value: 1 } },
    });
  });

  it('says nothing of no cases', () => {
    expect(compareModels(ACTIVE, SHADOW, [])).toMatchObject({
      cases: 0,
      agreement: { share: null, kappa: null },
      scores: { pearson: null, meanDifference: null },
      secondsPerCase: { active: null },
    });
  });
});
