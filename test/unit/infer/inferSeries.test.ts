import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CaseManifest, EncodedSlice, SliceCrop } from '../../../src/case/case.ts';
import { VERTEBRAE, type Vertebra } from '../../../src/case/vertebrae.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { inferSeries } from '../../../src/infer/inferSeries.ts';
import { inferStudy } from '../../../src/infer/inferStudy.ts';
import type { InferSeriesOptions } from '../../../src/infer/inferSeries.ts';
import { SLICES_AT_ONCE } from '../../../src/infer/slicesAtOnce.ts';
import type { CaseScore, TriageModel } from '../../../src/case/triageModel.ts';

/** A field of its own for each slice, so that a slice cannot have another one's unseen. */
const cropOf = (mark: number): SliceCrop => ({
  top: mark,
  left: 2 * mark,
  bottom: mark + 10,
  right: 2 * mark + 20,
  transpose: mark % 2 === 1,
  flipRows: mark % 3 === 1,
  flipColumns: mark % 5 === 1,
  rows: 1_000 + mark,
  columns: 2_000 + mark,
  fullFrame: mark % 7 === 1,
});
/** One vertebra or two neighbours, another set for each of fifteen slices. */
const levelsOf = (mark: number): Vertebra[] => VERTEBRAE.slice(mark % 8, (mark % 8) + 1 + (Math.floor(mark / 8) % 2));
const encodedAs = (mark: number): EncodedSlice => ({
  feature: Float32Array.of(mark),
  imageProbability: mark / 1000,
  cam: Float32Array.of(mark, mark + 0.5),
  camRows: 1,
  camColumns: 2,
  crop: cropOf(mark),
  anatomy: null,
  texture: null,
});

function manifestOf(count: number, sliceSpacingMm = 2): CaseManifest {
  return {
    seriesInstanceUid: '1.2',
    slices: Array.from({ length: count }, (_, index) => ({
      sopInstanceUid: `1.2.${index}`,
      instanceNumber: 100 + index,
      sopClassUid: '1',
      path: `p/${index}`,
      sha256: `h${index}`,
      positionMm: -index * sliceSpacingMm,
    })),
    sliceSpacingMm,
    coverageMm: count * sliceSpacingMm,
    gaps: [],
    duplicateSopInstanceUids: [],
    series: [
      {
        seriesInstanceUid: '1.2',
        seriesNumber: 4,
        seriesDescription: '',
        modality: 'CT',
        instances: count,
        eligible: true,
        chosen: true,
        code: 'chosen',
        reason: '',
      },
    ],
    inputSha256: 'x',
  };
}

/** A stand-in for the network: slice `p/7` is encoded as the number 7. */
function stubModel(
  score: Partial<CaseScore>,
  encode: (index: number) => Promise<EncodedSlice> = async (index) => Promise.resolve(encodedAs(index)),
): { model: TriageModel; asked: string[]; classified: number[] } {
  const asked: string[] = [];
  const classified: number[] = [];
  const model: TriageModel = {
    identity: { name: 'stub', version: '1', sha256: 'f'.repeat(64) },
    provider: 'cpu',
    defaultThreshold: 0.5,
    encodeSlice: async (path) => {
      asked.push(path);
      return encode(Number(path.split('/').at(-1)));
    },
    classify: async (slices) => {
      classified.push(...slices.map((slice) => slice.feature[0]!));
      return Promise.resolve({
        probability: 0.7,
        sliceScores: slices.map(() => 0.5),
        sliceLevels: slices.map((_, index) => levelsOf(index)),
        domainDistance: 1,
        domainLimit: 3,
        outsideDomain: null,
        ...score,
      });
    },
    decodeSlice: async () => Promise.reject(new Error('not asked for')),
    decodeLines: async () => Promise.reject(new Error('not asked for')),
    peakRssBytes: async () => Promise.resolve(0),
    close: async () => Promise.resolve(),
  };
  return { model, asked, classified };
}

const run = (
  manifest: CaseManifest,
  model: TriageModel,
  more: Partial<InferSeriesOptions> = {},
): ReturnType<typeof inferSeries> =>
  inferSeries({
    manifest,
    model,
    cached: new Map(),
    resolvePath: (spoolPath) => `/spool/${spoolPath}`,
    threshold: { version: 4, value: 0.6 },
    clock: systemClock,
    ...more,
  });

