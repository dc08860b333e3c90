/** 24-hour local time, with the day when it is not today. */
export function clockTime(ms: number, nowMs: number): string {
  const date = new Date(ms);
  const time = date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  return date.toDateString() === new Date(nowMs).toDateString() ? time : `${dayText(date)} ${time}`;
}

function dayText(date: Date): string {
  return date.toLocaleDateString('en-GB', { day: '2-digit', month: 'short' }).replace(' ', '-');
}

/** A PN value as read in a ward: `FAMILY, Given`, the ideographic group beside it. */
export function personName(value: string): string {
  const [alphabetic = '', ideographic = ''] = value.split('=');
  const one = (group: string) => {
    const [family = '', given = '', middle = ''] = group.split('^');
    return [family, [given, middle].filter(Boolean).join(' ')].filter(Boolean).join(', ');
  };
  return [one(alphabetic), one(ideographic)].filter(Boolean).join(' · ') || 'no name';
}

/** DICOM AS (`047Y`) as `47 y`. */
export function ageText(age: string): string {
  const match = /^(\d{3})([DWMY])$/.exec(age);
  return match ? `${Number(match[1])} ${match[2]!.toLowerCase()}` : '';
}

/** DICOM DT, scanner's own time zone, as `14:03, 23-Nov`. */
export function scanTime(value: string): string {
  const match = /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2}))?/.exec(value);
  if (!match) return '';
  const day = dayText(new Date(Number(match[1]), Number(match[2]) - 1, Number(match[3])));
  return match[4] === undefined ? day : `${match[4]}:${match[5]}, ${day}`;
}
