import { describe, expect, it, test } from 'vitest';
import { nextRunMs, parseCron, systemOffset } from '../../../src/housekeeping/cron.ts';
import { offsetOf, ZONES } from './zones.ts';

const YEAR_START_MS = Date.parse('2026-01-01T00:00:00Z');
const YEAR_END_MS = Date.parse('2027-01-01T00:00:00Z');

/** Runs of `expression` after `fromIso`, as UTC times. */
function runs(expression: string, zone: string, fromIso: string, count: number): string[] {
  const plan = parseCron(expression);
  const offsetAt = offsetOf(zone);
  let atMs = Date.parse(fromIso);
  return Array.from({ length: count }, () => {
    atMs = nextRunMs(plan, atMs, offsetAt)!;
    return new Date(atMs).toISOString().slice(0, 16);
  });
}

/** Written by hand from the published rules of each zone. Berlin 2026: forward on March 29 and back on October 25, both at 01:00 UTC. */
describe('the night the clocks change', () => {
  test.each([
    // 02:30 is missing: it runs at 03:00 summer time.
    ['30 2 * * *', ZONES.berlin, '2026-03-28T12:00Z', ['2026-03-29T01:00', '2026-03-30T00:30']],
    // 02:30 comes twice: it runs at the first, in summer time.
    ['30 2 * * *', ZONES.berlin, '2026-10-24T12:00Z', ['2026-10-25T00:30', '2026-10-26T01:30']],
    ['15 3 * * *', ZONES.berlin, '2026-10-24T12:00Z', ['2026-10-25T02:15', '2026-10-26T02:15']],
    ['17 */6 * * *', ZONES.berlin, '2026-10-24T21:00Z', ['2026-10-24T22:17', '2026-10-25T05:17']],
    // Every hour: by elapsed time, in both equal hours, and once for the missing one.
    ['30 * * * *', ZONES.berlin, '2026-10-24T23:40Z', ['2026-10-25T00:30', '2026-10-25T01:30', '2026-10-25T02:30']],
    ['30 * * * *', ZONES.berlin, '2026-03-29T00:00Z', ['2026-03-29T00:30', '2026-03-29T01:00', '2026-03-29T01:30']],
    // Lord Howe goes from +10:30 to +11 on October 4 at 02:00 (15:30 UTC the day before), and back on April 5 at 02:00 (15:00 UTC).
    ['15 2 * * *', ZONES.lordHowe, '2026-10-03T00:00Z', ['2026-10-03T15:30', '2026-10-04T15:15']],
    ['45 1 * * *', ZONES.lordHowe, '2026-04-04T00:00Z', ['2026-04-04T14:45', '2026-04-05T15:15']],
    // Havana: March 8 begins at 01:00 (05:00 UTC); on November 1 its first hour comes twice (from 04:00 UTC and from 05:00 UTC).
    ['0 0 * * *', ZONES.havana, '2026-03-07T12:00Z', ['2026-03-08T05:00', '2026-03-09T04:00']],
    ['20 0 * * *', ZONES.havana, '2026-10-31T12:00Z', ['2026-11-01T04:20', '2026-11-02T05:20']],
    // Casablanca: back on February 15 from 03:00 to 02:00 (02:00 UTC), forward on March 22 from 02:00 to 03:00 (02:00 UTC).
    ['30 2 * * *', ZONES.casablanca, '2026-02-14T12:00Z', ['2026-02-15T01:30', '2026-02-16T02:30']],
    ['30 2 * * *', ZONES.casablanca, '2026-03-21T12:00Z', ['2026-03-22T02:00', '2026-03-23T01:30']],
  ])('%s in %s after %s', (expression, zone, from, expected) => {
    expect(runs(expression, zone, from, expected.length)).toEqual(expected);
  });
});

describe.each(Object.values(ZONES))('a year in %s', (zone) => {
  const offsetAt = offsetOf(zone);
  const year = (expression: string): number[] => {
    const plan = parseCron(expression);
    const found: number[] = [];
    for (let atMs = nextRunMs(plan, YEAR_START_MS - 1, offsetAt)!; atMs < YEAR_END_MS;)
      atMs = nextRunMs(plan, found[found.push(atMs) - 1]!, offsetAt)!;
    return found;
  };
  const localDate = (atMs: number) => new Date(atMs + offsetAt(atMs) * 60_000).toISOString().slice(0, 10);

  test('*/10 * * * * never pauses and never hurries', () => {
    const found = year('*/10 * * * *');
    expect(new Set(found.slice(1).map((atMs, index) => atMs - found[index]!))).toEqual(new Set([600_000]));
  });

  test('* * * * * runs each minute around both changes', () => {
    const plan = parseCron('* * * * *');
    const hours = Array.from({ length: 8760 }, (_, hour) => YEAR_START_MS + hour * 3_600_000);
    const changes = hours.filter((atMs) => offsetAt(atMs) !== offsetAt(atMs - 3_600_000));
    expect(changes.length).toBeGreaterThanOrEqual(2);
    for (const change of changes)
      for (let atMs = change - 5_400_000; atMs < change + 5_400_000; atMs += 60_000)
        expect(nextRunMs(plan, atMs, offsetAt)! - atMs).toBe(60_000);
  });

  test.each([
    ['15 3 * * *', 1],
    ['30 2 * * *', 1],
    ['0 0 * * *', 1],
    ['17 */6 * * *', 4],
    ['0,45 0-3 * * *', 8],
  ])('%s runs on every local day, %i times', (expression, times) => {
    const perDay = new Map<string, number>();
    for (const atMs of year(expression)) perDay.set(localDate(atMs), (perDay.get(localDate(atMs)) ?? 0) + 1);
    // The first and the last day are cut by the year's end in UTC.
    const days = [...perDay].slice(1, -1);
    expect(days.length).toBeGreaterThanOrEqual(362);
    const short = days.filter(([, count]) => count !== times);
    // Several times in one missing hour run together, at its end.
    expect(short.every(([, count]) => times === 8 && count < times)).toBe(true);
    expect(short.length).toBeLessThanOrEqual(times === 8 ? 1 : 0);
  });
});

describe('expressions', () => {
  it('leaves days, months, lists and names to node-cron', () => {
    expect(runs('0 6 * * mon', ZONES.berlin, '2026-11-24T00:00Z', 2)).toEqual(['2026-11-30T05:00', '2026-12-07T05:00']);
    expect(runs('0 6 29 2 *', ZONES.berlin, '2026-01-01T00:00Z', 1)).toEqual(['2028-02-29T05:00']);
    expect(runs('30 1,4 L * *', ZONES.berlin, '2026-11-01T00:00Z', 2)).toEqual([
      '2026-11-30T00:30',
      '2026-11-30T03:30',
    ]);
  });

  it.each(['every night', '61 * * * *', '', '* * * *', '15 3 * * * * *', '0 0 31 2 *'])(
    'refuses "%s"',
    (expression) => {
      expect(() => parseCron(expression)).toThrow(expect.objectContaining({ code: 'config-invalid' }));
    },
  );

  it('takes local time from this machine', () => {
    const atMs = Date.parse('2026-07-01T12:00Z');
    expect(systemOffset(atMs)).toBe(offsetOf(Intl.DateTimeFormat().resolvedOptions().timeZone)(atMs));
  });
});
