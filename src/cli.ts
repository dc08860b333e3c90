import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import { analyseCommand } from './cli/analyse.ts';
import { auditCommand } from './cli/audit.ts';
import { crossvalCommand } from './cli/crossval.ts';
import { demoCommand } from './cli/demo.ts';
import { doctorCommand } from './cli/doctor.ts';
import { echoCommand } from './cli/echo.ts';
import { evaluateCommand } from './cli/evaluate.ts';
import { EXIT } from './cli/exit.ts';
import { migrateCommand } from './cli/migrate.ts';
import { modelCommand } from './cli/model.ts';
import { phantomCommand } from './cli/phantom.ts';
import { sendCommand } from './cli/send.ts';
import { serveCommand } from './cli/serve.ts';
import { splitCommand } from './cli/split.ts';
import { tokenCommand } from './cli/token.ts';
import { userCommand } from './cli/user.ts';
import { packageRoot } from './config/configFile.ts';
import { TriageError } from './base/errors.ts';

const { version, description } = JSON.parse(readFileSync(resolve(packageRoot, 'package.json'), 'utf8')) as {
  version: string;
  description: string;
};

const program = new Command('odontoid')
  .description(description)
  .version(version)
  .showHelpAfterError('(odontoid --help shows every command)')
  .showSuggestionAfterError()
  .exitOverride()
  .addHelpText(
    'after',
    `
Exit codes: ${EXIT.ok} done; ${EXIT.failed} it ran, and the answer is bad (the text says which); ${EXIT.usage} wrong arguments or configuration.
Progress and errors go to standard error; standard output carries the report, one JSON document with --json.
Not for diagnostic use.`,
  );
for (const command of [
  serveCommand,
  demoCommand,
  analyseCommand,
  phantomCommand,
  splitCommand,
  evaluateCommand,
  crossvalCommand,
  sendCommand,
  echoCommand,
  doctorCommand,
  migrateCommand,
  modelCommand,
  userCommand,
  tokenCommand,
  auditCommand,
]) {
  program.addCommand(command().exitOverride());
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof TriageError) {
    process.stderr.write(`odontoid: ${error.message}\n`);
    return error.code === 'config-invalid' ||
      error.code === 'command-invalid' ||
      error.code === 'threshold-unsaid' ||
      error.code === 'phantom-fracture-unknown' ||
      error.code === 'dataset-invalid'
      ? EXIT.usage
      : EXIT.failed;
  }
  // Anything else is a bug: the stack helps whoever reports it.
  process.stderr.write(
    `odontoid: unexpected error, please report it\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return EXIT.failed;
}
