import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { dataPaths } from '../compose/places.ts';
import type { Config } from '../config/config.ts';
import type { WorklistDatabase } from '../worklist/db/database.ts';
import { readLedger, type Ledger } from '../worklist/list/ledger.ts';
import { EXIT } from './exit.ts';
import { printJson, printLine, table } from './output.ts';
import { withWorklist } from './user.ts';

const MOST_LISTED = 20;

/** `odontoid ledger`: checks that every study ever received is accounted for, and every file on record is on disk. */
export function ledgerCommand(): Command {
  return new Command('ledger')
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print the ledger (docs/command-line.md has its shape)')
    .action((options: { config?: string; json?: true }) =>
      withWorklist(options.config, async (database, config) => {
        const ledger = await ledgerOf(database, config);
        if (options.json) printJson(ledger);
        else printLedger(ledger);
        if (!ledger.balances) process.exitCode = EXIT.failed;
      }),
    );
}

/** The ledger of this site's worklist and data folder. */
export async function ledgerOf(database: WorklistDatabase, config: Config): Promise<Ledger> {
  const { spool } = dataPaths(config);
  return readLedger(database, (kind, path) => sizeOf(kind === 'object' ? join(spool, path) : path));
}

async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ size }) => size,
    () => null,
  );
}

export function printLedger({ balances, lost, missing, missingResults, files, ...books }: Ledger): void {
  const rows = [
    ['received', books.received],
    ['= resulted', books.resulted],
    ['+ ineligible', books.ineligible],
    ['+ held', books.held],
    ['+ failed', books.failed],
    ['+ in flight', books.inFlight],
    ['+ removed by retention', books.removed],
  ] as const;
  printLine(
    table(
      ['studies', ''],
      rows.map(([name, count]) => [name, String(count)]),
    ),
  );
  printLine();
  printLine(
    `${books.undelivered} results wait for a destination; ${files} files are on record, ${missing.length + missingResults.length} not on disk.`,
  );
  if (books.withoutFiles > 0)
    printLine(`Kept for their results alone, the received files being removed by retention: ${books.withoutFiles}.`);
  for (const uid of lost.slice(0, MOST_LISTED)) printLine(`LOST: ${uid} was received and is nowhere.`);
  const studies = [...new Set(missing.map(({ studyInstanceUid }) => studyInstanceUid))];
  for (const uid of studies.slice(0, MOST_LISTED)) printLine(`Send again: ${uid} (files of it are not on disk)`);
  if (studies.length > MOST_LISTED) printLine(`... and ${studies.length - MOST_LISTED} more (--json has all)`);
  for (const { studyInstanceUid } of missingResults.filter(({ due }) => due).slice(0, MOST_LISTED))
    printLine(`Analyse again: ${studyInstanceUid} (a result that waits for a destination is not on disk)`);
  printLine(balances ? 'The books balance.' : 'The books DO NOT balance.');
}
