import { Command } from 'commander';
import { analyseFolder, type FolderAnalysis } from '../cohort/analyseFolder.ts';
import { systemClock } from '../base/clock.ts';
import type { Findings } from '../case/case.ts';
import { imageReference } from '../case/frames.ts';
import { TriageError } from '../base/errors.ts';
import { loadConfig } from '../config/configFile.ts';
import { createLog } from '../base/log.ts';
import { MODEL_HELP, MODEL_OPTION, withModel } from './modelOption.ts';
import { share } from './numbers.ts';
import { note, printJson, printLine, progressBar, table, type Progress } from './output.ts';

/** `odontoid analyse DIR`: the agent's own stages on a folder, no network. */
export function analyseCommand(): Command {
  return new Command('analyse')
    .argument('<DIR>', 'folder with the files of one study')
    .option('--out <DIR>', 'write SR, SC and PNG files here')
    .option(MODEL_OPTION, MODEL_HELP)
    .option('--threshold <0..1>', 'operating point (default: the one that the network ships with)', share)
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option(
      '--json',
      'print {decision, reasonCode, reason, probability, threshold, slices, keySlices, model, files, seconds, unread, series}',
    )
    .action(
      async (
        folder: string,
        options: { out?: string; model?: string; threshold?: number; config?: string; json?: true },
      ) => {
        const config = await withModel(loadConfig(options.config, process.env), options.model);
        let bar: Progress | null = null;
        const analysis = await analyseFolder({
          folder,
          ...(options.out === undefined ? {} : { out: options.out }),
          ...(options.threshold === undefined ? {} : { threshold: options.threshold }),
          config,
          clock: systemClock,
          log: createLog('error'),
          onProgress: (encoded, slices) => {
            bar ??= progressBar('Slices', slices);
            bar.set(encoded);
          },
        });
        (bar as Progress | null)?.stop();
        if (options.json) printJson(analysisJson(analysis));
        if (analysis.studyInstanceUid === null) throw noSingleStudy(analysis.findings);
        for (const { file, reason } of analysis.unread) note(`not read: ${file}: ${reason}`);
        if (!options.json) printAnalysis(analysis);
      },
    );
}

function noSingleStudy({ reasonCode, reason }: Findings): TriageError {
  return new TriageError(reasonCode === 'several-studies' ? 'command-invalid' : 'dicom-unreadable', reason ?? '');
}

/** The documented shape of `analyse --json`: a contract, see docs/command-line.md. */
function analysisJson({ findings, series, unread, files, seconds, studyInstanceUid }: FolderAnalysis) {
  return {
    studyInstanceUid,
    decision: findings.decision,
    reasonCode: findings.reasonCode,
    reason: findings.reason,
    probability: findings.probability,
    threshold: findings.threshold?.value ?? null,
    slices: findings.slices.map(({ score, ...slice }) => ({ ...imageReference(slice), score })),
    keySlices: findings.keySlices.map(({ sliceIndex, score, levels, ...slice }) => ({
      ...imageReference(slice),
      sliceIndex,
      score,
      levels: levels ?? [],
    })),
    model: findings.model,
    provider: findings.provider,
    domain: { distance: findings.domainDistance, limit: findings.domainLimit },
    coverage: findings.coverage ?? null,
    series,
    files,
    unread,
    seconds,
  };
}

function printAnalysis(analysis: FolderAnalysis): void {
  const { findings, manifest, files, seconds } = analysis;
  const words = {
    suspected: 'AI flag: possible fracture. Review now. Not a diagnosis.',
    'not-suspected': 'AI did not flag this scan - read as usual',
    'not-analysed': `Not analysed: ${findings.reason ?? ''}`,
  }[findings.decision];
  printLine(words);
  if (findings.probability !== null)
    printLine(
      `Probability ${findings.probability.toFixed(3)}, flags from ${findings.threshold?.value.toFixed(3) ?? ''}`,
    );
  printLine(
    `Model ${findings.model.name} ${findings.model.version} (${findings.model.sha256.slice(0, 12)}) on ${findings.provider}`,
  );
  if (manifest)
    printLine(
      `Series of ${manifest.slices.length} slices, ${manifest.sliceSpacingMm.toFixed(2)} mm apart, ${manifest.coverageMm.toFixed(0)} mm`,
    );
  if (findings.slices.length > 0) {
    printLine(`Score by slice, top to bottom: ${strip(findings.slices.map((slice) => slice.score))}`);
  }
  if (findings.vertebrae !== undefined)
    printLine(
      `By vertebra: ${findings.vertebrae.map(({ level, probability }) => `${level} ${probability.toFixed(3)}`).join(', ')}`,
    );
  if (findings.keySlices.length > 0) {
    printLine();
    printLine(
      table(
        ['key slice', 'score', 'levels', 'SOP Instance UID'],
        findings.keySlices.map((slice) => [
          String(slice.sliceIndex + 1),
          slice.score.toFixed(3),
          [...(slice.levels ?? []), ...(slice.side === undefined ? [] : [slice.side])].join(' '),
          slice.frameNumber === undefined ? slice.sopInstanceUid : `${slice.sopInstanceUid} frame ${slice.frameNumber}`,
        ]),
      ),
    );
  }
  if (files.length > 0) {
    printLine();
    for (const file of files) printLine(file);
  }
  printLine();
  printLine(
    `Seconds: ${Object.entries(seconds)
      .map(([name, value]) => `${name} ${value.toFixed(2)}`)
      .join(', ')}`,
  );
  printLine('Not for diagnostic use.');
}

function strip(scores: readonly number[]): string {
  const bars = ' ▁▂▃▄▅▆▇█';
  return scores.map((score) => bars[Math.round(score * (bars.length - 1))]).join('');
}
