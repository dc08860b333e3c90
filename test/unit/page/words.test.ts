import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { BANNED, bannedIn } from '../../browser/bannedWords.ts';

/** String and template literals of a source file, its comments left out. */
function literals(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  return [...code.matchAll(/(['"`])((?:\\.|(?!\1)[^\\])*)\1/g)].map((match) => match[2]!);
}

const WORDS = (await readdir(new URL('../../../src/page/', import.meta.url), { recursive: true }))
  .filter((file) => file.endsWith('Words.ts'))
  .map((file) => `page/${file}`);

test.each([...WORDS, 'page/index.html', 'worklist/list/caseStatus.ts', 'worklist/list/priority.ts'])(
  'no string of src/%s calls an unflagged scan anything but unflagged',
  async (path) => {
    const found = literals(await readFile(new URL(`../../../src/${path}`, import.meta.url), 'utf8'));
    expect(found.length).toBeGreaterThan(5);
    expect(found.flatMap(bannedIn)).toEqual([]);
  },
);

test('the search finds each banned word, in any case and inside a sentence', () => {
  for (const word of BANNED) expect(bannedIn(`Scan is ${word.toUpperCase()}, read on.`)).toHaveLength(1);
  expect(bannedIn('Normalverteilung, unclear, unsafe-ish words: confidential')).toEqual([]);
});
