import { Command, InvalidArgumentError } from 'commander';
import { listFractures } from '../phantom/fractures.ts';
import { writePhantomCohort } from '../phantom/writePhantomCohort.ts';
import { note, printJson, printLine, progressBar } from './output.ts';

/** A whole number within bounds, for commander. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most) throw new InvalidArgumentError(`a whole number from ${least} to ${most} is wanted.`);
    return value;
  };
}

/** `odontoid phantom`: synthetic cervical-spine CT series as DICOM, with their truth in labels.csv. */
export function phantomCommand(): Command {
  return new Command('phantom')
    .description('write synthetic cervical-spine CT studies with known truth (labels.csv beside them)')
    .option('--seed <n>', 'the same seed gives the same bytes', wholeNumber(0, 2 ** 31 - 1), 1)
    .option('--count <n>', 'studies to write', wholeNumber(1, 100_000), 1)
    .option('--fracture <TYPE@LEVEL|none>', 'the fracture of every study, or none; left out: a mixture, as the seed says')
    .option('--slices <n>', 'slices of a study; left out: as the seed says', wholeNumber(3, 2_000))
    .option('--out <DIR>', 'folder to write to: a folder a study, and labels.csv')
    .option('--list-fractures', 'print what --fracture takes, as a JSON list')
    .option('--json', 'print {out, studies: [{folder, studyInstanceUid, patientId, slices, fractures, caseLabel}]}')
    .action(async (options: { seed: number; count: number; fracture?: string; slices?: number; out?: string; listFractures?: true; json?: true }, command: Command) => {
      if (options.listFractures) {
        printJson(listFractures());
        return;
      }
      if (options.out === undefined) command.error('error: --out DIR says where to write');
      const bar = progressBar('Phantoms', options.count);
      const studies = await writePhantomCohort({
        seed: options.seed,
        count: options.count,
        ...(options.fracture === undefined ? {} : { fracture: options.fracture }),
        ...(options.slices === undefined ? {} : { slices: options.slices }),
        out: options.out,
        onProgress: (done: number) => { bar.set(done); },
      }); // prettier-ignore
      bar.stop();
      if (options.json) printJson({ out: options.out, studies });
      else {
        for (const study of studies) printLine(`${study.folder}  ${study.slices} slices  ${study.fractures.join(', ') || 'no fracture'}`);
        note(`Truth per slice: ${options.out}/labels.csv`);
      }
    });
}
