import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { TriageError } from '../../../src/base/errors.ts';
import { createLog } from '../../../src/base/log.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import type { Pipeline, PipelineOptions, PipelineStep, Stage } from '../../../src/pipeline/pipeline.ts';
import type { StageName } from '../../../src/case/claim.ts';
import { createCaseStore } from '../../../src/worklist/cases/caseStore.ts';
import type { CaseStoreOptions, WorklistStore } from '../../../src/worklist/cases/caseStore.ts';
import type { WorklistRow } from '../../../src/answers/worklistAnswer.ts';
import { createWorklistQuery } from '../../../src/worklist/list/worklistQuery.ts';
import { findingsOf, instanceOf, manifestOf, objectsOf, openWorklist, studyUid } from '../worklist/fixture.ts';

const good: Record<StageName, Stage> = {
  assemble: ({ instances }) => Promise.resolve({ type: 'seriesChosen', manifest: manifestOf(instances) }),
  infer: () => Promise.resolve({ type: 'inferred', findings: findingsOf(0.8) }),
  report: ({ record }) =>
    Promise.resolve({ type: 'reported', objects: objectsOf(record.accessionNumber.slice(2), record.revision) }),
};

/** A pipeline on a real worklist and the real clock, with short waits. */
async function start(
  wishes: {
    stages?: Partial<Record<StageName, Stage>>;
    store?: Partial<CaseStoreOptions>;
    pipeline?: Partial<PipelineOptions>;
  } = {},
) {
  const { database } = await openWorklist();
  const store = createCaseStore(database, systemClock, {
    destinations: ['pacs'],
    quietMs: 60_000,
    retryMinMs: 20,
    ...wishes.store,
  });
  const query = createWorklistQuery(database, systemClock, { maxWaitMs: 3_600_000 });
  const steps: [PipelineStep, string][] = [];
  const pipeline: Pipeline = createPipeline({
    store,
    stages: { ...good, ...wishes.stages },
    clock: systemClock,
    log: createLog('silent'),
    leaseMs: 60_000,
    pollMs: 20,
    describeFailure: (_claim, failure) => findingsOf(null, { reason: failure.message, reasonCode: failure.code }),
    onStep: (step, study) => steps.push([step, study]),
    ...wishes.pipeline,
  });
  const send = async (study: number, number = 1) => {
    await store.recordInstances([instanceOf({ study, number, receivedAtMs: systemClock.now() })]);
    await store.nudgeComplete([studyUid(study)]);
  };
  const until = (study: number, ready: (row: WorklistRow) => boolean) =>
    waitFor(store, async () => (await query.rows()).find((row) => row.studyInstanceUid === studyUid(study)), ready);
  return {
    store,
    query,
    pipeline,
    steps,
    send,
    until,
    events: async (study: number) => (await query.caseDetail(studyUid(study))).events.map((event) => event.type),
  };
}

/** Waits for a change that brings the row into the wanted shape; never for a time. */
async function waitFor(
  store: WorklistStore,
  read: () => Promise<WorklistRow | undefined>,
  ready: (row: WorklistRow) => boolean,
): Promise<WorklistRow> {
  return new Promise((resolve, reject) => {
    const look = () => {
      read().then((row) => {
        if (row === undefined || !ready(row)) return;
        stop();
        resolve(row);
      }, reject);
    };
    const stop = store.onChange(look);
    look();
  });
}

