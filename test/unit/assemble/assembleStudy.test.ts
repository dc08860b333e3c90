import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assembleStudy } from '../../../src/assemble/assembleStudy.ts';
import type { AssembledStudy } from '../../../src/assemble/assembledStudy.ts';
import { DEFAULT_SERIES_RULES } from '../../../src/assemble/seriesRules.ts';
import type { CaseManifest, InstanceHeader, StoredInstance } from '../../../src/case/case.ts';
import { instanceOf, seriesOf, uidsOf } from './syntheticStudy.ts';

const assemble = (instances: readonly StoredInstance[]): AssembledStudy =>
  assembleStudy(instances, DEFAULT_SERIES_RULES);

function manifestOf(instances: readonly StoredInstance[]): CaseManifest {
  const study = assemble(instances);
  if (study.type !== 'seriesChosen') throw new Error(study.reason);
  return study.manifest;
}

function reasonOf(instances: readonly StoredInstance[]): { code: string; reason: string } {
  const study = assemble(instances);
  if (study.type !== 'notEligible') throw new Error('a series was chosen');
  return { code: study.reasonCode, reason: study.reason };
}

function other(series: number, header: Partial<InstanceHeader>, slices = 1): StoredInstance[] {
  return Array.from({ length: slices }, (_, index) =>
    instanceOf({
      seriesInstanceUid: `1.2.3.${series}`,
      seriesNumber: series,
      sopInstanceUid: `1.2.3.${series}.${index + 1}`,
      ...header,
    }),
  );
}

