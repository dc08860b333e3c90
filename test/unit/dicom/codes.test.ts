import { expect, it } from 'vitest';
import { VERTEBRA_CODES } from '../../../src/dicom/codes.ts';

/** PS3.16 CID 7603, Vertebra, by hand: a report that names the wrong vertebra is a report on the wrong vertebra. */
const CID_7603 = {
  C1: '14806007',
  C2: '39976000',
  C3: '113205007',
  C4: '5329002',
  C5: '36978003',
  C6: '36054005',
  C7: '87391001',
  T1: '64864005',
};

it('every vertebra has its own code and meaning of SNOMED CT', () => {
  expect(VERTEBRA_CODES).toEqual(
    Object.fromEntries(
      Object.entries(CID_7603).map(([level, value]) => [level, { value, scheme: 'SCT', meaning: `${level} vertebra` }]),
    ),
  );
});
