import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGeometryWhole } from '../../../src/assemble/completeness.ts';
import { DEFAULT_SERIES_RULES } from '../../../src/assemble/seriesRules.ts';
import { instanceOf, seriesOf } from './syntheticStudy.ts';

const LOCALIZER = instanceOf({
  sopInstanceUid: '1.2.3.1.1',
  seriesInstanceUid: '1.2.3.1',
  imageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'],
});

describe('isGeometryWhole', () => {
  it('is whole for an evenly spaced series that is long enough, whatever else lies beside it', () => {
    const thick = seriesOf({ series: 6, spacingMm: 5, slices: 30 }).filter((_, index) => index % 3 !== 1);
    expect(isGeometryWhole([LOCALIZER, ...seriesOf(), ...thick], DEFAULT_SERIES_RULES)).toEqual({
      whole: true,
      why: '120 slices without a gap over 120 mm',
    });
  });

  it('is not whole with any slice inside missing', () => {
    const series = seriesOf();
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 118 }), { minLength: 1, maxLength: 100 }), (removed) => {
        expect(
          isGeometryWhole(
            series.filter((_, index) => !removed.includes(index)),
            DEFAULT_SERIES_RULES,
          ).whole,
        ).toBe(false);
      }),
    );
  });

  it('is not whole while every other slice is still to come', () => {
    const series = seriesOf({ slices: 200 });
    expect(
      isGeometryWhole(
        series.filter((_, index) => index % 2 === 0),
        DEFAULT_SERIES_RULES,
      ),
    ).toEqual({ whole: false, why: 'slices of 1 mm lie 2 mm apart' });
  });

  it('is whole where slices are meant to lie apart: up to half their thickness', () => {
    const apart = (sliceThicknessMm: number) => seriesOf({ spacingMm: 1.5, header: { sliceThicknessMm } });
    expect(isGeometryWhole(apart(1), DEFAULT_SERIES_RULES).whole).toBe(true);
    expect(isGeometryWhole(apart(0.99), DEFAULT_SERIES_RULES).whole).toBe(false);
    expect(isGeometryWhole(apart(0), DEFAULT_SERIES_RULES).whole).toBe(true);
    const thick = seriesOf({ slices: 60, spacingMm: 2.5, header: { sliceThicknessMm: 2 } });
    expect(isGeometryWhole(thick, DEFAULT_SERIES_RULES).whole).toBe(true);
    // Nobody says how thick they are.
    const unstated = seriesOf({ slices: 60, spacingMm: 2, header: { sliceThicknessMm: null } });
    expect(isGeometryWhole(unstated, DEFAULT_SERIES_RULES).whole).toBe(true);
  });

  it('is not whole with one uneven step, which a slice may fill that is still to come', () => {
    const uneven = [
      ...seriesOf({ series: 5, slices: 60 }),
      ...seriesOf({ series: 5, slices: 120, topMm: 49.7 }).slice(60),
    ];
    expect(isGeometryWhole([...seriesOf(), ...uneven], DEFAULT_SERIES_RULES)).toEqual({
      whole: false,
      why: 'a series has gaps between its slices',
    });
  });

  it('is not whole while parts of a concatenated image are missing', () => {
    const parts = (came: number) =>
      seriesOf().map((one, index) => ({
        ...one,
        header: { ...one.header, concatenation: { uid: '1.2.9', part: 1 + (index % came), parts: 3 } },
      }));
    expect(isGeometryWhole(parts(2), DEFAULT_SERIES_RULES)).toEqual({
      whole: false,
      why: '2 of 3 parts of a concatenated image came',
    });
    expect(isGeometryWhole(parts(3), DEFAULT_SERIES_RULES).whole).toBe(true);
  });

  it('is not held up by slices without a position, for which no others will come', () => {
    const unplaced = seriesOf({ slices: 123, header: { imagePositionPatientMm: null } }).slice(120);
    expect(isGeometryWhole([...seriesOf(), ...unplaced], DEFAULT_SERIES_RULES).whole).toBe(true);
  });

  it('is not held up by a series of one slice', () => {
    const single = seriesOf({ series: 5, slices: 1, header: { sliceThicknessMm: 3 } });
    expect(isGeometryWhole([...seriesOf(), ...single], DEFAULT_SERIES_RULES).whole).toBe(true);
  });

  it('waits for a second series that is still arriving', () => {
    const second = seriesOf({ series: 5 }).filter((_, index) => index !== 30);
    expect(isGeometryWhole([...seriesOf(), ...second], DEFAULT_SERIES_RULES)).toEqual({
      whole: false,
      why: 'a series has gaps between its slices',
    });
  });

  it('is not whole without a series that can be analysed', () => {
    for (const instances of [[], [LOCALIZER], seriesOf({ slices: 60 }), seriesOf({ slices: 10 })]) {
      expect(isGeometryWhole(instances, DEFAULT_SERIES_RULES)).toEqual({
        whole: false,
        why: 'no series can be analysed yet',
      });
    }
  });

  it('is not held up by slices taken at one position to time the contrast', () => {
    const timing = Array.from({ length: 15 }, (_, index) =>
      instanceOf({ seriesInstanceUid: '1.2.3.8', sopInstanceUid: `1.2.3.8.${index + 1}`, sliceThicknessMm: 3 }),
    );
    expect(isGeometryWhole([...seriesOf(), ...timing], DEFAULT_SERIES_RULES).whole).toBe(true);
  });

  it('is not whole while fewer came than the sender states, of the series or of each reconstruction', () => {
    const whole = seriesOf({ series: 4, header: { acquisitionNumber: 1, imagesInAcquisition: 120 } });
    const isWhole = (instances: Parameters<typeof isGeometryWhole>[0]) =>
      isGeometryWhole(instances, DEFAULT_SERIES_RULES);
    expect(isWhole(whole).whole).toBe(true);
    expect(isWhole(whole.slice(0, 100))).toEqual({ whole: false, why: '100 of 120 slices came' });
    const other = seriesOf({ series: 5, header: { acquisitionNumber: 1, imagesInAcquisition: 120 } });
    expect(isWhole([...whole, ...other]).whole).toBe(true);
    expect(isWhole([...whole, ...other.slice(0, 90)])).toEqual({ whole: false, why: '90 of 120 slices came' });
    const counted = seriesOf({ series: 6, header: { numberOfSeriesRelatedInstances: 130 } });
    expect(isWhole(counted)).toEqual({ whole: false, why: '120 of 130 slices came' });
  });
});
