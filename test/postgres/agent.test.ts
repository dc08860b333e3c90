import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { freePort, runTool, startServer, temporaryDirectory } from '../interop/dcmtk.ts';
import { startOrthanc, type Orthanc } from '../interop/orthanc.ts';
import { shellBlocks } from '../interop/shellBlocks.ts';
import { agentConfig, send, smallStudy, until, worklist } from '../pipeline/agentUnderTest.ts';
import { makeCluster } from './cluster.ts';

const cli = join(packageRoot, 'bin/odontoid.js');

beforeAll(async () => {
  const built = await runTool(process.execPath, [join(packageRoot, 'scripts/build.mjs')], { timeoutMs: 110_000 });
  expect(built.exitCode, built.stderr).toBe(0);
}, 120_000);

test(
  'the commands of docs/scale-out.md: a study goes through the agent while its server is started again',
  { timeout: 180_000 },
  async () => {
    const [block, change] = await shellBlocks('docs/scale-out.md');
    const commands = block!.text.trim().split('\n');
    expect(commands.map((line) => line.replace(/ *#.*/, ''))).toEqual([
      'odontoid doctor',
      'odontoid migrate',
      'odontoid serve',
    ]);
    expect(change!.text.trim()).toBe('odontoid migrate --from sqlite');
    const { dir, remove } = await temporaryDirectory();
    onTestFinished(remove);
    const cluster = await makeCluster({ fsync: true });
    onTestFinished(() => cluster.remove());
    await makeDatabase(cluster.urlOf('postgres'));
    const [archivePort, dicomPort, webPort] = [await freePort(), await freePort(), await freePort()];
    const archive = await startOrthanc({ dir: join(dir, 'orthanc'), dicomPort: archivePort });
    onTestFinished(() => archive.stop());
    const config = agentConfig(dir, { port: archivePort, aeTitle: 'ORTHANC' });
    const onSqlite = {
      ...config,
      receive: { ...config.receive, port: dicomPort },
      web: { ...config.web, port: webPort },
    };
    const configure = (site: object) => writeFile(join(dir, 'site.yaml'), JSON.stringify(site));
    const typed = (line: string) => ['-c', line.replace('odontoid', `exec '${process.execPath}' '${cli}'`)];
    const env = { ODONTOID_CONFIG: join(dir, 'site.yaml') };
    const type = async (line: string): Promise<string> => {
      const { exitCode, stdout, stderr } = await runTool('sh', typed(line), { cwd: dir, env });
      expect([exitCode, stderr], stdout).toEqual([0, expect.not.stringContaining('error')]);
      return stdout;
    };
    // The site had its worklist in SQLite before.
    await configure(onSqlite);
    await type('odontoid migrate');
    await type('odontoid user add ada --role admin');
    await configure({ ...onSqlite, database: { url: cluster.urlOf('odontoid') } });
    for (const command of commands.slice(0, 2)) await type(command);
    expect(await type(change!.text)).toMatch(
      /users +1\n[^]*Every row was read back and is the same\.[^]*The books balance\./,
    );
    expect(JSON.parse(await type('odontoid user list --json'))).toMatchObject([{ name: 'ada', role: 'admin' }]);
    const agent = await startServer('sh', typed(commands[2]!), [dicomPort, webPort], { cwd: dir, env });
    onTestFinished(() => agent.stop());

    const study = await smallStudy(join(dir, 'study'), 9_000_031, {}, 'burst@C5');
    const paths = study.files.map(({ path }) => path);
    const half = Math.ceil(paths.length / 2);
    expect(new Set(await send(dicomPort, paths.slice(0, half)))).toEqual(new Set(['stored']));
    cluster.restart();
    expect(new Set(await send(dicomPort, paths.slice(half)))).toEqual(new Set(['stored']));
    const row = await until('the study is delivered', async () =>
      (await worklist(`http://127.0.0.1:${webPort}`)).find(({ state }) => state === 'delivered'),
    );
    expect(row).toMatchObject({ studyInstanceUid: study.studyInstanceUid, decision: 'suspected', rank: 1 });
    const reports = row.deliveries.filter(({ kind }) => kind === 'sr').map(({ sopInstanceUid }) => sopInstanceUid);
    expect(await reportsIn(archive)).toEqual(reports);
  },
);

async function makeDatabase(administrator: string): Promise<void> {
  const client = new pg.Client(administrator);
  await client.connect();
  await client.query("create database odontoid encoding 'UTF8' template template0");
  await client.end();
}

async function reportsIn(archive: Orthanc): Promise<string[]> {
  const found = await fetch(`${archive.httpUrl}/tools/find`, {
    method: 'POST',
    body: JSON.stringify({ Level: 'Instance', Query: { Modality: 'SR' }, Expand: true }),
  });
  const instances = (await found.json()) as { MainDicomTags: { SOPInstanceUID: string } }[];
  return instances.map(({ MainDicomTags }) => MainDicomTags.SOPInstanceUID);
}
