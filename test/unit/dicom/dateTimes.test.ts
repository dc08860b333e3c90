import { describe, expect, it } from 'vitest';
import { dateTimeOf, dayText, inOwnZone, latestMs, withOffset } from '../../../src/dicom/dateTimes.ts';

describe('DICOM dates and times', () => {
  it.each([
    ['20250312081530', new Date(2025, 2, 12, 8, 15, 30).getTime()],
    ['20250312081530.123456', new Date(2025, 2, 12, 8, 15, 30).getTime()],
    ['20250312', new Date(2025, 2, 13).getTime() - 1],
    ['2025031208', new Date(2025, 2, 12, 9).getTime() - 1],
    ['202503120815', new Date(2025, 2, 12, 8, 16).getTime() - 1],
    ['202512', new Date(2026, 0, 1).getTime() - 1],
    ['2025', new Date(2026, 0, 1).getTime() - 1],
    ['2025.03.1208:15:30', new Date(2025, 2, 12, 8, 15, 30).getTime()],
    [' 20250312081530 ', new Date(2025, 2, 12, 8, 15, 30).getTime()],
    ['20250312081530+0530', Date.UTC(2025, 2, 12, 2, 45, 30)],
    ['20250312081530-0330', Date.UTC(2025, 2, 12, 11, 45, 30)],
    ['', null],
    ['ANONYMIZED', null],
    ['20251312', null],
    ['20250332', null],
    ['2025031224', null],
  ])('reads %j as the last moment that it can mean', (value, ms) => {
    expect(latestMs(value)).toBe(ms);
  });

  it('writes a time so that it reads the same', () => {
    const ms = new Date(2027, 0, 2, 3, 4, 5).getTime();
    expect(dateTimeOf(ms)).toBe('20270102030405');
    expect(latestMs(dateTimeOf(ms))).toBe(ms);
  });

  it.each([
    ['20250312081530', '+0530', '20250312081530+0530'],
    ['20250312081530.123456', '-1200', '20250312081530.123456-1200'],
    ['2025031208', '+1400', '2025031208+1400'],
    ['20250312081530-0330', '+0530', '20250312081530-0330'],
    ['20250312', '+0530', '20250312'],
    ['20250312081530', '', '20250312081530'],
    ['20250312081530', 'CET', '20250312081530'],
    ['20250312081530', '+1500', '20250312081530'],
    ['20250312081530', '+0560', '20250312081530'],
    ['', '+0530', ''],
  ])('adds to %j the offset %j of its object', (value, offset, expected) => {
    expect(withOffset(value, offset)).toBe(expected);
  });

  it('brings a time with an offset into the zone of this machine', () => {
    const ms = Date.UTC(2025, 2, 12, 2, 45, 30);
    expect(inOwnZone('20250312081530.5+0530')).toBe(dateTimeOf(ms));
    for (const value of ['20250312081530', '20250312', 'noon-0330', '']) expect(inOwnZone(value)).toBe(value);
  });

  it('names a day without mistaking the month, and leaves the rest as it is', () => {
    expect([dayText('20250312081530'), dayText('2019.03.04'), dayText('UNKNOWN')]).toEqual([
      '12-Mar-2025',
      '04-Mar-2019',
      'UNKNOWN',
    ]);
  });
});
