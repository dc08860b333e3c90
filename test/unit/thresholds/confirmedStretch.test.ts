import { expect, it } from 'vitest';
import { consecutiveScans } from '../../../src/thresholds/confirmedStretch.ts';
import { scansOf, times } from './scans.ts';

it('takes the known scans of days on which the truth of 95 % is known', () => {
  const scans = scansOf([
    ...times(20, (i) => ({ score: 0.1, fracture: i === 7 ? null : i < 5, day: 1 })),
    ...times(20, (i) => ({ score: 0.2, fracture: i > 17 ? null : i < 5, day: 2 })),
    { score: 0.3, fracture: false, day: 3 },
    { score: 0.4, day: 4 },
  ]);
  const taken = consecutiveScans(scans).map(({ studyInstanceUid }) => studyInstanceUid);
  // Of day 1 all but the eighth, and the one scan of day 3.
  expect(taken).toEqual([...times(20, (i) => `1.2.${i + 1}`).filter((uid) => uid !== '1.2.8'), '1.2.41']);
});
