/** 24-hour local time, with the day when it is not today. */
export function clockTime(ms: number, nowMs: number): string {
  const date = new Date(ms);
  const time = date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  return date.toDateString() === new Date(nowMs).toDateString() ? time : `${dayText(date)} ${time}`;
}

/** For narrow places: `14:03`, or only the day when it is not today. */
export function minuteTime(ms: number, nowMs: number): string {
  const date = new Date(ms);
  if (date.toDateString() !== new Date(nowMs).toDateString()) return dayText(date);
  return date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}

/** "29-Nov-2026 16:05 GMT+1": day, time and time zone, for what leaves this screen. */
export function zonedTime(ms: number): string {
  const date = new Date(ms);
  const time = date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' });
  return `${dayText(date)}-${date.getFullYear()} ${time}`;
}

/** `29-Nov`. */
export function dayText(date: Date): string {
  // Browsers write "Sept", the server and DICOM viewers "Sep".
  return date.toLocaleDateString('en-GB', { day: '2-digit', month: 'short' }).replace(/ (\w{3})\w*/, '-$1');
}

/** A PN value (PS3.5 6.2.1) as it is usually read: "FAMILY, Given Middle Suffix", with the ideographic group beside it. */
export function personName(value: string): string {
  const [alphabetic = '', ideographic = ''] = value.split('=');
  const one = (group: string) => {
    const [family = '', given = '', middle = '', prefix = '', suffix = ''] = group
      .split('^')
      .map((part) => part.trim());
    return [family, [prefix, given, middle, suffix].filter(Boolean).join(' ')].filter(Boolean).join(', ');
  };
  return [one(alphabetic), one(ideographic)].filter(Boolean).join(' · ') || 'no name';
}

/** DICOM AS (`047Y`) as `47 y`; empty when the header does not say. */
export function ageText(age: string): string {
  // An age band, where the screen may not show more.
  if (/^\d+(-\d+)? y\b/.test(age)) return age;
  const match = /^(\d{3})([DWMY])$/.exec(age);
  return match ? `${Number(match[1])} ${match[2]!.toLowerCase()}` : '';
}

/** DICOM DA (`19700101`) as `01-Jan-1970`; empty when the header does not say. */
export function calendarDate(value: string): string {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(value);
  return match ? `${dayText(calendarDay(match))}-${match[1]}` : '';
}

/** DICOM DT as `14:03, 23-Nov`: in this browser's time zone where it states its own (`...+0100`), else as the scanner's clock had it. */
export function scanTime(value: string): string {
  const match = /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2}))?.*?(?:([+-])(\d{2})(\d{2}))?$/.exec(value);
  if (!match) return '';
  const [, year, month, date, hours, minutes, sign, offsetHours, offsetMinutes] = match;
  if (hours === undefined) return dayText(calendarDay(match));
  if (sign === undefined) return `${hours}:${minutes}, ${dayText(calendarDay(match))}`;
  const eastMs = Number(`${sign}1`) * (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000;
  const at = new Date(Date.UTC(Number(year), Number(month) - 1, Number(date), Number(hours), Number(minutes)) - eastMs);
  return `${at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })}, ${dayText(at)}`;
}

/** The time zone of every time on the screen: `GMT+1`. */
export function zoneName(ms: number): string {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' }).formatToParts(ms);
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
}

function calendarDay(match: RegExpExecArray): Date {
  return new Date(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
}

/** A threshold for display: two digits, more only where it has more. */
export const thresholdText = (value: number): string =>
  Math.abs(value * 100 - Math.round(value * 100)) < 1e-9 ? value.toFixed(2) : String(Number(value.toFixed(4)));
