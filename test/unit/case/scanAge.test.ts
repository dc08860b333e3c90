import { describe, expect, it } from 'vitest';
import { acquiredAt, isPrior, newestScanDate, scanAgeNote } from '../../../src/case/scanAge.ts';

const HOUR_MS = 3_600_000;
const ARRIVED_MS = new Date(2026, 10, 29, 12).getTime();
const dated = (acquisitionDateTime: string, studyDate = '', studyTime = '') => ({
  acquisitionDateTime,
  studyDate,
  studyTime,
});
const isOld = (...headers: Parameters<typeof isPrior>[0]) => isPrior(headers, ARRIVED_MS, 72 * HOUR_MS);

describe('the age of a scan', () => {
  it.each([
    ['a second more than 72 h old', true, [dated('20261126115959')]],
    ['72 h old', false, [dated('20261126120000')]],
    ['of a day that ended less than 72 h ago', false, [dated('20261126')]],
    ['of a day that ended more than 72 h ago', true, [dated('20261125')]],
    ['dated by its study only', true, [dated('', '20190304', '081500')]],
    ['with an unreadable study time', true, [dated('', '20190304', 'noon')]],
    ['with an old study date and a new acquisition', false, [dated('20261129080000', '20190304')]],
    ['with an old acquisition and a new study date', false, [dated('20190304081500', '20261129')]],
    ['with one new slice', false, [dated('20190304081500'), dated('20261129080000')]],
    ['with one slice without a date', true, [dated('20190304081500'), dated('')]],
    ['without a date', false, [dated('')]],
    ['with a date that is none', false, [dated('REMOVED', 'REMOVED')]],
    ['dated in the future', false, [dated('20310101')]],
    ['with nothing in it', false, []],
  ])('a scan %s: prior is %s', (_, expected, headers) => {
    expect(isOld(...headers)).toBe(expected);
  });

  it('is that of the instant, where the object names its time zone, and of the site where it does not', () => {
    /** The moment as a clock so many minutes east of Greenwich shows it. */
    const at = (ms: number, eastMinutes: number) =>
      new Date(ms + eastMinutes * 60_000).toISOString().replace(/[-T:]|\..*/g, '');
    const limitMs = ARRIVED_MS - 72 * HOUR_MS;
    for (const [offset, eastMinutes] of [
      ['+1400', 840],
      ['-1200', -720],
      ['+0530', 330],
    ] as const)
      for (const [ms, expected] of [
        [limitMs, false],
        [limitMs - 1_000, true],
      ] as const) {
        const there = at(ms, eastMinutes);
        expect(isOld(dated(`${there}${offset}`)), there + offset).toBe(expected);
        const study = dated('', there.slice(0, 8), there.slice(8));
        expect(isOld({ ...study, timezoneOffsetFromUtc: offset }), there + offset).toBe(expected);
        // An acquisition has had its own offset added already.
        expect(isOld({ ...dated(`${there}${offset}`), timezoneOffsetFromUtc: '+0000' })).toBe(expected);
      }
  });

  it('shows of an image without a time of its own that of its study, where that names its zone', () => {
    const study = dated('', '20261129', '080000.5');
    expect(acquiredAt(study)).toBe('');
    expect(acquiredAt({ ...study, timezoneOffsetFromUtc: '+0900' })).toBe('20261129080000.5+0900');
    expect(acquiredAt({ ...dated('20261128120000'), timezoneOffsetFromUtc: '+0900' })).toBe('20261128120000');
  });

  it('is said of a prior, and what is odd about a date of any other scan', () => {
    expect(scanAgeNote('prior', '20250312081500', ARRIVED_MS)).toBe('Prior of 12-Mar-2025');
    expect(scanAgeNote('taken-as-new', '20250312', ARRIVED_MS)).toBe('Scan of 12-Mar-2025, taken as new by a person');
    expect(scanAgeNote('new', '', ARRIVED_MS)).toBe(
      'The headers do not say when the scan was made: it is taken as new',
    );
    expect(scanAgeNote('new', '20310102', ARRIVED_MS)).toBe(
      'The headers date the scan in the future (02-Jan-2031): it is taken as new. Check the clock of the scanner',
    );
    // A clock or a time zone that differs by some hours is everyday.
    expect(scanAgeNote('new', '20261130020000', ARRIVED_MS)).toBe('');
    expect(scanAgeNote('new', '20261129115900', ARRIVED_MS)).toBe('');
    expect(scanAgeNote('new', '20261130120000', ARRIVED_MS)).toBe('');
    expect(scanAgeNote('new', '20261130120001', ARRIVED_MS)).toMatch('in the future (30-Nov-2026)');
    // The time cannot be read, and the day can.
    expect(scanAgeNote('new', '20310102noon', ARRIVED_MS)).toMatch('in the future (02-Jan-2031)');
  });

  it('names the newest readable date', () => {
    expect(newestScanDate([dated('20190304081500', '20190305'), dated('REMOVED', '20180101')])).toBe('20190305');
    expect(newestScanDate([])).toBe('');
  });
});
