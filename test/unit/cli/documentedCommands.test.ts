import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../../src/base/packageRoot.ts';
import { commandLine } from '../../../src/cli/program.ts';
import { documentedCommands, guides, NOT_RUN, RUN_ELSEWHERE } from '../../interop/documentedCommands.ts';
import { shellBlocks } from '../../interop/shellBlocks.ts';

const documents = ['README.md', 'SECURITY.md', 'training/README.md'].concat(
  readdirSync(join(packageRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
);
/** What a reader is told to type that is none of ours: the recipe for Orthanc is run as a whole by orthancRecipe.test.ts. */
const OTHERS = ['curl', 'age-keygen', 'ONNXRUNTIME_NODE_INSTALL=cuda12', 'docker', 'MACHINE=2', 'kubectl'];

const lines: [string, string][] = [];
for (const document of documents)
  for (const { heading, text } of await shellBlocks(document))
    if (heading !== 'With Orthanc')
      for (const line of text.replaceAll('\\\n', ' ').split('\n'))
        for (const command of line.replace(/\s+#.*/, '').split(' && '))
          if (command !== '') lines.push([document, command]);

test('the documents tell the reader to type commands', () => {
  expect(lines.length).toBeGreaterThan(25);
});

test('each documented command is in the test that runs them, or is listed as run elsewhere or not at all', async () => {
  const running = readFileSync(join(packageRoot, 'test/interop/documentedCommands.test.ts'), 'utf8');
  const documented = (await Promise.all((await guides()).map(documentedCommands))).flat();
  const listed = [...Object.keys(RUN_ELSEWHERE), ...Object.keys(NOT_RUN)];
  const isKnown = (text: string) => running.includes(text) || listed.some((start) => text.startsWith(start));
  expect(documented.filter(({ text }) => !isKnown(text))).toEqual([]);
});

test.each(lines)(
  '%s: `%s` is a command of ours that takes these words',
  async (_document, line) => {
    const words = line.match(/"[^"]*"|\S+/g)!.filter((word, index, all) => word !== '>' && all[index - 1] !== '>');
    if (words[0] === 'npx') words.shift();
    const [name, ...rest] = words as [string, ...string[]];
    if (OTHERS.includes(name)) return;
    if (name === 'npm') {
      const { scripts } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { scripts: object };
      expect(Object.keys(scripts)).toContain(rest[0] === 'run' ? rest[1] : rest[0]);
    } else if (name === 'odontoid') {
      let command = await commandLine(rest);
      let words = rest;
      for (let inner; (inner = command.commands.find((one) => one.name() === words[0])); words = words.slice(1))
        command = inner;
      const { operands, unknown } = command.parseOptions(words);
      expect(unknown).toEqual([]);
      const needed = command.registeredArguments.filter(({ required }) => required).length;
      expect(operands.length).toBeGreaterThanOrEqual(needed);
      expect(operands.length).toBeLessThanOrEqual(command.registeredArguments.length);
    } else expect(existsSync(join(packageRoot, name)), `${name} is in the checkout`).toBe(true);
  },
  120_000,
);
