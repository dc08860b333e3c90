import { CommanderError } from 'commander';
import { TriageError } from './base/errors.ts';
import { endSoon, exitCodeOf } from './cli/exit.ts';
import { commandLine } from './cli/program.ts';

// `odontoid audit export | head`: whoever reads the report may stop when they have seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  const program = await commandLine(process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  report(error);
  process.exitCode = exitCodeOf(error);
  endSoon();
}

function report(error: unknown): void {
  // Commander has written what is wrong with the arguments.
  if (error instanceof CommanderError) return;
  if (error instanceof TriageError) {
    process.stderr.write(`odontoid: ${error.message}\n`);
    return;
  }
  // Anything else is a bug: the stack helps whoever reports it.
  process.stderr.write(
    `odontoid: unexpected error, please report it\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
}