describe('inferSeries', () => {
  it('encodes what is missing, classifies in manifest order, and hands over what is new', async () => {
    // The earlier slices take longer: order must not come from arrival.
    const { model, asked, classified } = stubModel({}, async (index) => {
      await systemClock.sleep(20 - index * 2);
      return encodedAs(index);
    });
    const kept: string[] = [];
    const findings = await run(manifestOf(8), model, {
      cached: new Map([
        ['h2', encodedAs(2)],
        ['h5', encodedAs(5)],
      ]),
      onEncoded: (sha256) => void kept.push(sha256),
    });
    expect(classified).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(asked.sort()).toEqual([0, 1, 3, 4, 6, 7].map((index) => `/spool/p/${index}`));
    expect(kept.sort()).toEqual(['h0', 'h1', 'h3', 'h4', 'h6', 'h7']);
    expect(findings.slices[3]).toEqual({ sopInstanceUid: '1.2.3', score: 0.5, imageProbability: 0.003 });
    expect(findings.threshold).toEqual({ value: 0.6, version: 4 });
    expect(Object.keys(findings.seconds).sort()).toEqual(['classify', 'encode', 'total']);
  });

  it('decides by the threshold: suspected at or above it', async () => {
    for (const [probability, decision] of [
      [0.61, 'suspected'],
      [0.6, 'suspected'],
      [0.59, 'not-suspected'],
    ] as const) {
      const findings = await run(manifestOf(4), stubModel({ probability }).model);
      expect(findings).toMatchObject({ decision, probability, reason: null, reasonCode: null });
      expect(findings.keySlices.length > 0).toBe(decision === 'suspected');
    }
  });

  it('names on a key slice the vertebrae that are suspected most among those it cuts, and the side', async () => {
    const vertebrae = VERTEBRAE.map((level, index) => ({
      level,
      probability: [0.1, 0.3, 0.8, 0.39, 0.4, 0, 0, 0][index]!,
    }));
    const score = {
      probability: 0.9,
      sliceScores: [0.9, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, 0.7],
      sliceLevels: Array.from({ length: 11 }, (_, index): Vertebra[] =>
        index === 0 ? ['C2', 'C3', 'C4', 'C5'] : index === 5 ? ['C6', 'C7'] : [],
      ),
      vertebrae,
      sliceSides: Array.from({ length: 11 }, (_, index) => (index === 5 ? ('right' as const) : null)),
    };
    const findings = await run(manifestOf(11), stubModel(score).model);
    expect(findings.vertebrae).toEqual(vertebrae);
    expect(findings.keySlices.map(({ levels }) => levels)).toEqual([['C3', 'C5'], ['C6', 'C7'], []]);
    expect(findings.keySlices.map((slice) => ('side' in slice ? slice.side : 'absent'))).toEqual([
      'absent',
      'right',
      'absent',
    ]);
  });

  it('gives no number outside the domain', async () => {
    const findings = await run(
      manifestOf(4),
      stubModel({ probability: 0.99, outsideDomain: 'far off', domainDistance: 9 }).model,
    );
    expect(findings).toMatchObject({
      decision: 'not-analysed',
      reasonCode: 'outside-domain',
      probability: null,
      slices: [],
      keySlices: [],
      domainDistance: 9,
      domainLimit: 3,
    });
    expect(findings.reason).toBe('Outside tested range (far off) - not scored. Read as usual');
  });

  it('does not score a case with a slice that cannot be read, and says how many and which', async () => {
    const { model, classified } = stubModel({}, async (index) => {
      if (index === 2 || index === 6) throw new TriageError('pixel-data-undecodable', 'RLE cut off.');
      return Promise.resolve(encodedAs(index));
    });
    const findings = await run(manifestOf(8), model);
    expect(findings).toMatchObject({ decision: 'not-analysed', reasonCode: 'pixel-data', probability: null });
    expect(findings.reason).toBe(
      '2 of 8 slices cannot be read (slices 3, 7 from the top: RLE cut off.) - not scored. Read as usual',
    );
    expect(classified).toEqual([]);
  });

  it('does not score a case with a single slice that cannot be read either', async () => {
    const { model, classified } = stubModel({}, async (index) => {
      if (index === 3) throw new TriageError('geometry-unusable', 'Not axial.');
      return Promise.resolve(encodedAs(index));
    });
    const findings = await run(manifestOf(8), model);
    expect(findings).toMatchObject({ decision: 'not-analysed', reasonCode: 'pixel-data', probability: null });
    expect(findings.reason).toBe(
      '1 of 8 slices cannot be read (slice 4 from the top: Not axial.) - not scored. Read as usual',
    );
    expect(classified).toEqual([]);
  });

  it('says how long encoding, classifying and both took, seconds', async () => {
    let nowMs = 1_000;
    const model = stubModel({}, async (index) => {
      nowMs += 700;
      return Promise.resolve(encodedAs(index));
    }).model;
    const classify = model.classify.bind(model);
    model.classify = async (...slices) => {
      nowMs += 250;
      return classify(...slices);
    };
    const { seconds } = await run(manifestOf(3), model, { clock: { ...systemClock, monotonicMs: () => nowMs } });
    expect(seconds).toEqual({ encode: 2.1, classify: 0.25, total: 2.35 });
  });

  it('takes peaks that lie eight millimetres apart, and none that lie nearer', async () => {
    const scores = [0.1, 0.9, 0.1, 0.8, 0.1, 0.85, 0.1];
    const keySlices = async (spacingMm: number) =>
      (await run(manifestOf(scores.length, spacingMm), stubModel({ sliceScores: scores }).model)).keySlices;
    expect((await keySlices(2)).map(({ sliceIndex }) => sliceIndex)).toEqual([1, 5]);
    expect((await keySlices(4)).map(({ sliceIndex }) => sliceIndex)).toEqual([1, 5, 3]);
    expect((await keySlices(1.9)).map(({ sliceIndex }) => sliceIndex)).toEqual([1]);
  });

  it.each([
    ['a plateau is one peak, its first slice', [0.1, 0.9, 0.9, 0.1], [1]],
    ['a slope has its top only', [0.9, 0.8, 0.7], [0]],
    ['a slope from below, too', [0.7, 0.8, 0.9], [2]],
    ['of equal peaks the upper one comes first', [0.1, 0.6, 0.1, 0.6, 0.1, 0.6], [1, 3, 5]],
    ['half of the best score is enough', [0.1, 0.8, 0.1, 0.4, 0.1, 0.39], [1, 3]],
  ])('key slices: %s', async (_rule, scores, expected) => {
    // Neighbours of a plateau lie nearer than the distance of key slices; all others farther.
    const spacingMm = expected.length === 1 && scores.length === 4 ? 2 : 9;
    const { keySlices } = await run(manifestOf(scores.length, spacingMm), stubModel({ sliceScores: scores }).model);
    expect(keySlices.map(({ sliceIndex }) => sliceIndex)).toEqual(expected);
  });

  it('names unreadable slices from the top, whichever was found first', async () => {
    const { model } = stubModel({}, async (index) => {
      if (index === 0) await systemClock.sleep(30);
      if (index <= 1) throw new TriageError('pixel-data-undecodable', `Slice ${index} is cut off.`);
      return encodedAs(index);
    });
    expect((await run(manifestOf(4), model)).reason).toContain('(slices 1, 2 from the top: Slice 0 is cut off.)');
  });

  it('passes on failures that another try may mend, asking for no more slices', async () => {
    const { model, asked } = stubModel({}, async (index) => {
      if (index === 3) throw new TriageError('inference-died', 'gone');
      return Promise.resolve(encodedAs(index));
    });
    await expect(run(manifestOf(20 * SLICES_AT_ONCE), model)).rejects.toMatchObject({ code: 'inference-died' });
    expect(asked.length).toBeLessThan(4 + 2 * SLICES_AT_ONCE);
    await expect(
      run(manifestOf(3), stubModel({}).model, { heartbeat: () => Promise.reject(new Error('lease lost')) }),
    ).rejects.toThrow('lease lost');
    await expect(run(manifestOf(3), stubModel({ probability: Number.NaN }).model)).rejects.toMatchObject({
      code: 'inference-failed',
    });
    await expect(run(manifestOf(3), stubModel({ sliceScores: [1] }).model)).rejects.toMatchObject({
      code: 'inference-failed',
    });
  });

  it('picks peaks as key slices', async () => {
    const scores = [0.1, 0.2, 0.9, 0.85, 0.84, 0.3, 0.3, 0.6, 0.1, 0.1, 0.1, 0.1, 0.44, 0.1];
    const { keySlices } = await run(manifestOf(scores.length), stubModel({ sliceScores: scores }).model);
    expect(keySlices.map((slice) => slice.sliceIndex)).toEqual([2, 7]);
    expect(keySlices[0]).toEqual({
      sopInstanceUid: '1.2.2',
      sliceIndex: 2,
      seriesNumber: 4,
      instanceNumber: 102,
      score: 0.9,
      levels: ['C3'],
      cam: [2, 2.5],
      camRows: 1,
      camColumns: 2,
      crop: cropOf(2),
    });
    expect(keySlices[1]).toEqual({
      sopInstanceUid: '1.2.7',
      sliceIndex: 7,
      seriesNumber: 4,
      instanceNumber: 107,
      score: 0.6,
      levels: ['T1'],
      cam: [7, 7.5],
      camRows: 1,
      camColumns: 2,
      crop: cropOf(7),
    });
  });

  it('has key slices that hold the best one, lie apart and are at most five (property)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 1, maxLength: 120 }),
        fc.constantFrom(0.5, 1, 2, 3),
        async (scores, spacing) => {
          const cached = new Map(scores.map((_, index) => [`h${index}`, encodedAs(index)]));
          const { keySlices, slices } = await run(
            manifestOf(scores.length, spacing),
            stubModel({ sliceScores: scores }).model,
            { cached },
          );
          expect(slices.map(({ sopInstanceUid, score }) => [sopInstanceUid, score])).toEqual(
            scores.map((score, index) => [`1.2.${index}`, score]),
          );
          for (const { sliceIndex, ...keySlice } of keySlices) {
            expect(keySlice).toEqual({
              sopInstanceUid: `1.2.${sliceIndex}`,
              seriesNumber: 4,
              instanceNumber: 100 + sliceIndex,
              score: scores[sliceIndex],
              levels: levelsOf(sliceIndex),
              cam: [sliceIndex, sliceIndex + 0.5],
              camRows: 1,
              camColumns: 2,
              crop: cropOf(sliceIndex),
            });
          }
          expect(keySlices[0]!.score).toBe(Math.max(...scores));
          expect(keySlices.length).toBeLessThanOrEqual(5);
          const positions = keySlices.map((slice) => slice.sliceIndex * spacing).sort((a, b) => a - b);
          for (const [index, position] of positions.entries())
            if (index > 0) expect(position - positions[index - 1]!).toBeGreaterThanOrEqual(8);
          expect(keySlices.map((slice) => slice.score)).toEqual(
            keySlices.map((slice) => slice.score).sort((a, b) => b - a),
          );
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('inferStudy', () => {
  const unread = (...damaged: number[]) =>
    stubModel({}, async (index) => {
      if (damaged.includes(index)) throw new TriageError('pixel-data-undecodable', 'RLE cut off.');
      return Promise.resolve(encodedAs(index));
    });
  const study = (
    manifest: CaseManifest,
    model: TriageModel,
    next: (tried: ReadonlyMap<string, string>) => CaseManifest | null = () => null,
  ) =>
    inferStudy({
      manifest,
      model,
      next,
      maxMissingShare: 0.05,
      cached: new Map(),
      resolvePath: (spoolPath) => spoolPath,
      threshold: { version: 4, value: 0.6 },
      clock: systemClock,
    });

  it('takes a few damaged slices among many for missing ones, and names them', async () => {
    const { model, classified } = unread(10, 30);
    const whole = { ...manifestOf(48), gaps: [] };
    const { findings, manifest } = await study(whole, model);
    expect(findings).toMatchObject({ decision: 'suspected', reasonCode: null });
    expect(classified).toHaveLength(46);
    expect(manifest.slices.map(({ sopInstanceUid }) => sopInstanceUid)).not.toContain('1.2.10');
    expect(manifest.gaps).toEqual([
      { afterSliceIndex: 9, missingSlices: 1 },
      { afterSliceIndex: 28, missingSlices: 1 },
    ]);
    expect(manifest.inputSha256).not.toBe(whole.inputSha256);
    expect(findings.slices.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(
      manifest.slices.map(({ sopInstanceUid }) => sopInstanceUid),
    );
    expect(findings.coverage?.remarks).toEqual(['2 of 48 slices cannot be read and were left out (RLE cut off)']);
    expect((await study(whole, unread(10, 20, 30).model)).findings.reasonCode).toBe('pixel-data');
    const holed = { ...whole, gaps: [{ afterSliceIndex: 9, missingSlices: 2 }] };
    expect((await study(holed, unread(10).model)).findings.reasonCode).toBe('pixel-data');
  });

  it('analyses the next best series when the chosen one cannot be read, and says so', async () => {
    const better = manifestOf(8);
    const other = { ...manifestOf(30), inputSha256: 'y', slices: manifestOf(40).slices.slice(10) };
    const asked: string[][] = [];
    const { findings, manifest } = await study(better, unread(2, 5).model, (tried) => {
      asked.push([...tried.keys()]);
      return other;
    });
    expect(manifest).toBe(other);
    expect(asked).toEqual([['x']]);
    expect(findings.decision).toBe('suspected');
    expect(findings.coverage?.remarks).toEqual([
      'another series was chosen first and could not be analysed: 2 of 8 slices cannot be read (slices 3, 6 from the top: RLE cut off.)',
    ]);
  });

  it('gives the answer of the first one when none can be analysed', async () => {
    const { findings, manifest } = await study(manifestOf(8), unread(2).model);
    expect(manifest.inputSha256).toBe('x');
    expect(findings.reason).toContain('1 of 8 slices cannot be read (slice 3 from the top');
  });

  it('gives the network the neck of a long scan, and all of it where there is none or where every slice is asked for', async () => {
    // Head, neck, shoulders and trunk, 4 mm apart.
    const areas = [...Array<number>(30).fill(200), ...Array<number>(20).fill(110), ...Array<number>(60).fill(480)];
    const encode = (of: readonly number[]) => (index: number) =>
      Promise.resolve({ ...encodedAs(index), anatomy: { tissueAreaCm2: of[index]!, boneAreaCm2: 20 } });
    const long = manifestOf(110, 4);
    const { model, classified } = stubModel({}, encode(areas));
    const { findings, manifest } = await study(long, model);
    // The narrowest slice is the first of the neck, at -120 mm: from 110 mm above to 80 mm below it.
    expect(classified).toEqual(Array.from({ length: 48 }, (_, index) => index + 3));
    expect(findings.coverage).toMatchObject({ slices: 48, remarks: ['only the neck was analysed, of 436 mm'] });
    expect(manifest).toMatchObject({ coverageMm: 192, assembledSha256: 'x', gaps: [] });
    expect(manifest.inputSha256).not.toBe('x');

    const trunk = stubModel({ outsideDomain: 'far off' }, encode(areas.map(() => 480)));
    expect((await study(long, trunk.model)).findings.reason).toBe(
      'Outside tested range (far off; no neck between a head and shoulders was found in its 436 mm) - not scored. Read as usual',
    );
    expect(trunk.classified).toHaveLength(110);
    const whole = stubModel({}, encode(areas));
    await run(long, whole.model);
    expect(whole.classified).toHaveLength(110);
  });

  it('leaves out the empty slices at the ends', async () => {
    const areas = [...Array<number>(30).fill(5), ...Array<number>(45).fill(150), ...Array<number>(25).fill(3)];
    const { model, classified } = stubModel({}, (index) =>
      Promise.resolve({ ...encodedAs(index), anatomy: { tissueAreaCm2: areas[index]!, boneAreaCm2: 20 } }),
    );
    const { findings } = await study(manifestOf(100), model);
    expect([classified[0], classified.length]).toEqual([30, 45]);
    expect(findings.coverage?.remarks).toEqual(['55 of 100 slices show no body and were left out']);
  });

  it('says how much came of what the sender says there is', async () => {
    const { model } = stubModel({ probability: 0.2 });
    const cut = { ...manifestOf(27), cutShort: { came: 27, stated: 48 } };
    expect((await study(cut, model)).findings).toMatchObject({
      decision: 'not-suspected',
      reasonCode: 'partial',
      reason: '27 of 48 slices came',
      coverage: {
        slices: 27,
        extentMm: 54,
        levels: ['C1', 'C2', 'C3', 'C4', 'C5', 'C6', 'C7', 'T1'],
        remarks: ['27 of 48 slices came'],
      },
    });
    // One of twenty is allowed to be missing, two of 39 are not.
    const allowed = { ...manifestOf(26), cutShort: { came: 19, stated: 20 } };
    expect((await study(allowed, model)).findings.reasonCode).toBeNull();
    const few = { ...manifestOf(26), cutShort: { came: 37, stated: 39 } };
    expect((await study(few, model)).findings.reasonCode).toBe('partial');
    const parts = { ...manifestOf(27), cutShort: { came: 2, stated: 3, of: 'parts' as const } };
    expect((await study(parts, model)).findings).toMatchObject({
      reasonCode: 'partial',
      reason: '2 of 3 parts of the image came',
    });
    const broken = { ...manifestOf(26), brokenOff: true as const };
    expect((await study(broken, model)).findings).toMatchObject({
      reasonCode: 'partial',
      reason: '26 slices came before the sender’s connection broke off',
    });
    const tilted = { ...manifestOf(26), gantryTiltDegrees: 18.5 };
    expect((await study(tilted, model)).findings).toMatchObject({
      reasonCode: null,
      coverage: { remarks: ['the gantry was tilted by 18.5 degrees, and the slices were judged as they lie'] },
    });
    const nearly = { ...manifestOf(47), cutShort: { came: 47, stated: 48 } };
    expect((await study(nearly, model)).findings).toMatchObject({
      reasonCode: null,
      coverage: { remarks: ['47 of 48 slices came'] },
    });
  });
});
