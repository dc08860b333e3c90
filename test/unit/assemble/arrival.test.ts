import { describe, expect, it } from 'vitest';
import { accountForArrival, type Arrival } from '../../../src/assemble/arrival.ts';
import { assembleStudy } from '../../../src/assemble/assembleStudy.ts';
import { DEFAULT_SERIES_RULES } from '../../../src/assemble/seriesRules.ts';
import type { InstanceHeader } from '../../../src/case/case.ts';
import type { RefusedObjects } from '../../../src/case/refusedObject.ts';
import { seriesOf } from './syntheticStudy.ts';

const WHOLE: Arrival = { refused: null, isBrokenOff: false };
const BROKEN_OFF: Arrival = { refused: null, isBrokenOff: true };

/** Of 20 refused objects so many were CT images of the series with this number. */
function refused(ctOfSeries: Record<number, number>): RefusedObjects {
  const ctBySeries = Object.entries(ctOfSeries).map(([series, count]): [string, number] => [`1.2.3.${series}`, count]);
  return { count: 20, why: '0xA900: no position.', ctBySeries: new Map(ctBySeries) };
}

describe('how a study came, where it is not analysed', () => {
  const TOO_FEW = 'Only 19 axial slices (at least 20 needed): no thin axial CT series of the neck';
  const REFUSED = '20 objects were refused (0xA900: no position)';
  const BROKEN = 'the sender’s connection broke off, and nothing was sent again';

  it.each<[number, Arrival, string, string]>([
    [19, WHOLE, 'too-few-slices', TOO_FEW],
    [19, { refused: refused({}), isBrokenOff: false }, 'too-few-slices', `${TOO_FEW}; ${REFUSED}`],
    [19, BROKEN_OFF, 'too-few-slices', `${TOO_FEW}; ${BROKEN}`],
    [19, { refused: refused({}), isBrokenOff: true }, 'too-few-slices', `${TOO_FEW}; ${REFUSED}; ${BROKEN}`],
    // Nothing came: that is what was refused, or that nothing came.
    [0, WHOLE, 'no-images', 'No images received'],
    [0, BROKEN_OFF, 'no-images', `No images received; ${BROKEN}`],
    [0, { refused: refused({}), isBrokenOff: false }, 'refused', REFUSED],
    [0, { refused: refused({}), isBrokenOff: true }, 'refused', `${REFUSED}; ${BROKEN}`],
  ])('%i slices, %j', (slices, arrival, reasonCode, reason) => {
    const instances = seriesOf({ slices });
    const assembled = assembleStudy(instances, DEFAULT_SERIES_RULES);
    expect(accountForArrival(assembled, instances, arrival)).toEqual({ ...assembled, reasonCode, reason });
  });
});

describe('how a study came, of the series that is analysed', () => {
  const CUT = { came: 120, stated: 150 };
  const PLACED = { came: 120, stated: 123, of: 'placed' };
  const unplaced = seriesOf({ slices: 123, header: { imagePositionPatientMm: null } }).slice(120);

  it.each<[string, Partial<InstanceHeader>, Arrival, object]>([
    ['whole', {}, WHOLE, {}],
    ['none of it refused', {}, { refused: refused({ 5: 9 }), isBrokenOff: false }, {}],
    ['one of it refused', {}, { refused: refused({ 4: 1, 5: 9 }), isBrokenOff: false }, { came: 120, stated: 121 }],
    ['30 of it refused', {}, { refused: refused({ 4: 30 }), isBrokenOff: true }, CUT],
    [
      'fewer than it states: what was refused is among them',
      { numberOfSeriesRelatedInstances: 150 },
      { refused: refused({ 4: 12 }), isBrokenOff: true },
      CUT,
    ],
  ])('%s', (_what, header, arrival, cutShort) => {
    const instances = seriesOf({ header });
    const assembled = assembleStudy(instances, DEFAULT_SERIES_RULES);
    if (assembled.type !== 'seriesChosen') throw new Error(assembled.reason);
    expect(accountForArrival(assembled, instances, arrival)).toEqual({
      type: 'seriesChosen',
      manifest: { ...assembled.manifest, ...('came' in cutShort ? { cutShort } : {}) },
    });
  });

  it('some without a position: what was refused counts before', () => {
    const instances = [...seriesOf(), ...unplaced];
    const assembled = assembleStudy(instances, DEFAULT_SERIES_RULES);
    expect(assembled).toMatchObject({ manifest: { cutShort: PLACED } });
    expect(accountForArrival(assembled, instances, WHOLE)).toEqual(assembled);
    const arrival = { refused: refused({ 4: 30 }), isBrokenOff: false };
    expect(accountForArrival(assembled, instances, arrival)).toMatchObject({ manifest: { cutShort: CUT } });
    expect(accountForArrival(assembled, instances, BROKEN_OFF)).toMatchObject({ manifest: { brokenOff: true } });
  });

  it.each<[string, Partial<InstanceHeader>, Partial<InstanceHeader>, true | undefined]>([
    ['nobody says how many there are', {}, {}, true],
    ['none is no number', { imagesInAcquisition: 0, numberOfSeriesRelatedInstances: 0 }, {}, true],
    ['another series has its number', {}, { numberOfSeriesRelatedInstances: 40 }, true],
    ['all of the series came', { numberOfSeriesRelatedInstances: 120 }, {}, undefined],
    ['all of the acquisition came', { imagesInAcquisition: 120 }, {}, undefined],
    ['one image came of the one that is stated', { numberOfSeriesRelatedInstances: 1 }, {}, undefined],
  ])('is said to be broken off unless all that is stated came: %s', (_what, header, ofOther, brokenOff) => {
    const other = seriesOf({ series: 5, slices: 40, spacingMm: 3, header: { acquisitionNumber: 9, ...ofOther } });
    const instances = [...other, ...seriesOf({ header })];
    const assembled = assembleStudy(instances, DEFAULT_SERIES_RULES);
    if (assembled.type !== 'seriesChosen') throw new Error(assembled.reason);
    expect(assembled.manifest.seriesInstanceUid).toBe('1.2.3.4');
    expect(accountForArrival(assembled, instances, WHOLE)).toEqual(assembled);
    const broken = accountForArrival(assembled, instances, BROKEN_OFF);
    expect(broken.type === 'seriesChosen' && broken.manifest.brokenOff).toBe(brokenOff);
  });
});
