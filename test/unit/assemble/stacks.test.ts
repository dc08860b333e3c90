import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assembleStudy } from '../../../src/assemble/assembleStudy.ts';
import { DEFAULT_SERIES_RULES } from '../../../src/assemble/seriesRules.ts';
import { splitStacks } from '../../../src/assemble/stacks.ts';
import type { InstanceHeader, StoredInstance } from '../../../src/case/case.ts';
import { instanceOf, seriesOf, uidsOf } from './syntheticStudy.ts';

const whole = seriesOf({ slices: 60, spacingMm: 2 });

/** A second stack of the series, `shiftMm` lower. */
function second(header: Partial<InstanceHeader>, shiftMm = 1, slices = 60): StoredInstance[] {
  return seriesOf({ slices, spacingMm: 2, topMm: 50 - shiftMm }).map((one, index) =>
    instanceOf({ ...one.header, sopInstanceUid: `1.2.3.4.${20_000 + index}`, ...header }),
  );
}

const sorted = (instances: readonly StoredInstance[]): string[] => uidsOf(instances).sort();

describe('splitStacks', () => {
  it.each<[string, Partial<InstanceHeader>, string]>([
    ['another pass', { acquisitionNumber: 2 }, 'acquisition 2'],
    ['another stack of a multi-frame object', { stackId: '2' }, 'stack 2'],
    ['another kernel', { convolutionKernel: 'Br40f' }, 'kernel Br40f'],
    ['another thickness', { sliceThicknessMm: 3 }, 'thickness 3 mm'],
    ['another image type', { imageType: ['ORIGINAL', 'PRIMARY', 'AXIAL', 'DE_MIXED'] }, 'image type AXIAL\\DE_MIXED'],
    ['another phase', { temporalPosition: 2 }, 'temporal position 2'],
    ['another field', { reconstructionDiameterMm: 360 }, 'reconstruction diameter 360 mm'],
    ['another energy', { kiloElectronvolt: 70 }, 'energy 70 keV'],
    ['another tube voltage', { kilovoltPeak: 80 }, 'tube voltage 80 kV'],
    ['another frame of reference', { frameOfReferenceUid: '1.2.3.10' }, 'frame of reference 1.2.3.10'],
    [
      'another orientation',
      { imageOrientationPatient: [1, 0, 0, 0, Math.cos(0.1), Math.sin(0.1)] },
      'another orientation',
    ],
    ['other pixels', { pixelSpacingMm: [0.5, 0.5] }, 'pixels of 0.5 mm'],
    ['a pass a minute later', { acquisitionDateTime: '20260102083130' }, 'acquired at 08:31:30'],
  ])('tells %s from the first one, half a step apart', (_name, header, name) => {
    const first = whole.map((one) =>
      instanceOf({
        ...one.header,
        convolutionKernel: 'Br60f',
        temporalPosition: 1,
        reconstructionDiameterMm: 180,
        kiloElectronvolt: 40,
        kilovoltPeak: 120,
        acquisitionDateTime: '20260102083000',
        ...('acquisitionNumber' in header ? { acquisitionNumber: 1 } : {}),
      }),
    );
    const other = second({ ...first[0]!.header, ...header }).map((one, index) =>
      instanceOf({
        ...one.header,
        sopInstanceUid: `1.2.3.4.${20_000 + index}`,
        imagePositionPatientMm: [-100, -100, 49 - 2 * index],
      }),
    );
    const stacks = splitStacks([...first, ...other]);
    expect(stacks.map(({ slices }) => sorted(slices)).sort()).toEqual([sorted(first), sorted(other)].sort());
    expect(stacks.find(({ slices }) => slices.includes(other[0]!))!.name).toContain(name);
  });

  it.each<[string, (index: number) => number, readonly string[]]>([
    ['numbers that go on', (index) => 61 + index, ['images 1 to 60', 'images 61 to 120']],
    ['numbers that begin anew', (index) => 1 + index, ['images 1 to 60', 'images 1 to 60']],
    ['the way back', (index) => 120 - index, ['images 1 to 60', 'images 61 to 120']],
  ])('tells a silent second pass from the first one by %s', (_name, numberOf, names) => {
    const numbered = (slices: readonly StoredInstance[], number: (index: number) => number) =>
      slices.map((one, index) => instanceOf({ ...one.header, instanceNumber: number(index) }));
    const first = numbered(whole, (index) => 1 + index);
    const again = numbered(second({}), numberOf);
    const stacks = splitStacks([...first, ...again]);
    expect(stacks.map(({ slices }) => sorted(slices)).sort()).toEqual([sorted(first), sorted(again)].sort());
    expect(stacks.map(({ name }) => name).sort()).toEqual(names);
  });

  it.each<[string, (z: number) => number]>([
    ['zero', () => 400],
    ['of the other sign', (z) => 11 - z],
    ['with a digit too many', (z) => z * 10 - 300],
  ])('sets a slice apart whose position is %s, and keeps the rest of its stack', (_name, wrong) => {
    const study = whole.map((one, index) => {
      const [x, y, z] = one.header.imagePositionPatientMm!;
      const imagePositionPatientMm: [number, number, number] = [x, y, index === 20 ? wrong(z) : z];
      return instanceOf({ ...one.header, instanceNumber: 60 - index, imagePositionPatientMm });
    });
    expect(splitStacks(study).map(({ slices, name }) => [slices.length, name])).toEqual([
      [59, 'images 1 to 60'],
      [1, 'images 40 to 40'],
    ]);
    expect(assembleStudy(study, DEFAULT_SERIES_RULES)).toMatchObject({
      manifest: { gaps: [{ afterSliceIndex: 19, missingSlices: 1 }] },
    });
  });

  it('leaves a hole and what lies behind it where they are', () => {
    const study = whole
      .map((one, index) => instanceOf({ ...one.header, instanceNumber: index + 1 }))
      .filter((_, index) => index < 40 || index > 55);
    expect(splitStacks(study)).toMatchObject([{ name: '' }]);
  });

  it('does not care about the order of arrival', () => {
    const study = [...whole, ...second({ acquisitionNumber: 2 }, 1, 40)];
    const expected = splitStacks(study);
    fc.assert(
      fc.property(fc.shuffledSubarray(study, { minLength: study.length }), (arrived) => {
        expect(splitStacks(arrived)).toEqual(expected);
      }),
      { numRuns: 20 },
    );
  });

  it.each<[string, (header: InstanceHeader, index: number) => Partial<InstanceHeader>]>([
    [
      'a step-and-shoot scan, every table position a pass',
      (_header, index) => ({ acquisitionNumber: Math.floor(index / 4) + 1 }),
    ],
    ['one that numbers every slice', (_header, index) => ({ acquisitionNumber: index + 1 })],
    [
      'table positions twenty seconds apart',
      (_header, index) => ({
        acquisitionDateTime: `2026010208${String(10 + Math.floor(index / 4)).padStart(2, '0')}20`,
      }),
    ],
    [
      'odd slices numbered before even ones, of which one set leaves gaps',
      (_header, index) => ({ instanceNumber: 1 + (index % 2) * 30 + Math.floor(index / 2) }),
    ],
    ['image numbers in disorder', (_header, index) => ({ instanceNumber: 1 + ((index * 37) % 60) })],
    ['a lower half numbered before the upper one', (_header, index) => ({ instanceNumber: 1 + ((index + 30) % 60) })],
    ['no image numbers', () => ({ instanceNumber: null })],
    ['a scan taken in two parts', (_header, index) => ({ acquisitionNumber: index < 25 ? 1 : 2 })],
    ['slices that leave the kernel out', (_header, index) => ({ convolutionKernel: index % 3 === 0 ? '' : 'Br60f' })],
    ['thickness written with other digits', (_header, index) => ({ sliceThicknessMm: index % 2 === 0 ? 2 : 2.001 })],
    [
      'SECONDARY on some slices',
      (_header, index) => ({ imageType: ['ORIGINAL', index < 9 ? 'SECONDARY' : 'PRIMARY', 'AXIAL'] }),
    ],
    ['a frame of reference for each slice', (_header, index) => ({ frameOfReferenceUid: `1.2.3.9.${index}` })],
    ['a temporal position for each slice', (_header, index) => ({ temporalPosition: index + 1 })],
    ['a word of its own in ImageType', (_header, index) => ({ imageType: ['ORIGINAL', 'PRIMARY', `S${index}`] })],
  ])('keeps %s together', (_name, change) => {
    const study = whole.map((one, index) => instanceOf({ ...one.header, ...change(one.header, index) }));
    expect(splitStacks(study)).toMatchObject([{ name: '' }]);
  });

  it.each<[string, number, number, (index: number) => number]>([
    ['of the second of two passes', 3, 1, (index) => (index < 30 ? 1 : 2)],
    ['of the second of two passes', 3.1, 2, (index) => (index < 30 ? 1 : 2)],
    ['of a scan that numbers every slice', 3, 1, (index) => index],
    ['of a scan that numbers every slice', 3.1, 2, (index) => index],
  ])('%s, %d steps below what is above it, %i stacks are made', (_what, steps, stacks, acquisitionOf) => {
    const study = whole.map((one, index) =>
      instanceOf({
        ...one.header,
        acquisitionNumber: acquisitionOf(index),
        imagePositionPatientMm: [0, 0, -2 * (index < 30 ? index : index - 1 + steps)],
      }),
    );
    expect(splitStacks(study)).toHaveLength(stacks);
  });

  it('does not let what is silent join two that contradict each other', () => {
    const silent = whole.slice(0, 40);
    const one = whole.slice(40, 50).map((slice) => instanceOf({ ...slice.header, convolutionKernel: 'Br60f' }));
    const two = second({ convolutionKernel: 'Br40f' });
    const stacks = splitStacks([...silent, ...one, ...two]);
    expect(stacks.map(({ slices }) => slices.length)).toEqual([100, 10]);
  });
});

