import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { createLog } from '../../src/base/log.ts';
import { packageRoot } from '../../src/base/packageRoot.ts';
import type { CaseAnswer } from '../../src/answers/caseAnswer.ts';
import type { WorklistRow } from '../../src/answers/worklistAnswer.ts';
import { assembleStudy } from '../../src/assemble/assembleStudy.ts';
import { readStudyFolder } from '../../src/cohort/readStudyFolder.ts';
import { startAgent, type Agent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import type { LoopbackPacs } from '../../src/demo/loopbackPacs.ts';
import { datasetOffset, readFileHeader } from '../../src/dicom/header.ts';
import { odontoid } from '../pipeline/odontoidCommand.ts';
import { agentConfig, send, testPacs, until } from '../pipeline/agentUnderTest.ts';
import { associated, store } from '../unit/receive/rawPeer.ts';
import { freePort, runTool, startServer, temporaryDirectory, type RunningTool } from './dcmtk.ts';
import { startOrthanc, type Orthanc } from './orthanc.ts';

/**
 * A folder of cases, each with a `make.py` that writes DICOM files and an `expect.json` that says how they are sent and what is right. It lies beside the
 * checkout or is named by ODONTOID_CASES; nothing of it is in the repository.
 */
const given = process.env['ODONTOID_CASES'];
const folder = given === undefined ? resolve(packageRoot, '../shared/cases') : resolve(given);
const isGiven = existsSync(join(folder, 'lib.py'));
const names = isGiven ? readdirSync(folder).filter((name) => existsSync(join(folder, name, 'make.py'))) : [];
/** The day on which the cases are scanned. */
const SCANNED_MS = Date.UTC(2026, 10, 29);
const MOST_AGE_HOURS = 72;
/** Five cases at a time share the machine. */
const LONGEST_MS = 240_000;
const SENDERS = ['CT1', 'CT2', 'ORTHANC'];

interface Expectation {
  send: string;
  expected: Readonly<Record<string, unknown>>;
}

/** What has become of a case. */
interface Outcome {
  row: WorklistRow | undefined;
  detail: CaseAnswer | null;
  /** The newest report in the archive, as DCMTK prints it; empty without one. */
  report: { completionFlag: string; accessionNumber: string; text: string };
  reports: number;
  orthancJob: string | null;
  statuses: readonly string[];
}

const config = configFrom({});

let dir: string;
let remove: () => Promise<void>;
let pacs: LoopbackPacs;
/** Takes no 3D reports. */
let oldArchive: RunningTool;
let orthanc: Orthanc;
let agent: Agent;

/** In the expectation several outcomes may be right, "suspected, or a true reason": the first is held, being the best. */
function wish(value: unknown): string {
  return String(value).split(/, (?:or|and) | \(/)[0]!;
}

function equal(expected: unknown, actual: unknown): string | null {
  return actual === expected ? null : `${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`;
}

/** How each key of an expectation is judged: the fault in words, or null. */
const JUDGES: Readonly<Record<string, (expected: unknown, outcome: Outcome) => string | null>> = {
  decision: (expected, { row }) => equal(wish(expected), row?.decision),
  chosen: (expected, { detail }) =>
    equal(expected, detail?.series.find(({ chosen }) => chosen)?.seriesDescription ?? 'none'),
  slices: (expected, { detail }) => equal(wish(expected), String(detail?.volume?.positionsMm.length)),
  reason: (expected, { row }) => {
    const words = String(expected)
      .replace(/^says that/, '')
      .match(/\p{Letter}{4,}/gu)!;
    const missing = words.filter((word) => !row!.reason!.includes(word.replace(/s$/, '')));
    return missing.length === 0 ? null : `${row!.reason} does not say: ${missing.join(', ')}`;
  },
  statement: (expected, { row, report }) =>
    row?.reason?.includes(String(expected)) === true && report.text.includes(String(expected))
      ? null
      : `not in the row (${row?.reason}) and the report (${report.text})`,
  stateText: (expected, { row }) => equal(expected, row?.stateText),
  worklist: (_expected, { row, detail }) =>
    row?.prior === true && row.rank === null && detail!.ageNote !== '' ? null : `no prior: ${row?.stateText}`,
  onWorklist: (expected, { row }) => equal(expected, row !== undefined),
  // What would do instead of being on the worklist.
  orElse: () => null,
  held: (expected, { row }) => equal(expected, row?.quarantineReason),
  reports: (expected, { reports }) => equal(expected, reports),
  job: (expected, { orthancJob }) => equal(expected, orthancJob),
  deliveries: (expected, { row }) =>
    equal(JSON.stringify([expected]), JSON.stringify([...new Set(ofArchive(row, 'pacs').map(({ status }) => status))])),
  sr: (_expected, { row }) =>
    ofArchive(row, 'old').some(({ kind, status }) => kind === 'sr' && status === 'confirmed')
      ? null
      : 'no report in the archive that takes no 3D reports',
  'sr.AccessionNumber': (expected, { report }) => equal(wish(expected), report.accessionNumber),
  'sr.CompletionFlag': (expected, { report }) => equal(expected, report.completionFlag),
};

function ofArchive(row: WorklistRow | undefined, destination: string) {
  return row?.deliveries.filter((delivery) => delivery.destination === destination) ?? [];
}

async function filesIn(name: string, part: string): Promise<string[]> {
  const at = join(dir, 'out', name, part);
  return (await readdir(at)).sort().map((file) => join(at, file));
}

/** Sends one folder of a case as its expectation says; the statuses, or what Orthanc says of its job. */
async function sendPart(said: string, paths: readonly string[]): Promise<{ job: string | null; statuses: string[] }> {
  if (said.includes('Orthanc')) return { job: await routeByOrthanc(paths), statuses: [] };
  if (said.includes('reset')) {
    await sendAndReset(paths);
    return { job: null, statuses: [] };
  }
  const sender = /as (CT\d)/.exec(said)?.[1] ?? 'CT1';
  // storescu reads and writes a file anew; the bytes are wanted here.
  if (/raw/.test(said)) return { job: null, statuses: await send(agent.dicomPort, paths, 1, sender) };
  const receiver = ['-aec', 'ODONTOID', '-aet', sender, '127.0.0.1', String(agent.dicomPort)];
  const { stderr, exitCode } = await runTool('storescu', ['-xs', '-R', ...receiver, ...paths]);
  return { job: null, statuses: exitCode === 0 ? [] : [stderr] };
}

async function routeByOrthanc(paths: readonly string[]): Promise<string> {
  let study = '';
  for (const path of paths) {
    const response = await fetch(`${orthanc.httpUrl}/instances`, { method: 'POST', body: await readFile(path) });
    study = ((await response.json()) as { ParentStudy: string }).ParentStudy;
  }
  const asked = await fetch(`${orthanc.httpUrl}/modalities/odontoid/store`, {
    method: 'POST',
    body: JSON.stringify({ Resources: [study], Asynchronous: true }),
  });
  const { Path: job } = (await asked.json()) as { Path: string };
  return until('the job of Orthanc ends', async () => {
    const { State: state } = (await orthanc.get(job)) as { State: string };
    return state === 'Pending' || state === 'Running' ? null : state;
  });
}

async function sendAndReset(paths: readonly string[]): Promise<void> {
  const peer = await associated(agent.dicomPort, { calling: 'CT1' });
  for (const path of paths) {
    const bytes = await readFile(path);
    const dataSet = Buffer.from(bytes.subarray(datasetOffset(bytes)));
    peer.send(store(readFileHeader(bytes).sopInstanceUid, dataSet));
    expect(await peer.status()).toBe(0);
  }
  peer.destroy();
}

async function rowOf(studyInstanceUid: string): Promise<WorklistRow | undefined> {
  // A connection that is kept may be closed by the other side just as it is used again.
  const response = await fetch(`${agent.url}/api/worklist`, { headers: { connection: 'close' } });
  const { rows } = (await response.json()) as { rows: WorklistRow[] };
  return rows.find((row) => row.studyInstanceUid === studyInstanceUid);
}

/** The row once all that was sent is on record and nothing of it is under way. */
async function settled(studyInstanceUid: string, paths: readonly string[]): Promise<WorklistRow> {
  const sopInstanceUids = await Promise.all(
    paths.map(async (path) => readFileHeader(await readFile(path)).sopInstanceUid),
  );
  await until('all that was sent is on record', async () => {
    const known = [...(await agent.store.knownPaths())];
    return sopInstanceUids.every((uid) => known.some((path) => path.includes(uid)));
  });
  let last: WorklistRow | undefined;
  return until(
    `${studyInstanceUid} is at rest`,
    async () => {
      const row = await rowOf(studyInstanceUid);
      last = row;
      if (row === undefined) return null;
      const isDelivered = row.deliveries.some(({ revision }) => revision === row.revision);
      const isAtRest = ['delivered', 'ineligible', 'failed'].includes(row.state) && isDelivered;
      const isUnderWay = row.deliveries.some(({ status }) => status === 'pending' || status === 'sent');
      return (isAtRest || row.prior || row.quarantineReason !== null) && !isUnderWay && row;
    },
    LONGEST_MS,
  ).catch((error: unknown) => {
    throw new Error(`It came to rest as ${JSON.stringify(last)}`, { cause: error });
  });
}

/** What `analyse` would choose of all files of the case, and the agent has not chosen. */
async function folderFaults(name: string, { row, detail }: Outcome): Promise<string[]> {
  const { instances, unread } = await readStudyFolder(join(dir, 'out', name), {
    receivedAtMs: Date.now(),
    maxObjectBytes: config.receive.maxObjectBytes,
  });
  const assembled = assembleStudy(instances, config.assemble);
  const byFolder = assembled.type === 'seriesChosen' && !row!.prior ? assembled.manifest.seriesInstanceUid : undefined;
  const byAgent = detail?.series.find(({ chosen }) => chosen)?.seriesInstanceUid;
  // Only the pixels show that the series that was chosen first cannot be read.
  const isUnreadable = detail?.series.some(
    ({ seriesInstanceUid, code }) => seriesInstanceUid === byFolder && code === 'not-readable',
  );
  const differences =
    byFolder === byAgent || isUnreadable === true ? [] : [`a folder chooses ${byFolder} instead of ${byAgent}`];
  return [...unread.map(({ file, reason }) => `${file}: ${reason}`), ...differences];
}

async function reportOf(studyInstanceUid: string): Promise<Pick<Outcome, 'report' | 'reports'>> {
  const reports = pacs
    .objects()
    .filter((object) => object.studyInstanceUid === studyInstanceUid && object.modality === 'SR');
  const newest = reports.at(-1);
  if (newest === undefined) return { reports: 0, report: { completionFlag: '', accessionNumber: '', text: '' } };
  const { stdout: tags } = await runTool('dcmdump', ['+P', '0040,a491', '+P', '0008,0050', '+L', newest.path]);
  const { stdout: text } = await runTool('dsrdump', ['-Ec', '+Pl', newest.path]);
  const valueOf = (tag: string) => new RegExp(`\\(${tag}\\) \\w\\w \\[(.*?)\\]`).exec(tags)?.[1] ?? '';
  return {
    reports: reports.length,
    report: { completionFlag: valueOf('0040,a491'), accessionNumber: valueOf('0008,0050'), text },
  };
}

/** Sends a case in the parts that its expectation names, waiting and reading the scan where it says so. */
async function play(name: string, { send: said }: Expectation): Promise<Outcome & { markTaken: boolean }> {
  const named = said.split(/(?=\bin\d?\/)/).filter((step) => step.startsWith('in'));
  const steps = named.length === 0 ? ['in/'] : named;
  const head = said.split('in/')[0]!;
  const sent: string[] = [];
  const outcome = { orthancJob: null as string | null, statuses: [] as string[] };
  let studyInstanceUid = '';
  let readAtMs: number | null = null;
  for (const step of steps) {
    const paths = await filesIn(name, /^in\d?/.exec(step)![0]);
    studyInstanceUid ||= readFileHeader(await readFile(paths[0]!)).studyInstanceUid;
    const { job, statuses } = await sendPart(head + step, paths);
    sent.push(...paths);
    outcome.orthancJob = job;
    outcome.statuses.push(...statuses.filter((status) => status !== 'stored'));
    if (!step.includes('wait')) continue;
    await settled(studyInstanceUid, sent);
    readAtMs ??= await markRead(studyInstanceUid);
  }
  const row = await settled(studyInstanceUid, sent);
  const detail = (await (await fetch(`${agent.url}/api/cases/${studyInstanceUid}`)).json()) as CaseAnswer;
  const markTaken = readAtMs !== null && (row.readAtMs !== readAtMs || row.readBefore !== null);
  return { row, detail, ...(await reportOf(studyInstanceUid)), ...outcome, markTaken };
}

async function markRead(studyInstanceUid: string): Promise<number> {
  const response = await fetch(`${agent.url}/api/cases/${studyInstanceUid}/read`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ read: true }),
  });
  expect(response.ok, await response.text()).toBe(true);
  return (await rowOf(studyInstanceUid))!.readAtMs!;
}

