import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../../src/base/packageRoot.ts';

test('each test that the promises name exists under its title', () => {
  const text = readFileSync(join(packageRoot, 'docs/promises.md'), 'utf8');
  const named = [...text.matchAll(/`(test\/[^`]+\.test\.ts)`: "([^|]+)" \|/g)].map(([, file, title]) => ({
    file: file!,
    title: title!,
  }));
  expect(named.length).toBeGreaterThan(25);
  // Each row of the table names one.
  expect(named).toHaveLength(text.split('\n').filter((line) => /^\| .* \|$/.test(line)).length - 1);
  const absent = named.filter(({ file, title }) => {
    const path = join(packageRoot, file);
    return !existsSync(path) || !readFileSync(path, 'utf8').includes(`'${title}'`);
  });
  expect(absent).toEqual([]);
});
