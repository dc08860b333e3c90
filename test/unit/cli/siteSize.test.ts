import { describe, expect, it } from 'vitest';
import { siteSize, type MachineFigures, type SiteLoad } from '../../../src/cli/siteSize.ts';

const load: SiteLoad = {
  studiesPerDay: 50,
  studiesInPeakHour: 360,
  slicesReceived: 700,
  slicesAnalysed: 250,
  jpeg2000Share: 0.4,
  retentionDays: 10,
  rowYears: 2,
};
const figures: MachineFigures = {
  receiveMsPerSlice: 4,
  encodeMsPerSlice: 32,
  jpeg2000MsPerSlice: 45,
  otherMsPerStudy: 1_700,
  nativeBytesPerSlice: 600_000,
  jpeg2000BytesPerSlice: 200_000,
  resultBytesPerStudy: 9_000_000,
  rowBytesPerAnalysedSlice: 500,
  residentMib: { agent: 211, receiver: 83, report: 127, inferenceFirstThread: 231, inferenceFurtherThread: 97 },
};

describe('what a site needs', () => {
  it('follows from the load, as computed by hand', () => {
    const size = siteSize(load, figures);
    // 700 x 4 + 250 x (32 + 0.4 x 45) + 1,700 = 2,800 + 12,500 + 1,700 ms.
    expect(size.cpuSecondsPerStudy).toBeCloseTo(17, 9);
    // 360 x 17 / 3,600 = 1.7 cores, of 2.55: 3.
    expect(size.cores).toBe(3);
    expect(size.peakUse).toBeCloseTo(1.7 / 3, 9);
    // 512 + 211 + 83 + 127 + 231 + 2 x 97.
    expect(size.memoryMib).toBe(1358);
    // 50 x 10 studies of 700 x (0.4 x 200,000 + 0.6 x 600,000) + 9,000,000 bytes: 158.5e9.
    expect(size.spoolGib * 2 ** 30).toBeCloseTo(158.5e9, -3);
    // 50 x 730 studies of 250 x 500 bytes.
    expect(size.databaseGib * 2 ** 30).toBeCloseTo(4.5625e9, -3);
    expect(size.diskGib * 2 ** 30).toBeCloseTo(1.25 * (158.5e9 + 9.125e9), -3);
  });

  it('is at least two cores, and never more than two thirds busy in the peak hour', () => {
    for (const studiesInPeakHour of [1, 100, 423, 424, 5_000]) {
      const { cores, peakUse } = siteSize({ ...load, studiesInPeakHour }, figures);
      expect(cores).toBeGreaterThanOrEqual(2);
      expect(peakUse).toBeLessThanOrEqual(2 / 3 + 1e-9);
    }
  });
});
