import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { closeHttpServer } from '../../../src/base/closeHttpServer.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { createLog } from '../../../src/base/log.ts';
import { openTraces } from '../../../src/compose/traces.ts';
import { configFrom } from '../../../src/config/configFile.ts';
import type { NodeRole } from '../../../src/config/databaseSettings.ts';
import { startTraces } from '../../../src/traces/sendTraces.ts';
import { createTraceOutbox, type TraceOutbox } from '../../../src/worklist/traces/traceOutbox.ts';
import { deliverAll, instanceOf, openFileWorklist, runSql, studyUid, toReported } from '../worklist/fixture.ts';

interface OtlpAttribute {
  key: string;
  value: { stringValue?: string; intValue?: string };
}
interface OtlpSpan {
  name: string;
  traceId: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: OtlpAttribute[];
}
interface OtlpRequest {
  resourceSpans: {
    resource: { attributes: OtlpAttribute[] };
    scopeSpans: { scope: { name: string; version: string }; spans: OtlpSpan[] }[];
  }[];
}

/** A collector that answers with `statuses`, one after the other, and the last one from then on. */
async function collector(...statuses: number[]) {
  const asked: { request: IncomingMessage; body: string; status: number }[] = [];
  const server = createServer((request, response) => {
    text(request).then(
      (body) => {
        const status = statuses[Math.min(asked.length, statuses.length - 1)]!;
        asked.push({ request, body, status });
        response.writeHead(status, { 'Content-Type': 'application/json' }).end('{}');
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => closeHttpServer(server, 0));
  const { port } = server.address() as AddressInfo;
  const spans = () =>
    asked
      .filter(({ status }) => status === 200)
      .flatMap(({ body }) => (JSON.parse(body) as OtlpRequest).resourceSpans)
      .flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
  return { endpoint: `http://127.0.0.1:${port}/v1/traces`, asked, spans };
}

async function opened() {
  const worklist = await openFileWorklist({ nodeName: 'ct-1' });
  const outbox = createTraceOutbox(worklist.database);
  await outbox.begin();
  return { ...worklist, outbox };
}

function started(outbox: Pick<TraceOutbox, 'next' | 'sent'>, endpoint: string): () => Promise<void> {
  const stop = startTraces({
    outbox,
    endpoint,
    version: '9.8.7',
    isOurs: () => Promise.resolve(true),
    clock: systemClock,
    log: createLog('silent'),
    pollMs: 5,
    retryMinMs: 5,
  });
  onTestFinished(stop);
  return stop;
}

test('a collector gets each span once, as OTLP has it', async () => {
  const worklist = await opened();
  const { endpoint, asked, spans } = await collector(200);
  const stop = started(worklist.outbox, endpoint);
  await toReported(worklist, 1, 0.9);
  await deliverAll(worklist);
  await expect
    .poll(() => spans().map(({ name }) => name))
    .toEqual(['receive', 'assemble', 'infer', 'report', 'deliver']);
  await stop();
  const [{ request, body }] = asked as [(typeof asked)[number]];
  expect([request.method, request.url, request.headers['content-type']]).toEqual([
    'POST',
    '/v1/traces',
    'application/json',
  ]);
  const [{ resource, scopeSpans }] = (JSON.parse(body) as OtlpRequest).resourceSpans as [
    OtlpRequest['resourceSpans'][0],
  ];
  expect(resource.attributes).toEqual([
    { key: 'service.name', value: { stringValue: 'odontoid' } },
    { key: 'service.version', value: { stringValue: '9.8.7' } },
  ]);
  expect(scopeSpans[0]!.scope).toEqual({ name: 'odontoid', version: '9.8.7' });
  const assemble = spans().find(({ name }) => name === 'assemble')!;
  expect(assemble).toEqual({
    traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    spanId: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    parentSpanId: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    name: 'assemble',
    kind: 1,
    // 2 November 2026, 08:00 UTC: the worklist's clock stands still.
    startTimeUnixNano: '1793606400000000000',
    endTimeUnixNano: '1793606400000000000',
    attributes: [
      { key: 'odontoid.stage', value: { stringValue: 'assemble' } },
      { key: 'odontoid.node', value: { stringValue: 'ct-1' } },
      { key: 'odontoid.attempt', value: { intValue: '1' } },
      { key: 'odontoid.slices', value: { intValue: '3' } },
    ],
  });
});

test('while the collector refuses or is away, the work goes on and every span waits', async () => {
  const worklist = await opened();
  const { endpoint, asked, spans } = await collector(503, 401, 503, 200);
  const stop = started(worklist.outbox, endpoint);
  await toReported(worklist, 1, 0.9);
  await expect.poll(() => asked.map(({ status }) => status)).toContain(200);
  await stop();
  // Nobody listens there any more.
  const stopped = started(worklist.outbox, 'http://127.0.0.1:1/v1/traces');
  await toReported(worklist, 2, 0.9);
  await deliverAll(worklist);
  await stopped();
  started(worklist.outbox, endpoint);
  await expect.poll(() => spans().length).toBe(10);
  expect(new Set(spans().map(({ traceId }) => traceId)).size).toBe(2);
});

test('a failure is told by its code', async () => {
  const worklist = await opened();
  const { endpoint, spans } = await collector(200);
  await worklist.store.recordInstances([instanceOf()]);
  await worklist.store.nudgeComplete([studyUid(1)]);
  const claim = await worklist.store.claim('assemble', 60_000);
  await worklist.store.fail(claim!, { code: 'inference-died', message: 'Doe^Jane is ill', retry: false });
  started(worklist.outbox, endpoint);
  await expect
    .poll(() => spans())
    .toMatchObject([{ name: 'receive' }, { name: 'assemble', status: { code: 2, message: 'inference-died' } }]);
});

test('no word of a patient or a study leaves the agent', async () => {
  const worklist = await opened();
  const { endpoint, asked, spans } = await collector(200);
  await toReported(worklist, 1, 0.9);
  await deliverAll(worklist);
  await toReported(worklist, 2, 0.1);
  await worklist.store.reprocess(studyUid(1), { actor: 'Canary, Ann', reason: 'canary of a reason' });
  started(worklist.outbox, endpoint);
  await expect.poll(() => spans().length).toBeGreaterThan(8);
  const told = asked.map(({ body, request }) => body + JSON.stringify(request.headers)).join('\n');
  const columns: [table: string, ...columns: string[]][] = [
    ['cases', 'study_instance_uid', 'patient_id', 'patient_name', 'patient_birth_date', 'accession_number'],
    ['cases', 'study_description', 'case_ref', 'issuer_of_patient_id', 'scanner', 'source_ae_title'],
    ['instances', 'sop_instance_uid', 'path', 'sha256'],
    ['result_objects', 'sop_instance_uid', 'path'],
    ['trace_position', 'key'],
  ];
  const words = ['canary', 'Canary'];
  for (const [table, ...names] of columns) {
    const rows = worklist.database.db.selectFrom(table as 'cases').select(names as 'patient_id'[]);
    for (const row of await rows.execute()) words.push(...Object.values(row).map(String));
  }
  expect(words.length).toBeGreaterThan(40);
  expect(words.filter((word) => word !== '' && word !== 'null' && told.includes(word))).toEqual([]);
  // All that there is: names of stages, counts, times, the node, and names that a key made.
  const keys = [...told.matchAll(/"key":"([^"]+)"/g)].map(([, key]) => key!);
  expect([...new Set(keys)].sort()).toEqual([
    'odontoid.attempt',
    'odontoid.node',
    'odontoid.objects',
    'odontoid.slices',
    'odontoid.stage',
    'service.name',
    'service.version',
  ]);
});

test('the agent that may keep house sends where a collector is configured, and forgets what it would send where none is', async () => {
  const worklist = await openFileWorklist();
  const { database } = worklist;
  const { endpoint, spans } = await collector(200);
  const open = async (traces: { endpoint?: string }, roles: NodeRole[] = ['housekeep']) => {
    const stops: (() => void | Promise<void>)[] = [];
    await openTraces({
      config: configFrom({ traces }),
      roles: new Set(roles),
      database,
      keepsHouse: () => Promise.resolve(true),
      releasers: { push: (_name, stop) => stops.push(stop) },
      ports: { clock: systemClock, log: createLog('silent'), environment: {} },
    });
    onTestFinished(async () => {
      for (const stop of stops) await stop();
    });
    return stops.length;
  };
  const positions = () => runSql(database, 'select id, sent_id from trace_position');
  expect(await open({ endpoint }, ['receive', 'infer', 'deliver', 'web'])).toBe(0);
  expect(await positions()).toEqual([]);
  await createTraceOutbox(database).begin();
  await toReported(worklist, 1, 0.9);
  expect(await open({ endpoint })).toBe(1);
  await expect.poll(() => spans().length).toBe(4);
  await expect.poll(positions).toEqual([{ id: 1, sent_id: 4 }]);
  expect(await open({})).toBe(0);
  expect(await positions()).toEqual([]);
});