async function makeFiles(): Promise<void> {
  const phantom = (out: string, seed: number, fracture: string) =>
    odontoid(
      ['phantom', '--seed', `${seed}`, '--fracture', fracture, '--slices', '48', '--rows', '256', '--out', out],
      { cwd: dir },
    );
  const made = await Promise.all([phantom('base/frac', 4711, 'burst@C5'), phantom('base/norm', 4712, 'none')]);
  expect(made.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  const scripts = names.map((name) => join(folder, name, 'make.py'));
  const { exitCode, stderr } = await runTool(
    '/usr/bin/python3',
    [join(import.meta.dirname, 'makeCases.py'), ...scripts],
    {
      env: { CASES_BASE: join(dir, 'base'), CASES_OUT: join(dir, 'out'), PYTHONDONTWRITEBYTECODE: '1' },
      timeoutMs: 300_000,
    },
  );
  expect(exitCode, stderr).toBe(0);
}

async function startOldArchive(): Promise<number> {
  const port = await freePort();
  const profile = names.map((name) => join(folder, name, 'storescp.cfg')).filter((path) => existsSync(path));
  await mkdir(join(dir, 'old'));
  const classes = profile.length === 0 ? [] : ['-xf', profile[0]!, 'Default'];
  oldArchive = await startServer(
    'storescp',
    [...classes, '-pdu', '4096', '-od', join(dir, 'old'), String(port)],
    [port],
  );
  return port;
}

describe.runIf(isGiven)(`the cases of ${folder}`, () => {
  beforeAll(async () => {
    ({ dir, remove } = await temporaryDirectory());
    await makeFiles();
    pacs = await testPacs(dir);
    const oldPort = await startOldArchive();
    const configuration = agentConfig(dir, pacs, {
      receive: {
        port: 0,
        minFreeBytes: 0,
        sources: SENDERS.map((aeTitle) => ({ aeTitle, addresses: ['127.0.0.1'] })),
      },
      assemble: { quietMs: 3_000, maxAgeHours: Math.ceil((Date.now() - SCANNED_MS) / 3_600_000) + MOST_AGE_HOURS },
    });
    const old = { ...configuration.destinations[0]!, name: 'old', aeTitle: 'OLD', port: oldPort, confirm: 'none' };
    configuration.destinations.push(old);
    agent = await startAgent(configFrom(configuration), {
      clock: systemClock,
      log: createLog('error'),
      environment: {},
    });
    orthanc = await startOrthanc({
      dir: join(dir, 'orthanc'),
      modalities: { odontoid: { aeTitle: 'ODONTOID', port: agent.dicomPort } },
    });
  }, 300_000);
  afterAll(async () => {
    await orthanc.stop();
    await agent.close();
    await oldArchive.stop();
    await pacs.close();
    await remove();
  });

  it.concurrent.each(names)('%s', async (name) => {
    const expectation = JSON.parse(readFileSync(join(folder, name, 'expect.json'), 'utf8')) as Expectation;
    const outcome = await play(name, expectation);
    const faults = Object.entries(expectation.expected).flatMap(([key, expected]) => {
      const judge = JUDGES[key];
      const fault = judge === undefined ? 'nothing here judges it' : judge(expected, outcome);
      return fault === null ? [] : [`${key}: ${fault}`];
    });
    expect([...faults, ...outcome.statuses, ...(await folderFaults(name, outcome))]).toEqual([]);
    expect(outcome.markTaken, 'the mark of the reader was taken').toBe(false);
  });
});

if (!isGiven) it.skip('no case is tried: there is no folder of them (ODONTOID_CASES=DIR)', () => undefined);
