import { expect, test } from 'vitest';
import { createTraceOutbox, type StudySpan } from '../../../../src/worklist/traces/traceOutbox.ts';
import {
  claimed,
  deliverAll,
  findingsOf,
  instanceOf,
  manifestOf,
  objectsOf,
  openWorklist,
  runSql,
  START_MS,
  studyUid,
  toReported,
  type Worklist,
} from '../fixture.ts';

async function opened() {
  const worklist = await openWorklist({ nodeName: 'ct-1' });
  return { ...worklist, outbox: createTraceOutbox(worklist.database) };
}

/** A study on its way, with a time of its own between any two facts. */
async function onItsWay({ store, clock }: Worklist, study: number): Promise<void> {
  await store.recordInstances([instanceOf({ study, number: 1, receivedAtMs: clock.now() })]);
  clock.advance(1_000);
  await store.recordInstances([instanceOf({ study, number: 2, receivedAtMs: clock.now() })]);
  await store.nudgeComplete([studyUid(study)]);
  clock.advance(200);
  const assembling = await claimed(store, 'assemble');
  await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) });
  clock.advance(30_000);
}

/** What is told of a span besides its names. */
const toldOf = ({ name, startMs, endMs, failure, node, counts }: StudySpan) => ({
  name,
  ms: [startMs - START_MS, endMs - START_MS],
  failure,
  node,
  counts,
});

test('each stage of a study is a span, from the fact before it to its own', async () => {
  const worklist = await opened();
  const { store, clock, outbox } = worklist;
  await outbox.begin();
  await onItsWay(worklist, 1);
  await store.apply(await claimed(store, 'infer'), { type: 'inferred', findings: findingsOf(0.9) });
  clock.advance(4_000);
  await store.apply(await claimed(store, 'report'), { type: 'reported', objects: objectsOf(1) });
  clock.advance(50_000);
  await deliverAll(worklist);
  const { spans, sentId } = (await outbox.next(99))!;
  const of = { failure: null, node: 'ct-1' };
  expect(spans.map(toldOf)).toEqual([
    { name: 'receive', ms: [0, 1_000], ...of, counts: {} },
    { name: 'assemble', ms: [1_000, 1_200], ...of, counts: { attempt: 1, slices: 2 } },
    { name: 'infer', ms: [1_200, 31_200], ...of, counts: { attempt: 1 } },
    { name: 'report', ms: [31_200, 35_200], ...of, counts: { attempt: 1, objects: 2 } },
    { name: 'deliver', ms: [35_200, 85_200], ...of, counts: {} },
  ]);
  // One trace, whose first span is the parent of the others.
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(5);
  expect(spans.map(({ parentSpanId }) => parentSpanId)).toEqual([null, ...Array<string>(4).fill(spans[0]!.spanId)]);
  expect(spans[0]).toMatchObject({
    traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    spanId: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
  });
  // Until the collector has them, they are the same.
  expect((await outbox.next(99))!.spans).toEqual(spans);
  await outbox.sent(sentId);
  expect(await outbox.next(99)).toBeNull();
});

test('spans that are taken one event at a time are those that are taken together', async () => {
  const worklist = await opened();
  const { outbox } = worklist;
  await outbox.begin();
  for (const study of [1, 2]) await toReported(worklist, study, 0.9);
  await deliverAll(worklist);
  const together = (await outbox.next(999))!.spans;
  expect(together).toHaveLength(10);
  const single: StudySpan[] = [];
  for (let batch = await outbox.next(1); batch !== null; batch = await outbox.next(1)) {
    single.push(...batch.spans);
    await outbox.sent(batch.sentId);
  }
  expect(single).toEqual(together);
  expect(new Set(single.map(({ traceId }) => traceId)).size).toBe(2);
});

test('a case that is given up ends in a span with the code of the failure; one that is analysed again has a trace of its own', async () => {
  const worklist = await opened();
  const { store, outbox } = worklist;
  await outbox.begin();
  await onItsWay(worklist, 1);
  await store.fail(await claimed(store, 'infer'), { code: 'inference-died', message: 'x', retry: false });
  const { spans, sentId } = (await outbox.next(99))!;
  expect(spans.map(({ name, failure }) => [name, failure])).toEqual([
    ['receive', null],
    ['assemble', null],
    ['infer', 'inference-died'],
  ]);
  await outbox.sent(sentId);
  await store.reprocess(studyUid(1), { actor: 'ann', reason: 'again' });
  const assembling = await claimed(store, 'assemble');
  await store.apply(assembling, { type: 'seriesChosen', manifest: manifestOf(assembling.instances) });
  const again = (await outbox.next(99))!.spans;
  // Nothing came, so nothing was waited for.
  expect(again.map(toldOf)).toMatchObject([
    { name: 'receive', ms: [31_200, 31_200] },
    { name: 'assemble', ms: [31_200, 31_200] },
  ]);
  expect(again[0]!.traceId).not.toBe(spans[0]!.traceId);
});

test('what was there before a collector is not sent; its key and position last until there is none', async () => {
  const worklist = await opened();
  const { outbox, database } = worklist;
  await toReported(worklist, 1, 0.9);
  expect(await outbox.next(99)).toBeNull();
  await outbox.begin();
  expect(await outbox.next(99)).toBeNull();
  await toReported(worklist, 2, 0.9);
  const before = (await outbox.next(99))!.spans;
  await outbox.begin();
  expect((await outbox.next(99))!.spans).toEqual(before);
  await outbox.forget();
  expect(await outbox.next(99)).toBeNull();
  expect(await runSql(database, 'select * from trace_position')).toEqual([]);
  await outbox.begin();
  await toReported(worklist, 3, 0.9);
  await runSql(database, 'update trace_position set sent_id = 0');
  const renamed = (await outbox.next(99))!.spans;
  expect(renamed.map(({ traceId }) => traceId)).not.toContain(before[0]!.traceId);
});
