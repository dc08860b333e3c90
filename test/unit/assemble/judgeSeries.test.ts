import { describe, expect, it } from 'vitest';
import { judgeSeries } from '../../../src/assemble/judgeSeries.ts';
import { DEFAULT_SERIES_RULES } from '../../../src/assemble/seriesRules.ts';
import { instanceOf, seriesOf } from './syntheticStudy.ts';

const codeOf = (instances: Parameters<typeof judgeSeries>[0]): string | undefined =>
  judgeSeries(instances, DEFAULT_SERIES_RULES)[0]!.refusal?.code;

describe('why a series is refused', () => {
  it.each([
    [10, 9, 'too-few-slices'],
    [10, 10, 'too-few-slices'],
    [10, 11, 'no-geometry'],
    // As many as a stack needs are a stack, whatever lies beside them.
    [20, 30, 'short-coverage'],
    [19, 30, 'no-geometry'],
    [0, 1, 'no-geometry'],
    [1, 0, 'too-few-slices'],
    [1, 1, 'too-few-slices'],
  ])('is about its stack, or about its other images: %i slices, %i others', (slices, others, code) => {
    const rest = seriesOf({ slices: 60 + others, header: { imagePositionPatientMm: null } }).slice(60);
    expect(codeOf([...seriesOf({ slices }), ...rest])).toBe(code);
  });

  it.each([
    [19, 'localizer'],
    [20, 'short-coverage'],
  ])('is no word of its description where it has as many images as a stack: %i', (slices, code) => {
    const header = { imageType: ['ORIGINAL', 'PRIMARY'], seriesDescription: 'bone, with scout' };
    expect(codeOf(seriesOf({ slices, header }))).toBe(code);
  });

  it.each([
    [3, 2, 'localizer'],
    [2, 3, 'no-geometry'],
    // Of as many of either, those of the first image.
    [2, 2, 'no-geometry'],
  ])('is what most of its images are refused for: %i localizers, %i without a position', (localizers, silent, code) => {
    const unplaced = seriesOf({ slices: 5, header: { imagePositionPatientMm: null } });
    const scouts = seriesOf({ slices: 5, header: { imageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'] } });
    expect(codeOf([...unplaced.slice(0, silent), ...scouts.slice(5 - localizers)])).toBe(code);
  });
});

describe('the images of a study', () => {
  const judged = (instances: Parameters<typeof judgeSeries>[0]) => judgeSeries(instances, DEFAULT_SERIES_RULES);

  it('are sorted by series number and UID, series without a number last', () => {
    const series = (seriesInstanceUid: string, seriesNumber: number | null) =>
      seriesOf({ slices: 1, header: { seriesInstanceUid, seriesNumber } }).map(({ header }) =>
        instanceOf({ ...header, sopInstanceUid: `${seriesInstanceUid}.${header.sopInstanceUid}` }),
      );
    const study = [series('1.1', null), series('1.5', 10), series('1.4', 9), series('1.3', 9), series('1.6', 0)].flat();
    for (const arrived of [study, study.toReversed()])
      expect(judged(arrived).map(({ seriesInstanceUid }) => seriesInstanceUid)).toEqual([
        '1.6',
        '1.3',
        '1.4',
        '1.5',
        '1.1',
      ]);
  });

  it('count once by UID and bytes; two versions of one image are both kept', () => {
    const [first, ...rest] = seriesOf({ slices: 4 });
    const copy = { ...first!, path: 'objects/again.dcm' };
    // Between the two by its path.
    const version = { ...first!, path: 'objects/a.dcm', sha256: 'ff' };
    const [{ all }] = judged([copy, version, ...rest, first!, rest[0]!]) as [ReturnType<typeof judged>[0]];
    expect(all.map(({ path }) => path).sort()).toEqual(
      [first!.path, 'objects/a.dcm', ...rest.map(({ path }) => path)].sort(),
    );
  });

  it('are each of one stack, and what is no slice counts to the largest', () => {
    const large = seriesOf({ slices: 40, header: { convolutionKernel: 'Br60f' } });
    const small = seriesOf({ slices: 70, header: { convolutionKernel: 'Br40f' } }).slice(40);
    const unplaced = seriesOf({ slices: 72, header: { imagePositionPatientMm: null } }).slice(70);
    expect(
      judged([...unplaced, ...small, ...large]).map(({ stackName, all, facts, refused, isCandidate }) => [
        stackName,
        all.length,
        facts.instances.length,
        refused.length,
        isCandidate,
      ]),
    ).toEqual([
      ['kernel Br60f', 42, 40, 2, true],
      ['kernel Br40f', 30, 30, 0, true],
    ]);
  });
});
