import { expect, it } from 'vitest';
import { keptByEntry } from '../../../src/compose/keptByEntry.ts';

it('keeps what was made of an entry while it is there, whatever comes and goes beside it', () => {
  let entries = [{ name: 'a', port: 1 }];
  let count = 0;
  const made = keptByEntry(
    () => entries,
    ({ name }) => ({ name, nth: ++count }),
  );
  const [a] = made();
  entries = [
    { name: 'b', port: 2 },
    { name: 'a', port: 1 },
  ];
  expect(made()[1]).toBe(a);
  expect(made().map(({ name, nth }) => `${name}${nth}`)).toEqual(['b2', 'a1']);
  entries = [{ name: 'a', port: 3 }];
  expect(made()).toEqual([{ name: 'a', nth: 3 }]);
  entries = [{ name: 'a', port: 1 }];
  expect(made()).toEqual([{ name: 'a', nth: 4 }]);
});
