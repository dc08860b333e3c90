import { Command } from 'commander';
import { packageFacts } from '../base/packageRoot.ts';
import { COMMANDS } from './commandTable.ts';
import { EXIT, EXIT_MEANINGS } from './exit.ts';

/** The whole command line, with only the command loaded that `words` call (the arguments after the program's name). */
export async function commandLine(words: readonly string[]): Promise<Command> {
  const { version, description } = packageFacts();
  const program = new Command('odontoid')
    .description(description)
    .version(version)
    .showHelpAfterError('(odontoid --help shows every command)')
    .showSuggestionAfterError()
    .exitOverride()
    .configureHelp({ subcommandTerm: (command) => `${command.name()} ${usageOf(command)}`.trimEnd() })
    .addHelpText(
      'after',
      `
Exit codes: ${Object.entries(EXIT)
        .map(([name, code]) => `${code} ${EXIT_MEANINGS[name as keyof typeof EXIT]}`)
        .join('; ')}.
Progress and errors go to standard error; standard output carries the report, one JSON document with --json.
Not for diagnostic use.`,
    );
  const called = commandCalled(words);
  for (const { name, description, examples, load } of COMMANDS) {
    const command = name === called ? (await load())() : new Command(name);
    program.addCommand(command.description(description).exitOverride());
    for (const one of [command, ...command.commands]) showExamples(one, examples);
  }
  return program;
}

function showExamples(command: Command, examples: readonly string[]): void {
  const path = [...(command.parent?.parent ? [command.parent.name()] : []), command.name()].join(' ');
  const own = examples.filter((example) => `${example} `.startsWith(`odontoid ${path} `));
  command.addHelpText('after', `\nExamples:\n${own.map((example) => `  ${example}`).join('\n')}`);
}

/** The command that the first word names, or the second after `help`. */
function commandCalled(words: readonly string[]): string | undefined {
  const [first, second] = words.filter((word) => !word.startsWith('-'));
  return first === 'help' ? second : first;
}

function usageOf(command: Command): string {
  return COMMANDS.find(({ name }) => name === command.name())?.usage ?? '';
}
