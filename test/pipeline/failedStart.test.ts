import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { odontoid, startCommand } from './odontoidCommand.ts';

/** A start that fails takes under two seconds from the build; from source, on a busy machine, its modules alone can take as long again. */
const LONGEST_MS = 20_000;

let cwd: string;
let taken: Server;
let takenPort: number;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'odontoid-start-'));
  taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  takenPort = (taken.address() as AddressInfo).port;
  await writeFile(join(cwd, 'a-file'), 'no folder');
  for (const [name, subject] of [
    ['one', '/CN=one'],
    ['other', '/CN=other'],
  ] as const)
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.crt`,
        '-subj',
        subject,
      ],
      { cwd, stdio: 'ignore' },
    );
});
afterAll(async () => {
  taken.close();
  await rm(cwd, { recursive: true, force: true });
});

const START = { receive: { port: 0 }, web: { port: 0 }, proofOfLife: { schedule: 'off' }, dataDir: 'state' };

describe.each([
  ['the page’s port is taken', () => ({ web: { port: takenPort } }), 'web.host, web.port: cannot listen on 127.0.0.1'],
  ['the DICOM port is taken', () => ({ receive: { port: takenPort } }), 'receive.host, receive.port: cannot listen'],
  [
    'the address is not of this machine',
    () => ({ receive: { host: '192.0.2.1' } }),
    'this machine has no such address',
  ],
  ['the data folder cannot be made there', () => ({ dataDir: '/proc/odontoid/state' }), 'dataDir: '],
  ['the data folder lies under a file', () => ({ dataDir: 'a-file/state' }), 'dataDir: '],
  [
    'a source has no address',
    () => ({ receive: { port: 0, sources: [{ aeTitle: 'CT', addresses: ['10.0.0.0/33'] }] } }),
    'receive.sources: "10.0.0.0/33" is neither',
  ],
  [
    'a proxy has no address',
    () => ({ web: { port: 0, signIn: 'local', trustProxy: ['proxy.example'] } }),
    'web.trustProxy: "proxy.example" is neither',
  ],
  [
    'retention has no schedule',
    () => ({ housekeeping: { retentionCron: 'often' } }),
    'housekeeping.retentionCron: "often" is not a cron',
  ],
  [
    'the night never comes',
    () => ({ housekeeping: { nightlyCron: '0 0 31 2 *' } }),
    'housekeeping.nightlyCron: "0 0 31 2 *"',
  ],
  [
    'the proof has no schedule',
    () => ({ proofOfLife: { schedule: '99 * * * *' } }),
    'proofOfLife.schedule: "99 * * * *"',
  ],
  [
    'the key is of another certificate',
    () => ({ web: { port: 0, tls: { certFile: 'one.crt', keyFile: 'other.key' } } }),
    'web.tls: the certificate and its key',
  ],
  [
    'a secret is nowhere',
    () => ({
      destinations: [
        {
          name: 'pacs',
          kind: 'dicomweb',
          url: 'http://127.0.0.1:9',
          auth: { kind: 'bearer', token: { env: 'NOT_SET' } },
        },
      ],
    }),
    'destinations pacs: The secret is to come from the environment variable NOT_SET',
  ],
  [
    'the log has no folder',
    () => ({ log: { file: { path: 'none/agent.log' } } }),
    'log.file.path: none/agent.log cannot be written',
  ],
])('when %s', (_case, wish, sentence) => {
  test('serve ends with exit code 2 and a sentence', async () => {
    await writeFile(join(cwd, 'agent.yaml'), JSON.stringify({ ...START, ...wish() }));
    const startedMs = performance.now();
    const serve = await odontoid(['serve', '--config', 'agent.yaml'], { cwd });
    expect(performance.now() - startedMs).toBeLessThan(LONGEST_MS);
    expect([serve.exitCode, serve.stderr]).toEqual([2, expect.stringContaining(sentence)]);
    expect(serve.stderr).not.toMatch(/\n\s+at |unexpected error/);
  });
});

test('a data folder that the user may not write is a sentence', async () => {
  await mkdir(join(cwd, 'closed'), { mode: 0o555 });
  await chmod(cwd, 0o755);
  await writeFile(join(cwd, 'agent.yaml'), JSON.stringify({ ...START, dataDir: 'closed/state' }));
  const under = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
  const serve = await odontoid(['serve', '--config', 'agent.yaml'], { cwd, under, env: { HOME: cwd } });
  expect([serve.exitCode, serve.stderr]).toEqual([
    2,
    expect.stringMatching(/^odontoid: dataDir: .*closed\/state cannot be written: permission denied\./),
  ]);
});

test('several faults are told at once, by doctor too', async () => {
  const faults = { ...START, web: { port: takenPort }, housekeeping: { nightlyCron: 'x' } };
  await writeFile(join(cwd, 'agent.yaml'), JSON.stringify(faults));
  const { stderr } = await odontoid(['serve', '--config', 'agent.yaml'], { cwd });
  expect(stderr).toContain('web.host, web.port');
  expect(stderr).toContain('housekeeping.nightlyCron');
  const doctor = await odontoid(['doctor', '--config', 'agent.yaml'], { cwd });
  expect(doctor.exitCode).toBe(1);
  expect(doctor.stdout).toMatch(/^RED +start .*housekeeping\.nightlyCron.*web\.host, web\.port/m);
});

test('the demo says at once that its port is taken', async () => {
  const demo = await odontoid(['demo', '--once', '--port', String(takenPort)], { cwd });
  expect([demo.exitCode, demo.stderr]).toEqual([2, expect.stringContaining('another program uses the port')]);
});

test.each([256, 64])(
  'with %i open files a command still starts, and serve says when they are too few',
  async (files) => {
    const under = ['prlimit', `--nofile=${files}`];
    const version = await odontoid(['--version'], { cwd, under });
    expect([version.exitCode, version.stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
    await writeFile(join(cwd, 'agent.yaml'), JSON.stringify({ ...START, dataDir: `files-${files}` }));
    const serve = startCommand(['serve', '--config', 'agent.yaml'], { cwd, under });
    let said = '';
    for (const stream of [serve.stdout!, serve.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('Odontoid listens') && !serve.killed) serve.kill('SIGTERM');
      });
    const [code] = (await once(serve, 'close')) as [number];
    if (files === 256) expect([code, said]).toEqual([0, expect.stringContaining('Stopping')]);
    else
      expect([code, said]).toEqual([
        2,
        expect.stringMatching(/Only 64 files may be open at once, and this configuration needs 190/),
      ]);
  },
);

test('a hang-up does not end the agent, and a stop does, also when nobody reads what it writes', async () => {
  await writeFile(join(cwd, 'agent.yaml'), JSON.stringify({ ...START, dataDir: 'hangup', log: { level: 'debug' } }));
  const serve = startCommand(['serve', '--config', 'agent.yaml'], { cwd });
  let logged = '';
  serve.stderr!.setEncoding('utf8').on('data', (text: string) => (logged += text));
  let said = '';
  const url = await new Promise<string>((resolve) => {
    serve.stdout!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const listening = /worklist (http\S+)/.exec(said);
      if (listening !== null) resolve(listening[1]!);
    });
  });
  // One stream for people, whose reader may go away, and one for machines.
  expect(said).not.toContain('{');
  serve.stdout!.destroy();
  for (const pid of [serve.pid!, ...children(serve.pid!)]) process.kill(pid, 'SIGHUP');
  await vi.waitFor(() => expect(logged).toContain('SIGHUP'), { timeout: 20_000 });
  for (const line of logged.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('level');
  // From here on the pipe of standard error fills up.
  serve.stderr!.pause();
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(
      Array.from({ length: 400 }, () => fetch(`${url}/api/none-such-${'x'.repeat(500)}`)),
    );
    expect(new Set(answers.map(({ status }) => status)).size).toBe(1);
  }
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect(serve.exitCode).toBeNull();
  serve.kill('SIGTERM');
  const [code] = (await once(serve, 'exit')) as [number];
  expect(code).toBe(0);
});

function children(pid: number): number[] {
  return execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map(Number);
}
