import type { UtcOffset } from '../../../src/housekeeping/cron.ts';

/** Zones whose clocks change in different ways. */
export const ZONES = {
  /** One hour, at 02:00. */
  berlin: 'Europe/Berlin',
  /** Half an hour, in the southern summer. */
  lordHowe: 'Australia/Lord_Howe',
  /** At midnight: a day that begins at 01:00, and one whose first hour comes twice. */
  havana: 'America/Havana',
  /** Back for Ramadan, forward after it, and the hour is from 03:00 to 02:00. */
  casablanca: 'Africa/Casablanca',
} as const;

/** Offsets of a named zone, from the tables of ICU: another source than the one the agent reads. */
export function offsetOf(timeZone: string): UtcOffset {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, timeZoneName: 'longOffset' });
  const known = new Map<number, number>();
  return (atMs) => {
    // No offset changes within a quarter of an hour.
    const quarter = Math.floor(atMs / 900_000);
    let offset = known.get(quarter);
    if (offset === undefined) {
      const name = format.formatToParts(quarter * 900_000).find(({ type }) => type === 'timeZoneName')!.value;
      const match = /^GMT(?:([+-])(\d\d):(\d\d))?$/.exec(name)!;
      offset = match[1] === undefined ? 0 : (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
      known.set(quarter, offset);
    }
    return offset;
  };
}
