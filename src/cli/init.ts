import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { Command } from 'commander';
import { TriageError } from '../base/errors.ts';
import { configFrom } from '../config/configFile.ts';
import { firstConfig, type FirstSettings } from '../config/firstConfig.ts';
import { note, printLine } from './output.ts';
import { parsePeer } from './peer.ts';

interface Flags {
  out: string;
  aeTitle?: string;
  source?: string[];
  destination?: string[];
  dataDir?: string;
}

/** `odontoid init`: writes a first configuration, with a comment on every line that a site may want to change. It never overwrites a file. */
export function initCommand(): Command {
  return new Command('init')
    .option('--out <FILE>', 'the file to write', 'odontoid.yaml')
    .option('--ae-title <AE>', 'the AE title of this agent')
    .option('--source <AE@ADDRESS>', 'who may send: AE title and address or network (repeatable)', collect)
    .option('--destination <NAME=AE@HOST:PORT>', 'where results go, by DICOM (repeatable)', collect)
    .option('--data-dir <DIR>', 'folder of the database and the received objects')
    .action(async (flags: Flags) => {
      const answers =
        process.stdin.isTTY && process.stdout.isTTY ? await askSettings(flags, process.stdin, process.stderr) : flags;
      const settings = {
        aeTitle: answers.aeTitle ?? 'ODONTOID',
        dataDir: answers.dataDir ?? './data',
        sources: (answers.source ?? []).map(parseSource),
        destinations: (answers.destination ?? []).map(parseDestination),
      };
      const { text, values } = firstConfig(settings);
      configFrom(values);
      write(flags.out, text);
      printLine(`${resolve(flags.out)} is written.`);
      for (const line of nextSteps(flags.out, settings)) note(line);
    });
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

/**
 * Asks for what no flag has said; an empty answer takes what stands in brackets. Lines that are typed ahead are answers too.
 * @throws TriageError `command-invalid` when the input ends before the last answer
 */
export async function askSettings(flags: Flags, input: Readable, output: Writable): Promise<Flags> {
  const terminal = createInterface({ input, output });
  const lines = terminal[Symbol.asyncIterator]();
  const answer = async (question: string, fallback: string): Promise<string> => {
    output.write(`${question} [${fallback}] `);
    const line = await lines.next();
    if (line.done === true)
      throw new TriageError('command-invalid', 'The questions were not answered to their end. Nothing is written.');
    return line.value.trim();
  };
  const one = async (given: string | undefined, question: string, fallback: string): Promise<string> =>
    given ?? ((await answer(question, fallback)) || fallback);
  const many = async (given: string[] | undefined, question: string): Promise<string[]> => {
    if (given !== undefined) return given;
    const entries: string[] = [];
    for (let entry; (entry = await answer(question, 'no more')) !== '';) entries.push(entry);
    return entries;
  };
  try {
    return {
      out: flags.out,
      aeTitle: await one(flags.aeTitle, 'AE title of this agent?', 'ODONTOID'),
      source: await many(flags.source, 'Who may send (AE@address, as CT1@10.20.1.7 or PACS@10.20.0.0/16)?'),
      destination: await many(flags.destination, 'Where do results go (name=AE@host:port)?'),
      dataDir: await one(flags.dataDir, 'Folder of the database and the received objects?', './data'),
    };
  } finally {
    terminal.close();
  }
}

/** @throws TriageError `command-invalid` */
function parseSource(text: string): FirstSettings['sources'][number] {
  const at = text.lastIndexOf('@');
  if (at < 1 || at === text.length - 1)
    throw new TriageError(
      'command-invalid',
      `--source ${text}: an AE title and an address are wanted, as CT1@10.20.1.7.`,
    );
  return { aeTitle: text.slice(0, at), address: text.slice(at + 1) };
}

/** @throws TriageError `command-invalid` */
function parseDestination(text: string): FirstSettings['destinations'][number] {
  const equals = text.indexOf('=');
  if (equals < 1)
    throw new TriageError(
      'command-invalid',
      `--destination ${text}: a name and a peer are wanted, as pacs=ARCHIVE@10.20.0.5:104.`,
    );
  return { name: text.slice(0, equals), ...parsePeer(text.slice(equals + 1)) };
}

/** @throws TriageError `command-invalid` when the file is there already or cannot be written */
function write(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'wx' });
  } catch (error) {
    const why =
      (error as NodeJS.ErrnoException).code === 'EEXIST'
        ? 'is there already and is left as it is. Move it away, or name another file with --out'
        : `cannot be written: ${(error as Error).message}`;
    throw new TriageError('command-invalid', `${path} ${why}.`, { cause: error });
  }
}

function nextSteps(path: string, { sources, destinations }: FirstSettings): string[] {
  const config = path === 'odontoid.yaml' ? '' : ` --config ${path}`;
  return [
    ...(sources.length === 0 ? ['Nobody may send yet: add entries under receive.sources.'] : []),
    ...(destinations.length === 0 ? ['Results stay here yet: add entries under destinations.'] : []),
    `Next: odontoid doctor${config}, then odontoid serve${config}`,
  ];
}
