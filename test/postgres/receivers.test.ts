import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { runTool, temporaryDirectory } from '../interop/dcmtk.ts';
import {
  agentConfig,
  send,
  smallStudy,
  startAgentProcess,
  testPacs,
  until,
  worklist,
  type AgentProcess,
} from '../pipeline/agentUnderTest.ts';
import { copiedDatabase, onServer, spoil } from './copiedDatabase.ts';

beforeAll(async () => {
  const built = await runTool(process.execPath, [join(packageRoot, 'scripts/build.mjs')], { timeoutMs: 110_000 });
  expect(built.exitCode, built.stderr).toBe(0);
}, 120_000);

test('two agents receive: a study that comes over both is one case, and what one has acknowledged and not recorded when it is killed, the other takes in', async () => {
  const { dir, remove } = await temporaryDirectory();
  onTestFinished(remove);
  const pacs = await testPacs(dir);
  onTestFinished(() => pacs.close());
  const place = await copiedDatabase();
  const configOf = (name: string, roles: readonly string[]) => ({
    ...agentConfig(dir, pacs, { assemble: { quietMs: 3_000 } }),
    dataDir: join(dir, name),
    node: { name, roles: [...roles], sharedDir: join(dir, 'shared') },
    database: { url: place.url },
    pipeline: { leaseMs: 3_000 },
  });
  const start = async (name: string, roles: readonly string[]): Promise<AgentProcess> => {
    const agent = await startAgentProcess(configOf(name, roles));
    onTestFinished(async () => {
      await agent.stop();
    });
    return agent;
  };
  const north = await start('north', ['receive', 'infer', 'deliver', 'web']);
  // South is of a newer version, for all that north can tell: it has added to the schema while north is at work. It runs on code that does not know of that either.
  await onServer(
    `create table later (name text); alter table cases add column later text;
     insert into schema_migrations (name, timestamp) values ('9999_later_additive', '2027')`,
    new URL(place.url).pathname.slice(1),
  );
  spoil(place);
  const south = await start('south', ['receive']);
  const [split, orphaned] = await Promise.all(
    [1, 2].map((seed) => smallStudy(join(dir, `study-${seed}`), 9_000_140 + seed, {}, 'burst@C5')),
  );
  const paths = split!.files.map(({ path }) => path);
  const halves = [0, 1].map((half) => paths.filter((_, index) => index % 2 === half));
  const told = await Promise.all([send(north.dicomPort, halves[0]!), send(south.dicomPort, halves[1]!)]);
  expect(new Set(told.flat())).toEqual(new Set(['stored']));

  // Nobody can put an object on record until this transaction ends.
  const stranger = new pg.Client(place.url);
  await stranger.connect();
  await until('the split study is on record', async () => {
    const { rows } = await stranger.query<{ count: string }>('select count(*) from instances');
    return Number(rows[0]!.count) === paths.length;
  });
  await stranger.query('begin');
  await stranger.query('lock table instances in share mode');
  const acknowledged = await send(
    south.dicomPort,
    orphaned!.files.map(({ path }) => path),
  );
  expect(new Set(acknowledged)).toEqual(new Set(['stored']));
  process.kill(south.pid, 'SIGKILL');
  await south.gone;
  await stranger.query('rollback');
  await stranger.end();

  const rows = await until('both have their results', async () => {
    const found = await worklist(north.url);
    const isSent = found.every(
      ({ deliveries }) => deliveries.length > 0 && deliveries.every(({ status }) => status === 'confirmed'),
    );
    return found.length === 2 && isSent ? found : null;
  });
  expect(rows.map(({ decision }) => decision)).toEqual(['suspected', 'suspected']);
  expect(pacs.objects().filter(({ modality }) => modality === 'SR')).toHaveLength(2);

  const file = join(dir, 'north.yaml');
  await writeFile(file, JSON.stringify(configOf('north', ['receive', 'infer', 'deliver', 'web'])));
  const ledger = await runTool(process.execPath, [
    join(packageRoot, 'bin/odontoid.js'),
    ...['ledger', '--config', file, '--json'],
  ]);
  const results = rows.flatMap(({ deliveries }) => deliveries).length;
  expect(JSON.parse(ledger.stdout)).toMatchObject({ balances: true, received: 2, resulted: 2 });
  expect(results).toBe(pacs.objects().length);
}, 420_000);
