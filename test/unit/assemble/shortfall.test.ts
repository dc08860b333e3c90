import { describe, expect, it } from 'vitest';
import { judgeSeries } from '../../../src/assemble/judgeSeries.ts';
import { DEFAULT_SERIES_RULES } from '../../../src/assemble/seriesRules.ts';
import { shortfall } from '../../../src/assemble/shortfall.ts';
import type { InstanceHeader, StoredInstance } from '../../../src/case/case.ts';
import { seriesOf } from './syntheticStudy.ts';

const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';

/** Of the first series of the study. */
function shortfallOf(instances: readonly StoredInstance[]) {
  const judged = judgeSeries(instances, DEFAULT_SERIES_RULES);
  return shortfall(judged[0]!, judged);
}

const series = (number: number, slices: number, header: Partial<InstanceHeader>) =>
  seriesOf({ series: number, slices, header });
const ofAcquisition = (acquisitionNumber: number, imagesInAcquisition: number | null = null) => ({
  acquisitionNumber,
  imagesInAcquisition,
});

/** Three more images of series 4 without a position. */
const unplaced = (header: Partial<InstanceHeader>) =>
  series(4, 93, { imagePositionPatientMm: null, ...header }).slice(90);
const PLACED = { came: 90, stated: 93, of: 'placed' };

describe('fewer images than the sender states', () => {
  it.each<[string, StoredInstance[], { came: number; stated: number; of?: string } | null]>([
    ['nothing is stated', series(4, 90, {}), null],
    ['as many as are stated of the series', series(4, 90, { numberOfSeriesRelatedInstances: 90 }), null],
    ['fewer of the series', series(4, 90, { numberOfSeriesRelatedInstances: 91 }), { came: 90, stated: 91 }],
    [
      'two versions of one image count once',
      [
        ...series(4, 90, { numberOfSeriesRelatedInstances: 91 }),
        ...series(4, 1, { numberOfSeriesRelatedInstances: 91, patientAge: '046Y' }),
      ],
      { came: 90, stated: 91 },
    ],
    ['more than are stated', series(4, 90, { numberOfSeriesRelatedInstances: 80, ...ofAcquisition(1, 70) }), null],
    ['as many as are stated of the acquisition', series(4, 90, ofAcquisition(1, 90)), null],
    ['fewer of the acquisition', series(4, 90, ofAcquisition(1, 92)), { came: 90, stated: 92 }],
    [
      'the slices state different numbers: the greatest counts',
      [...series(4, 90, ofAcquisition(1, 85)).slice(0, 60), ...series(4, 90, ofAcquisition(1, 93)).slice(60)],
      { came: 90, stated: 93 },
    ],
    [
      'the series is whole by its own count, and the acquisition is not',
      series(4, 90, { numberOfSeriesRelatedInstances: 90, ...ofAcquisition(1, 120) }),
      { came: 90, stated: 120 },
    ],
    [
      'the acquisition was reconstructed twice, and the count is of both',
      [...series(4, 90, ofAcquisition(1, 130)), ...series(5, 40, ofAcquisition(1, 130))],
      null,
    ],
    [
      'the acquisition was reconstructed twice, and the count is of each',
      [...series(4, 90, ofAcquisition(1, 110)), ...series(5, 110, ofAcquisition(1, 110))],
      { came: 90, stated: 110 },
    ],
    ['slices like the others without a position', [...series(4, 90, {}), ...unplaced({})], PLACED],
    [
      'such slices of another type of processing',
      [...series(4, 90, {}), ...unplaced({ imageType: ['DERIVED', 'SECONDARY', 'AXIAL'] })],
      PLACED,
    ],
    [
      'images of another type without a position',
      [...series(4, 90, {}), ...unplaced({ imageType: ['ORIGINAL', 'PRIMARY', 'OTHER'] })],
      null,
    ],
    ['images of other rows without a position', [...series(4, 90, {}), ...unplaced({ rows: 256 })], null],
    ['images of other columns without a position', [...series(4, 90, {}), ...unplaced({ columns: 256 })], null],
    [
      'images of another kernel without a position',
      [...series(4, 90, {}), ...unplaced({ convolutionKernel: 'Br40f' })],
      null,
    ],
    [
      'images of another thickness without a position',
      [...series(4, 90, {}), ...unplaced({ sliceThicknessMm: 3 })],
      null,
    ],
    [
      'images like the others that are refused for something else',
      [...series(4, 90, {}), ...unplaced({ imageOrientationPatient: null, imagePositionPatientMm: [0, 0, 1] })],
      null,
    ],
    [
      'parts of a concatenated image, before slices without a position',
      [...series(4, 90, { concatenation: { uid: '1.2.9', part: 2, parts: 3 } }), ...unplaced({})],
      { came: 1, stated: 3, of: 'parts' },
    ],
    [
      'another acquisition does not make up for it',
      [...series(4, 90, ofAcquisition(1, 110)), ...series(5, 20, ofAcquisition(2))],
      { came: 90, stated: 110 },
    ],
    [
      'objects of another class do not make up for it',
      [
        ...series(4, 90, ofAcquisition(1, 110)),
        ...series(5, 20, { sopClassUid: SECONDARY_CAPTURE, ...ofAcquisition(1) }),
      ],
      { came: 90, stated: 110 },
    ],
  ])('%s', (_what, instances, expected) => {
    expect(shortfallOf(instances)).toEqual(expected);
  });
});
