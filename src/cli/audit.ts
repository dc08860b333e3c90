import { once } from 'node:events';
import { Command, Option } from 'commander';
import { auditMessageOf } from '../auditTrail/auditMessageOf.ts';
import { auditXml } from '../auditTrail/auditXml.ts';
import { systemClock } from '../base/clock.ts';
import { auditNaming, auditSource } from '../compose/audit.ts';
import { openLiveValues } from '../compose/liveValues.ts';
import { TriageError } from '../base/errors.ts';
import { createAuditLog, type AuditHead } from '../worklist/audit/audit.ts';
import { AUDIT_CSV_HEADING, auditCsv } from '../web/auditCsv.ts';
import { entriesWithPatients } from '../worklist/audit/auditOutbox.ts';
import { EXIT } from './exit.ts';
import { wholeNumber } from './numbers.ts';
import { printJson, printLine } from './output.ts';
import { withWorklist } from './user.ts';

/** `odontoid audit`: checks that the audit was not altered, and exports it. */
export function auditCommand(): Command {
  const audit = new Command('audit').exitOverride();
  audit
    .command('verify')
    .description('reads the whole chain; fails when an entry was changed, taken out or put in')
    .option(
      '--noted <SEQ:HASH>',
      'an end of the chain noted earlier (each start logs it): finds entries cut off the end',
    )
    .option('--json', 'print {whole, head} or {whole, seq, why}')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .action((options: { noted?: string; json?: true; config?: string }) =>
      withWorklist(options.config, async (database) => {
        const verdict = await createAuditLog(database, systemClock).verify(
          options.noted === undefined ? undefined : headOf(options.noted),
        );
        if (!verdict.whole) process.exitCode = EXIT.failed;
        if (options.json) printJson(verdict);
        else if (verdict.whole)
          printLine(
            `Whole: ${verdict.head.seq} entries. Note this end elsewhere: ${verdict.head.seq}:${verdict.head.hash}`,
          );
        else
          printLine(
            `NOT WHOLE at entry ${verdict.seq}: ${verdict.why}. Everything from there on is in doubt: compare it with the backups.`,
          );
      }),
    );
  audit
    .command('export')
    .description('prints the audit, oldest first: as CSV, or as DICOM Audit Messages (PS3.15 A.5), one a line')
    .addOption(new Option('--format <FORMAT>', 'what to print').choices(['csv', 'dicom']).default('csv'))
    .option('--from <SEQ>', 'the first entry', wholeNumber(1, Number.MAX_SAFE_INTEGER), 1)
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .action((options: { format: 'csv' | 'dicom'; from: number; config?: string }) =>
      withWorklist(options.config, async (database, config) => {
        const naming = auditNaming((await openLiveValues(config, database, { clock: systemClock })).config);
        const source = auditSource(config);
        const audit = createAuditLog(database, systemClock);
        const { seq: end } = await audit.head();
        await audit.append({ action: 'audit.exported', actor: 'command-line', detail: { format: options.format } });
        if (options.format === 'csv') await print(AUDIT_CSV_HEADING);
        for (let from = options.from; from <= end; from += BATCH) {
          const entries = await entriesWithPatients(database, from, Math.min(end, from + BATCH - 1));
          await print(
            options.format === 'csv'
              ? [...auditCsv(entries)].join('')
              : entries.map((entry) => `${auditXml(auditMessageOf(entry, naming), source)}\n`).join(''),
          );
        }
      }),
    );
  return audit;
}

const BATCH = 1_000;

/** Waits for a slow reader, so that an audit of years is not held in memory. */
async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

function headOf(noted: string): AuditHead {
  const match = /^(\d+):([0-9a-f]{64})$/.exec(noted);
  if (match === null)
    throw new TriageError(
      'command-invalid',
      '--noted takes SEQ:HASH as an earlier verify, or the log of a start, gave it.',
    );
  return { seq: Number(match[1]), hash: match[2]! };
}
