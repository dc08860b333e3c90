import { spawn } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { DockerfileParser, type JSONInstruction } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { expect, onTestFinished, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { until } from '../pipeline/agentUnderTest.ts';
import { freePort, runTool, temporaryDirectory } from './dcmtk.ts';

const root = resolve(import.meta.dirname, '../..');
const dockerfile = await readFile(join(root, 'docker/Dockerfile'), 'utf8');
const instructions = DockerfileParser.parse(dockerfile).getInstructions();
/** Those of the image that runs: after the last FROM. */
const final = instructions.slice(instructions.findLastIndex((one) => one.getKeyword() === 'FROM'));
const of = (keyword: string) => final.filter((one) => one.getKeyword() === keyword);
const words = (keyword: string): string[] =>
  (of(keyword)[0] as JSONInstruction).getJSONStrings().map((word) => JSON.parse(word.getValue()) as string);

test('the Dockerfile has no fault that a linter knows, and the image is of a Node that package.json allows', () => {
  expect(validate(dockerfile)).toEqual([]);
  expect(validate(dockerfile.replace('WORKDIR', 'WORKDRI')).length).toBeGreaterThan(0);
  // One image for both stages, which whoever builds it can pin by digest.
  const images = instructions
    .filter((one) => one.getKeyword() === 'FROM')
    .map((one) => one.getArguments()[0]!.getValue());
  expect(images).toEqual(['${NODE_IMAGE}', '${NODE_IMAGE}']);
  expect(instructions[0]!.getArgumentsContent()).toMatch(/^NODE_IMAGE=node:24-bookworm-slim@sha256:[0-9a-f]{64}$/);
  expect(dockerfile).not.toMatch(/apt-get|python|g\+\+/);
  expect(of('USER')[0]!.getArgumentsContent()).toBe('node');
});

test('the compose file builds that Dockerfile and leaves the container nothing to write to but its data', async () => {
  const { services } = parseYaml(await readFile(join(root, 'docker/compose.yaml'), 'utf8')) as {
    services: { odontoid: Record<string, unknown> & { build: { context: string; dockerfile: string } } };
  };
  const { odontoid } = services;
  expect(resolve(root, 'docker', odontoid.build.context, odontoid.build.dockerfile)).toBe(
    join(root, 'docker/Dockerfile'),
  );
  expect(odontoid).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
  const [data] = of('VOLUME').map((one) => one.getArgumentsContent());
  expect(odontoid['volumes']).toContain(`odontoid-data:${data!}`);
});

test('systemd takes the unit: every key is known, and it leaves the agent nothing to write to but its data', async () => {
  const { dir, remove } = await temporaryDirectory();
  onTestFinished(remove);
  const unit = await readFile(join(root, 'docker/odontoid.service'), 'utf8');
  const verify = async (text: string): Promise<string> => {
    // It insists that the program is there.
    await writeFile(join(dir, 'odontoid.service'), text.replace('/usr/local/bin/odontoid', process.execPath));
    const { exitCode, stdout, stderr } = await runTool('systemd-analyze', [
      'verify',
      '--man=no',
      join(dir, 'odontoid.service'),
    ]);
    return `${exitCode} ${stdout}${stderr}`;
  };
  expect(await verify(unit)).toBe('0 ');
  expect(await verify(unit.replace('ProtectSystem=', 'ProtectSytem='))).toContain('ProtectSytem');
  for (const setting of [
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    'CapabilityBoundingSet=',
    'StateDirectory=odontoid',
  ])
    expect(unit.split('\n')).toContain(setting);
});

test('what the image copies is all that the agent needs: it starts from that alone and its health check succeeds', async () => {
  const { dir, remove } = await temporaryDirectory();
  onTestFinished(remove);
  const app = join(dir, 'app');
  await mkdir(app);
  for (const copy of of('COPY')) {
    const [from, to] = copy.getArguments().map((argument) => argument.getValue()) as [string, string];
    const source = from.replace(/^\/app\//, '');
    if (source !== 'node_modules') await cp(join(root, source), join(app, to), { recursive: true });
  }
  // What `npm prune --omit=dev` leaves.
  const listed = await runTool('npm', ['ls', '--all', '--omit=dev', '--parseable'], { cwd: root });
  const packages = listed.stdout.split('\n').filter((path) => path.includes('/node_modules/'));
  expect(packages.length).toBeGreaterThan(50);
  for (const path of packages) {
    const to = join(app, relative(root, path));
    await mkdir(dirname(to), { recursive: true });
    await cp(path, to, { recursive: true, mode: 0 });
  }

  const [webPort, dicomPort] = [await freePort(), await freePort()];
  const environment = Object.fromEntries(
    (of('ENV')[0]!.getArgumentsContent() ?? '').split(' ').map((pair) => pair.split('=') as [string, string]),
  );
  const [command, ...entry] = words('ENTRYPOINT');
  expect(command).toBe('node');
  const check = dockerfile.slice(dockerfile.indexOf('HEALTHCHECK'));
  const [checkCommand, ...checkWords] = JSON.parse(/CMD (\[.*\])/.exec(check)![1]!) as string[];
  expect(checkCommand).toBe('node');
  const agentEnvironment = {
    ...environment,
    ODONTOID__DATA_DIR: join(dir, 'data'),
    ODONTOID__WEB__PORT: String(webPort),
    ODONTOID__RECEIVE__PORT: String(dicomPort),
  };
  const healthy = () =>
    runTool(process.execPath, checkWords, { cwd: app, env: agentEnvironment }).then(({ exitCode }) => exitCode === 0);
  const ready = () =>
    fetch(`http://127.0.0.1:${webPort}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  // Stopped as soon as the page answers, which is before it has started, and once it has.
  for (const up of [healthy, ready]) {
    const agent = spawn(process.execPath, [...entry, ...words('CMD')], {
      cwd: app,
      env: { PATH: process.env['PATH'], ...agentEnvironment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [agent.stdout, agent.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()));
    const ended = new Promise<number | null>((done) => agent.once('exit', done));
    onTestFinished(async () => {
      agent.kill('SIGKILL');
      await ended;
    });
    await until('it is up', up).catch((error: unknown) => {
      throw new Error(`It said: ${said}`, { cause: error });
    });
    expect(await (await fetch(`http://127.0.0.1:${webPort}/`)).text()).toContain('<title>');
    agent.kill(of('STOPSIGNAL')[0]!.getArgumentsContent() as NodeJS.Signals);
    expect(await ended, said).toBe(0);
  }
});
