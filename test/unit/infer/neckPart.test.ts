import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Anatomy, CaseManifest, EncodedSlice } from '../../../src/case/case.ts';
import { keepSlices } from '../../../src/infer/keepSlices.ts';
import { neckPart } from '../../../src/infer/neckPart.ts';

/** Slices 2 mm apart, from 100 mm downwards. */
function manifestOf(count: number, more: Partial<CaseManifest> = {}): CaseManifest {
  return {
    seriesInstanceUid: '1.2',
    slices: Array.from({ length: count }, (_, index) => ({
      sopInstanceUid: `1.2.${index}`,
      instanceNumber: null,
      sopClassUid: '1',
      path: `p/${index}`,
      sha256: `h${index}`,
      positionMm: 100 - 2 * index,
    })),
    sliceSpacingMm: 2,
    coverageMm: 2 * count,
    gaps: [],
    duplicateSopInstanceUids: [],
    series: [],
    inputSha256: 'all',
    ...more,
  };
}

describe('some slices of a series', () => {
  const HOLES = [
    { afterSliceIndex: 1, missingSlices: 2 },
    { afterSliceIndex: 4, missingSlices: 5 },
  ];

  it.each<[string, number[], CaseManifest['gaps'], number]>([
    ['all: its holes stay', [0, 1, 2, 3, 4, 5], HOLES, 12],
    ['without the first two', [2, 3, 4, 5], [{ afterSliceIndex: 2, missingSlices: 5 }], 8],
    ['without the last', [0, 1, 2, 3, 4], [{ afterSliceIndex: 1, missingSlices: 2 }], 10],
    ['between two holes', [2, 3, 4], [], 6],
    ['one left out away from a hole', [2, 4], [{ afterSliceIndex: 0, missingSlices: 1 }], 6],
    ['one left out above a hole', [0, 2, 3], [{ afterSliceIndex: 0, missingSlices: 3 }], 8],
    ['three left out over two holes', [1, 5], [{ afterSliceIndex: 0, missingSlices: 10 }], 10],
    [
      'one left out above each hole',
      [0, 2, 3, 5],
      [
        { afterSliceIndex: 0, missingSlices: 3 },
        { afterSliceIndex: 2, missingSlices: 6 },
      ],
      12,
    ],
    ['a single one', [3], [], 2],
  ])('%s', (_which, kept, gaps, coverageMm) => {
    const whole = manifestOf(6, { gaps: HOLES });
    expect(keepSlices(whole, kept)).toEqual({
      ...whole,
      slices: kept.map((index) => whole.slices[index]),
      gaps,
      coverageMm,
      inputSha256: createHash('sha256')
        .update(kept.map((index) => `h${index}\n`).join(''))
        .digest('hex'),
      assembledSha256: 'all',
    });
  });

  it('taken from some still name the input of all', () => {
    const some = keepSlices(manifestOf(6), [1, 2, 3, 4]);
    expect(keepSlices(some, [0, 1])).toMatchObject({
      assembledSha256: 'all',
      slices: [{ path: 'p/1' }, { path: 'p/2' }],
    });
  });
});

describe('what of a scan the network is given', () => {
  const EMPTY = 19.9;
  const BODY = 20;
  const encodedOf = (areasCm2: readonly (number | null)[]): EncodedSlice[] =>
    areasCm2.map((tissueAreaCm2, index) => ({
      feature: Float32Array.of(index),
      imageProbability: 0,
      cam: new Float32Array(0),
      camRows: 0,
      camColumns: 0,
      crop: {
        top: 0,
        left: 0,
        bottom: 1,
        right: 1,
        transpose: false,
        flipRows: false,
        flipColumns: false,
        rows: 1,
        columns: 1,
        fullFrame: false,
      },
      anatomy: tissueAreaCm2 === null ? null : ({ tissueAreaCm2, boneAreaCm2: 1 } satisfies Anatomy),
      texture: null,
    }));
  const areas = (above: number, body: number, below: number): number[] => [
    ...Array<number>(above).fill(EMPTY),
    ...Array<number>(body).fill(BODY),
    ...Array<number>(below).fill(EMPTY),
  ];

  it.each<[string, (number | null)[], [number, number] | null, string?]>([
    ['a tenth of it empty: all', areas(3, 90, 7), null],
    ['one more empty: the body', areas(4, 89, 7), [4, 92], '11 of 100 slices show no body and were left out'],
    ['empty above only', areas(11, 89, 0), [11, 99], '11 of 100 slices show no body and were left out'],
    ['empty below only', areas(0, 80, 20), [0, 79], '20 of 100 slices show no body and were left out'],
    ['80 mm of body', areas(30, 40, 30), [30, 69], '60 of 100 slices show no body and were left out'],
    ['78 mm of body, which are no scan of a neck: all', areas(30, 39, 31), null],
    [
      'the longer of two bodies',
      [...areas(0, 40, 5), ...areas(0, 55, 0)],
      [45, 99],
      '45 of 100 slices show no body and were left out',
    ],
    ['nothing but air: all', areas(100, 0, 0), null],
    ['one slice of which nobody knows: all', [...areas(20, 79, 0), null], null],
  ])('%s', (_what, areasCm2, span, cutTo) => {
    const manifest = manifestOf(areasCm2.length);
    const encoded = encodedOf(areasCm2);
    const part = neckPart(manifest, encoded);
    if (span === null) {
      expect(part).toEqual({ manifest, encoded, notFound: null });
      return;
    }
    const [first, last] = span;
    expect(part.encoded.map(({ feature }) => feature[0])).toEqual(
      Array.from({ length: last - first + 1 }, (_, index) => first + index),
    );
    expect(part.manifest.slices).toEqual(manifest.slices.slice(first, last + 1));
    expect([part.manifest.cutTo, part.notFound]).toEqual([cutTo, null]);
  });

  it('is the neck of a scan of more, or all of it where there is none', () => {
    // 120 mm of head, 80 mm of neck, 238 mm of trunk: the narrowest slice is the first of the neck, 120 mm below the top.
    const areasCm2 = [...Array<number>(60).fill(200), ...Array<number>(40).fill(110), ...Array<number>(120).fill(480)];
    const neck = neckPart(manifestOf(220), encodedOf(areasCm2));
    // From 110 mm above it to 80 mm below.
    expect(neck.encoded.map(({ feature }) => feature[0])).toEqual(Array.from({ length: 96 }, (_, index) => index + 5));
    expect([neck.manifest.cutTo, neck.notFound]).toEqual(['only the neck was analysed, of 438 mm', null]);

    const [manifest, encoded] = [manifestOf(220), encodedOf(Array<number>(220).fill(480))];
    expect(neckPart(manifest, encoded)).toEqual({
      manifest,
      encoded,
      notFound: 'no neck between a head and shoulders was found in its 438 mm',
    });
  });
});
