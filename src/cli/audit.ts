import { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { TriageError } from '../errors.ts';
import { createAuditLog, type AuditHead } from '../worklist/audit.ts';
import { EXIT } from './exit.ts';
import { printJson, printLine } from './output.ts';
import { withWorklist } from './user.ts';

/** `odontoid audit`: is the record of who did what as it was written. */
export function auditCommand(): Command {
  const audit = new Command('audit').exitOverride().description('the record of who did what');
  audit
    .command('verify')
    .description('reads the whole chain; fails when an entry was changed, taken out or put in')
    .option('--noted <SEQ:HASH>', 'an end of the chain noted earlier (each start logs it): finds entries cut off the end')
    .option('--json', 'print {whole, head} or {whole, seq, why}')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .action((options: { noted?: string; json?: true; config?: string }) =>
      withWorklist(options.config, async (database) => {
        const verdict = await createAuditLog(database, systemClock).verify(options.noted === undefined ? undefined : headOf(options.noted));
        if (!verdict.whole) process.exitCode = EXIT.failed;
        if (options.json) printJson(verdict);
        else if (verdict.whole) printLine(`Whole: ${verdict.head.seq} entries. Note this end elsewhere: ${verdict.head.seq}:${verdict.head.hash}`);
        else printLine(`NOT WHOLE at entry ${verdict.seq}: ${verdict.why}. Everything from there on is in doubt: compare it with the backups.`);
      }),
    );
  return audit;
}

function headOf(noted: string): AuditHead {
  const match = /^(\d+):([0-9a-f]{64})$/.exec(noted);
  if (match === null) throw new TriageError('command-invalid', '--noted takes SEQ:HASH as an earlier verify, or the log of a start, gave it.');
  return { seq: Number(match[1]), hash: match[2]! };
}
