import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { datasetOffset } from '../../src/dicom/header.ts';
import type { LoopbackPacs } from '../../src/demo/loopbackPacs.ts';
import type { WrittenStudy } from '../../src/phantom/writePhantomStudy.ts';
import { listSpool, openSpool } from '../../src/receive/spool.ts';
import { seededRandom } from '../../src/base/random.ts';
import { migrate, openDatabase } from '../../src/worklist/db/database.ts';
import { soakSeed, soakTimeout, tries } from '../soakSize.ts';
import { agentConfig, send, smallStudy, startAgentProcess, testPacs, until, worklist } from './agentUnderTest.ts';
import { readRecords, RecordedDisk, say, type DiskRecord, type Survival } from './powerCut/recordedDisk.ts';

/** Moments at which the power is cut, each with every kind of survival. */
const CUTS = tries('POWER_CUTS', 16);

let folder: string;
let disk: string;
let log: string;
let records: DiskRecord[];
let pacs: LoopbackPacs;
let studies: WrittenStudy[];
/** SHA-256 of the data set, by SOP instance UID. */
const sent = new Map<string, string>();

/** A night's work in short, recorded: two studies arrive interleaved, are reported and delivered, a reader marks both as read, the agent stops. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'odontoid-power-'));
  disk = join(folder, 'disk');
  log = join(folder, 'records');
  await mkdir(disk);
  const library = join(folder, 'recordWrites.so');
  await promisify(execFile)('gcc', [
    '-O2',
    '-shared',
    '-fPIC',
    '-o',
    library,
    join(import.meta.dirname, 'powerCut/recordWrites.c'),
  ]);
  studies = await Promise.all(
    [1, 2].map((seed) =>
      smallStudy(
        join(folder, `study-${seed}`),
        76 + seed,
        { patientId: `POWER-${seed}` },
        seed === 1 ? 'burst@C5' : undefined,
      ),
    ),
  );
  for (const { path, sopInstanceUid } of studies.flatMap(({ files }) => files)) {
    const bytes = await readFile(path);
    sent.set(
      sopInstanceUid,
      createHash('sha256')
        .update(bytes.subarray(datasetOffset(bytes)))
        .digest('hex'),
    );
  }
  pacs = await testPacs(folder);

  // Not by the environment of the agent: its receiver does not get that.
  const recordedNode = join(folder, 'node');
  await writeFile(
    recordedNode,
    `#!/bin/sh\nLD_PRELOAD='${library}' RECORD_ROOT='${disk}' RECORD_LOG='${log}' exec '${process.execPath}' "$@"\n`,
    { mode: 0o755 },
  );
  // By somebody who did not sync its name, as an administrator does.
  await promisify(execFile)(recordedNode, ['-e', `fs.mkdirSync('${join(disk, 'agent')}')`]);
  const agent = await startAgentProcess(agentConfig(disk, pacs), undefined, recordedNode);
  // Slice by slice in turn, on two associations.
  const longest = Math.max(...studies.map(({ files }) => files.length));
  const paths = Array.from({ length: longest }, (_, index) =>
    studies.flatMap(({ files }) => files[index]?.path ?? []),
  ).flat();
  const outcomes = await send(agent.dicomPort, paths, 2, undefined, ({ sopInstanceUid, outcome }) => {
    if (outcome.kind === 'stored') say(log, `stored ${sopInstanceUid}`);
  });
  expect(new Set(outcomes)).toEqual(new Set(['stored']));
  await until(
    'all are delivered',
    async () => (await worklist(agent.url)).filter(({ state }) => state === 'delivered').length === studies.length,
  );
  for (const { studyInstanceUid } of studies) {
    const { ok } = await fetch(`${agent.url}/api/cases/${studyInstanceUid}/read`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ read: true }),
    });
    expect(ok).toBe(true);
    say(log, `read ${studyInstanceUid}`);
  }
  expect(await agent.stop()).toBe(0);
  records = readRecords(log);
}, 240_000);

afterAll(async () => {
  await pacs.close();
  await rm(folder, { recursive: true, force: true });
});

/** What nobody may lose who was told of it, looked for on what a power cut has left. */
async function promisesKept(left: string, said: ReadonlySet<string>): Promise<void> {
  const [spoolDir, databasePath] = [join(left, 'agent/spool'), join(left, 'agent/odontoid.sqlite')];
  const stored = [...said].flatMap((words) => (words.startsWith('stored ') ? [words.slice('stored '.length)] : []));
  // As a start does: the database first, then what the receiver finds in its folder.
  await mkdir(spoolDir, { recursive: true });
  await migrate(databasePath);
  const database = await openDatabase(databasePath);
  try {
    expect(database.sqlite.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(database.sqlite.pragma('foreign_key_check')).toEqual([]);
    const spool = await openSpool({ dir: spoolDir, minFreeBytes: 0, maxObjectBytes: 1e9, clock: systemClock });
    const whole = new Map<string, string>();
    for (const path of await listSpool(spoolDir, 0)) {
      const instance = await spool.describe(path).catch(() => null);
      if (instance !== null) whole.set(path, `${instance.header.sopInstanceUid} ${instance.sha256}`);
    }
    // Every slice whose sender was told that it is stored lies there, byte for byte: on record, or to be found.
    const found = new Set(whole.values());
    expect(stored.filter((uid) => !found.has(`${uid} ${sent.get(uid)!}`))).toEqual([]);
    // Nothing on record points to a file that is not there, or not whole.
    const instances = await database.db
      .selectFrom('instances')
      .select(['path', 'sop_instance_uid', 'sha256'])
      .execute();
    expect(
      instances.filter(({ path, sop_instance_uid, sha256 }) => whole.get(path) !== `${sop_instance_uid} ${sha256}`),
    ).toEqual([]);
    for (const { path, sha256 } of await database.db
      .selectFrom('result_objects')
      .select(['path', 'sha256'])
      .execute()) {
      const bytes = await readFile(join(left, relative(disk, path)));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
    }
    for (const { studyInstanceUid } of studies) {
      if (!said.has(`read ${studyInstanceUid}`)) continue;
      expect(
        await database.db
          .selectFrom('cases')
          .select('state')
          .where('study_instance_uid', '=', studyInstanceUid)
          .where('read_at', 'is not', null)
          .execute(),
      ).toEqual([{ state: 'delivered' }]);
    }
  } finally {
    await database.close();
  }
}

const isWord =
  (word: 'stored' | 'read') =>
  ({ kind, a }: DiskRecord): boolean =>
    kind === 'said' && a.toString().startsWith(`${word} `);

/** Plays the record up to `moments` of it, and leaves of each what `survival` says. */
async function cutAt(moments: readonly number[], survivals: readonly Survival[]): Promise<number> {
  const played = new RecordedDisk(disk);
  const said = new Set<string>();
  let cuts = 0;
  for (const [at, record] of records.entries()) {
    if (record.kind === 'said') said.add(record.a.toString());
    played.play(record);
    if (!moments.includes(at)) continue;
    for (const survival of survivals) {
      const left = join(folder, 'left');
      await played.leave(left, survival);
      try {
        await promisesKept(left, said);
      } catch (error) {
        throw new Error(
          `After record ${at} of ${records.length} (${record.kind} ${record.a.toString('latin1').slice(0, 120)}), surviving: ${survival.kind}. ${String(error)}`,
          { cause: error },
        );
      }
      await rm(left, { recursive: true });
      cuts += 1;
    }
  }
  return cuts;
}

it('the record holds the work: slices, database, results, and what senders and readers were told', () => {
  const said = records.filter(({ kind }) => kind === 'said').map(({ a }) => a.toString());
  expect(new Set(said).size).toBe(studies.reduce((sum, { files }) => sum + files.length, 0) + studies.length);
  const written = (part: string) => records.some(({ kind, a }) => kind === 'create' && a.toString().includes(part));
  expect(['spool/tmp/', 'odontoid.sqlite-wal', 'results/'].filter((part) => !written(part))).toEqual([]);
  // Three processes at least had a hand in it: the agent and its receiver among them.
  expect(
    new Set(records.flatMap(({ kind, process }) => (kind === 'said' ? [] : [process]))).size,
  ).toBeGreaterThanOrEqual(2);
});

it(
  'a power cut at any moment takes nothing back that anybody was told',
  async () => {
    const random = seededRandom('power-cuts', String(soakSeed())).next;
    const moments = Array.from({ length: CUTS }, () => Math.floor(random() * records.length));
    // Right after the last word to a sender and after each to a reader, when nothing has been done since that would hide a fault.
    const last = records.findLastIndex(isWord('stored'));
    const read = records.flatMap((record, at) => (isWord('read')(record) ? [at] : []));
    const cuts = await cutAt(
      [...new Set([...moments, last, ...read])],
      [{ kind: 'nothing' }, { kind: 'names' }, { kind: 'some', random }],
    );
    expect(cuts).toBeGreaterThan(3 * CUTS);
  },
  soakTimeout(600_000),
);

it('after a power cut the agent goes on by itself, to the one result of each study', async () => {
  const moment = records.findLastIndex(isWord('stored'));
  const played = new RecordedDisk(disk);
  for (const record of records.slice(0, moment + 1)) played.play(record);
  await rm(disk, { recursive: true });
  await played.leave(disk, { kind: 'nothing' });
  // Nothing had been reported by then.
  const empty = await testPacs(join(folder, 'later'));
  const agent = await startAgentProcess(agentConfig(disk, empty));
  try {
    await until(
      'all are delivered',
      async () =>
        (await worklist(agent.url)).filter(({ state, revision }) => state === 'delivered' && revision === 1).length ===
        studies.length,
    );
    const reports = empty.objects().filter(({ sopClassUid }) => sopClassUid.startsWith('1.2.840.10008.5.1.4.1.1.88.'));
    expect(reports.map(({ studyInstanceUid }) => studyInstanceUid).sort()).toEqual(
      studies.map(({ studyInstanceUid }) => studyInstanceUid).sort(),
    );
  } finally {
    await agent.stop();
    await empty.close();
  }
});
