import { expect, test } from 'vitest';
import { ageText, calendarDate, clockTime, personName, scanTime } from '../../../src/page/parts/format.ts';

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
