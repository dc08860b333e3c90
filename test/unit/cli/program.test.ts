import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { Help } from 'commander';
import { describe, expect, it, test } from 'vitest';
import { packageRoot } from '../../../src/base/packageRoot.ts';
import { COMMANDS } from '../../../src/cli/commandTable.ts';
import { commandLine } from '../../../src/cli/program.ts';

describe('the command table', () => {
  it.each(COMMANDS)('says of $name what the command itself says', async ({ name, usage, description, load }) => {
    const command = (await load())();
    expect(command.name()).toBe(name);
    // The term of commander's own help: what a command shows once it is loaded.
    expect(`${name} ${usage}`.trimEnd()).toBe(new Help().subcommandTerm(command));
    // One home: a description in the module too would be a second one.
    expect(command.description()).toBe('');
    const loaded = (await commandLine([name])).commands.find((one) => one.name() === name)!;
    expect(loaded.description()).toBe(description);
    expect(loaded.options.length + loaded.commands.length).toBeGreaterThan(0);
  });
});

test('help loads no command, and shows the same whether one is loaded or not', async () => {
  const bare = await commandLine(['--help']);
  expect(bare.commands.every(({ options, commands }) => options.length + commands.length === 0)).toBe(true);
  for (const words of [['serve'], ['help', 'model'], ['--json', 'doctor']])
    expect((await commandLine(words)).helpInformation()).toBe(bare.helpInformation());
});

test('the help imports commander, the table, and nothing heavy', async () => {
  // What a process has imported by the end of `--help`: the loader tells.
  const script = `
    import module from 'node:module';
    const seen = [];
    module.registerHooks({ load: (url, context, next) => { seen.push(url); return next(url, context); } });
    process.argv = ['node', 'odontoid', '--help'];
    process.on('exit', () => process.stderr.write(JSON.stringify(seen)));
    await import(${JSON.stringify(resolve(packageRoot, 'src/cli.ts'))});`;
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', script],
    { cwd: packageRoot },
  );
  expect(stdout).toContain('Usage: odontoid');
  const seen = (JSON.parse(stderr) as string[]).map((url) => url.replace(/^.*\/(src|node_modules)\//, '$1/'));
  const own = seen.filter((path) => path.startsWith('src/')).sort();
  expect(own).toEqual([
    'src/base/errors.ts',
    'src/base/packageRoot.ts',
    'src/cli.ts',
    'src/cli/commandTable.ts',
    'src/cli/exit.ts',
    'src/cli/program.ts',
  ]);
  expect(new Set(seen.filter((path) => path.startsWith('node_modules/')).map((path) => path.split('/')[1]))).toEqual(
    new Set(['commander']),
  );
});
