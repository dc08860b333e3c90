import type { Header } from './message.ts';

/** `AA`: what it says is on record. `AE`: it cannot be used. `AR`: messages of this kind are not taken. */
export interface Answer {
  code: 'AA' | 'AE' | 'AR';
  /** One sentence without PHI. */
  text: string;
}

const DEFAULT_FIELDS = ['MSH', '|', '^~\\&', '', '', '', '', '', '', '', '', 'P', '2.5'];
/** MSH-10 has 20 characters, 199 in later versions. */
const MOST_ECHOED = 250;

/** The acknowledgement (ACK, original mode) of a message, framed. `header`: of that message; null when it has none. `id`: names the answer. */
export function acknowledgement(header: Header | null, { code, text }: Answer, nowMs: number, id: string): Buffer {
  const fields = header?.fields ?? DEFAULT_FIELDS;
  const echoed = (index: number): string => (fields[index] ?? '').slice(0, MOST_ECHOED);
  const [separator, marks] = [fields[1]!, fields[2]!.slice(0, 5)];
  const component = header?.separators.component ?? '^';
  const trigger = echoed(9).split(component)[1] ?? '';
  const type = trigger === '' ? 'ACK' : `ACK${component}${trigger}`;
  const segments = [
    ['MSH', marks, echoed(5), echoed(6), echoed(3), echoed(4), timeOf(nowMs), '', type, id, echoed(11), echoed(12)],
    ['MSA', code, echoed(10), plainText(text, separator, marks)],
  ];
  const body = segments.map((segment) => `${segment.join(separator)}\r`).join('');
  return Buffer.from(`\v${body}\x1c\r`, 'latin1');
}

/** YYYYMMDDHHMMSS in UTC, with its offset. */
function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().replace(/\D/g, '').slice(0, 14)}+0000`;
}

/** Our sentences hold none of the separators that senders use; where one has chosen another, it is left out. */
function plainText(text: string, separator: string, marks: string): string {
  return Array.from(text)
    .filter((character) => character !== separator && !marks.includes(character))
    .join('');
}
