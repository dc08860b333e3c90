import { Command } from 'commander';
import { share, wholeNumber } from './numbers.ts';
import { printJson, printLine } from './output.ts';
import { siteSize, type SiteLoad } from './siteSize.ts';

interface Options {
  perDay: number;
  peakHour?: number;
  slices: number;
  analysed: number;
  jpeg2000: number;
  retention: number;
  years: number;
  json?: true;
}

const atMost = (most: number): ((text: string) => number) => wholeNumber(1, most);

/** `odontoid sizing`: what a machine needs for a site (docs/sizing.md). */
export function sizingCommand(): Command {
  return new Command('sizing')
    .requiredOption('--per-day <N>', 'studies a day', atMost(100_000))
    .option('--peak-hour <N>', 'studies in the busiest hour (default: a fifth of the day’s)', atMost(100_000))
    .option('--slices <N>', 'CT slices that arrive of a study, all series together', atMost(100_000), 900)
    .option('--analysed <N>', 'slices of the series that is analysed', atMost(100_000), 300)
    .option('--jpeg2000 <SHARE>', 'share of the studies that arrive in JPEG 2000, 0 to 1', share, 0)
    .option('--retention <DAYS>', 'days until images are removed', atMost(36_500), 30)
    .option('--years <N>', 'years that rows of the database are kept', atMost(100), 5)
    .option('--json', 'print {load, size}')
    .action((options: Options) => {
      const load: SiteLoad = {
        studiesPerDay: options.perDay,
        studiesInPeakHour: options.peakHour ?? Math.ceil(options.perDay / 5),
        slicesReceived: options.slices,
        slicesAnalysed: options.analysed,
        jpeg2000Share: options.jpeg2000,
        retentionDays: options.retention,
        rowYears: options.years,
      };
      const size = siteSize(load);
      if (options.json) {
        printJson({ load, size });
        return;
      }
      const { cores, peakUse, memoryMib, spoolGib, databaseGib, diskGib, cpuSecondsPerStudy } = size;
      printLine(`${cores} cores: a study takes ${cpuSecondsPerStudy.toFixed(1)} s of one core,`);
      printLine(`  and the peak hour of ${load.studiesInPeakHour} studies ${(100 * peakUse).toFixed(0)} % of them`);
      printLine(`${(memoryMib / 1024).toFixed(1)} GiB of memory, and more for the page cache`);
      printLine(
        `${Math.ceil(diskGib)} GiB of disk: images and results of ${load.retentionDays} days ${spoolGib.toFixed(1)} GiB,`,
      );
      printLine(`  database of ${load.rowYears} years ${databaseGib.toFixed(1)} GiB, its copy, and a quarter to spare`);
      printLine('Formula, figures and how they were measured: docs/sizing.md');
    });
}
