import { describe, expect, it } from 'vitest';
import { judgeSeries } from '../../../src/assemble/judgeSeries.ts';
import { DEFAULT_SERIES_RULES } from '../../../src/assemble/seriesRules.ts';
import { seriesOf } from './syntheticStudy.ts';

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
});
