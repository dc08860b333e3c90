import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { createLog } from '../base/log.ts';
import { createDimseScu } from '../pacs/dimseScu.ts';
import { EXIT } from './exit.ts';
import { printJson, printLine } from './output.ts';
import { parsePeer, tlsOf, withTlsFlags, type TlsFlags } from './peer.ts';
import { messageOf, TriageError } from '../base/errors.ts';

/** `odontoid echo AE@host:port`: C-ECHO, with what to do when nobody answers. */
export function echoCommand(): Command {
  return withTlsFlags(new Command('echo'))
    .argument('<AE@host:port>', 'called AE title, host and port, for example ORTHANC@127.0.0.1:4242')
    .option('--calling <AE>', 'calling AE title', 'ODONTOID')
    .option('--timeout-ms <ms>', 'longest wait', '10000')
    .option('--json', 'print {peer, ok, milliseconds, error}')
    .action(async (peerText: string, options: { calling: string; timeoutMs: string; json?: true } & TlsFlags) => {
      const peer = parsePeer(peerText);
      const scu = createDimseScu(
        {
          name: 'echo',
          ...peer,
          ...tlsOf(options),
          callingAeTitle: options.calling,
          timeoutMs: Number(options.timeoutMs),
        },
        { clock: systemClock, log: createLog('silent') },
      );
      try {
        const milliseconds = await scu.echo();
        if (options.json) printJson({ peer: peerText, ok: true, milliseconds, error: null });
        else printLine(`${peerText} answered in ${milliseconds.toFixed(0)} ms`);
      } catch (error) {
        if (!(error instanceof TriageError) || !options.json) throw error;
        printJson({ peer: peerText, ok: false, milliseconds: null, error: messageOf(error) });
        process.exitCode = EXIT.failed;
      }
    });
}