describe('pipeline', () => {
  it('takes a study through every stage, step by step', async () => {
    const { send, until, pipeline, steps, events } = await start();
    await send(1);
    expect(await until(1, (row) => row.state === 'reported')).toMatchObject({
      decision: 'suspected',
      probability: 0.8,
    });
    await pipeline.drain();
    expect(steps.map(([step]) => step)).toEqual(
      ['assemble', 'infer', 'report'].flatMap((stage) =>
        ['claimed', 'ran', 'applied'].map((point) => `${stage}:${point}`),
      ),
    );
    expect(await events(1)).toEqual(['instanceReceived', 'seriesChosen', 'inferred', 'reported']);
  });

  it('does the stages that it has, and takes no case for one that it cannot do now', async () => {
    const ready = new Set<StageName>(['report']);
    const isReady = vi.fn((stage: StageName) => Promise.resolve(ready.has(stage)));
    const { infer, report } = good;
    const { store, send, until, pipeline, steps } = await start({ pipeline: { stages: { infer, report }, isReady } });
    await send(1);
    const assembling = (await store.claim('assemble', 60_000))!;
    await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) });
    isReady.mockClear();
    await vi.waitFor(() => expect(isReady.mock.calls.filter(([stage]) => stage === 'infer').length).toBeGreaterThan(1));
    expect(steps).toEqual([]);
    ready.add('infer');
    await until(1, (row) => row.state === 'reported');
    await pipeline.drain();
    expect(steps.map(([step]) => step)).toEqual(
      ['infer', 'report'].flatMap((stage) => ['claimed', 'ran', 'applied'].map((point) => `${stage}:${point}`)),
    );
  });

  it('is woken by a change, not by its poll', async () => {
    const { send, until, pipeline } = await start({ pipeline: { pollMs: 3_600_000 } });
    await send(1);
    await until(1, (row) => row.state === 'reported');
    await pipeline.drain();
  });

  it('tries again what may pass, and counts', async () => {
    const infer = vi
      .fn<Stage>(good.infer)
      .mockRejectedValueOnce(new TriageError('inference-died', 'The inference process died.'));
    const { send, until, pipeline, events } = await start({ stages: { infer } });
    await send(1);
    await until(1, (row) => row.state === 'reported');
    await pipeline.drain();
    expect(infer.mock.calls.map(([claim]) => claim.attempt)).toEqual([1, 2]);
    expect(await events(1)).toEqual(['instanceReceived', 'seriesChosen', 'attemptFailed', 'inferred', 'reported']);
  });

  it('fails a poisonous case visibly, reports that it was not analysed, and serves the others', async () => {
    const infer: Stage = (claim, signal) =>
      claim.record.studyInstanceUid === studyUid(2)
        ? Promise.reject(new TriageError('inference-timeout', 'Too slow.'))
        : good.infer(claim, signal);
    const { send, until, pipeline } = await start({ stages: { infer } });
    for (const study of [1, 2, 3]) await send(study);
    for (const study of [1, 3]) await until(study, (row) => row.state === 'reported');
    const failed = await until(2, (row) => row.state === 'failed' && row.deliveries.length === 2);
    await pipeline.drain();
    expect(failed).toMatchObject({
      failure: { code: 'inference-timeout', stage: 'infer' },
      decision: 'not-analysed',
      status: 'failed',
    });
  });

  it('fails a case at once over a bug or a fault that will not pass', async () => {
    const assemble: Stage = (claim, signal) => {
      if (claim.record.studyInstanceUid === studyUid(1)) throw new TypeError('undefined is not a function');
      if (claim.record.studyInstanceUid === studyUid(2))
        return Promise.reject(new TriageError('geometry-unusable', 'The slices do not line up.'));
      return good.assemble(claim, signal);
    };
    const { send, until, pipeline } = await start({ stages: { assemble } });
    for (const study of [1, 2, 3]) await send(study);
    expect((await until(1, (row) => row.state === 'failed')).failure).toMatchObject({ code: 'unexpected' });
    expect((await until(2, (row) => row.state === 'failed')).failure).toMatchObject({
      code: 'geometry-unusable',
      message: 'The slices do not line up.',
    });
    await until(3, (row) => row.state === 'reported');
    await pipeline.drain();
  });

  it('lets a case wait, with no attempt counted, when the installation is at fault', async () => {
    const infer = vi
      .fn<Stage>()
      .mockRejectedValue(new TriageError('model-tampered', 'The model differs from its manifest.'));
    const { send, store, query, pipeline } = await start({ stages: { infer } });
    await send(1);
    await vi.waitUntil(() => infer.mock.calls.length > 0, { interval: 5, timeout: 10_000 });
    await pipeline.drain();
    expect(infer).toHaveBeenCalledTimes(1);
    expect((await query.caseDetail(studyUid(1))).row).toMatchObject({ state: 'assembled', failure: null });
    expect(await store.claim('infer', 1000)).toBeNull();
  });

  it('lets a stage put a case off', async () => {
    const assemble = vi
      .fn<Stage>(good.assemble)
      .mockResolvedValueOnce({ type: 'notYet', untilMs: systemClock.now() + 400 });
    const { send, until, pipeline } = await start({ stages: { assemble } });
    await send(1);
    await until(1, (row) => row.state === 'reported');
    await pipeline.drain();
    expect(assemble.mock.calls.map(([claim]) => claim.attempt)).toEqual([1, 1]);
  });

  it('drops the result of a run that a late slice overtook, tells the stage, and runs it anew', async () => {
    let runs = 0;
    const infer: Stage = async ({ record }, signal) => {
      if (++runs === 1) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return { type: 'inferred', findings: findingsOf(record.revision === 1 ? 0.9 : 0.2) };
    };
    const { send, until, pipeline, events } = await start({ stages: { infer }, pipeline: { leaseMs: 150 } });
    await send(1);
    await vi.waitUntil(() => runs === 1, { interval: 5, timeout: 10_000 });
    await send(1, 2);
    expect(await until(1, (row) => row.state === 'reported')).toMatchObject({ revision: 2, probability: 0.2 });
    await pipeline.drain();
    expect(await events(1)).not.toContain('attemptFailed');
  });

  it('keeps its lease while a stage takes long', async () => {
    const infer = vi.fn<Stage>(async (claim, signal) => {
      await systemClock.sleep(2_400);
      return good.infer(claim, signal);
    });
    const { send, until, pipeline } = await start({ stages: { infer }, pipeline: { leaseMs: 800 } });
    await send(1);
    await until(1, (row) => row.state === 'reported');
    await pipeline.drain();
    expect(infer).toHaveBeenCalledTimes(1);
  });

  it('drains: finishes what it has and claims no more', async () => {
    let started = false;
    let goOn = (): void => undefined;
    const drains = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const infer: Stage = async (claim, signal) => {
      started = true;
      await drains;
      return good.infer(claim, signal);
    };
    const { send, query, pipeline } = await start({ stages: { infer } });
    await send(1);
    await vi.waitUntil(() => started, { interval: 5, timeout: 10_000 });
    const drained = pipeline.drain();
    goOn();
    await drained;
    expect((await query.caseDetail(studyUid(1))).row.state).toBe('inferred');
  });

  it('stops: gives the case in hand back with no attempt counted', async () => {
    let started = false;
    const infer: Stage = async (_claim, signal) => {
      started = true;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      signal.throwIfAborted();
      throw new Error('not reached');
    };
    const { send, store, query, pipeline } = await start({ stages: { infer } });
    await send(1);
    await vi.waitUntil(() => started, { interval: 5, timeout: 10_000 });
    await pipeline.stop();
    expect((await query.caseDetail(studyUid(1))).row).toMatchObject({ state: 'assembled', failure: null });
    expect((await store.claim('infer', 1000))?.attempt).toBe(1);
  });

  it('outlives a store that cannot be read for a while', async () => {
    const { database } = await openWorklist();
    const store = createCaseStore(database, systemClock, { destinations: ['pacs'] });
    let broken = 3;
    const claim: WorklistStore['claim'] = (stage, leaseMs) =>
      broken-- > 0 ? Promise.reject(new Error('disk I/O error')) : store.claim(stage, leaseMs);
    const pipeline = createPipeline({
      store: { ...store, claim },
      stages: good,
      clock: systemClock,
      log: createLog('silent'),
      leaseMs: 60_000,
      pollMs: 10,
    });
    await store.recordInstances([instanceOf({ receivedAtMs: systemClock.now() })]);
    await store.nudgeComplete([studyUid(1)]);
    const query = createWorklistQuery(database, systemClock, { maxWaitMs: 1 });
    await waitFor(
      store,
      async () => (await query.rows())[0],
      (row) => row.state === 'reported',
    );
    await pipeline.drain();
    expect(broken).toBeLessThan(0);
  });

  it('gives up a case whose every attempt ended with the process, without running it again', async () => {
    const { database } = await openWorklist();
    const retries = { retryMinMs: 1, retryMaxMs: 1 };
    const store = createCaseStore(database, systemClock, { destinations: ['pacs'], ...retries });
    await store.recordInstances([instanceOf({ receivedAtMs: systemClock.now() })]);
    await store.nudgeComplete([studyUid(1)]);
    for (let death = 0; death < 10; death++) {
      await expect.poll(() => store.claim('assemble', 60_000)).not.toBeNull();
      await createCaseStore(database, systemClock, retries).endEarlierLeases();
    }
    const assemble = vi.fn<Stage>();
    const pipeline = createPipeline({
      store,
      stages: { ...good, assemble },
      clock: systemClock,
      log: createLog('silent'),
      leaseMs: 60_000,
      pollMs: 10,
      describeFailure: () => findingsOf(null),
    });
    const query = createWorklistQuery(database, systemClock, { maxWaitMs: 1 });
    const row = await waitFor(
      store,
      async () => (await query.rows())[0],
      (candidate) => candidate.deliveries.length > 0,
    );
    await pipeline.drain();
    expect(row).toMatchObject({ state: 'failed', failure: { code: 'attempts-exhausted' }, decision: 'not-analysed' });
    expect(assemble).not.toHaveBeenCalled();
  });
});
