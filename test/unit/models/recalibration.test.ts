import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { loadModelPackage } from '../../../src/infer/modelCard.ts';
import { caseScore } from '../../../src/infer/onnxGraphs.ts';
import { nextSiteVersion, recalibratedCard } from '../../../src/models/recalibration.ts';
import { composed, recalibrated, recalibrationOf } from '../../../src/statistics/calibration.ts';
import type { ScoredScan } from '../../../src/thresholds/scoredScan.ts';
import { fitToVerdicts } from '../../../src/thresholds/verdictFit.ts';

const logistic = (logit: number): number => 1 / (1 + Math.exp(-logit));
const THRESHOLD = 0.3;
/** What the invented package says too high and too boldly: the truth is at -1.2 + 0.6 times its logit. */
const TRUE_MAP = { intercept: -1.2, slope: 0.6 };

/** A site whose readers verify 80 % of the flagged scans and 10 % of the others. */
function site(
  count: number,
  verified = { flagged: 0.8, others: 0.1 },
  truth = (logit: number) => logistic(TRUE_MAP.intercept + TRUE_MAP.slope * logit),
): ScoredScan[] {
  const random = seededRandom('recalibration', count);
  return Array.from({ length: count }, (_, i): ScoredScan => {
    const logit = random.normal(-2, 2.5);
    const score = logistic(logit);
    const isBroken = random.chance(truth(logit));
    const wasFlagged = score >= THRESHOLD;
    return {
      studyInstanceUid: `1.2.${i}`,
      score,
      fracture: random.chance(wasFlagged ? verified.flagged : verified.others) ? isBroken : null,
      wasFlagged,
      patient: i,
      sourceAeTitle: 'CT1',
      scanner: '',
      arrivedAtMs: i,
      localDay: '2026-11-29',
      localHour: 3,
    };
  });
}

describe('fitToVerdicts', () => {
  it('finds the map that was put in, though mostly flagged scans were verified', () => {
    const { intercept, slope, cases, positives } = fitToVerdicts(site(20_000));
    expect(intercept.low).toBeLessThan(TRUE_MAP.intercept);
    expect(intercept.high).toBeGreaterThan(TRUE_MAP.intercept);
    expect(slope.low).toBeLessThan(TRUE_MAP.slope);
    expect(slope.high).toBeGreaterThan(TRUE_MAP.slope);
    expect([slope.high - slope.low < 0.15, positives < cases]).toEqual([true, true]);
  });

  it('fits all scans and not mostly the flagged ones, where no line fits both', () => {
    // Among flagged scans nothing depends on the score, among the others much.
    const bent = (logit: number): number => (logit > -0.8 ? 0.3 : logistic(logit));
    const all = fitToVerdicts(site(20_000, { flagged: 1, others: 1 }, bent));
    const some = fitToVerdicts(site(20_000, { flagged: 0.8, others: 0.1 }, bent));
    for (const name of ['intercept', 'slope'] as const) {
      expect(some[name].low).toBeLessThan(all[name].value);
      expect(some[name].high).toBeGreaterThan(all[name].value);
    }
  });

  it('refuses what cannot be fitted, with what to do', () => {
    expect(() => fitToVerdicts(site(60))).toThrow(/20 of each are wanted\. Give verdicts on more cases/);
    expect(() => fitToVerdicts(site(2_000, { flagged: 0.8, others: 0 }))).toThrow(/No verdict is known of any scan/);
    const upsideDown = site(4_000).map((scan) => ({ ...scan, score: 1 - scan.score }));
    expect(() => fitToVerdicts(upsideDown)).toThrow(/Higher scores do not mean more fractures/);
  });
});

