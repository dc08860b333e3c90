import { describe, expect, it } from 'vitest';
import { scansToVerify } from '../../../src/thresholds/scansToVerify.ts';
import { verificationWeights, verifiedRates } from '../../../src/thresholds/verifiedRates.ts';
import { scansOf, times, type ScanWishes } from './scans.ts';

const flaggedAtHalf = (scan: { score: number }) => (scan.score >= 0.5 ? 1 : 0);
const ratesOf = (wishes: readonly ScanWishes[]) => {
  const { rules, area } = verifiedRates(scansOf(wishes), 1, flaggedAtHalf);
  return { ...rules[0]!, area };
};

describe('rates as if every scan were verified', () => {
  it('weights by hand: 8 of 10 flagged and 5 of 50 other scans are known', () => {
    const { sensitivity, specificity, ppv } = ratesOf([
      ...times(12, () => ({ score: 0.9, fracture: true })),
      ...times(4, () => ({ score: 0.8, fracture: false })),
      ...times(4, () => ({ score: 0.7 })),
      ...times(2, () => ({ score: 0.2, fracture: true })),
      ...times(18, () => ({ score: 0.1, fracture: false })),
      ...times(180, () => ({ score: 0.3 })),
    ]);
    // A known flagged scan stands for 20/16 scans, another one for 200/20.
    expect(sensitivity).toMatchObject({ hits: 12, total: 14 });
    expect(sensitivity.estimate!.value).toBeCloseTo((12 * 1.25) / (12 * 1.25 + 2 * 10), 10);
    expect(specificity).toMatchObject({ hits: 18, total: 22 });
    expect(specificity.estimate!.value).toBeCloseTo((18 * 10) / (18 * 10 + 4 * 1.25), 10);
    // Of flagged scans alone, whatever is known of the others.
    expect(ppv.estimate!.value).toBeCloseTo(12 / 16, 10);
  });

  it('are those of the known scans, with their intervals, where half of either kind is known', () => {
    const { sensitivity, area } = ratesOf([
      ...times(44, (index) => ({ score: 0.9, fracture: index < 22 ? index < 12 : null })),
      ...times(36, (index) => ({ score: 0.1, fracture: index < 18 ? index < 8 : null })),
    ]);
    expect(sensitivity).toMatchObject({ hits: 12, total: 20 });
    // Wilson, 12 of 20.
    expect(sensitivity.estimate!.low).toBeCloseTo(0.3866, 4);
    expect(sensitivity.estimate!.high).toBeCloseTo(0.7812, 4);
    // 12 of 20 fractures and 10 of 20 others are flagged; equal scores count half.
    expect(area!.value).toBeCloseTo(0.6 * 0.5 + 0.5 * (0.6 * 0.5 + 0.4 * 0.5), 9);
  });

  it('says that nobody can know while no unflagged scan has a verdict, and gives the predictive value all the same', () => {
    const { sensitivity, specificity, ppv, area } = ratesOf([
      ...times(30, (index) => ({ score: 0.9, fracture: index < 20 })),
      ...times(70, () => ({ score: 0.1 })),
    ]);
    expect(sensitivity).toEqual({ hits: 20, total: 20, estimate: null, standing: 'unverified' });
    expect(specificity.standing).toBe('unverified');
    expect(area).toBeNull();
    expect(ppv.estimate!.value).toBeCloseTo(20 / 30, 10);
  });

  it('a few unflagged scans without a fracture do not make the network perfect', () => {
    const { sensitivity } = ratesOf([
      ...times(40, () => ({ score: 0.9, fracture: true })),
      ...times(10, () => ({ score: 0.1, fracture: false })),
      ...times(990, () => ({ score: 0.1 })),
    ]);
    expect(sensitivity.estimate!.value).toBe(1);
    expect(sensitivity.estimate!.low).toBeLessThan(0.2);
    expect(sensitivity.standing).toBe('uncertain');
  });

  it('a patient who was scanned ten times does not count ten times', () => {
    const scans = (patients: number) =>
      times(200, (index) => ({
        score: (index * 7) % patients < patients / 3 ? 0.2 : 0.9,
        fracture: index % 2 === 0,
        patient: (index * 7) % patients,
      }));
    const width = (patients: number) => {
      const { low, high } = ratesOf(scans(patients)).sensitivity.estimate!;
      return high - low;
    };
    expect(width(20)).toBeGreaterThan(2 * width(200));
  });

  it('scans that are gone weigh by what is known of their own kind', () => {
    const gone = scansOf(times(40, (index) => ({ score: 0.9, fracture: index < 10 ? true : null }))).map((scan) => ({
      ...scan,
      wasFlagged: null,
    }));
    const here = scansOf([
      ...times(20, () => ({ score: 0.9, fracture: false })),
      ...times(20, () => ({ score: 0.1, fracture: true })),
    ]);
    const { sensitivity } = verifiedRates([...gone, ...here], 1, flaggedAtHalf).rules[0]!;
    expect(sensitivity.estimate!.value).toBeCloseTo(40 / 60, 10);
  });
});

