import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { data as dcmjs } from 'dcmjs';
import { expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../../..');
const FILES = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '');
const read = (path: string): string => readFileSync(resolve(ROOT, path), 'utf8');

const COMMENT = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/ .*$/gm;
const PYTHON_COMMENT = /"""[\s\S]*?"""|(?<=^|\s)# .*$/gm;
const QUOTED = /`([^`\n]+)`/g;
/** A name: letters, digits, hyphens within (`case-event-illegal`), and the dots of `worklist.location` apart. */
const WORD = /[A-Za-z_$][\w$]*(?:-\w+)*/g;

/** What a comment may name that no code of ours does: words of protocols, formats and other people's programs. */
const ELSEWHERE = new Set([
  // Spellings of a character set that some devices send (dicom/charset.ts).
  ...['iso-ir-100', 'ISOIR100', 'ISO2022IR100'],
  // uPlot's name for the scale that it knows by a number.
  ...['Distr', 'ArcSinh'],
  'X-Forwarded',
]);
/** `YYYY-MM-DD`, `hh:mm`. */
const TIME_FORMAT = /^[YMDHShms:-]+$/;

const isCode = (path: string): boolean => /\.(ts|tsx|mjs|cjs|py|css|json|yaml|html)$/.test(path);
const codeOf = (path: string): string => read(path).replace(path.endsWith('.py') ? PYTHON_COMMENT : COMMENT, '');

/** Every word of our code, its comments aside, of file names, and DICOM's keywords. */
function knownWords(): Set<string> {
  const words = new Set<string>(ELSEWHERE);
  for (const path of FILES.filter((path) => isCode(path) && !path.includes('package-lock'))) {
    for (const [word] of codeOf(path).matchAll(WORD)) {
      words.add(word);
      for (const part of word.split('-')) words.add(part);
    }
  }
  for (const path of FILES) for (const [word] of path.matchAll(WORD)) words.add(word);
  for (const { name } of Object.values(dcmjs.DicomMetaDictionary.dictionary as Record<string, { name: string }>))
    words.add(name);
  return words;
}

/** A path as comments write it: whole, or from a folder of src on, with or without its ending. */
const isPath = (text: string): boolean =>
  FILES.some((path) => `/${path}`.includes(`/${text.replace(/^(..\/)+/, '')}`) || `/${path}`.endsWith(`/${text}.ts`));

/** What the build writes is no file of the repository. */
const looksLikePath = (text: string): boolean =>
  !text.startsWith('dist/') && /^[\w.-]+(\/[\w.-]+)+\/?$|^[\w.-]+\.(ts|tsx|mjs|py|md)$/.test(text);

function isThere(quoted: string, words: ReadonlySet<string>): boolean {
  if (looksLikePath(quoted)) return isPath(quoted.replace(/\/$/, ''));
  return TIME_FORMAT.test(quoted) || [...quoted.matchAll(WORD)].every(([word]) => words.has(word));
}

it('every name in backticks in a comment is a name that there is', () => {
  const words = knownWords();
  const missing: string[] = [];
  for (const path of FILES.filter((path) => /^(src|migrations|training)\/.*\.tsx?$/.test(path))) {
    for (const [comment] of read(path).matchAll(COMMENT)) {
      for (const [, quoted] of comment.matchAll(QUOTED)) {
        if (!isThere(quoted!, words)) missing.push(`${path}: ${quoted!}`);
      }
    }
  }
  expect(missing).toEqual([]);
});

it('every path in the map and in the guide for contributors is there, and the map has every room', () => {
  const texts = { 'ARCHITECTURE.md': read('ARCHITECTURE.md'), 'CONTRIBUTING.md': read('CONTRIBUTING.md') };
  const missing = Object.entries(texts).flatMap(([file, text]) =>
    [...text.matchAll(QUOTED)]
      .map(([, quoted]) => quoted!)
      .filter((quoted) => looksLikePath(quoted) && !isPath(quoted.replace(/\/$/, '')))
      .map((quoted) => `${file}: ${quoted}`),
  );
  expect(missing).toEqual([]);
  const rooms = new Set(
    FILES.filter((path) => path.startsWith('src/')).map((path) => path.split('/').slice(0, 2).join('/')),
  );
  expect([...rooms].filter((room) => !texts['ARCHITECTURE.md'].includes(`\`${room}\``))).toEqual([]);
});
