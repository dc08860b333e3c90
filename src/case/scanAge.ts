import { dayText, latestMs, withOffset } from '../dicom/dateTimes.ts';
import type { InstanceHeader } from './case.ts';

/**
 * `prior`: an old scan, kept for comparison beside a newer one. `taken-as-new`: it looked like a prior, and a person had it analysed all the same.
 */
export type Recency = 'new' | 'prior' | 'taken-as-new';

type Dated = Pick<InstanceHeader, 'acquisitionDateTime' | 'studyDate' | 'studyTime' | 'timezoneOffsetFromUtc'>;

/** Clocks of scanners and time zones differ by less than this; a scan dated later than that is dated wrongly. */
const FUTURE_TOLERANCE_MS = 24 * 3_600_000;

/** When the scan was made, as its headers say: the newest of the acquisitions and of the study dates, as DICOM DA or DT; empty when none can be read. */
export function newestScanDate(headers: readonly Dated[]): string {
  let newest = '';
  let newestMs = -Infinity;
  for (const { acquisitionDateTime, studyDate, studyTime, timezoneOffsetFromUtc = '' } of headers) {
    for (const candidate of [acquisitionDateTime, withOffset(studyDate + studyTime, timezoneOffsetFromUtc)]) {
      const ms = latestScanMs(candidate);
      if (ms === null || ms <= newestMs) continue;
      newest = candidate;
      newestMs = ms;
    }
  }
  return newest;
}

/** When an image was taken, for lists. Where it has no more than the date of its study, and names the zone of that, it is this date. */
export function acquiredAt({ acquisitionDateTime, studyDate, studyTime, timezoneOffsetFromUtc }: Dated): string {
  if (acquisitionDateTime !== '' || timezoneOffsetFromUtc === undefined) return acquisitionDateTime;
  return withOffset(studyDate + studyTime, timezoneOffsetFromUtc);
}

/** The last moment, epoch ms, that the date of a scan can mean; that of its day where the time cannot be read, null where the day cannot either. */
export function latestScanMs(scanDate: string): number | null {
  return latestMs(scanDate) ?? latestMs(scanDate.slice(0, 8));
}

/**
 * Whether a scan was already older than `maxAgeMs` when it arrived. Every stated date must be old: a scan whose date is missing, unreadable or in the future
 * is never a prior, because a new scan that is taken for an old one would not be read in time.
 */
export function isPrior(headers: readonly Dated[], arrivedAtMs: number, maxAgeMs: number): boolean {
  const scannedMs = latestScanMs(newestScanDate(headers));
  return scannedMs !== null && arrivedAtMs - scannedMs > maxAgeMs;
}

/** What the case says about the age of its scan; empty when there is nothing to say. */
export function scanAgeNote(recency: Recency, scanDate: string, arrivedAtMs: number): string {
  if (recency === 'prior') return `Prior of ${dayText(scanDate)}`;
  if (recency === 'taken-as-new') return `Scan of ${dayText(scanDate)}, taken as new by a person`;
  const scannedMs = latestScanMs(scanDate);
  if (scannedMs === null) return 'The headers do not say when the scan was made: it is taken as new';
  return scannedMs - arrivedAtMs > FUTURE_TOLERANCE_MS
    ? `The headers date the scan in the future (${dayText(scanDate)}): it is taken as new. Check the clock of the scanner`
    : '';
}
