import { expect, test } from 'vitest';
import { afterSignIn } from '../../../src/web/client/afterSignIn.ts';
import { PAGE_PATHS } from '../../../src/web/pagePaths.ts';

test.each([
  ['?next=%2Fusers', '/users'],
  ['', '/'],
  ['?next=%2F%2Fevil.example', '/'],
  ['?next=https%3A%2F%2Fevil.example', '/'],
  ['?next=javascript%3Aalert(1)', '/'],
  ['?next=%2Fusers%2F..%2F%2Fevil.example', '/'],
])('after signing in with %j the page goes to %s, and never to another site', (search, path) => {
  expect(afterSignIn(search, PAGE_PATHS)).toBe(path);
});