describe('the map', () => {
  it('is weighted as if each case were there as often as it stands for', () => {
    const [scores, labels] = [
      [0.1, 0.3, 0.4, 0.6, 0.7, 0.9],
      [false, false, true, false, true, true],
    ];
    const samples = scores.map((score, i) => ({ score, label: labels[i]! }));
    const times = [1, 2, 3, 1, 2, 1];
    const copies = samples.flatMap((sample, i) => Array.from({ length: times[i]! }, () => ({ sample, of: String(i) })));
    const alone = recalibrationOf(
      samples,
      times,
      samples.map((_, i) => String(i)),
    )!;
    const repeated = recalibrationOf(
      copies.map(({ sample }) => sample),
      copies.map(() => 1),
      copies.map(({ of }) => of),
    )!;
    for (const name of ['intercept', 'slope'] as const)
      for (const bound of ['value', 'low', 'high'] as const)
        expect(alone[name][bound]).toBeCloseTo(repeated[name][bound], 8);
  });

  it('keeps the order of all probabilities, and one after another is one', () => {
    const probabilities = [0, 1e-9, 0.001, 0.2, 0.5, 0.99, 0.9999999, 1];
    const mapped = probabilities.map((probability) => recalibrated(probability, TRUE_MAP));
    expect(mapped).toEqual([...new Set(mapped)].sort((a, b) => a - b));
    // logistic(-1.2 + 0.6 * ln 4).
    expect(recalibrated(0.8, TRUE_MAP)).toBeCloseTo(0.40897, 5);
    const second = { intercept: 0.4, slope: 2 };
    expect(recalibrated(recalibrated(0.8, TRUE_MAP), second)).toBeCloseTo(
      recalibrated(0.8, composed(TRUE_MAP, second)),
      12,
    );
  });
});

describe('the recalibrated package', () => {
  it('flags the same scans at its own operating point, and says what was done', async () => {
    const { card, identity } = await loadModelPackage('models/compact');
    const estimate = (value: number) => ({ value, low: value - 0.1, high: value + 0.1 });
    const fit = { intercept: estimate(-1.2), slope: estimate(0.6), cases: 61, positives: 23 };
    const act = { base: identity, fit, by: 'ada', reason: 'too many false flags', atMs: Date.UTC(2026, 10, 30) };
    const once = recalibratedCard(card, act);
    expect(once).toMatchObject({
      version: `${card.version}+site.1`,
      golden: card.golden,
      calibration: {
        method: 'platt, then on 61 verdicts of a site (23 fractures)',
        site: {
          intercept: -1.2,
          slope: 0.6,
          by: 'ada',
          reason: 'too many false flags',
          at: '2026-11-30T00:00:00.000Z',
        },
      },
    });
    const raw = (probability: number) => ({
      probability,
      scores: new Float32Array([0.1]),
      domainDistances: new Float32Array([0.5]),
      levels: null,
    });
    const [before, after] = [card.operatingPoints[0]!.threshold, once.operatingPoints[0]!.threshold];
    for (const probability of [0.01, before - 1e-6, before, before + 1e-6, 0.97]) {
      const scored = caseScore(raw(probability), once).probability;
      expect(scored).toBeCloseTo(recalibrated(probability, TRUE_MAP), 12);
      expect(scored >= after).toBe(probability >= before);
      expect(caseScore(raw(probability), card).probability).toBe(probability);
    }
    // A second time: the site's map is that of both.
    const twice = recalibratedCard(once, { ...act, fit: { ...fit, intercept: estimate(0.4), slope: estimate(2) } });
    expect(twice.version).toBe(`${card.version}+site.2`);
    expect(twice.calibration.site!.slope).toBeCloseTo(1.2, 12);
    expect(twice.calibration.site!.intercept).toBeCloseTo(-2, 12);
    expect(twice.calibration.method).toBe('platt, then on 61 verdicts of a site (23 fractures)');
  });

  it('has a version after that of its base', () => {
    expect(['1.3.0', '1.3.0+site.1', '1.3.0+site.19'].map(nextSiteVersion)).toEqual([
      '1.3.0+site.1',
      '1.3.0+site.2',
      '1.3.0+site.20',
    ]);
  });
});
