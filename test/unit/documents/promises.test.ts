import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROMISES } from '../../../scripts/soakRuns.ts';
import { packageRoot } from '../../../src/base/packageRoot.ts';

const [harm, promises] = readFileSync(join(packageRoot, 'docs/promises.md'), 'utf8').split(
  '## How far each was tried',
) as [string, string];

test('each test that the promises name exists under its title', () => {
  const text = harm;
  const named = [...text.matchAll(/`(test\/[^`]+\.test\.ts)`: "([^|]+)" \|/g)].map(([, file, title]) => ({
    file: file!,
    title: title!,
  }));
  expect(named.length).toBeGreaterThan(25);
  // Each row of the two tables names one.
  expect(named).toHaveLength(text.split('\n').filter((line) => /^\| .* \|$/.test(line)).length - 2);
  const absent = named.filter(({ file, title }) => {
    const path = join(packageRoot, file);
    return !existsSync(path) || !readFileSync(path, 'utf8').includes(`'${title}'`);
  });
  expect(absent).toEqual([]);
});

test('each of the sixteen promises has the tests and the numbers that npm run soak gives it', () => {
  const rows = [...promises.matchAll(/^\| (\d+) \| .* \|$/gm)];
  expect(rows.map(([, number]) => Number(number))).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
  for (const [row, number] of rows)
    for (const { file, sizes } of PROMISES[Number(number)]!) {
      expect(row, file).toContain(`\`${file}\``);
      const text = readFileSync(join(packageRoot, file), 'utf8');
      for (const knob of Object.keys(sizes)) expect(text, file).toContain(`tries('${knob}', `);
    }
});
