const DATE_TIME = /^(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.\d{1,6})?)?)?)?)?)?([+-]\d{4})?$/;

/**
 * The last moment, epoch ms, that a DICOM DT (PS3.5 6.2), or a DA followed by a TM, can mean: `2025` is the end of that year. Without an offset from UTC it is
 * in the time zone of this machine. Null when it is no such value. Dots in a date and colons in a time, as ACR-NEMA wrote them, are read too.
 */
export function latestMs(dateTime: string): number | null {
  const digits = dateTime
    .trim()
    .replace(/^(\d{4})\.(\d{2})\.(\d{2})/, '$1$2$3')
    .replaceAll(':', '');
  const [, year, month, day, hours, minutes, seconds, offset] = DATE_TIME.exec(digits) ?? [];
  if (year === undefined) return null;
  const given = [month, day, hours, minutes, seconds].filter((part) => part !== undefined).map(Number);
  const [monthNumber = 1, dayNumber = 1, hour = 0, minute = 0, second = 0] = given;
  if (monthNumber < 1 || monthNumber > 12 || dayNumber < 1 || dayNumber > 31 || hour > 23 || minute > 59 || second > 60)
    return null;
  const fields = [Number(year), monthNumber - 1, dayNumber, hour, minute, second];
  // One unit of the last field that is given, less a millisecond.
  if (given.length < 5) fields[given.length]! += 1;
  const [y, mo, d, h, mi, s] = fields as [number, number, number, number, number, number];
  const lastMs = given.length < 5 ? 1 : 0;
  if (offset === undefined) return new Date(y, mo, d, h, mi, s).getTime() - lastMs;
  const offsetMinutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3));
  return Date.UTC(y, mo, d, h, mi, s) - lastMs - (offset.startsWith('-') ? -1 : 1) * offsetMinutes * 60_000;
}

/**
 * A DT, or a DA followed by a TM, with the offset from UTC that its object states for all of its times (TimezoneOffsetFromUTC, PS3.3 C.12.1.1.8), unless it has
 * one of its own. A day without a time is left as it is.
 */
export function withOffset(dateTime: string, timezoneOffsetFromUtc: string): string {
  const isShifted = /^\d{10,14}(\.\d{1,6})?$/.test(dateTime) && /^[+-](0\d|1[0-4])[0-5]\d$/.test(timezoneOffsetFromUtc);
  return isShifted ? dateTime + timezoneOffsetFromUtc : dateTime;
}

/** A time that states its offset from UTC, to the second in the time zone of this machine; any other as it is. */
export function inOwnZone(dateTime: string): string {
  const ms = /[+-]\d{4}$/.test(dateTime) ? latestMs(dateTime) : null;
  return ms === null ? dateTime : dateTimeOf(ms);
}

/** A time as DICOM DT to the second, `YYYYMMDDHHMMSS`, in the time zone of this machine. */
export function dateTimeOf(epochMs: number): string {
  const at = new Date(epochMs);
  const parts = [at.getFullYear(), at.getMonth() + 1, at.getDate(), at.getHours(), at.getMinutes(), at.getSeconds()];
  return parts.map((part) => String(part).padStart(2, '0')).join('');
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The day of a DICOM DA or DT for readers of any language: `12-Mar-2025`. What is no date is returned as it is. */
export function dayText(dateTime: string): string {
  const [, year, month, day] = /^(\d{4})\.?(\d{2})\.?(\d{2})/.exec(dateTime.trim()) ?? [];
  const name = MONTHS[Number(month) - 1];
  return name === undefined ? dateTime.trim() : `${day!}-${name}-${year!}`;
}
