import { Command } from 'commander';
import { runDemo, type DemoResult } from '../demo/runDemo.ts';
import { untilStopped } from './serve.ts';
import { EXIT } from './exit.ts';
import { note, printJson, printLine, progressBar, table } from './output.ts';
import { wholeNumber } from './numbers.ts';

/** `odontoid demo`: the whole workflow on synthetic studies, with its own PACS on loopback. */
export function demoCommand(): Command {
  return new Command('demo')
    .option(
      '--once',
      'stop when done; exit non-zero unless fractures rank above normals and every result is in the PACS',
    )
    .option('--json', 'print {worklist, pacs, problems} as one JSON document instead of the pictures')
    .option('--dir <DIR>', 'folder of the demo, made anew at each run', 'demo-data')
    .option('--model <DIR>', 'model package (default: the shipped one)')
    .option('--port <n>', 'port of the worklist page', wholeNumber(0, 65535), 8080)
    .action(async (options: { once?: true; json?: true; dir: string; model?: string; port: number }) => {
      const result = await runDemo({
        dir: options.dir,
        port: options.port,
        modelDir: options.model,
        progress: progressBar,
        note,
      });
      try {
        if (options.json) printJson({ worklist: result.worklist, pacs: result.pacs, problems: result.problems });
        else printDemo(result);
        if (result.problems.length > 0) process.exitCode = EXIT.failed;
        if (!options.once) {
          note(`The worklist is at ${result.url} until you press Ctrl-C.`);
          await untilStopped();
        }
      } finally {
        await result.close();
      }
    });
}

function printDemo({ worklist, pacs, problems, pacsDir, url }: DemoResult): void {
  printLine();
  printLine(
    table(
      ['rank', 'truth', 'decision', 'prob.', 'key slices', 'state', 's to SR', 'patient', 'why it ranks there'],
      worklist.map((row) => [
        String(row.rank),
        row.truth,
        row.decision ?? '',
        row.probability?.toFixed(3) ?? '',
        row.keySlices.join(' '),
        row.state,
        row.secondsToSr?.toFixed(1) ?? '',
        row.patientId,
        row.why,
      ]),
    ),
  );
  for (const row of worklist) if (row.reason !== null) printLine(`${row.patientId}: not analysed: ${row.reason}`);
  printLine();
  const count = (kind: string) => pacs.filter((object) => object.kind === kind).length;
  printLine(
    `In the PACS: ${count('sr')} Structured Reports and ${count('sc')} Secondary Captures, as files in ${pacsDir}`,
  );
  printLine(`Worklist page: ${url}`);
  printLine('Synthetic studies, research software. Not for diagnostic use.');
  for (const problem of problems) note(`PROBLEM: ${problem}`);
}
