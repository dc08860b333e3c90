import { describe, expect, it } from 'vitest';
import BetterSqlite3 from 'better-sqlite3';
import { systemClock } from '../../../src/base/clock.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { createLog } from '../../../src/base/log.ts';
import type { StageName } from '../../../src/case/claim.ts';
import { createPipeline, type PipelineOptions, type Stage } from '../../../src/pipeline/pipeline.ts';
import { createCaseStore, type WorklistStore } from '../../../src/worklist/cases/caseStore.ts';
import { createWorklistQuery } from '../../../src/worklist/list/worklistQuery.ts';
import { findingsOf, instanceOf, manifestOf, objectsOf, openFileWorklist, studyUid } from '../worklist/fixture.ts';

const good: Record<StageName, Stage> = {
  assemble: ({ instances }) => Promise.resolve({ type: 'seriesChosen', manifest: manifestOf(instances) }),
  infer: () => Promise.resolve({ type: 'inferred', findings: findingsOf(0.8) }),
  report: () => Promise.resolve({ type: 'reported', objects: objectsOf(1) }),
};

const enospc = (): Error => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

/** What stands in the way, by the stage that meets it and the library that says so. */
const FAULTS: Record<string, { stage: StageName; error: () => Error }> = {
  'a report that cannot be written': {
    stage: 'report',
    error: () => new TriageError('report-failed', 'The folder of results cannot be written to.', { cause: enospc() }),
  },
  'a raw error of the file system': { stage: 'assemble', error: enospc },
  'a raw error of SQLite': {
    stage: 'infer',
    error: () => new BetterSqlite3.SqliteError('database or disk is full', 'SQLITE_FULL'),
  },
  'a database that is locked': {
    stage: 'infer',
    error: () => new TriageError('database-busy', 'Another process has been writing to the database for too long.'),
  },
};

async function start(wishes: {
  stages?: Partial<Record<StageName, Stage>>;
  wrap?: (store: WorklistStore) => WorklistStore;
}) {
  const { database } = await openFileWorklist();
  const store = createCaseStore(database, systemClock, { destinations: ['pacs'], maxAttempts: 2, retryMinMs: 1 });
  const query = createWorklistQuery(database, systemClock, { maxWaitMs: 3_600_000 });
  const options: PipelineOptions = {
    store: wishes.wrap?.(store) ?? store,
    stages: { ...good, ...wishes.stages },
    clock: systemClock,
    log: createLog('silent'),
    leaseMs: 60_000,
    pollMs: 5,
    faultWaitMs: 5,
  };
  await store.recordInstances([instanceOf({ receivedAtMs: systemClock.now() })]);
  await store.nudgeComplete([studyUid(1)]);
  const pipeline = createPipeline(options);
  const detail = () => query.caseDetail(studyUid(1));
  return {
    store,
    pipeline,
    detail,
    reported: () => expect.poll(async () => (await detail()).row.state).toBe('reported'),
  };
}

describe('a fault of the installation', () => {
  it.each(Object.entries(FAULTS))(
    'uses up no attempt of a case, and the case goes on by itself: %s',
    async (_, fault) => {
      let left = 7;
      const attempts: number[] = [];
      const { pipeline, detail, reported } = await start({
        stages: {
          [fault.stage]: ((claim, signal) => {
            attempts.push(claim.attempt);
            return left-- > 0 ? Promise.reject(fault.error()) : good[fault.stage](claim, signal);
          }) satisfies Stage,
        },
      });
      await reported();
      await pipeline.drain();
      expect(attempts).toEqual(Array.from({ length: 8 }, () => 1));
      const types = (await detail()).events.map(({ type }) => type);
      expect(types).toEqual(['instanceReceived', 'seriesChosen', 'inferred', 'reported']);
    },
  );

  it('is waited out when not even the end of an attempt can be recorded', async () => {
    let isFull = false;
    let refused = 0;
    const whenNotFull =
      <Rest extends unknown[], Result>(write: (...rest: Rest) => Promise<Result>) =>
      (...rest: Rest): Promise<Result> => {
        if (!isFull) return write(...rest);
        refused += 1;
        return Promise.reject(new BetterSqlite3.SqliteError('database or disk is full', 'SQLITE_FULL'));
      };
    const attempts: number[] = [];
    const { pipeline, detail, reported } = await start({
      stages: {
        infer: (claim, signal) => {
          attempts.push(claim.attempt);
          if (attempts.length === 1) isFull = true;
          return good.infer(claim, signal);
        },
      },
      wrap: (store) => ({
        ...store,
        claim: whenNotFull(store.claim),
        apply: whenNotFull(store.apply),
        release: whenNotFull(store.release),
        fail: whenNotFull(store.fail),
      }),
    });
    await expect.poll(() => refused).toBeGreaterThan(10);
    isFull = false;
    await reported();
    await pipeline.drain();
    expect(attempts).toEqual([1, 1]);
    expect((await detail()).events.map(({ type }) => type)).not.toContain('gaveUp');
  });

  it('is left alone by a stop: the agent ends though nothing can be written', async () => {
    let isFull = false;
    const fails = () => Promise.reject(new BetterSqlite3.SqliteError('database or disk is full', 'SQLITE_FULL'));
    const { pipeline } = await start({
      stages: {
        infer: () => {
          isFull = true;
          return Promise.reject(enospc());
        },
      },
      wrap: (store) => ({ ...store, release: (...rest) => (isFull ? fails() : store.release(...rest)) }),
    });
    await expect.poll(() => isFull).toBe(true);
    await pipeline.stop();
  });
});
