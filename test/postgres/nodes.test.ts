import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { SystemDetail } from '../../src/answers/adminAnswers.ts';
import type { SystemStatus } from '../../src/answers/systemAnswer.ts';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { NODE_ROLES } from '../../src/config/databaseSettings.ts';
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

test('one agent receives and analyses, others send and show: one is killed while it sends, and each result arrives', async () => {
  const { dir, remove } = await temporaryDirectory();
  onTestFinished(remove);
  const pacs = await testPacs(dir);
  onTestFinished(() => pacs.close());
  const place = await copiedDatabase();
  const healthPort = await freePort();
  const configOf = (name: string, roles: readonly string[]) => ({
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
  const start = async (name: string, roles: readonly string[]): Promise<AgentProcess> => {
    const agent = await startAgentProcess(configOf(name, roles));
    onTestFinished(async () => {
      await agent.stop();
    });
    return agent;
  };
  await writeFile(join(dir, 'south.yaml'), JSON.stringify(configOf('south', NODE_ROLES)));
  const serve = ['serve', '--config', join(dir, 'south.yaml'), '--roles', 'deliver'];
  const refused = await runTool(process.execPath, [join(packageRoot, 'bin/odontoid.js'), ...serve], {
    cwd: dir,
    timeoutMs: 120_000,
  });
  expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('with the role receive first') });

  const north = await start('north', ['receive', 'infer', 'web']);
  // It has the destination before the other one comes.
  const south = await start('south', ['deliver']);
  const east = await start('east', ['deliver', 'web', 'housekeep']);
  expect([south.url, south.dicomPort, east.dicomPort]).toEqual(['', 0, 0]);
  const ready = await fetch(`http://127.0.0.1:${healthPort}/readyz`);
  expect([ready.status, await ready.json()]).toMatchObject([200, { ready: true, missing: [] }]);
  const pages = [north.url, east.url];
  const arriving = await Promise.all(pages.map(eventsOf));
  // The PACS has one result, and reads the next, when the agent that sends is killed.
  const first = new Promise<void>((resolve) => {
    const forget = pacs.onStored(() => {
      forget();
      pacs.faults.delayMs = 600_000;
      resolve();
    });
  });
  const studies = await Promise.all(
    [1, 2].map((seed) => smallStudy(join(dir, `study-${seed}`), 9_000_040 + seed, {}, 'burst@C5')),
  );
  for (const { files } of studies) {
    const paths = files.map(({ path }) => path);
    expect(new Set(await send(north.dicomPort, paths))).toEqual(new Set(['stored']));
  }
  for (const events of arriving) await expect.poll(() => events).toContain('change');
  await first;
  process.kill(south.pid, 'SIGKILL');
  await south.gone;
  pacs.faults.delayMs = 0;

  const rows = await until('the other agent has sent everything', async () => {
    const found = await worklist(north.url);
    return found.length === studies.length && found.every(confirmed) ? found : null;
  });
  expect(rows.map(({ decision }) => decision)).toEqual(['suspected', 'suspected']);
  const uidsOf = (objects: readonly { sopInstanceUid: string }[]) => objects.map((one) => one.sopInstanceUid).sort();
  expect(uidsOf(pacs.objects())).toEqual(uidsOf(rows.flatMap(({ deliveries }) => deliveries)));
  expect(pacs.objects().filter(({ modality }) => modality === 'SR')).toHaveLength(studies.length);
  // Only what was on its way when its sender died may have come twice, the same bytes.
  expect(pacs.objects().filter(({ receipts }) => receipts > 1).length).toBeLessThanOrEqual(1);

  // Each page tells of what is done on the other.
  for (const [by, index] of [[north, 0] as const, [east, 1] as const]) {
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
    const { nodes } = (await (await fetch(`${east.url}/api/system`)).json()) as Pick<SystemDetail, 'nodes'>;
    return nodes.map(({ name, state, works }) => [name, state, works]);
  };
  await expect.poll(agents).toEqual([
    ['east', 'alive', expect.arrayContaining(['housekeeping'])],
    ['north', 'alive', expect.any(Array)],
    ['south', 'gone', []],
  ]);
  const statusOf = async (url: string) =>
    ((await (await fetch(`${url}/api/worklist`)).json()) as { system: Pick<SystemStatus, 'receiver' | 'model'> })
      .system;
  await expect
    .poll(() => statusOf(east.url))
    .toMatchObject({ receiver: { up: true, port: north.dicomPort }, model: { name: 'odontoid-compact' } });
  process.kill(north.pid, 'SIGKILL');
  await expect.poll(() => statusOf(east.url)).toMatchObject({ receiver: { up: false }, model: null });
}, 420_000);
