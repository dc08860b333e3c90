import { Command, InvalidArgumentError } from 'commander';
import { latestMs } from '../dicom/dateTimes.ts';
import { listFractures } from '../phantom/fractures.ts';
import { writePhantomCohort } from '../phantom/writePhantomCohort.ts';
import { share, wholeNumber } from './numbers.ts';
import { note, printJson, printLine, progressBar } from './output.ts';

interface PhantomOptions {
  seed: number;
  count?: number;
  cohort?: number;
  prevalence?: number;
  fracture?: string;
  date?: string;
  slices?: number;
  rows?: number;
  out?: string;
  listFractures?: true;
  json?: true;
}

/** `odontoid phantom`: synthetic cervical-spine CT series as DICOM, with their truth in labels.csv and cases.csv. */
export function phantomCommand(): Command {
  return new Command('phantom')
    .option('--seed <n>', 'the same seed and date give the same bytes', wholeNumber(0, 2 ** 31 - 1), 1)
    .option('--count <n>', 'studies to write (1)', wholeNumber(1, 100_000))
    .option(
      '--cohort <n>',
      'write a cohort of n cases with sex, age and prevalence as the paper describes its own, and pixel masks',
      wholeNumber(1, 1_000_000),
    )
    .option('--prevalence <0..1>', 'of fractures in the cohort (the paper’s: 729 of 3,666)', share)
    .option(
      '--fracture <TYPE@LEVEL|none>',
      'the fracture of every study, or none; left out: a mixture, as the seed says',
    )
    .option('--date <DATE>', 'when the studies were scanned, YYYYMMDD or YYYYMMDDHHMMSS (now)', scanDate)
    .option('--slices <n>', 'slices of a study; left out: as the seed says', wholeNumber(3, 2_000))
    .option('--rows <n>', 'rows and columns of an image (512)', wholeNumber(32, 1_024))
    .option(
      '--out <DIR>',
      'folder to write to: a folder a study, labels.csv, cases.csv; studies that are there already are kept',
    )
    .option('--list-fractures', 'print what --fracture takes, as a JSON list')
    .option('--json', 'print {out, studies: [{folder, studyInstanceUid, patientId, slices, fractures, caseLabel}]}')
    .action(async (options: PhantomOptions, command: Command) => {
      if (options.listFractures) {
        printJson(listFractures());
        return;
      }
      if (options.out === undefined) command.error('error: --out DIR says where to write');
      if (options.cohort !== undefined && (options.count !== undefined || options.fracture !== undefined))
        command.error('error: --cohort says how many and what is broken; leave --count and --fracture out');
      if (options.cohort === undefined && options.prevalence !== undefined)
        command.error('error: --prevalence is for --cohort');
      const count = options.cohort ?? options.count ?? 1;
      const bar = progressBar('Phantoms', count);
      const studies = await writePhantomCohort({
        seed: options.seed,
        count,
        paper: options.cohort === undefined ? undefined : { prevalence: options.prevalence },
        fracture: options.fracture,
        slices: options.slices,
        rows: options.rows,
        studyDateTime: options.date,
        out: options.out,
        onProgress: (done: number) => {
          bar.set(done);
        },
      });
      bar.stop();
      if (options.json) printJson({ out: options.out, studies });
      else {
        for (const study of studies)
          printLine(`${study.folder}  ${study.slices} slices  ${study.fractures.join(', ') || 'no fracture'}`);
        note(
          `Truth: ${options.out}/labels.csv (images), ${options.out}/cases.csv (cases)${options.cohort === undefined ? '' : `, ${options.out}/masks (pixels)`}`,
        );
      }
    });
}

function scanDate(value: string): string {
  if (!/^\d{8}(\d{6})?$/.test(value) || latestMs(value) === null)
    throw new InvalidArgumentError('A date is written YYYYMMDD or YYYYMMDDHHMMSS.');
  return value.padEnd(14, '0');
}
