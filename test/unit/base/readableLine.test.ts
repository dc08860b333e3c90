import { expect, test } from 'vitest';
import { readableLine } from '../../../src/base/readableLine.ts';

const line = (fields: object) => `${JSON.stringify({ level: 40, time: '2026-11-29T14:03:11.250Z', ...fields })}\n`;
const atThatTime = new Date('2026-11-29T14:03:11.250Z').toLocaleTimeString('sv-SE');

test('a line of the log is text for whoever sits at a terminal', () => {
  expect(line({ component: 'receiver', count: 3, aeTitle: 'CT 1', msg: 'objects are refused' })).toContain('{');
  expect(readableLine(line({ component: 'receiver', count: 3, aeTitle: 'CT 1', msg: 'objects are refused' }))).toBe(
    `${atThatTime} WARN  receiver: objects are refused count=3 aeTitle=CT 1\n`,
  );
  expect(readableLine(line({ level: 30, msg: 'started' }))).toBe(`${atThatTime} info  started\n`);
  expect(readableLine(line({ level: 50, msg: 'failed', error: { code: 'spool-full', message: 'No room.' } }))).toBe(
    `${atThatTime} ERROR failed (No room.)\n`,
  );
  expect(readableLine(line({ msg: 'bug', error: { name: 'TypeError', code: 'E1', frames: [' at x'] } }))).toBe(
    `${atThatTime} WARN  bug (TypeError E1)\n`,
  );
});

test('what is no line of the log stays as it is', () => {
  for (const text of ['(node:1) Warning\n', '5\n', '{"broken\n']) expect(readableLine(text)).toBe(text);
});
