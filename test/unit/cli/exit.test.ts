import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it, test } from 'vitest';
import { packageRoot } from '../../../src/base/packageRoot.ts';
import { COMMANDS } from '../../../src/cli/commandTable.ts';
import { EXIT, EXIT_MEANINGS, exitCodeOf } from '../../../src/cli/exit.ts';
import { commandLine } from '../../../src/cli/program.ts';

const wordsOf = (line: string): string[] => line.match(/"[^"]*"|\S+/g)!.slice(1);

/** The exit code of a command that is called with these words. */
async function exitCode(words: readonly string[]): Promise<number> {
  const program = await commandLine(words);
  const quiet = (command: Command): void => {
    command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
    command.commands.forEach(quiet);
  };
  quiet(program);
  return program.parseAsync(words, { from: 'user' }).then(() => EXIT.ok, exitCodeOf);
}

/** Every command and subcommand by its words, with its examples. */
const commands = (
  await Promise.all(
    COMMANDS.map(async ({ name, examples }) => {
      const command = (await commandLine([name])).commands.find((one) => one.name() === name)!;
      const paths = command.commands.length === 0 ? [name] : command.commands.map((one) => `${name} ${one.name()}`);
      return paths.map((path) => ({
        path,
        examples: examples.filter((one) => `${one} `.startsWith(`odontoid ${path} `)),
      }));
    }),
  )
).flat();

describe.each(commands)('odontoid $path', ({ path, examples }) => {
  it('shows examples that it takes, in its help', async () => {
    expect(examples.length).toBeGreaterThan(0);
    let help = '';
    const program = await commandLine(path.split(' '));
    let command = program;
    for (const word of path.split(' ')) command = command.commands.find((one) => one.name() === word)!;
    command.configureOutput({ writeOut: (text) => (help += text) });
    command.outputHelp();
    for (const example of examples) {
      expect(help).toContain(`  ${example}\n`);
      const { operands, unknown } = command.parseOptions(wordsOf(example).slice(path.split(' ').length));
      expect([example, unknown]).toEqual([example, []]);
      const needed = command.registeredArguments.filter(({ required }) => required).length;
      expect(operands.length).toBeGreaterThanOrEqual(needed);
      expect(operands.length).toBeLessThanOrEqual(command.registeredArguments.length);
    }
  });

  it('ends with the code for usage when an option or the configuration is not there', async () => {
    expect(await exitCode([...path.split(' '), '--no-such-option'])).toBe(EXIT.usage);
    const example = wordsOf(examples[0]!);
    // A bad configuration is the answer of the doctor, as docs/command-line.md says.
    const expected = path === 'doctor' ? EXIT.ok : EXIT.usage;
    if ((await helpOf(path)).includes('--config')) {
      expect(await exitCode([...example, '--config', '/no/such/odontoid.yaml'])).toBe(expected);
      process.exitCode = EXIT.ok;
    }
  });
});

async function helpOf(path: string): Promise<string> {
  let command = await commandLine(path.split(' '));
  for (const word of path.split(' ')) command = command.commands.find((one) => one.name() === word)!;
  return command.helpInformation();
}

test('the documented exit codes are these', () => {
  const rows = readFileSync(join(packageRoot, 'docs/command-line.md'), 'utf8').matchAll(
    /^\| \*\*(\d+)\*\* \| (.*) \|$/gm,
  );
  expect([...rows].map(([, code, meaning]) => [Number(code), meaning])).toEqual(
    Object.entries(EXIT).map(([name, code]) => [code, EXIT_MEANINGS[name as keyof typeof EXIT]]),
  );
});

test('help is no error, and an error that nobody foresaw is no usage', async () => {
  expect(await exitCode(['--help'])).toBe(EXIT.ok);
  expect(exitCodeOf(new Error('bug'))).toBe(EXIT.failed);
});
