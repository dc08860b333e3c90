import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { StoredInstance } from '../../../src/case/case.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { retainCases } from '../../../src/housekeeping/retention.ts';
import { createIntake } from '../../../src/receive/intake.ts';
import { createLog } from '../../../src/base/log.ts';
import { openSpool } from '../../../src/receive/spool.ts';
import { CT, ctDataSet } from '../receive/rawPeer.ts';
import {
  claimed,
  deliverAll,
  findingsOf,
  manifestOf,
  objectsOf,
  openWorklist,
  temporaryFolder,
} from '../worklist/fixture.ts';

const log = createLog('silent');
const DAY_MS = 86_400_000;
const SLICES = ['1.2.3.1', '1.2.3.2', '1.2.3.3'];

/** A reported case whose slices came through the real spool; delivered, unless its destination takes nothing. */
async function readCase({ isDelivered = true } = {}) {
  const worklist = await openWorklist();
  const { store, clock } = worklist;
  const folder = await temporaryFolder();
  const [spoolDir, resultsDir] = [join(folder, 'spool'), join(folder, 'results')];
  const spool = await openSpool({ dir: spoolDir, minFreeBytes: 0, maxObjectBytes: 1_000_000, clock });
  const intake = createIntake({
    store,
    resolvePath: (path) => join(spoolDir, path),
    onNew: () => undefined,
    longestPauseMs: 5_000,
    clock: systemClock,
    log,
  });
  /** Resolves when the slice is durable: what a sender is told by Success. */
  const acknowledge = async (sopInstanceUid: string): Promise<StoredInstance> => {
    const incoming = await spool.begin({
      sopClassUid: CT,
      sopInstanceUid,
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      sourceAeTitle: 'SENDER',
      receivingAeTitle: 'ODONTOID',
    });
    await incoming.write(ctDataSet(sopInstanceUid));
    return incoming.commit();
  };
  const record = async (instances: readonly StoredInstance[]): Promise<void> => {
    for (const instance of instances) intake.stored(instance);
    await intake.drained();
  };
  const first = await Promise.all(SLICES.map(acknowledge));
  await record(first);
  const { studyInstanceUid } = first[0]!.header;
  await store.nudgeComplete([studyInstanceUid]);
  const assembling = await claimed(store, 'assemble');
  await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) });
  await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings: findingsOf(0.9) });
  const objects = objectsOf(1).map((object) => ({
    ...object,
    studyInstanceUid,
    path: join(resultsDir, `${object.kind}.dcm`),
  }));
  await store.apply(await claimed(store, 'report'), { type: 'reported', objects });
  if (isDelivered) await deliverAll(worklist);
  expect((await worklist.query.caseDetail(studyInstanceUid)).row.state).toBe(isDelivered ? 'delivered' : 'reported');
  await store.markRead(studyInstanceUid, true, 'ann');
  clock.advance(15 * DAY_MS);

  /** Retention, which pauses at each of its steps. */
  const retain = (at: (point: Point) => Promise<void>, wishes: { freeBytes?: number } = {}) =>
    retainCases({
      store: {
        removableCases: (...asked) => store.removableCases(...asked),
        removeFeatures: (...asked) => store.removeFeatures(...asked),
        freeableCases: (...asked) => store.freeableCases(...asked),
        freeFiles: async (...asked) => {
          await at('chosen');
          const isFreed = await store.freeFiles(...asked);
          await at('begun');
          return isFreed;
        },
        waitingBytes: () => store.waitingBytes(),
        casesWithWaitingPictures: (...asked) => store.casesWithWaitingPictures(...asked),
        giveUpPictures: (...asked) => store.giveUpPictures(...asked),
        filesToDelete: (...asked) => store.filesToDelete(...asked),
        noteDeleted: async (...asked) => {
          await at('files gone');
          await store.noteDeleted(...asked);
          await at('over');
        },
        beginRemoval: async (...asked) => {
          await at('chosen');
          const files = await store.beginRemoval(...asked);
          await at('begun');
          return files;
        },
        finishRemoval: async (...asked) => {
          await at('files gone');
          const finished = await store.finishRemoval(...asked);
          await at('over');
          return finished;
        },
      },
      clock,
      log,
      spoolDir,
      resultsDir,
      retentionMs: 14 * DAY_MS,
      maxWaitingBytes: Number.MAX_SAFE_INTEGER,
      lowWaterFreeBytes: 1000,
      freeBytes: () => Promise.resolve(wishes.freeBytes ?? 2000),
    });
  /** UIDs of the slices that are on record with their bytes on disk. */
  const safe = async (): Promise<string[]> => {
    const rows = await worklist.database.db.selectFrom('instances').select(['sop_instance_uid', 'path']).execute();
    const found: string[] = [];
    for (const row of rows) {
      const bytes = await readFile(join(spoolDir, row.path)).catch(() => Buffer.alloc(0));
      const dataSet = ctDataSet(row.sop_instance_uid);
      if (bytes.subarray(-dataSet.length).equals(dataSet)) found.push(row.sop_instance_uid);
    }
    return found.sort();
  };
  const files = async (): Promise<number> =>
    (await readdir(join(spoolDir, 'objects'), { recursive: true })).filter((name) => name.endsWith('.dcm')).length;
  return { ...worklist, first, studyInstanceUid, acknowledge, record, retain, safe, files, spoolDir };
}

