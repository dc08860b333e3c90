import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scoreCurves } from '../../../src/thresholds/scoreCurves.ts';
import { isFlagged, thresholdFor } from '../../../src/thresholds/scoredScan.ts';
import { whatIf } from '../../../src/thresholds/whatIf.ts';
import { scansToVerify } from '../../../src/thresholds/scansToVerify.ts';
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

  it('lists every flip once, confirmed fractures first and lost ones at the very top', () => {
    const scans = scansOf([
      { score: 0.5, fracture: false, source: 'CT1' },
      { score: 0.5, source: 'CT1' },
      { score: 0.5, fracture: true, source: 'CT1' },
      { score: 0.5, fracture: true, source: 'CT2' },
      { score: 0.9, fracture: true, source: 'CT1' },
    ]);
    // CT1 becomes stricter, CT2 laxer.
    const { all } = whatIf(scans, rule(0.4, { CT2: 0.6 }), rule(0.6, { CT2: 0.4 })).flips;
    expect(all.map((flip) => [flip.studyInstanceUid, flip.change])).toEqual([
      ['1.2.3', 'lost'],
      ['1.2.4', 'gained'],
      ['1.2.2', 'lost'],
      ['1.2.1', 'lost'],
    ]);
  });

  it('gives counts only under ten fractures, and neither a curve nor a net benefit', () => {
    const few = known.filter((scan) => scan.fracture === false || scan.score > 0.55);
    const { proposed, netBenefit } = whatIf(few, rule(0.5), rule(0.4));
    expect(proposed.sensitivity).toEqual({ hits: 9, total: 9, estimate: null, standing: 'counts-only' });
    expect(proposed.ppv.standing).toBe('counts-only');
    expect(netBenefit).toEqual({ shown: false, why: 'too-few' });
    expect(scoreCurves(few)).toMatchObject({ roc: [], rocAuc: null, precisionRecall: [] });
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
    expect(toVerify).toEqual({ scans: scansToVerify(biased, 0.05), points: 5 });
    expect(truthKnown.flagged).toEqual({ known: 41, total: 41 });
    expect(truthKnown.unflagged).toEqual({ known: 189, total: 359 });
  });

  it('counts flags a day over whole days, empty ones too, and by hour', () => {
    const scans = scansOf([
      ...times(9, () => ({ score: 0.9, day: 0, hour: 23 })),
      ...times(2, () => ({ score: 0.9, day: 1, hour: 7 })),
      ...times(4, () => ({ score: 0.4, day: 1, hour: 8 })),
      { score: 0.9, day: 3, hour: 7 },
      ...times(9, () => ({ score: 0.9, day: 4, hour: 0 })),
    ]);
    const { now, proposed } = whatIf(scans, rule(0.5), rule(0.3));
    // Days 1, 2 and 3: 2, 0 and 1 flags; the first and the last day were not whole.
    expect(now.load).toMatchObject({ days: 3, mean: 1, median: 1, p95: 2 });
    expect(now.load!.byHour[7]).toBeCloseTo(1);
    expect(now.load!.byHour[23]).toBe(0);
    expect(proposed.load).toMatchObject({ days: 3, median: 1, p95: 6 });
    expect(whatIf([], rule(0.5), rule(0.3)).now.load).toBeNull();
  });

  it('shows net benefit only where the scores are calibrated', () => {
    // In each tenth as many fractures as the score says.
    const calibrated = scansOf(
      times(10, (tenth) => times(100, (i) => ({ score: (tenth + 0.5) / 10, fracture: i < tenth * 10 + 5 }))).flat(),
    );
    const shown = whatIf(calibrated, rule(0.5), rule(0.2)).netBenefit;
    // Above 0.2: 480 fractures and 320 others of 1000; false flags weigh a quarter.
    expect(shown).toMatchObject({ shown: true });
    if (shown.shown) {
      expect(shown.proposed).toBeCloseTo(0.48 - 0.32 / 4);
      expect(shown.flagAll).toBeCloseTo(0.5 - 0.5 / 4);
    }
    const boastful = calibrated.map((scan) => ({ ...scan, score: scan.score ** 0.3 }));
    expect(whatIf(boastful, rule(0.5), rule(0.2)).netBenefit).toEqual({ shown: false, why: 'not-calibrated' });
    // The same scores on a tenth of the scans: nothing speaks against them, and nothing was shown.
    const few = calibrated.filter((_, index) => index % 10 === 5);
    expect(few).toHaveLength(100);
    expect(whatIf(few, rule(0.5), rule(0.2)).netBenefit).toEqual({ shown: false, why: 'not-calibrated' });
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

describe('curves', () => {
  it('fall with the threshold, carry bands, and count every scan once', () => {
    const scans = scansOf([
      ...times(15, (i) => ({ score: 0.3 + i / 25, fracture: true })),
      ...times(60, (i) => ({ score: i / 100, fracture: false })),
      { score: 1 },
    ]);
    const curves = scoreCurves(scans);
    const sum = (bins: readonly number[]) => bins.reduce((total, count) => total + count, 0);
    expect([
      sum(curves.histogram.fracture),
      sum(curves.histogram.withoutFracture),
      sum(curves.histogram.unconfirmed),
    ]).toEqual([15, 60, 1]);
    expect(curves.histogram.unconfirmed.at(-1)).toBe(1);
    expect(curves.fractureScores).toHaveLength(15);
    const hits = curves.byThreshold.map((point) => point.sensitivity.hits);
    expect(hits).toEqual([...hits].sort((a, b) => b - a));
    expect(hits[0]).toBe(15);
    for (const { y, band } of [...curves.roc, ...curves.precisionRecall]) {
      expect(band.low).toBeLessThanOrEqual(y);
      expect(band.high).toBeGreaterThanOrEqual(y);
    }
    expect(curves.rocAuc!.value).toBeGreaterThan(0.8);
    expect(curves.roc.at(-1)).toMatchObject({ x: 1, y: 1 });
  });
});
