import { Command } from 'commander';
import { packageFacts } from '../base/packageRoot.ts';
import { COMMANDS } from './commandTable.ts';
import { EXIT } from './exit.ts';

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
Exit codes: ${EXIT.ok} done; ${EXIT.failed} it ran, and the answer is bad (the text says which); ${EXIT.usage} wrong arguments or configuration.
Progress and errors go to standard error; standard output carries the report, one JSON document with --json.
Not for diagnostic use.`,
    );
  const called = commandCalled(words);
  for (const { name, description, load } of COMMANDS) {
    const command = name === called ? (await load())() : new Command(name);
    program.addCommand(command.description(description).exitOverride());
  }
  return program;
}

/** The command that the first word names, or the second after `help`. */
function commandCalled(words: readonly string[]): string | undefined {
  const [first, second] = words.filter((word) => !word.startsWith('-'));
  return first === 'help' ? second : first;
}

function usageOf(command: Command): string {
  return COMMANDS.find(({ name }) => name === command.name())?.usage ?? '';
}
