import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { createLog } from '../../src/base/log.ts';
import { startAgent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { startLoopbackPacs } from '../../src/demo/loopbackPacs.ts';
import { retainCases } from '../../src/housekeeping/retention.ts';
import type { ConnectionsAnswer } from '../../src/answers/adminAnswers.ts';
import { openDatabase } from '../../src/worklist/db/database.ts';
import { readLedger } from '../../src/worklist/list/ledger.ts';
import { agentConfig, send, smallStudy, until } from './agentUnderTest.ts';

const log = createLog('error');
const TWO_HOURS_MS = 2 * 3_600_000;

/** As if a day had passed, after which nobody looks whether a destination has lost a result. */
async function laterThanLastChecks(path: string): Promise<void> {
  const database = await openDatabase(path);
  await database.db.updateTable('deliveries').set({ next_check_at: null }).execute();
  await database.close();
}

test('a dead destination keeps neither the disk nor another destination, and gets everything when it is back', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'odontoid-dead-'));
  const pacs = (name: string, port = 0) =>
    startLoopbackPacs({ dir: join(dir, name), port, aeTitle: name.toUpperCase(), clock: systemClock, log });
  const alive = await pacs('alive');
  const { port } = await pacs('dead').then(async (dead) => {
    await dead.close();
    return dead;
  });
  const destination = (name: string, at: number) =>
    ({ name, kind: 'dimse', aeTitle: name.toUpperCase(), host: '127.0.0.1', port: at }) as const;
  const config = configFrom(
    agentConfig(dir, alive, {
      assemble: { quietMs: 300 },
      destinations: [destination('alive', alive.port), destination('dead', port)],
      delivery: { retryMinMs: 200, retryMaxMs: 1_000 },
    }),
  );
  const agent = await startAgent(config, { clock: systemClock, log, environment: {} });
  const spoolDir = join(config.dataDir, 'spool');
  let isDiskLow = true;
  const retain = (maxWaitingBytes = Number.MAX_SAFE_INTEGER) =>
    retainCases({
      store: agent.store,
      clock: { ...systemClock, now: () => systemClock.now() + TWO_HOURS_MS },
      log: createLog('silent'),
      spoolDir,
      resultsDir: join(config.dataDir, 'results'),
      retentionMs: 14 * 12 * TWO_HOURS_MS,
      maxWaitingBytes,
      lowWaterFreeBytes: isDiskLow ? 1 : 0,
      freeBytes: () => Promise.resolve(0),
    });
  const onDisk = async () =>
    (await readdir(join(spoolDir, 'objects'), { recursive: true })).filter((name) => name.endsWith('.dcm')).length;
  const row = async (uid: string) => (await agent.query.caseDetail(uid)).row;
  const has = (uid: string, destination: string) =>
    until(`${destination} has the results`, async () => {
      const { deliveries } = await agent.query.caseDetail(uid).then(({ row }) => row);
      const there = deliveries.filter((one) => one.destination === destination);
      return there.length > 0 && there.every(({ status }) => ['confirmed', 'closed'].includes(status)) && there.length;
    });
  /** Sends a study, which `alive` gets. */
  const study = async (seed: number) => {
    const { studyInstanceUid, files } = await smallStudy(join(dir, String(seed)), seed);
    await send(
      agent.dicomPort,
      files.map(({ path }) => path),
    );
    await until('a report', async () => (await row(studyInstanceUid).catch(() => null))?.state === 'reported');
    await has(studyInstanceUid, 'alive');
    return { studyInstanceUid, slices: files.length };
  };
  try {
    const read = await study(611);
    await agent.store.markRead(read.studyInstanceUid, true, 'ann');
    expect(await onDisk()).toBe(read.slices);

    expect(await retain()).toBe(0);
    expect(await onDisk()).toBe(0);
    expect(await row(read.studyInstanceUid)).toMatchObject({
      state: 'reported',
      readAtMs: expect.any(Number) as number,
    });
    const page = await (await fetch(`${agent.url}/api/cases/${read.studyInstanceUid}`)).json();
    expect(page).toMatchObject({ volume: null, filesRemoved: { cause: 'disk', objects: read.slices } });

    // The agent goes on: what comes now is analysed, and the other destination gets it.
    const next = await study(613);
    const total = new Set(alive.objects().map(({ studyInstanceUid }) => studyInstanceUid));
    expect(total).toEqual(new Set([read, next].map(({ studyInstanceUid }) => studyInstanceUid)));

    // What waits is told, with its size. Weeks later it is more than may be: the card of the read case is given up, and no report.
    isDiskLow = false;
    const objectsOf = async (uid: string) => (await agent.query.caseDetail(uid)).results;
    const card = (await objectsOf(read.studyInstanceUid)).find(({ kind }) => kind === 'sc')!;
    const waits = async () => {
      const answer = await (await fetch(`${agent.url}/api/connections`)).json();
      return (answer as ConnectionsAnswer).destinations.find(({ name }) => name === 'dead')!;
    };
    const before = await waits();
    expect(before.pending).toBe(4);
    expect(before.openBytes).toBeGreaterThan(4_000_000);
    await laterThanLastChecks(join(config.dataDir, 'odontoid.sqlite'));
    await retain(before.openBytes - 1);
    expect(await waits()).toMatchObject({ pending: 3, oldestOpenAtMs: before.oldestOpenAtMs });
    expect((await waits()).openBytes).toBeLessThan(before.openBytes - 2_000_000);
    expect(await (await fetch(`${agent.url}/metrics`)).text()).toContain(
      `odontoid_waiting_result_bytes{destination="dead"} ${(await waits()).openBytes}`,
    );
    await expect(stat(card.path)).rejects.toMatchObject({ code: 'ENOENT' });

    const back = await pacs('dead', port);
    for (const { studyInstanceUid } of [read, next]) await has(studyInstanceUid, 'dead');
    const uids = (held: typeof back) =>
      held
        .objects()
        .map(({ sopInstanceUid }) => sopInstanceUid)
        .sort();
    expect(uids(back)).toEqual(uids(alive).filter((uid) => uid !== card.sopInstanceUid));
    expect((await row(read.studyInstanceUid)).deliveries).toContainEqual(
      expect.objectContaining({ destination: 'dead', kind: 'sc', status: 'closed', lastStatus: 'given-up' }),
    );
    expect((await row(read.studyInstanceUid)).state).toBe('delivered');

    const database = await openDatabase(join(config.dataDir, 'odontoid.sqlite'));
    const books = await readLedger(database, (kind, path) =>
      stat(kind === 'object' ? join(spoolDir, path) : path).then(
        ({ size }) => size,
        () => null,
      ),
    );
    await database.close();
    expect(books).toMatchObject({ balances: true, received: 2, withoutFiles: 1, missing: [], undelivered: 0 });
    // Delivered everywhere, the rest of it may go, too.
    isDiskLow = true;
    expect(await retain()).toBe(1);
    await back.close();
  } finally {
    await agent.close();
    await alive.close();
    await rm(dir, { recursive: true, force: true });
  }
});
