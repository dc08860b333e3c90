import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { TriageError } from '../base/errors.ts';
import { isAgentRunning } from '../compose/checkConfig.ts';
import { archiveClient, isArchive, type FetchDoors } from '../compose/archives.ts';
import { ownDoor } from '../compose/ownDoor.ts';
import { databasePlace } from '../compose/places.ts';
import { readStowDoor } from '../compose/stowDoor.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/configFile.ts';
import type { ArchiveClient, FoundStudy, StudyKey } from '../pacs/archiveClient.ts';
import { createRetrieveScu } from '../pacs/retrieveScu.ts';
import { recordedStudy, type RecordedStudy } from '../pull/recordedStudy.ts';
import { askedValue, planPull } from '../pull/planPull.ts';
import { pullStudy, type PulledStudy } from '../pull/pullStudy.ts';
import { openDatabase } from '../worklist/db/database.ts';
import { createWorklistQuery } from '../worklist/list/worklistQuery.ts';
import { configInForce } from './configInForce.ts';
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

/** `odontoid pull`: fetches studies of a PACS into the running agent (C-FIND, then C-MOVE or C-GET; QIDO-RS, then WADO-RS); they come in as any other. */
export function pullCommand(): Command {
  return new Command('pull')
    .requiredOption('--from <NAME>', 'a destination of the configuration, or AE@host:port')
    .option('--study <UID>', 'Study Instance UID')
    .option('--accession <NUMBER>', 'Accession Number')
    .option('--patient <ID>', 'Patient ID')
    .option('--limit <n>', 'most studies that are fetched', wholeNumber(1, 1_000), 10)
    .option('--all-modalities', 'fetch studies without a CT too')
    .option('--timeout-ms <ms>', 'longest silence of the PACS', wholeNumber(1_000, 3_600_000), 600_000)
    .option('--config <FILE>', 'the site’s configuration (default: ODONTOID_CONFIG, else ./odontoid.yaml)')
    .option('--json', 'print {studies, skipped}')
    .action(async (options: PullOptions) => {
      const config = await configInForce(loadConfig(options.config, process.env));
      const [key, value] = keyOf(options);
      const archive = archiveOf(options, config);
      if (!isAgentRunning(config.dataDir))
        throw new TriageError('command-invalid', 'The agent does not run: start it first, what is fetched goes there.');
      const { callingAeTitle, client } = archive;
      if (callingAeTitle !== null && !config.receive.sources.some(({ aeTitle }) => aeTitle === callingAeTitle))
        throw new TriageError(
          'command-invalid',
          `The agent would refuse what ${callingAeTitle} sends: add it to receive.sources.`,
        );
      const { allModalities = false } = options;
      const { wanted, skipped, others } = await planPull(client, { key, value, allModalities });
      if (others > 0) note(`${archive.name} answered ${others} other studies too; they are left alone.`);
      if (wanted.length > options.limit)
        throw new TriageError(
          'command-invalid',
          `${wanted.length} studies match: ask for one of them, or raise --limit.`,
        );
      const studies: FetchedStudy[] = [];
      const ports = {
        retrieve: client.retrieve,
        receivingAeTitle: config.receive.aeTitle,
        onRecord: (study: string) => onRecord(study, config),
        clock: systemClock,
      };
      for (const study of wanted) studies.push({ ...study, ...(await pullStudy(study, ports)) });
      if (options.json) printJson({ studies, skipped });
      else report(studies, skipped, archive.name);
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

interface AskedArchive {
  name: string;
  /** AE title by which it opens associations with the agent; null when the agent opens them, or asks by HTTP. */
  callingAeTitle: string | null;
  client: ArchiveClient;
}

/** Whom to ask, and how. One that the configuration does not name is asked by C-MOVE: it sends as a source that is named. @throws TriageError `command-invalid`, `config-invalid` */
function archiveOf({ from, timeoutMs }: PullOptions, { destinations, receive, dataDir }: Config): AskedArchive {
  if (from.includes('@')) {
    const peer = { name: from, ...parsePeer(from), callingAeTitle: receive.aeTitle, timeoutMs };
    return {
      name: peer.aeTitle,
      callingAeTitle: peer.aeTitle,
      client: createRetrieveScu(peer, { clock: systemClock }),
    };
  }
  const destination = destinations.find(({ name }) => name === from);
  if (destination === undefined || !isArchive(destination))
    throw new TriageError(
      'command-invalid',
      destination === undefined
        ? `${from} is no destination of the configuration; name one, or give AE@host:port.`
        : `${from} cannot be asked: it has "confirm: none", since it answers no QIDO-RS.`,
    );
  const doors: FetchDoors = {
    storage: () => ownDoor(receive, receive.port),
    stow: () => readStowDoor(dataDir),
  };
  const ports = { clock: systemClock, environment: process.env };
  const sendsByItself = destination.kind === 'dimse' && destination.retrieve === 'move';
  return {
    name: destination.kind === 'dimse' ? destination.aeTitle : destination.name,
    callingAeTitle: sendsByItself ? destination.aeTitle : null,
    client: archiveClient({ ...destination, timeoutMs }, { doors, ports, silenceMs: timeoutMs }),
  };
}

/** What the running agent's database has of a study. */
async function onRecord(studyInstanceUid: string, config: Config): Promise<RecordedStudy> {
  const database = await openDatabase(databasePlace(config));
  try {
    return await recordedStudy(createWorklistQuery(database, systemClock, { maxWaitMs: 0 }), studyInstanceUid);
  } finally {
    await database.close();
  }
}

function report(studies: readonly FetchedStudy[], skipped: readonly FoundStudy[], archive: string): void {
  if (studies.length === 0) printLine(`${archive} has no such study${skipped.length > 0 ? ' with a CT' : ''}.`);
  for (const { studyInstanceUid, studyDate, completed, problem } of studies) {
    printLine(`${studyInstanceUid} (${studyDate === '' ? 'no date' : studyDate}): ${completed} objects came.`);
    if (problem !== null) note(`not whole: ${studyInstanceUid}: ${problem}`);
  }
  for (const { studyInstanceUid, modalities } of skipped)
    note(`left out: ${studyInstanceUid} has no CT (${modalities.join(', ')}); --all-modalities fetches it`);
}
