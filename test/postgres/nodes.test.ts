import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { SystemDetail } from '../../src/answers/adminAnswers.ts';
import type { SystemStatus } from '../../src/answers/systemAnswer.ts';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { ledgerOf } from '../../src/cli/ledger.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { NODE_ROLES, type NodeRole } from '../../src/config/databaseSettings.ts';
import { openDatabase } from '../../src/worklist/db/database.ts';
import { freePort, runTool, temporaryDirectory } from '../interop/dcmtk.ts';
import {
  agentConfig,
  send,
  smallStudy,
  startAgentProcess,
  testPacs,
  until,
  worklist,
  type AgentProcess,
  type ApiRow,
} from '../pipeline/agentUnderTest.ts';
import { copiedDatabase } from './copiedDatabase.ts';

const LEASE_MS = 3_000;

beforeAll(async () => {
  const built = await runTool(process.execPath, [join(packageRoot, 'scripts/build.mjs')], { timeoutMs: 110_000 });
  expect(built.exitCode, built.stderr).toBe(0);
}, 120_000);

/** Events of a page's live feed, as they come. */
async function eventsOf(url: string): Promise<string[]> {
  const events: string[] = [];
  const ended = new AbortController();
  onTestFinished(() => ended.abort());
  const { body } = await fetch(`${url}/api/events`, { signal: ended.signal });
  const read = async () => {
    for await (const chunk of body!.pipeThrough(new TextDecoderStream()))
      for (const [, event] of chunk.matchAll(/^event: (.+)$/gm)) events.push(event!);
  };
  read().catch(() => undefined);
  return events;
}

const confirmed = ({ deliveries }: ApiRow) =>
  deliveries.length > 0 && deliveries.every(({ status }) => status === 'confirmed');

