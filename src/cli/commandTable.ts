import type { Command } from 'commander';

/** What `odontoid --help` shows of a command, and how to get the command itself. */
export interface CommandEntry {
  name: string;
  /** Arguments and `[options]` as the help shows them after the name. */
  usage: string;
  description: string;
  load: () => Promise<() => Command>;
}

/**
 * Every command, in the order of the help. A command and everything that it imports is loaded only when it is called, by `load`.
 * The description is defined only here; the command itself takes it from here.
 */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'serve',
    usage: '[options]',
    description: 'run the agent: receive, analyse, write results back, rank the worklist',
    load: async () => (await import('./serve.ts')).serveCommand,
  },
  {
    name: 'demo',
    usage: '[options]',
    description: 'run the whole way on synthetic studies: agent, loopback PACS, results, ranked worklist, page',
    load: async () => (await import('./demo.ts')).demoCommand,
  },
  {
    name: 'analyse',
    usage: '[options] <DIR>',
    description: 'analyse a folder of DICOM files: the agent’s own pipeline, without any network',
    load: async () => (await import('./analyse.ts')).analyseCommand,
  },
  {
    name: 'phantom',
    usage: '[options]',
    description: 'write synthetic cervical-spine CT studies with known truth (labels.csv and cases.csv beside them)',
    load: async () => (await import('./phantom.ts')).phantomCommand,
  },
  {
    name: 'split',
    usage: '[options] <DIR>',
    description:
      'part a labelled dataset by patient into folds, or into train, validation and test; stratified, the same for the same seed',
    load: async () => (await import('./split.ts')).splitCommand,
  },
  {
    name: 'evaluate',
    usage: '[options] <DIR>',
    description:
      'measure a model package on a labelled cohort: the paper’s tables with intervals, calibration, subgroups, localisation',
    load: async () => (await import('./evaluate.ts')).evaluateCommand,
  },
  {
    name: 'validate',
    usage: '[options] [DIR]',
    description:
      'measure a model package on this site’s patients, by scanner, kernel, thickness, age, sex and level, and record the result',
    load: async () => (await import('./validate.ts')).validateCommand,
  },
  {
    name: 'crossval',
    usage: '[options] <DIR>',
    description:
      'the paper’s Tables 2 and 3, mean ± standard deviation over the folds, from the results that training/crossval wrote',
    load: async () => (await import('./crossval.ts')).crossvalCommand,
  },
  {
    name: 'send',
    usage: '[options] <DIR>',
    description: 'send every DICOM file of a folder by C-STORE',
    load: async () => (await import('./send.ts')).sendCommand,
  },
  {
    name: 'pull',
    usage: '[options]',
    description: 'have a PACS send studies to the running agent (C-FIND, C-MOVE)',
    load: async () => (await import('./pull.ts')).pullCommand,
  },
  {
    name: 'echo',
    usage: '[options] <AE@host:port>',
    description: 'ask a DICOM peer whether it is there (C-ECHO)',
    load: async () => (await import('./echo.ts')).echoCommand,
  },
  {
    name: 'doctor',
    usage: '[options]',
    description: 'check configuration, database, disk, model, execution providers and PACS',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
  {
    name: 'health',
    usage: '[options]',
    description:
      'ask the running agent of this configuration whether it answers (for HEALTHCHECK and service managers)',
    load: async () => (await import('./health.ts')).healthCommand,
  },
  {
    name: 'migrate',
    usage: '[options]',
    description: 'bring the database up to this version (forward only; serve does it too)',
    load: async () => (await import('./migrate.ts')).migrateCommand,
  },
  {
    name: 'backup',
    usage: '[options]',
    description: 'copy the database to another place while the agent works, and check the copy',
    load: async () => (await import('./backup.ts')).backupCommand,
  },
  {
    name: 'restore',
    usage: '[options] <FILE>',
    description: 'put a backup in the place of the database; what was there is moved aside',
    load: async () => (await import('./restore.ts')).restoreCommand,
  },
  {
    name: 'ledger',
    usage: '[options]',
    description: 'account for every study ever received, and every file on record',
    load: async () => (await import('./ledger.ts')).ledgerCommand,
  },
  {
    name: 'model',
    usage: '',
    description: 'check, install, activate and compare model packages',
    load: async () => (await import('./model.ts')).modelCommand,
  },
  {
    name: 'user',
    usage: '',
    description: 'accounts of the page, also while the agent runs',
    load: async () => (await import('./user.ts')).userCommand,
  },
  {
    name: 'token',
    usage: '',
    description: 'tokens by which machines read the JSON API and the metrics',
    load: async () => (await import('./token.ts')).tokenCommand,
  },
  {
    name: 'audit',
    usage: '',
    description: 'the record of who did what',
    load: async () => (await import('./audit.ts')).auditCommand,
  },
];
