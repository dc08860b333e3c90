import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { TriageError } from '../base/errors.ts';
import { listFiles, type UnreadFile } from '../base/listFiles.ts';
import { sendFiles } from '../pacs/sendFiles.ts';
import { EXIT } from './exit.ts';
import { note, printJson, printLine, progressBar } from './output.ts';
import { parsePeer, tlsOf, withTlsFlags, type TlsFlags } from './peer.ts';
import { wholeNumber } from './numbers.ts';

/** `odontoid send DIR --to AE@host:port`: C-STORE of every DICOM file in a folder, byte for byte. */
export function sendCommand(): Command {
  return withTlsFlags(new Command('send'))
    .argument('<DIR>', 'folder (or one file)')
    .requiredOption('--to <AE@host:port>', 'called AE title, host and port')
    .option('--calling <AE>', 'calling AE title', 'ODONTOID')
    .option('--associations <n>', 'associations side by side', wholeNumber(1, 16), 1)
    .option('--json', 'print {sent, failed: [{path, reason}]}')
    .action(
      async (
        folder: string,
        options: { to: string; calling: string; associations: number; json?: true } & TlsFlags,
      ) => {
        const peer = parsePeer(options.to);
        const { files: paths, unread } = await filesOf(folder);
        const bar = progressBar('Sending', paths.length);
        const outcomes = await sendFiles(
          { name: options.to, ...peer, ...tlsOf(options), callingAeTitle: options.calling, timeoutMs: 60_000 },
          paths,
          { clock: systemClock },
          {
            associations: options.associations,
            onProgress: (_last, done) => {
              bar.set(done);
            },
          },
        );
        bar.stop();
        const failed = [
          ...outcomes.flatMap(({ path, outcome }) =>
            outcome.kind === 'stored' ? [] : [{ path, reason: outcome.reason }],
          ),
          ...unread.map(({ file, reason }) => ({ path: join(folder, file), reason })),
        ];
        const sent = outcomes.length + unread.length - failed.length;
        if (options.json) printJson({ sent, failed });
        else printLine(`${sent} of ${outcomes.length + unread.length} files are with ${options.to}.`);
        for (const { path, reason } of failed) note(`not sent: ${path}: ${reason}`);
        if (failed.length > 0) process.exitCode = EXIT.failed;
      },
    );
}

/** The files of a folder that may be DICOM, and what in it cannot be read. */
async function filesOf(path: string): Promise<{ files: string[]; unread: UnreadFile[] }> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new TriageError('not-found', `${path} does not exist.`);
  if (found.isFile()) return { files: [path], unread: [] };
  const { files, unread } = await listFiles(path);
  if (files.length === 0 && unread.length === 0) throw new TriageError('not-found', `${path} holds no files.`);
  // A cohort has tables and masks beside its studies.
  return { files: files.filter((file) => !/\.(csv|nii\.gz)$/.test(file)), unread };
}
