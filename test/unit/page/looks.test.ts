import { Resvg } from '@resvg/resvg-js';
import { expect, test } from 'vitest';
import { LOOKS } from '../../../src/page/parts/looks.ts';

const SIZE_PX = 16;
/** Of what either shape covers: how much both cover at the most. */
const MOST_ALIKE = 0.65;

/** How much of each pixel a shape covers, as it stands in a row of the list. */
function coverage(shape: string): number[] {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="${shape}"/></svg>`;
  const { pixels } = new Resvg(svg, { fitTo: { mode: 'width', value: SIZE_PX } }).render();
  return Array.from({ length: SIZE_PX * SIZE_PX }, (_, at) => pixels[4 * at + 3]! / 255);
}

function alike(one: readonly number[], other: readonly number[]): number {
  const sum = (of: (a: number, b: number) => number) => one.reduce((total, a, at) => total + of(a, other[at]!), 0);
  return sum(Math.min) / sum(Math.max);
}

test('without any colour the shape of a state tells it from every other', () => {
  const shapes = Object.entries(LOOKS).map(([status, { shape }]) => ({ status, covered: coverage(shape) }));
  const pairs = shapes.flatMap((one, at) =>
    shapes
      .slice(at + 1)
      .map((other) => ({ pair: `${one.status}, ${other.status}`, alike: alike(one.covered, other.covered) })),
  );
  expect(pairs).toHaveLength(28);
  expect(pairs.filter((pair) => pair.alike > MOST_ALIKE)).toEqual([]);
  for (const { covered, status } of shapes)
    expect(
      covered.reduce((sum, one) => sum + one, 0),
      status,
    ).toBeGreaterThan(20);
});

test('red is for what has failed or is held, and the colour of a flag for flags alone: a bad night has many scans that are late', () => {
  const ofKind = (kind: string) =>
    Object.entries(LOOKS).flatMap(([status, look]) => (look.kind === kind ? [status] : []));
  expect(ofKind('fault')).toEqual(['failed', 'held']);
  expect(ofKind('flag')).toEqual(['flagged']);
});
