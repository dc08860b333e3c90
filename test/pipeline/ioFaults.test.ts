import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { createLog } from '../../src/base/log.ts';
import type { StoredInstance } from '../../src/case/case.ts';
import { datasetOffset } from '../../src/dicom/header.ts';
import { DEFAULT_RECEIVE_CONFIG } from '../../src/receive/receiveConfig.ts';
import { startReceiver } from '../../src/receive/receiverProcess.ts';
import { listSpool } from '../../src/receive/spool.ts';
import { createCaseStore } from '../../src/worklist/cases/caseStore.ts';
import { migrate, openDatabase } from '../../src/worklist/db/database.ts';
import { createWorklistQuery } from '../../src/worklist/list/worklistQuery.ts';
import { soakFrom, soakTimeout, tries } from '../soakSize.ts';
import { associated, ctDataSet, store as storeRequest } from '../unit/receive/rawPeer.ts';
import { instanceOf, objectsOf, studyUid } from '../unit/worklist/facts.ts';
import { temporaryFolder } from '../unit/worklist/fixture.ts';
import { faultyDisk } from './ioFaults/faultyDisk.ts';

/** Numbers of operations at which the fault comes: all of a run, or some that are spread over it. */
function moments(operations: number, most: number): number[] {
  const step = Math.max(1, operations / most);
  return Array.from({ length: Math.min(operations, most) }, (_, index) => 1 + Math.floor(index * step));
}

it(
  'whichever write, sync or rename of an object fails, its sender is told, nothing of it stays, and the next one is stored',
  async () => {
    const disk = await faultyDisk(await temporaryFolder());
    const spoolDir = join(disk.root, 'spool');
    const told = new Map<string, StoredInstance>();
    const own = process.execPath;
    process.execPath = disk.node;
    const receiver = await startReceiver({
      config: {
        ...DEFAULT_RECEIVE_CONFIG,
        port: 0,
        minFreeBytes: 0,
        sources: [{ aeTitle: 'SENDER', addresses: ['127.0.0.1'] }],
      },
      spoolDir,
      longestPauseMs: 5_000,
      clock: systemClock,
      log: createLog('silent'),
      onStored: (instance) => told.set(instance.header.sopInstanceUid, instance),
      onReleased: () => undefined,
    }).finally(() => (process.execPath = own));
    onTestFinished(() => receiver.close());

    const peer = await associated(receiver.port);
    const dataSets = new Map<string, Buffer>();
    let sent = 0;
    /** Each in a study of its own, so that folders are made, too. */
    const send = async (): Promise<{ uid: string; status: number }> => {
      const uid = `1.2.77.${++sent}`;
      const dataSet = ctDataSet(uid, { StudyInstanceUID: `2.25.77${sent}`, pixelBytes: 300_000 });
      dataSets.set(uid, dataSet);
      peer.send(storeRequest(uid, dataSet, { pieceBytes: 16_000 }));
      return { uid, status: await peer.status() };
    };

    const before = disk.count();
    expect((await send()).status).toBe(0);
    const operations = disk.count() - before;
    expect(operations).toBeGreaterThan(5);
    const stored = ['1.2.77.1'];
    for (const at of moments(operations, tries('IO_FAULTS', 1_000))) {
      disk.arm(at);
      const hit = await send();
      const came = !disk.isArmed();
      disk.arm(0);
      if (hit.status === 0) stored.push(hit.uid);
      // 0xA700, out of resources (PS3.7 Annex C): the sender comes again.
      else expect([at, hit.status.toString(16)]).toEqual([at, 'a700']);
      expect(came, `operation ${at} of ${operations}`).toBe(true);
      const next = await send();
      expect([at, next.status]).toEqual([at, 0]);
      stored.push(next.uid);
    }
    // Some faults cost nothing (a temporary file that is not removed); most refuse the object.
    expect(sent - stored.length).toBeGreaterThan(operations / 3);
    await expect.poll(() => [...told.keys()].sort()).toEqual([...stored].sort());
    const paths = await listSpool(spoolDir, 0);
    expect(new Set(paths)).toEqual(new Set([...told.values()].map(({ path }) => path)));
    for (const [uid, { path }] of told) {
      const bytes = await readFile(join(spoolDir, path));
      expect(bytes.subarray(datasetOffset(bytes)).equals(dataSets.get(uid)!), uid).toBe(true);
    }
    expect(receiver.counters().restarts).toBe(0);
    peer.destroy();
  },
  soakTimeout(120_000),
);

it(
  'whichever write or sync of the database fails while a study is worked on, it ends with its one result',
  async () => {
    const disk = await faultyDisk(await temporaryFolder());
    const child = new URL('./worklistChild.ts', import.meta.url).pathname;
    let made = 0;
    const study = async (): Promise<string> => {
      const path = join(disk.root, `${++made}.sqlite`);
      await migrate(path);
      const database = await openDatabase(path);
      const cases = createCaseStore(database, systemClock);
      await cases.recordInstances([1, 2, 3].map((number) => instanceOf({ number, receivedAtMs: systemClock.now() })));
      await cases.nudgeComplete([studyUid(1)]);
      await database.close();
      return path;
    };
    /** Works on the study until it is delivered; one that a fault has ended, or that waits to try again, is started anew, as the supervisor would. */
    const work = (path: string): Promise<number | null> =>
      new Promise((resolve) => {
        const process = spawn(disk.node, ['--import', 'tsx', child, 'work', path, 'never'], {
          stdio: 'ignore',
          timeout: 180_000,
          killSignal: 'SIGKILL',
        });
        process.once('exit', resolve);
      });
    const expectResult = async (path: string, at: number): Promise<void> => {
      const database = await openDatabase(path);
      expect(database.sqlite.pragma('integrity_check', { simple: true })).toBe('ok');
      expect(database.sqlite.pragma('foreign_key_check')).toEqual([]);
      const query = createWorklistQuery(database, systemClock, { maxWaitMs: 1 });
      const { row, results, events } = await query.caseDetail(studyUid(1));
      expect([at, row.state, row.revision, row.failure]).toEqual([at, 'delivered', 1, null]);
      expect(results.map(({ sopInstanceUid }) => sopInstanceUid).sort()).toEqual(
        objectsOf(1)
          .map(({ sopInstanceUid }) => sopInstanceUid)
          .sort(),
      );
      expect(events.filter(({ type }) => type === 'inferred')).toHaveLength(1);
      await database.close();
    };

    const clean = await study();
    const before = disk.count();
    expect(await work(clean)).toBe(0);
    await expectResult(clean, 0);
    const operations = disk.count() - before;
    expect(operations).toBeGreaterThan(20);
    for (const at of moments(operations, tries('IO_FAULTS', 4)).filter((moment) => moment >= soakFrom())) {
      // A run of all of them takes long, and may be broken off.
      if (tries('IO_FAULTS', 4) > operations) console.log(`operation ${at} of ${operations}`);
      const path = await study();
      disk.arm(at);
      const first = await work(path);
      const came = !disk.isArmed();
      disk.arm(0);
      if (first !== 0) expect([at, await work(path)]).toEqual([at, 0]);
      await expectResult(path, at);
      // Later runs take fewer operations now and then (checkpoints).
      if (at < operations / 2) expect(came, `operation ${at} of ${operations}`).toBe(true);
    }
  },
  soakTimeout(180_000),
);
