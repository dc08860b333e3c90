import { CommanderError } from 'commander';
import { TriageError } from './base/errors.ts';
import { endSoon, EXIT } from './cli/exit.ts';
import { commandLine } from './cli/program.ts';

/** Errors that the caller mends in the arguments or the configuration. */
const USAGE_ERRORS = new Set([
  'config-invalid',
  'command-invalid',
  'threshold-unsaid',
  'phantom-fracture-unknown',
  'dataset-invalid',
]);

// `odontoid audit export | head`: whoever reads the report may stop when they have seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  const program = await commandLine(process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
  endSoon();
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof TriageError) {
    process.stderr.write(`odontoid: ${error.message}\n`);
    return USAGE_ERRORS.has(error.code) ? EXIT.usage : EXIT.failed;
  }
  // Anything else is a bug: the stack helps whoever reports it.
  process.stderr.write(
    `odontoid: unexpected error, please report it\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return EXIT.failed;
}