const POINTS = ['chosen', 'begun', 'files gone', 'over'] as const;
type Point = (typeof POINTS)[number];

const interleavings = POINTS.flatMap((acknowledged, from) =>
  POINTS.slice(from).flatMap((recorded) =>
    [true, false].map((isDelivered) => [acknowledged, recorded, isDelivered] as const),
  ),
);

/** Promise 1 while retention runs: each point at which identical bytes may come, with each later one at which they are put on record. */
it.each(interleavings)(
  'keeps a study that comes again when retention is at "%s" and is on record at "%s" (delivered: %s)',
  async (acknowledged, recorded, isDelivered) => {
    const { acknowledge, record, retain, safe, files } = await readCase({ isDelivered });
    let came: StoredInstance[] = [];
    await retain(async (point) => {
      if (point === acknowledged) came = await Promise.all(SLICES.map(acknowledge));
      if (point !== recorded) return;
      await record(came);
      came = [];
    });
    // Retention may have stopped before it came to the point.
    if (came.length > 0) await record(came);
    expect(await safe()).toEqual(SLICES);
    expect(await files()).toBe(SLICES.length);
  },
);

it('leaves a study alone of which some slices have come again, however full the disk: the rest may follow', async () => {
  const { acknowledge, record, retain, safe, query, studyInstanceUid, clock } = await readCase();
  await record([await acknowledge(SLICES[0]!)]);
  await retain(() => Promise.resolve(), { freeBytes: 0 });
  expect(await safe()).toEqual(SLICES);
  // It was the same: nothing runs again.
  expect((await query.caseDetail(studyInstanceUid)).row).toMatchObject({ state: 'delivered', revision: 1 });
  clock.advance(2 * 3_600_000);
  await retain(() => Promise.resolve(), { freeBytes: 0 });
  expect(await safe()).toEqual([]);
});

it('keeps one file of an object that comes again, and puts back one that was lost', async () => {
  const { acknowledge, record, safe, files, first, spoolDir } = await readCase();
  await record([await acknowledge(SLICES[0]!), await acknowledge(SLICES[0]!)]);
  expect(await files()).toBe(SLICES.length);
  await rm(join(spoolDir, first[0]!.path, '..'), { recursive: true });
  expect(await safe()).toEqual([]);
  await record([await acknowledge(SLICES[0]!)]);
  expect(await safe()).toEqual([SLICES[0]]);
});
