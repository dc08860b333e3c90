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
  return timeOfDay(ms);
}

/** "29-Nov-2026 16:05 GMT+1": day, time and time zone, for what leaves this screen. */
export function zonedTime(ms: number): string {
  return `${dateTime(ms)} ${zoneName(ms)}`;
}

/** `29-Nov-2026`. */
export function fullDay(ms: number): string {
  const date = new Date(ms);
  return `${dayText(date)}-${date.getFullYear()}`;
}

/** `29-Nov-2026 16:05`, in the browser's own time. */
export function dateTime(ms: number): string {
  return `${fullDay(ms)} ${timeOfDay(ms)}`;
}

/** `16:05` */
export const timeOfDay = (ms: number): string =>
  new Date(ms).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });

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

/** A DICOM DT that states its offset from UTC (`...+0100`), in this browser's time zone and without it; any other is as the scanner's clock had it. */
export function inThisZone(value: string): string {
  const match = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?.*([+-])(\d{2})(\d{2})$/.exec(value);
  if (!match) return value;
  const [year, month, date, hours, minutes, seconds] = match.slice(1, 7).map((part) => Number(part || 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const eastMinutes = Number(`${match[7]!}1`) * (Number(match[8]) * 60 + Number(match[9]));
  const at = new Date(Date.UTC(year, month - 1, date, hours, minutes - eastMinutes, seconds));
  return [at.getFullYear(), at.getMonth() + 1, at.getDate(), at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join('');
}

/** DICOM DT as `14:03, 23-Nov`; see {@link inThisZone}. */
export function scanTime(value: string): string {
  const match = /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2}))?/.exec(inThisZone(value));
  if (!match) return '';
  const [, , , , hours, minutes] = match;
  const day = dayText(calendarDay(match));
  return hours === undefined ? day : `${hours}:${minutes!}, ${day}`;
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
