import { expect, test } from 'vitest';
import { afterSignIn } from '../../../src/page/access/afterSignIn.ts';

test.each([
  ['?next=%2Fusers', '/users'],
  ['?next=%2Fcase%2F7F2A', '/case/7F2A'],
  ['?next=%2Fcase%2F%2F%2Fevil.example', '/'],
  ['?next=%2Fcase%2F%5Cevil.example', '/'],
  ['', '/'],
  ['?next=%2F%2Fevil.example', '/'],
  ['?next=https%3A%2F%2Fevil.example', '/'],
  ['?next=javascript%3Aalert(1)', '/'],
  ['?next=%2Fusers%2F..%2F%2Fevil.example', '/'],
])('after signing in with %j the page goes to %s, and never to another site', (search, path) => {
  expect(afterSignIn(search)).toBe(path);
});