describe('how many scans each verified scan stands for', () => {
  const scans = scansOf([
    { score: 0.9, fracture: true },
    { score: 0.8 },
    { score: 0.7, fracture: false },
    { score: 0.6 },
    { score: 0.55 },
    { score: 0.1, fracture: false },
    { score: 0.2 },
  ]);

  it('is the inverse of the known share of those that were decided like it', () => {
    expect(verificationWeights(scans)).toEqual([2.5, 0, 2.5, 0, 0, 2, 0]);
    // One that is gone stands for itself.
    expect(verificationWeights([...scans, { ...scans[0]!, wasFlagged: null }])).toEqual([2.5, 0, 2.5, 0, 0, 2, 0, 1]);
  });

  it('is nothing when nobody stands for a scan that was flagged, or was not', () => {
    expect(verificationWeights(scans.slice(1))).toEqual([0, 4, 0, 0, 2, 0]);
    expect(verificationWeights(scans.filter(({ score }) => score < 0.5 || score === 0.8))).toBeNull();
    expect(verificationWeights(scans.filter(({ score }) => score !== 0.1))).toBeNull();
    expect(verificationWeights([{ ...scans[1]!, wasFlagged: null }])).toEqual([0]);
  });
});

describe('scans still to verify', () => {
  it('by hand: 95 % interval of five points either way', () => {
    const scans = scansOf([
      ...times(100, (index) => ({ score: 0.9, fracture: index < 80 })),
      ...times(99, (index) => ({ score: 0.1, fracture: index < 1 })),
      ...times(901, () => ({ score: 0.1 })),
    ]);
    // Found 79.7 (80.5/101 of 100), missed 15 of 1,000 (1.5/100): sensitivity 0.8416; (1.96 * 0.8416 * 0.1584 / 0.05)^2 * 0.985/0.015 = 1,793.
    expect(scansToVerify(scans, 0.2)).toBe(14);
    // Flagged: 6 of 10, found 5.909. Others: 1 of 4, missed 15 of 50: sensitivity 0.2826; (1.96 * 0.2826 * 0.7174 / 0.1)^2 * 0.7/0.3 = 36.8.
    const few = scansOf([
      ...times(10, (index) => ({ score: 0.9, fracture: index < 6 })),
      ...times(4, (index) => ({ score: 0.1, fracture: index < 1 })),
      ...times(46, () => ({ score: 0.1 })),
    ]);
    expect(scansToVerify(few, 0.1)).toBe(33);
    // For half of it 2 are enough, and 4 are known.
    expect(scansToVerify(few, 0.5)).toBe(0);
    // No more than there are.
    expect(scansToVerify(scans, 0.05)).toBe(901);
  });

  it('none once enough are known', () => {
    const scans = scansOf([
      ...times(100, (index) => ({ score: 0.9, fracture: index < 80 })),
      ...times(900, () => ({ score: 0.1, fracture: false })),
    ]);
    expect(scansToVerify(scans, 0.05)).toBe(0);
  });
});
