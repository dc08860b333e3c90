import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../../../src/worklist/db/database.ts';
import { createSignInCounts } from '../../../../src/worklist/people/signInCounts.ts';
import { openWorklist } from '../fixture.ts';

const WINDOW_MS = 60_000;

/** Two processes on one worklist. */
async function processes() {
  const { place, database, clock } = await openWorklist();
  const other = await openDatabase(place);
  onTestFinished(() => other.close());
  return { one: createSignInCounts(database, clock), other: createSignInCounts(other, clock), clock };
}

it('attempts count for all processes, also those that come at once, and none is counted beyond the limit', async () => {
  const { one, other, clock } = await processes();
  const startMs = clock.now();
  const attempt = (turn: number) => [one, other][turn % 2]!.add([{ name: 'a', most: 5 }], WINDOW_MS);
  const ends = await Promise.all(Array.from({ length: 8 }, (_, turn) => attempt(turn)));
  expect(ends.filter((end) => end === null)).toHaveLength(5);
  expect(ends.filter((end) => end !== null)).toEqual([1, 2, 3].map(() => startMs + WINDOW_MS));
  clock.advance(WINDOW_MS);
  expect(await attempt(0)).toBeNull();
});

it('where one limit is reached nothing is counted, and the last of the ends is told', async () => {
  const { one, other, clock } = await processes();
  const limits = [
    { name: 'a', most: 1 },
    { name: 'b', most: 2 },
    { name: 'c', most: 1 },
  ];
  const startMs = clock.now();
  expect(await one.add(limits.slice(0, 2), WINDOW_MS)).toBeNull();
  clock.advance(1_000);
  expect(await one.add(limits.slice(2), WINDOW_MS)).toBeNull();
  expect(await other.add(limits, WINDOW_MS)).toBe(startMs + 1_000 + WINDOW_MS);
  expect(await other.add([limits[1]!], WINDOW_MS)).toBeNull();
  expect(await other.add([limits[1]!], WINDOW_MS)).toBe(startMs + WINDOW_MS);
});

it('what is taken back at one has room at the other', async () => {
  const { one, other } = await processes();
  const limits = [
    { name: 'own', most: 2 },
    { name: 'all', most: 3 },
  ];
  for (let turn = 0; turn < 2; turn++) await one.add(limits, WINDOW_MS);
  await other.takeBack({ forgotten: 'own', lessOne: ['all'] });
  for (let turn = 0; turn < 2; turn++) expect(await one.add(limits, WINDOW_MS)).toBeNull();
  expect(await one.add([limits[1]!], WINDOW_MS)).not.toBeNull();
});
