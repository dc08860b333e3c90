import { expect, it } from 'vitest';
import { importGaps } from '../../../scripts/importGaps.ts';

const whole = {
  modules: ['src/assemble/sliceOrder.ts', 'src/report/drawing.ts'],
  read: new Set(['src/assemble/sliceOrder.ts', 'src/report/drawing.ts']),
  rooms: [
    { room: 'assemble', path: '^src/assemble/' },
    { room: 'report', path: '^src/report/' },
  ],
  packages: ['zod', 'yaml'],
  homes: { zod: null, yaml: '^src/config/' },
};

it('finds nothing where every module is read, stands under one rule, and every package has a home', () => {
  expect(importGaps(whole)).toEqual([]);
});

it.each([
  ['a module that was not read', { read: new Set(['src/report/drawing.ts']) }, 'src/assemble/sliceOrder.ts was not'],
  ['a module under no rule', { rooms: whole.rooms.slice(1) }, 'src/assemble/sliceOrder.ts stands under 0 rules'],
  [
    'a module under two rules',
    { rooms: [...whole.rooms, { room: 'src', path: '^src/report' }] },
    'src/report/drawing.ts stands under 2 rules',
  ],
  ['a package without a home', { packages: [...whole.packages, 'express'] }, 'express has no home'],
  ['a home without its package', { packages: ['zod'] }, 'yaml has a home in .dependency-cruiser.cjs and is not'],
])('names %s', (_what, change, sentence) => {
  expect(importGaps({ ...whole, ...change })).toEqual([expect.stringContaining(sentence)]);
});
