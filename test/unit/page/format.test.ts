import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  ageText,
  calendarDate,
  clockTime,
  dateTime,
  dayText,
  fullDay,
  inThisZone,
  personName,
  scanTime,
  zonedTime,
  zoneName,
} from '../../../src/page/parts/format.ts';

test.each([
  ['Doe^Jane', 'Doe, Jane'],
  ['Doe^John^Quincy^Dr^Jr', 'Doe, Dr John Quincy Jr'],
  ['Yamada^Tarou=山田^太郎=やまだ^たろう', 'Yamada, Tarou · 山田, 太郎'],
  ['=山田^太郎', '山田, 太郎'],
  ['Doe', 'Doe'],
  ['^Jane', 'Jane'],
  ['Müller ^Jürgen ', 'Müller, Jürgen'],
  ['<script>alert(1)</script>^"Bobby"', '<script>alert(1)</script>, "Bobby"'],
  ['', 'no name'],
  ['^^^^', 'no name'],
])('the name %j is shown as %j', (value, shown) => {
  expect(personName(value)).toBe(shown);
});

test.each([
  ['047Y', '47 y'],
  ['003M', '3 m'],
  ['010D', '10 d'],
  ['', ''],
  ['47Y', ''],
  ['047Y ', ''],
])('the age %j is shown as %j', (value, shown) => {
  expect(ageText(value)).toBe(shown);
});

test('dates and times read the same everywhere', () => {
  expect(calendarDate('19700101')).toBe('01-Jan-1970');
  expect(calendarDate('20240921')).toBe('21-Sep-2024');
  expect(calendarDate('1970')).toBe('');
  expect(scanTime('20261123140311.5')).toBe('14:03, 23-Nov');
  expect(scanTime('20261123')).toBe('23-Nov');
  expect(scanTime('')).toBe('');
  const now = new Date(2026, 10, 23, 14, 3, 11).getTime();
  expect(clockTime(now, now)).toBe('14:03:11');
  expect(clockTime(now, now + 24 * 60 * 60_000)).toBe('23-Nov 14:03:11');
});

test('a month has three letters, whatever the browser calls it, and no page writes one otherwise', () => {
  const months = Array.from({ length: 12 }, (_, month) => new Date(2026, month, 9, 7, 5));
  const names = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  expect(months.map(dayText)).toEqual(names.map((name) => `09-${name}`));
  expect(months.map((date) => fullDay(date.getTime()))).toEqual(names.map((name) => `09-${name}-2026`));
  expect(dateTime(months[8]!.getTime())).toBe('09-Sep-2026 07:05');
  const folder = join(import.meta.dirname, '../../../src/page');
  const writing = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(
      (name) => /\.tsx?$/.test(name) && /month: '|toLocaleDateString/.test(readFileSync(join(folder, name), 'utf8')),
    )
    .sort();
  expect(writing).toEqual(['parts/format.ts']);
});

test('a scan that states its time zone is shown in that of the browser, which has a name', () => {
  const at = new Date(2026, 10, 23, 14, 3);
  const eastMinutes = -at.getTimezoneOffset();
  /** As a scanner so many minutes further east writes this moment. */
  const written = (further: number) => {
    const there = new Date(at.getTime() + further * 60_000);
    const pad = (value: number) => String(value).padStart(2, '0');
    const minutes = eastMinutes + further;
    const offset = `${minutes < 0 ? '-' : '+'}${pad(Math.floor(Math.abs(minutes) / 60))}${pad(Math.abs(minutes) % 60)}`;
    return `202611${pad(there.getDate())}${pad(there.getHours())}${pad(there.getMinutes())}11.250000${offset}`;
  };
  for (const further of [0, 60, -210, 600]) expect(scanTime(written(further)), written(further)).toBe('14:03, 23-Nov');
  expect(written(600)).toContain('20261124000311');
  for (const further of [0, 60, -210, 600]) expect(inThisZone(written(further))).toBe('20261123140311');
  // Without one it is taken for that of the site.
  for (const value of ['20261123140311.25', '20261123', '']) expect(inThisZone(value)).toBe(value);
  expect(zoneName(at.getTime())).not.toBe('');
  expect(zonedTime(at.getTime())).toBe(`23-Nov-2026 14:03 ${zoneName(at.getTime())}`);
});
