import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { TriageError } from '../base/errors.ts';
import { isAgentRunning } from '../compose/checkConfig.ts';
import { dimsePeer } from '../compose/destinations.ts';
import { ownDoor } from '../compose/ownDoor.ts';
import { databasePlace } from '../compose/places.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/configFile.ts';
import type { DimsePeer } from '../pacs/dimseAssociation.ts';
import type { RetrieveWay } from '../pacs/retrieveOutcome.ts';
import { createRetrieveScu, type FoundStudy, type StudyKey } from '../pacs/retrieveScu.ts';
import { objectsOnRecord } from '../pull/objectsOnRecord.ts';
import { askedValue, planPull } from '../pull/planPull.ts';
import { pullStudy, type PulledStudy } from '../pull/pullStudy.ts';
import { openDatabase } from '../worklist/db/database.ts';
import { createWorklistQuery } from '../worklist/list/worklistQuery.ts';
import { EXIT } from './exit.ts';
import { wholeNumber } from './numbers.ts';
import { note, printJson, printLine } from './output.ts';
import { parsePeer } from './peer.ts';

interface PullOptions {
  from: string;
  study?: string;
  accession?: string;
  patient?: string;
  limit: number;
  timeoutMs: number;
  allModalities?: true;
  config?: string;
  json?: true;
}

type FetchedStudy = FoundStudy & PulledStudy;

/** `odontoid pull`: fetches studies of a PACS into the running agent (C-FIND, then C-MOVE or C-GET); they come in as any other. */
export function pullCommand(): Command {
  return new Command('pull')
    .requiredOption('--from <NAME>', 'a DIMSE destination of the configuration, or AE@host:port')
    .option('--study <UID>', 'Study Instance UID')
    .option('--accession <NUMBER>', 'Accession Number')
    .option('--patient <ID>', 'Patient ID')
    .option('--limit <n>', 'most studies that are fetched', wholeNumber(1, 1_000), 10)
    .option('--all-modalities', 'fetch studies without a CT too')
    .option('--timeout-ms <ms>', 'longest silence of the PACS', wholeNumber(1_000, 3_600_000), 600_000)
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print {studies, skipped}')
    .action(async (options: PullOptions) => {
      const config = loadConfig(options.config, process.env);
      const [key, value] = keyOf(options);
      const { peer, way } = archiveOf(options, config);
      if (!isAgentRunning(config.dataDir))
        throw new TriageError('command-invalid', 'The agent does not run: start it first, what is fetched goes there.');
      if (way === 'move' && !config.receive.sources.some(({ aeTitle }) => aeTitle === peer.aeTitle))
        throw new TriageError(
          'command-invalid',
          `The agent would refuse what ${peer.aeTitle} sends: add it to receive.sources.`,
        );
      const door = () => ownDoor(config.receive, config.receive.port);
      const scu = createRetrieveScu(peer, { clock: systemClock, way, door });
      const { allModalities = false } = options;
      const { wanted, skipped, others } = await planPull(scu, { key, value, allModalities });
      if (others > 0) note(`${peer.aeTitle} answered ${others} other studies too; they are left alone.`);
      if (wanted.length > options.limit)
        throw new TriageError(
          'command-invalid',
          `${wanted.length} studies match: ask for one of them, or raise --limit.`,
        );
      const studies: FetchedStudy[] = [];
      const ports = {
        retrieve: scu.retrieve,
        receivingAeTitle: config.receive.aeTitle,
        countOnRecord: (study: string) => countOnRecord(study, config),
        clock: systemClock,
      };
      for (const study of wanted) studies.push({ ...study, ...(await pullStudy(study.studyInstanceUid, ports)) });
      if (options.json) printJson({ studies, skipped });
      else report(studies, skipped, peer.aeTitle);
      if (studies.length === 0 || studies.some(({ problem }) => problem !== null)) process.exitCode = EXIT.failed;
    });
}

/** @throws TriageError `command-invalid` unless exactly one is given, without wildcards */
function keyOf({ study, accession, patient }: PullOptions): [StudyKey, string] {
  const given = (
    [
      ['studyInstanceUid', study],
      ['accessionNumber', accession],
      ['patientId', patient],
    ] as const
  ).flatMap(([key, value]): [StudyKey, string][] => (value === undefined ? [] : [[key, value]]));
  const [one] = given;
  if (one === undefined || given.length > 1)
    throw new TriageError('command-invalid', 'Give one of --study, --accession and --patient.');
  return [one[0], askedValue(one[1])];
}

/** Whom to ask, and how. One that the configuration does not name is asked by C-MOVE: it sends as a source that is named. @throws TriageError `command-invalid`, `config-invalid` */
function archiveOf(
  { from, timeoutMs }: PullOptions,
  { destinations, receive }: Config,
): { peer: DimsePeer; way: RetrieveWay } {
  if (from.includes('@'))
    return { peer: { name: from, ...parsePeer(from), callingAeTitle: receive.aeTitle, timeoutMs }, way: 'move' };
  const destination = destinations.find(({ name }) => name === from);
  if (destination?.kind !== 'dimse')
    throw new TriageError(
      'command-invalid',
      `${from} is no DIMSE destination of the configuration; name one, or give AE@host:port.`,
    );
  return { peer: { ...dimsePeer(destination), timeoutMs }, way: destination.retrieve };
}

/** Objects of a study in the running agent's database. */
async function countOnRecord(studyInstanceUid: string, config: Config): Promise<number> {
  const database = await openDatabase(databasePlace(config));
  try {
    return await objectsOnRecord(createWorklistQuery(database, systemClock, { maxWaitMs: 0 }), studyInstanceUid);
  } finally {
    await database.close();
  }
}

function report(studies: readonly FetchedStudy[], skipped: readonly FoundStudy[], aeTitle: string): void {
  if (studies.length === 0) printLine(`${aeTitle} has no such study${skipped.length > 0 ? ' with a CT' : ''}.`);
  for (const { studyInstanceUid, studyDate, completed, problem } of studies) {
    printLine(`${studyInstanceUid} (${studyDate === '' ? 'no date' : studyDate}): ${completed} objects came.`);
    if (problem !== null) note(`not whole: ${studyInstanceUid}: ${problem}`);
  }
  for (const { studyInstanceUid, modalities } of skipped)
    note(`left out: ${studyInstanceUid} has no CT (${modalities.join(', ')}); --all-modalities fetches it`);
}
