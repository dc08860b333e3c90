import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../../src/base/packageRoot.ts';

const ROW = /^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| `(\w+\.test\.ts)`: "([^"|]+)" \|$/;

test('each kind of the field reports has a source, an answer, and a test of that title', () => {
  const rows = readFileSync(join(packageRoot, 'docs/field-reports.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| Kind |'));
  const unit = join(packageRoot, 'test/unit');
  const paths = readdirSync(unit, { recursive: true, encoding: 'utf8' });
  const textOf = (name: string): string =>
    paths
      .filter((path) => basename(path) === name)
      .map((path) => readFileSync(join(unit, path), 'utf8'))
      .join('\n');
  expect(rows.length).toBeGreaterThan(60);
  const wrong = rows.filter((row) => {
    const [, , , , file, title] = ROW.exec(row) ?? [];
    return title === undefined || !textOf(file!).includes(title);
  });
  expect(wrong).toEqual([]);
});
