import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/packageRoot.ts';
import { HURTING_MODULES } from '../../../scripts/hurtingModules.ts';
import { mutantsOf } from '../../../scripts/mutantsOf.ts';

it('plants one small fault at a time, and none in types, imports and words', () => {
  const source = [
    "import { a } from './a.ts';",
    'type Size = 3 | 4;',
    "export const f = (x: number): boolean => x >= 7 && !a('1' + x);",
    'if (f(1)) g(Math.min(2, f.length));',
  ].join('\n');
  const texts = mutantsOf(source).map(({ start, end, text }) => source.slice(0, start) + text + source.slice(end));
  expect(texts.map((text) => text.split('\n').slice(2))).toEqual([
    ["export const f = (x: number): boolean => x >= 7 || !a('1' + x);", 'if (f(1)) g(Math.min(2, f.length));'],
    ["export const f = (x: number): boolean => x > 7 && !a('1' + x);", 'if (f(1)) g(Math.min(2, f.length));'],
    ["export const f = (x: number): boolean => x >= 8 && !a('1' + x);", 'if (f(1)) g(Math.min(2, f.length));'],
    ["export const f = (x: number): boolean => x >= 7 && !a('1' + x);", 'if (!(f(1))) g(Math.min(2, f.length));'],
    ["export const f = (x: number): boolean => x >= 7 && !a('1' + x);", 'if (f(2)) g(Math.min(2, f.length));'],
    ["export const f = (x: number): boolean => x >= 7 && !a('1' + x);", 'if (f(1)) g(Math.max(2, f.length));'],
    ["export const f = (x: number): boolean => x >= 7 && !a('1' + x);", 'if (f(1)) g(Math.min(3, f.length));'],
  ]);
  expect(mutantsOf(source)[1]!.fault).toBe('3: x >= 7 -> >');
});

it.each([
  ['9', '10'],
  ['99', '100'],
  ['100', '200'],
  ['60_000', '120000'],
])('makes %s to %s', (number, other) => {
  expect(mutantsOf(`f(${number});`).map(({ text }) => text)).toEqual([other]);
});

it.each(HURTING_MODULES)('%s, in which faults are planted, is there', (path) => {
  expect(existsSync(resolve(packageRoot, path))).toBe(true);
});