const LOCALIZER = other(
  1,
  { imageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'], imageOrientationPatient: [1, 0, 0, 0, 0, -1] },
  2,
);
const REFORMAT = seriesOf({
  series: 3,
  slices: 40,
  spacingMm: 5,
  header: { imageType: ['DERIVED', 'SECONDARY', 'MPR'] },
});
const SAGITTAL = seriesOf({ series: 6, header: { imageOrientationPatient: [0, 1, 0, 0, 0, -1] } });
const RESULT = other(9100, {
  sopClassUid: '1.2.840.10008.5.1.4.1.1.88.34',
  modality: 'SR',
  imageType: [],
  imagePositionPatientMm: null,
});
const AXIAL = seriesOf();

describe('assembleStudy', () => {
  it('chooses the one good series and says of every other why not', () => {
    const soft = seriesOf({ series: 5 });
    const bone = seriesOf({ series: 4, header: { convolutionKernel: 'Br60f\\3', seriesDescription: 'Bone 1.0' } });
    const manifest = manifestOf([...LOCALIZER, ...REFORMAT, ...SAGITTAL, ...RESULT, ...soft, ...bone]);
    expect(manifest.seriesInstanceUid).toBe('1.2.3.4');
    expect(manifest.slices.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(uidsOf(bone));
    expect(manifest.slices.map(({ sha256, path }) => ({ sha256, path }))).toEqual(
      bone.map(({ sha256, path }) => ({ sha256, path })),
    );
    expect(manifest).toMatchObject({ sliceSpacingMm: 1, coverageMm: 120, gaps: [], duplicateSopInstanceUids: [] });
    expect(
      manifest.series.map(({ seriesNumber, instances, eligible, chosen, code, reason }) => ({
        seriesNumber,
        instances,
        eligible,
        chosen,
        code,
        reason,
      })),
    ).toEqual([
      { seriesNumber: 1, instances: 2, eligible: false, chosen: false, code: 'localizer', reason: 'A localizer' },
      { seriesNumber: 3, instances: 40, eligible: false, chosen: false, code: 'derived', reason: 'A 5 mm reformat' },
      {
        seriesNumber: 4,
        instances: 120,
        eligible: true,
        chosen: true,
        code: 'chosen',
        reason: 'Chosen: 120 slices, 1 mm apart, over 120 mm, bone kernel',
      },
      {
        seriesNumber: 5,
        instances: 120,
        eligible: true,
        chosen: false,
        code: 'eligible',
        reason: 'Eligible, but series 4 (Bone 1.0) is better: bone kernel',
      },
      {
        seriesNumber: 6,
        instances: 120,
        eligible: false,
        chosen: false,
        code: 'not-axial',
        reason: 'A 1 mm sagittal series',
      },
      { seriesNumber: 9100, instances: 1, eligible: false, chosen: false, code: 'not-ct', reason: 'SR objects' },
    ]);
  });

  it('gives the same answer for any order of arrival, duplicates by network included', () => {
    const eligible = [
      ...LOCALIZER,
      ...AXIAL.slice(0, 60),
      ...AXIAL.slice(62),
      ...seriesOf({ series: 5, slices: 100 }),
      instanceOf({ ...AXIAL[3]!.header, sopInstanceUid: '1.2.3.4.99999' }),
    ];
    const notEligible = [...LOCALIZER, ...REFORMAT, ...SAGITTAL];
    for (const study of [eligible, notEligible]) {
      const expected = assemble(study);
      fc.assert(
        fc.property(
          fc.shuffledSubarray(study, { minLength: study.length }),
          fc.subarray(study, { maxLength: 5 }),
          (arrived, again) => {
            expect(assemble([...arrived, ...again])).toEqual(expected);
          },
        ),
        { numRuns: 30 },
      );
    }
  });

  it('names the input by its ordered digests', () => {
    const digest = createHash('sha256')
      .update(AXIAL.map(({ sha256 }) => `${sha256}\n`).join(''))
      .digest('hex');
    expect(manifestOf([...AXIAL].reverse()).inputSha256).toBe(digest);
    expect(manifestOf(AXIAL.slice(1)).inputSha256).not.toBe(digest);
  });

  it('records holes, duplicates and images that do not belong, and goes on', () => {
    const study = [
      ...AXIAL.filter((_, index) => index !== 40 && index !== 41),
      instanceOf({ ...AXIAL[3]!.header, sopInstanceUid: '1.2.3.4.99999' }),
      instanceOf({
        ...AXIAL[0]!.header,
        sopInstanceUid: '1.2.3.4.88888',
        imageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'],
      }),
    ];
    const manifest = manifestOf(study);
    expect(manifest.gaps).toEqual([{ afterSliceIndex: 39, missingSlices: 2 }]);
    expect(manifest.duplicateSopInstanceUids).toEqual(['1.2.3.4.99999']);
    expect(manifest.slices).toHaveLength(118);
    expect(manifest.series[0]!.reason).toBe(
      'Chosen: 118 slices, 1 mm apart, over 120 mm, 2 slices missing, 1 duplicate left out, 1 image left out (a localizer)',
    );
  });

  it.each<[string, string, StoredInstance[]]>([
    [
      'no-eligible-series',
      'Only a localizer and a 5 mm reformat: no thin axial CT series of the neck',
      [...LOCALIZER, ...REFORMAT, ...RESULT],
    ],
    [
      'no-eligible-series',
      'Only a localizer, a 5 mm reformat and a 1 mm sagittal series: no thin axial CT series of the neck',
      [...LOCALIZER, ...REFORMAT, ...SAGITTAL],
    ],
    [
      'too-thick',
      'Only slices 5 mm thick (at most 4.5 mm): no thin axial CT series of the neck',
      seriesOf({ spacingMm: 5 }),
    ],
    [
      'no-eligible-series',
      'Only a localizer and 1 axial slice (at least 20 needed): no thin axial CT series of the neck',
      [...LOCALIZER, ...seriesOf({ slices: 1 })],
    ],
    [
      'not-ct',
      'Only MR objects: no thin axial CT series of the neck',
      other(2, { sopClassUid: '1.2.840.10008.5.1.4.1.1.4', modality: 'MR' }, 30),
    ],
    [
      'multi-frame',
      'Only a multi-frame CT that came before this version could read its frames: no thin axial CT series of the neck',
      other(2, { sopClassUid: '1.2.840.10008.5.1.4.1.1.2.1' }),
    ],
    [
      'slices-missing',
      'Slices missing: 20 of 120, in 1 gap',
      [...LOCALIZER, ...AXIAL.filter((_, index) => index < 50 || index >= 70)],
    ],
    ['short-coverage', '40 mm of coverage (at least 80 mm needed)', [...LOCALIZER, ...seriesOf({ slices: 40 })]],
    ['no-images', 'No images received', []],
  ])('%s: %s', (code, reason, instances) => {
    expect(reasonOf(instances)).toEqual({ code, reason });
  });

  it('states the tilt of the gantry, from the positions of the slices, and none for oblique slices that lie along their normal', () => {
    const [cos, sin] = [Math.cos(Math.PI / 10), Math.sin(Math.PI / 10)];
    const oblique = (along: [number, number, number]): CaseManifest =>
      manifestOf(
        seriesOf().map((instance, index) => ({
          ...instance,
          header: {
            ...instance.header,
            imageOrientationPatient: [1, 0, 0, 0, cos, sin],
            imagePositionPatientMm: [-100, -100 - index * along[1], 50 - index * along[2]],
          },
        })),
      );
    const tilted = oblique([0, 0, 1]);
    expect(tilted.gantryTiltDegrees).toBe(18);
    expect(tilted.sliceSpacingMm).toBeCloseTo(cos, 3);
    expect(tilted.series[0]?.reason).toContain('gantry tilted by 18 degrees');
    expect(oblique([0, -sin, cos])).not.toHaveProperty('gantryTiltDegrees');
    expect(manifestOf(AXIAL)).not.toHaveProperty('gantryTiltDegrees');
  });

  it('takes a stack of slices for slices, whatever its name says, and not the localizer beside them', () => {
    const header = { imageType: ['ORIGINAL', 'PRIMARY'], seriesDescription: 'Topogram check, bone' };
    const stack = seriesOf({ header });
    const localizer = other(4, {
      ...header,
      sopInstanceUid: '1.2.3.4.77777',
      imageOrientationPatient: [1, 0, 0, 0, 0, -1],
    });
    expect(manifestOf([...localizer, ...stack]).slices.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(
      uidsOf(stack),
    );
  });

  it('never judges two patients as one', () => {
    const changes: Partial<InstanceHeader>[] = [
      { patientId: 'P2' },
      { patientId: '' },
      { issuerOfPatientId: 'B' },
      { patientName: 'DOE^JANE' },
      { patientBirthDate: '19800102' },
      { patientSex: 'F' },
    ];
    for (const change of changes) {
      const mixed = AXIAL.map((one, index) =>
        instanceOf({ ...one.header, issuerOfPatientId: 'A', ...(index === 50 ? change : {}) }),
      );
      expect(reasonOf(mixed), JSON.stringify(change)).toEqual({
        code: 'identity-conflict',
        reason: 'Images of different patients in one study',
      });
      const study = assemble([...AXIAL, ...seriesOf({ series: 5, header: change })]);
      if (change.issuerOfPatientId === undefined)
        expect(study).toMatchObject({ type: 'notEligible', reasonCode: 'identity-conflict' });
    }
  });

  it('takes ways to write one name for one name', () => {
    const study = AXIAL.map((one, index) =>
      instanceOf({ ...one.header, patientName: ['DOE^JOHN', 'DOE^JOHN^^^', 'Doe^John=', ''][index % 4]! }),
    );
    expect(assemble(study).type).toBe('seriesChosen');
  });

  it('refuses other bytes under the same UID', () => {
    expect(reasonOf([...AXIAL, { ...AXIAL[9]!, sha256: 'f'.repeat(64) }])).toEqual({
      code: 'content-conflict',
      reason: 'Different images under one SOP Instance UID',
    });
  });

  it('says how many images the sender meant to send, where fewer came', () => {
    const cutShortOf = (instances: readonly StoredInstance[]) => manifestOf(instances).cutShort;
    const stating = (header: Partial<InstanceHeader>, slices = 90) => seriesOf({ slices, header });
    expect(cutShortOf(stating({ imagesInAcquisition: 120 }))).toEqual({ came: 90, stated: 120 });
    expect(cutShortOf(stating({ numberOfSeriesRelatedInstances: 95 }))).toEqual({ came: 90, stated: 95 });
    expect(cutShortOf(stating({ imagesInAcquisition: 1 }))).toBeUndefined();
    // One acquisition, reconstructed twice.
    const soft = seriesOf({ series: 5, slices: 30, spacingMm: 3, header: { imagesInAcquisition: 120 } });
    expect(cutShortOf([...stating({ imagesInAcquisition: 120 }), ...soft])).toBeUndefined();
  });

  it('says how many slices have a position, where others that are like them have none', () => {
    const unplaced = (header: Partial<InstanceHeader>) =>
      seriesOf({ slices: 96 }).map((one, index) =>
        index < 84 ? one : instanceOf({ ...one.header, imagePositionPatientMm: null, ...header }),
      );
    expect(manifestOf(unplaced({})).cutShort).toEqual({ came: 84, stated: 96, of: 'placed' });
    // Captures in the series are no slices.
    expect(manifestOf(unplaced({ imageType: ['DERIVED', 'SECONDARY'] })).cutShort).toBeUndefined();
  });

  it('says that the slices of one scan came in series that are each too small', () => {
    const scattered = seriesOf({ slices: 60 }).map((one, index) =>
      instanceOf({ ...one.header, seriesInstanceUid: `1.2.3.4.${index}` }),
    );
    expect(assembleStudy(scattered, DEFAULT_SERIES_RULES)).toMatchObject({
      reasonCode: 'too-few-slices',
      reason: '60 axial slices in 60 series, none with the 20 slices that one scan needs',
    });
  });

  it('chooses the next best series when the best has proved unreadable', () => {
    const soft = seriesOf({ series: 5, slices: 100 });
    const first = manifestOf([...AXIAL, ...soft]);
    const study = assembleStudy(
      [...AXIAL, ...soft],
      DEFAULT_SERIES_RULES,
      new Map([[first.inputSha256, '120 of 120 slices cannot be read']]),
    );
    expect(study).toMatchObject({ type: 'seriesChosen', manifest: { seriesInstanceUid: '1.2.3.5' } });
    expect(study).toMatchObject({
      manifest: {
        series: [{ code: 'not-readable', reason: 'Chosen first, but 120 of 120 slices cannot be read' }, {}],
      },
    });
  });

  it('throws for objects of two studies', () => {
    expect(() => assemble([...AXIAL, instanceOf({ studyInstanceUid: '1.9.9' })])).toThrow('more than one study');
  });

  it('promises nothing about what it did not analyse', () => {
    const texts = [
      [...LOCALIZER, ...REFORMAT, ...SAGITTAL, ...RESULT, ...AXIAL],
      [...LOCALIZER, ...REFORMAT],
      seriesOf({ slices: 30 }),
    ].map((study) => JSON.stringify(assemble(study)));
    for (const text of texts) expect(text).not.toMatch(/negative|normal|\bclear|safe|rule out|confidence/i);
  });
});