test('one agent receives, two analyse and send: one stands still in an analysis, one is killed while it sends, and each study has one result', async () => {
  const { dir, remove } = await temporaryDirectory();
  onTestFinished(remove);
  const pacs = await testPacs(dir);
  onTestFinished(() => pacs.close());
  const place = await copiedDatabase();
  const healthPort = await freePort();
  const configOf = (name: string, roles: readonly NodeRole[]) => ({
    ...agentConfig(dir, pacs, { assemble: { quietMs: 500 } }),
    dataDir: join(dir, name),
    node: {
      name,
      roles: [...roles],
      sharedDir: join(dir, 'shared'),
      health: roles.includes('web') ? {} : { port: healthPort },
    },
    database: { url: place.url },
    pipeline: { leaseMs: LEASE_MS },
  });
  const start = async (name: string, roles: readonly NodeRole[], stopAt?: string): Promise<AgentProcess> => {
    const agent = await startAgentProcess(configOf(name, roles), stopAt, process.execPath, 'SIGSTOP');
    onTestFinished(async () => {
      await agent.stop();
    });
    return agent;
  };
  await writeFile(join(dir, 'south.yaml'), JSON.stringify(configOf('south', NODE_ROLES)));
  const serve = ['serve', '--config', join(dir, 'south.yaml'), '--roles', 'infer'];
  const refused = await runTool(process.execPath, [join(packageRoot, 'bin/odontoid.js'), ...serve], {
    cwd: dir,
    timeoutMs: 120_000,
  });
  expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('with the role receive first') });

  const north = await start('north', ['receive', 'web']);
  const missingAt = async ({ url }: { url: string }) =>
    ((await (await fetch(`${url}/readyz`)).json()) as { missing: string[] }).missing;
  expect(await missingAt(north)).toEqual([expect.stringContaining('Start one with the role infer')]);
  const south = await start('south', ['infer', 'deliver', 'web', 'housekeep'], 'infer:ran');
  onTestFinished(() => void process.kill(south.pid, 'SIGCONT'));
  expect(south.dicomPort).toBe(0);
  await expect.poll(() => missingAt(north)).toEqual([]);
  const pages = [north.url, south.url];
  const arriving = await Promise.all(pages.map(eventsOf));
  const studies = await Promise.all(
    [1, 2, 3].map((seed) => smallStudy(join(dir, `study-${seed}`), 9_000_040 + seed, {}, 'burst@C5')),
  );
  const arrive = async ({ files }: (typeof studies)[number]) => {
    const paths = files.map(({ path }) => path);
    expect(new Set(await send(north.dicomPort, paths))).toEqual(new Set(['stored']));
  };
  const rowsOf = (count: number) =>
    until(`${count} studies have their results in the PACS`, async () => {
      const found = await worklist(north.url);
      return found.length === count && found.every(confirmed) ? found : null;
    });

  // It has the result, and has not recorded it yet. Another one begins anew when the lease has run out.
  await arrive(studies[0]!);
  await until('south stands still', () => existsSync(join(dir, 'killed')));
  const east = await start('east', ['infer', 'deliver']);
  expect([east.url, east.dicomPort]).toEqual(['', 0]);
  const ready = await fetch(`http://127.0.0.1:${healthPort}/readyz`);
  expect([ready.status, await ready.json()]).toMatchObject([200, { ready: true, missing: [] }]);
  const [{ studyInstanceUid: takenOver }] = (await rowsOf(1)) as [ApiRow];

  // The PACS has one more object, and reads the next, when the agent that sends is killed.
  const first = new Promise<void>((resolve) => {
    const forget = pacs.onStored(() => {
      forget();
      pacs.faults.delayMs = 600_000;
      resolve();
    });
  });
  process.kill(south.pid, 'SIGCONT');
  await Promise.all(studies.slice(1).map(arrive));
  for (const events of arriving) await expect.poll(() => events).toContain('change');
  await first;
  process.kill(east.pid, 'SIGKILL');
  await east.gone;
  pacs.faults.delayMs = 0;

  const rows = await rowsOf(studies.length);
  expect(rows.map(({ decision }) => decision)).toEqual(['suspected', 'suspected', 'suspected']);
  const uidsOf = (objects: readonly { sopInstanceUid: string }[]) => objects.map((one) => one.sopInstanceUid).sort();
  expect(uidsOf(pacs.objects())).toEqual(uidsOf(rows.flatMap(({ deliveries }) => deliveries)));
  expect(pacs.objects().filter(({ modality }) => modality === 'SR')).toHaveLength(studies.length);
  // Only what was on its way when its sender died may have come twice, the same bytes.
  expect(pacs.objects().filter(({ receipts }) => receipts > 1).length).toBeLessThanOrEqual(1);
  // None of them receives: they have seen in the database what came.
  const encodedOnArrival = async () =>
    Number(
      /^odontoid_slices_encoded_on_arrival\S* (\d+)/m.exec(await (await fetch(`${south.url}/metrics`)).text())![1],
    );
  await expect.poll(encodedOnArrival).toBeGreaterThan(0);
  const database = await openDatabase(place);
  onTestFinished(() => database.close());
  // What south had in hand when it stood still was dropped: the second attempt counts.
  const results = await sql<{ type: string; attempt: number }>`
    select type, (detail::json ->> 'attempt')::int as attempt from case_events
    where study_instance_uid = ${takenOver} and type in ('inferred', 'reported') order by id`.execute(database.db);
  expect(results.rows).toEqual([
    { type: 'inferred', attempt: 2 },
    { type: 'reported', attempt: expect.any(Number) },
  ]);
  expect(await ledgerOf(database, configFrom(configOf('north', ['receive'])))).toMatchObject({
    received: studies.length,
    resulted: studies.length,
    undelivered: 0,
    balances: true,
  });

  // Each page tells of what is done on the other.
  for (const [by, index] of [[north, 0] as const, [south, 1] as const]) {
    const [other] = await Promise.all(pages.filter((url) => url !== by.url).map(eventsOf));
    const read = await fetch(`${by.url}/api/cases/${rows[index]!.studyInstanceUid}/read`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ read: true }),
    });
    expect(read.status).toBe(204);
    await expect.poll(() => other).toContain('change');
  }
  const agents = async () => {
    const { nodes } = (await (await fetch(`${south.url}/api/system`)).json()) as Pick<SystemDetail, 'nodes'>;
    return nodes.map(({ name, state, works }) => [name, state, works]);
  };
  await expect.poll(agents).toEqual([
    ['east', 'gone', []],
    ['north', 'alive', expect.any(Array)],
    ['south', 'alive', expect.arrayContaining(['housekeeping'])],
  ]);
  const statusOf = async (url: string) =>
    ((await (await fetch(`${url}/api/worklist`)).json()) as { system: Pick<SystemStatus, 'receiver' | 'model'> })
      .system;
  for (const url of pages)
    await expect
      .poll(() => statusOf(url))
      .toMatchObject({ receiver: { up: true, port: north.dicomPort }, model: { name: 'odontoid-compact' } });
  process.kill(north.pid, 'SIGKILL');
  await expect
    .poll(() => statusOf(south.url))
    .toMatchObject({ receiver: { up: false }, model: { name: 'odontoid-compact' } });
}, 420_000);
