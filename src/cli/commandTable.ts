import type { Command } from 'commander';

/** What `odontoid --help` shows of a command, and how to get the command itself. */
export interface CommandEntry {
  name: string;
  /** Arguments and `[options]` as the help shows them after the name. */
  usage: string;
  description: string;
  /** What its help ends with; a subcommand shows those that call it. */
  examples: readonly string[];
  load: () => Promise<() => Command>;
}

/**
 * Every command, in the order of the help. A command and everything that it imports is loaded only when it is called, by `load`.
 * The description is defined only here; the command itself takes it from here.
 */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'init',
    usage: '[options]',
    description: 'write a first configuration, with comments; asks what no option has said, and never overwrites',
    examples: [
      'odontoid init',
      'odontoid init --source CT1@10.20.1.7 --destination pacs=ARCHIVE@10.20.0.5:104 --out odontoid.yaml',
    ],
    load: async () => (await import('./init.ts')).initCommand,
  },
  {
    name: 'serve',
    usage: '[options]',
    description: 'run the agent: receive, analyse, write results back, rank the worklist',
    examples: ['odontoid serve --config /etc/odontoid/odontoid.yaml'],
    load: async () => (await import('./serve.ts')).serveCommand,
  },
  {
    name: 'demo',
    usage: '[options]',
    description: 'run the whole way on synthetic studies: agent, loopback PACS, results, ranked worklist, page',
    examples: ['odontoid demo', 'odontoid demo --once --json'],
    load: async () => (await import('./demo.ts')).demoCommand,
  },
  {
    name: 'analyse',
    usage: '[options] <DIR>',
    description: 'analyse a folder of DICOM files: the agent’s own pipeline, without any network',
    examples: ['odontoid analyse study-folder --out results', 'odontoid analyse study-folder --json'],
    load: async () => (await import('./analyse.ts')).analyseCommand,
  },
  {
    name: 'phantom',
    usage: '[options]',
    description: 'write synthetic cervical-spine CT studies with known truth (labels.csv and cases.csv beside them)',
    examples: ['odontoid phantom --out phantoms --count 3 --fracture dens-2@C2', 'odontoid phantom --list-fractures'],
    load: async () => (await import('./phantom.ts')).phantomCommand,
  },
  {
    name: 'split',
    usage: '[options] <DIR>',
    description:
      'part a labelled dataset by patient into folds, or into train, validation and test; stratified, the same for the same seed',
    examples: ['odontoid split dataset --folds 7 --out folds.json'],
    load: async () => (await import('./split.ts')).splitCommand,
  },
  {
    name: 'evaluate',
    usage: '[options] <DIR>',
    description:
      'measure a model package on a labelled cohort: the paper’s tables with intervals, calibration, subgroups, localisation',
    examples: ['odontoid evaluate dataset --html report.html'],
    load: async () => (await import('./evaluate.ts')).evaluateCommand,
  },
  {
    name: 'validate',
    usage: '[options] [DIR]',
    description:
      'measure a model package on this site’s patients, by scanner, kernel, thickness, age, sex and level, and record the result',
    examples: ['odontoid validate dataset --html validation.html', 'odontoid validate --site --days 365'],
    load: async () => (await import('./validate.ts')).validateCommand,
  },
  {
    name: 'crossval',
    usage: '[options] <DIR>',
    description:
      'the paper’s Tables 2 and 3, mean ± standard deviation over the folds, from the results that training/crossval wrote',
    examples: ['odontoid crossval folds --html report.html'],
    load: async () => (await import('./crossval.ts')).crossvalCommand,
  },
  {
    name: 'send',
    usage: '[options] <DIR>',
    description: 'send every DICOM file of a folder by C-STORE',
    examples: ['odontoid send study-folder --to ODONTOID@127.0.0.1:11112 --calling CT1'],
    load: async () => (await import('./send.ts')).sendCommand,
  },
  {
    name: 'pull',
    usage: '[options]',
    description: 'fetch studies of a PACS into the running agent (C-FIND, then C-MOVE or C-GET)',
    examples: ['odontoid pull --from pacs --accession A1234567'],
    load: async () => (await import('./pull.ts')).pullCommand,
  },
  {
    name: 'echo',
    usage: '[options] <AE@host:port>',
    description: 'ask a DICOM peer whether it is there (C-ECHO)',
    examples: ['odontoid echo ORTHANC@127.0.0.1:4242'],
    load: async () => (await import('./echo.ts')).echoCommand,
  },
  {
    name: 'doctor',
    usage: '[options]',
    description: 'check configuration, database, disk, model, execution providers and PACS',
    examples: ['odontoid doctor --config /etc/odontoid/odontoid.yaml'],
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
  {
    name: 'config',
    usage: '',
    description: 'what the settings are, where each comes from, and what was set on the page as a file',
    examples: [
      'odontoid config show --changed',
      'odontoid config show --json',
      'odontoid config export',
      'odontoid config import page-settings.yaml --reason "As at the other site"',
    ],
    load: async () => (await import('./config.ts')).configCommand,
  },
  {
    name: 'health',
    usage: '[options]',
    description:
      'ask the running agent of this configuration whether it answers (for HEALTHCHECK and service managers)',
    examples: ['odontoid health'],
    load: async () => (await import('./health.ts')).healthCommand,
  },
  {
    name: 'sizing',
    usage: '[options]',
    description: 'cores, memory and disk for a site: studies a day and in the peak hour, slices, JPEG 2000, retention',
    examples: ['odontoid sizing --per-day 60 --peak-hour 12', 'odontoid sizing --per-day 400 --jpeg2000 1 --json'],
    load: async () => (await import('./sizing.ts')).sizingCommand,
  },
  {
    name: 'migrate',
    usage: '[options]',
    description: 'bring the database up to this version (forward only; serve does it too)',
    examples: ['odontoid migrate --config /etc/odontoid/odontoid.yaml', 'odontoid migrate --from sqlite'],
    load: async () => (await import('./migrate.ts')).migrateCommand,
  },
  {
    name: 'backup',
    usage: '[options]',
    description: 'copy the database to another place while the agent works, and check the copy',
    examples: ['odontoid backup --to /mnt/backups'],
    load: async () => (await import('./backup.ts')).backupCommand,
  },
  {
    name: 'restore',
    usage: '[options] <FILE>',
    description: 'put a backup in the place of the database; what was there is moved aside',
    examples: ['odontoid restore data/backups/worklist-20261129T021500Z.sqlite'],
    load: async () => (await import('./restore.ts')).restoreCommand,
  },
  {
    name: 'ledger',
    usage: '[options]',
    description: 'account for every study ever received, and every file on record',
    examples: ['odontoid ledger --json'],
    load: async () => (await import('./ledger.ts')).ledgerCommand,
  },
  {
    name: 'model',
    usage: '',
    description: 'check, install, activate, compare and recalibrate model packages',
    examples: [
      'odontoid model verify models/compact',
      'odontoid model list',
      'odontoid model install new-package',
      'odontoid model activate odontoid-compact@1.3.0 --threshold default --reason "accepted by the board"',
      'odontoid model compare --shadow odontoid-volume',
      'odontoid model recalibrate --reason "scores too high since the new scanner"',
      'odontoid model card odontoid-compact',
    ],
    load: async () => (await import('./model.ts')).modelCommand,
  },
  {
    name: 'user',
    usage: '',
    description: 'accounts of the page, also while the agent runs',
    examples: [
      'odontoid user add ada --role admin',
      'odontoid user list',
      'odontoid user disable ada',
      'odontoid user enable ada',
      'odontoid user role ada --role reader',
      'odontoid user reset ada',
    ],
    load: async () => (await import('./user.ts')).userCommand,
  },
  {
    name: 'token',
    usage: '',
    description: 'tokens by which machines read the JSON API and the metrics',
    examples: ['odontoid token add prometheus --days 365', 'odontoid token list', 'odontoid token revoke prometheus'],
    load: async () => (await import('./token.ts')).tokenCommand,
  },
  {
    name: 'audit',
    usage: '',
    description: 'the record of who did what',
    examples: ['odontoid audit verify', 'odontoid audit export --format csv'],
    load: async () => (await import('./audit.ts')).auditCommand,
  },
];