describe('a series of two stacks', () => {
  it('has one of them analysed, and the other keeps its reason', () => {
    const study = [
      ...whole.map((one) => instanceOf({ ...one.header, acquisitionNumber: 1 })),
      ...second({ acquisitionNumber: 2 }),
    ];
    const assembled = assembleStudy(study, DEFAULT_SERIES_RULES);
    if (assembled.type !== 'seriesChosen') throw new Error(assembled.reason);
    expect(assembled.manifest.slices.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(uidsOf(whole));
    expect(assembled.manifest.series.map(({ instances, chosen, reason }) => ({ instances, chosen, reason }))).toEqual([
      { instances: 60, chosen: true, reason: 'Acquisition 1: chosen: 60 slices, 2 mm apart, over 120 mm' },
      {
        instances: 60,
        chosen: false,
        reason: 'Acquisition 2: eligible, but acquisition 1 is better: alike in every respect, taken by its UID',
      },
    ]);
  });

  it('prefers a plain reconstruction to every virtual one, whatever else speaks for it', () => {
    const plain = seriesOf({ series: 3, slices: 50, spacingMm: 2.5 });
    for (const header of [
      { kiloElectronvolt: 70, seriesDescription: 'C-Spine bone' },
      { imageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'], seriesDescription: 'C-Spine bone MIP' },
      { imageType: ['DERIVED', 'PRIMARY', 'AXIAL'], seriesDescription: 'C-Spine bone VMI' },
      { imageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'], seriesDescription: 'C-Spine bone VNC' },
      { imageType: ['DERIVED', 'PRIMARY', 'AXIAL'], seriesDescription: 'C-Spine DE Bone Marrow' },
      { imageType: ['DERIVED', 'PRIMARY', 'AXIAL'], seriesDescription: 'C-Spine DE Gout' },
      { imageType: ['DERIVED', 'SECONDARY', 'SUBTRACTION'], seriesDescription: 'C-Spine bone' },
      { imageType: ['DERIVED', 'SECONDARY', 'AXIAL'], seriesDescription: 'AI result: C-Spine bone overlay' },
    ]) {
      const virtual = seriesOf({ series: 8, slices: 130, spacingMm: 1, header });
      const assembled = assembleStudy([...plain, ...virtual], DEFAULT_SERIES_RULES);
      expect(assembled).toMatchObject({ type: 'seriesChosen', manifest: { seriesInstanceUid: '1.2.3.3' } });
    }
  });
});
