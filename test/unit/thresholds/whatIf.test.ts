import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFlagged, thresholdFor } from '../../../src/thresholds/scoredScan.ts';
import { whatIf } from '../../../src/thresholds/whatIf.ts';
import { scansOf, times } from './scans.ts';

const rule = (site: number | null, bySource: Record<string, number | null> = {}) => ({ site, bySource });

describe('rule', () => {
  it('flags at the threshold, takes that of the source where there is one, and nothing while flags are stopped', () => {
    expect(thresholdFor(rule(0.5, { CT2: 0.3 }), 'CT2')).toBe(0.3);
    expect(thresholdFor(rule(0.5, { CT2: null }), 'CT2')).toBeNull();
    expect(thresholdFor(rule(0.5), 'constructor')).toBe(0.5);
    expect(isFlagged(rule(0.5), { score: 0.5, sourceAeTitle: 'CT1' })).toBe(true);
    expect(isFlagged(rule(0.5), { score: 0.4999, sourceAeTitle: 'CT1' })).toBe(false);
    expect(isFlagged(rule(null), { score: 1, sourceAeTitle: 'CT1' })).toBe(false);
  });
});

describe('consequences of a change', () => {
  // 20 fractures at 0.05, 0.1 ... 1.00 and 180 others, over five days of which the truth is known.
  const known = scansOf([
    ...times(20, (i) => ({ score: (i + 1) / 20, fracture: true, day: i % 5 })),
    ...times(180, (i) => ({ score: (i + 0.5) / 400, fracture: false, day: i % 5 })),
  ]);

  it('counts first, then percentages with Wilson intervals', () => {
    const { proposed, now, fractures, withoutFracture, flips } = whatIf(known, rule(0.62), rule(0.3));
    expect([fractures, withoutFracture]).toEqual([20, 180]);
    expect(proposed.sensitivity).toMatchObject({ hits: 15, total: 20 });
    expect(now.sensitivity).toMatchObject({ hits: 8, total: 20 });
    // Wilson, 15 of 20, by hand.
    expect(proposed.sensitivity.estimate!.low).toBeCloseTo(0.5313, 4);
    expect(proposed.sensitivity.estimate!.high).toBeCloseTo(0.8881, 4);
    expect(proposed.sensitivity.standing).toBe('uncertain');
    expect(proposed.specificity).toMatchObject({ hits: 120, total: 180, standing: 'shown' });
    expect(proposed.ppv).toMatchObject({ hits: 15, total: 75 });
    expect(flips).toMatchObject({ fracturesGained: 7, fracturesLost: 0 });
  });

  it('gives counts only under ten fractures, and no net benefit', () => {
    const few = known.filter((scan) => scan.fracture === false || scan.score > 0.55);
    const { proposed, netBenefit } = whatIf(few, rule(0.5), rule(0.4));
    expect(proposed.sensitivity).toEqual({ hits: 9, total: 9, estimate: null, standing: 'counts-only' });
    expect(proposed.ppv.standing).toBe('counts-only');
    expect(netBenefit).toEqual({ shown: false, why: 'too-few' });
  });

  it('rests the net benefit on days with known truth only, and says how much truth is known and how much more is wanted', () => {
    // Two more days on which readers confirmed only what was flagged.
    const biased = [
      ...known,
      ...scansOf([
        ...times(30, () => ({ score: 0.9, fracture: true, day: 8 })),
        ...times(170, () => ({ score: 0.1, day: 8 })),
      ]),
    ];
    const { proposed, consecutive, truthKnown, toVerify } = whatIf(biased, rule(0.5), rule(0.3));
    expect(consecutive).toEqual({ scans: 200, fractures: 20 });
    expect(proposed.ppv).toMatchObject({ hits: 45, total: 105 });
    expect(proposed.sensitivity).toMatchObject({ hits: 45, total: 50 });
    // All that are left.
    expect(toVerify).toEqual({ scans: 170, points: 5 });
    expect(truthKnown.flagged).toEqual({ known: 41, total: 41 });
    expect(truthKnown.unflagged).toEqual({ known: 189, total: 359 });
  });

  it('says how many more scans must be verified until sensitivity is known to within five points', () => {
    const { toVerify } = whatIf(
      scansOf([
        ...times(100, (index) => ({ score: 0.9, fracture: index < 80 })),
        ...times(399, (index) => ({ score: 0.1, fracture: index < 1 })),
        ...times(601, () => ({ score: 0.1 })),
      ]),
      rule(0.5),
      rule(0.3),
    );
    // Found 79.70 (80.5/101 of 100), missed 3.75 (1.5/400 of 1,000): sensitivity 0.9551; (1.96 * 0.9551 * 0.0449 / 0.05)^2 * 0.99625/0.00375 = 751.8; 399 are known.
    expect(toVerify).toEqual({ scans: 353, points: 5 });
  });

  it('breaks down by source and scanner where there are several', () => {
    const scans = scansOf([
      { score: 0.9, fracture: true },
      { score: 0.9, source: 'CT2' },
      { score: 0.2, source: 'CT2' },
    ]);
    const { subgroups } = whatIf(scans, rule(0.5), rule(0.1));
    expect(
      subgroups.map(({ kind, name, scans: count, fractures, now, proposed }) => [
        kind,
        name,
        count,
        fractures,
        now.flags,
        proposed.flags,
      ]),
    ).toEqual([
      ['source', 'CT2', 2, 0, 1, 2],
      ['source', 'CT1', 1, 1, 1, 1],
    ]);
  });

  it('adds up for every rule and every site', () => {
    const wish = fc.record({
      score: fc.double({ min: 0, max: 1, noNaN: true }),
      fracture: fc.option(fc.boolean()),
      source: fc.constantFrom('CT1', 'CT2'),
      day: fc.nat(9),
      hour: fc.nat(23),
    });
    const value = fc.option(fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(
        fc.array(wish, { maxLength: 80 }).map(scansOf),
        value,
        value,
        value,
        (scans, before, after, ofCt2) => {
          const result = whatIf(scans, rule(before), rule(after, { CT2: ofCt2 }));
          expect(result.fractures + result.withoutFracture + result.unconfirmed).toBe(scans.length);
          const gained = result.flips.all.filter((flip) => flip.change === 'gained').length;
          expect(result.proposed.flags - result.now.flags).toBe(gained - (result.flips.all.length - gained));
          expect(result.proposed.sensitivity.hits - result.now.sensitivity.hits).toBe(
            result.flips.fracturesGained - result.flips.fracturesLost,
          );
          const { byHour, mean } = result.proposed.load ?? { byHour: [], mean: 0 };
          expect(byHour.reduce((sum, count) => sum + count, 0)).toBeCloseTo(mean);
          for (const { fracture } of result.flips.all.slice(
            0,
            result.flips.fracturesGained + result.flips.fracturesLost,
          ))
            expect(fracture).toBe(true);
        },
      ),
    );
  });
});
