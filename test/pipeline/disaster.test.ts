import { spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Ledger } from '../../src/worklist/list/ledger.ts';
import { odontoid, startCommand } from './odontoidCommand.ts';

/** The drill of docs/disaster.md: the same commands in the same order, on a machine that loses everything but its backup. */
let cwd: string;
let serve: ChildProcess | null = null;
let port: string;
const CONFIG = {
  dataDir: 'state',
  receive: { port: 0, minFreeBytes: 0, sources: [{ aeTitle: 'CT1', addresses: ['127.0.0.1'] }] },
  web: { port: 0, signIn: 'off' },
  assemble: { quietMs: 500 },
  proofOfLife: { schedule: 'off' },
  housekeeping: { lowWaterFreeBytes: 0 },
};
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'odontoid-disaster-'));
  await writeFile(join(cwd, 'odontoid.yaml'), JSON.stringify(CONFIG));
  await run('phantom', '--out', 'pacs', '--count', '3', '--seed', '21', '--rows', '64', '--slices', '30');
});
afterAll(async () => {
  serve?.kill('SIGKILL');
  await rm(cwd, { recursive: true, force: true });
});

async function run(...args: string[]) {
  const result = await odontoid(args, { cwd });
  expect(result.stderr).not.toMatch(/unexpected error|\n\s+at /);
  return result;
}

async function start(): Promise<void> {
  const child = startCommand(['serve'], { cwd });
  serve = child;
  let said = '';
  port = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error(said)));
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const listening = /@127\.0\.0\.1:(\d+)/.exec(said);
      if (listening !== null) resolve(listening[1]!);
    });
  });
}

async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const child = serve!;
  child.removeAllListeners('exit');
  child.kill(signal);
  await once(child, 'exit');
}

const send = async (study: string) => {
  const sent = await run(
    'send',
    join('pacs', study),
    '--to',
    `ODONTOID@127.0.0.1:${port}`,
    '--calling',
    'CT1',
    '--json',
  );
  expect(JSON.parse(sent.stdout)).toEqual({ sent: 30, failed: [] });
};

async function ledger(): Promise<Ledger & { exitCode: number | null }> {
  const { stdout, exitCode } = await run('ledger', '--json');
  return { ...(JSON.parse(stdout) as Ledger), exitCode };
}

/** The books when nothing is in flight any more. */
async function settled(studies: number): Promise<Awaited<ReturnType<typeof ledger>>> {
  for (let look = 0; look < 12; look++) {
    const books = await ledger();
    if (books.received === studies && books.inFlight === 0 && books.missing.length === 0) return books;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
  }
  return ledger();
}

const RIGHT = { balances: true, exitCode: 0, inFlight: 0, held: 0, failed: 0, lost: [], missing: [] };

test('wipe, restore, send again: all right again', async () => {
  await start();
  await send('study-000021');
  await send('study-000022');
  expect(await settled(2)).toMatchObject({ ...RIGHT, received: 2 });
  const backup = await run('backup', '--to', 'elsewhere', '--json');
  const { file, cases, instances } = JSON.parse(backup.stdout) as { file: string; cases: number; instances: number };
  expect([cases, instances]).toEqual([2, 60]);
  // After the backup: the disk takes it along.
  await send('study-000023');

  const running = await odontoid(['restore', file], { cwd });
  expect([running.exitCode, running.stderr]).toEqual([1, expect.stringContaining('Another Odontoid agent works in')]);
  await end('SIGKILL');
  await rm(join(cwd, 'state'), { recursive: true });

  expect((await run('restore', file)).stdout).toContain('restored, 2 cases, 60 objects on record');
  const bare = await ledger();
  expect([
    bare.exitCode,
    bare.balances,
    new Set(bare.missing.map(({ studyInstanceUid }) => studyInstanceUid)).size,
  ]).toEqual([1, false, 2]);
  await start();
  for (const study of ['study-000021', 'study-000022', 'study-000023']) await send(study);
  const books = await settled(3);
  expect(books).toMatchObject({ ...RIGHT, received: 3 });
  expect(books.resulted + books.ineligible).toBe(3);
  // The reports of the two that were done are with their destination; the third has its own on disk.
  expect(new Set(books.missingResults.map(({ studyInstanceUid }) => studyInstanceUid)).size).toBe(2);
  await end('SIGTERM');
}, 400_000);

test('a backup copied over a database by hand, with a log beside it, is a sentence, and restore mends it', async () => {
  const [name] = await readdir(join(cwd, 'elsewhere'));
  const database = join(cwd, 'state/odontoid.sqlite');
  const file = await open(database, 'r+');
  const { size } = await file.stat();
  for (let at = 4096; at < size; at += 4096) await file.write(Buffer.alloc(200, 0xfe), 0, 200, at);
  await file.close();
  await writeFile(`${database}-wal`, Buffer.alloc(8_000, 7));
  const refused = await odontoid(['serve'], { cwd });
  expect([refused.exitCode, refused.stderr]).toEqual([
    2,
    expect.stringMatching(/^odontoid: The database .* is damaged .*odontoid restore/),
  ]);
  expect(refused.stderr).not.toMatch(/\n\s+at /);
  expect((await odontoid(['doctor'], { cwd })).stdout).toMatch(/^RED +database .*damaged/m);

  // What was opened has cleared it away; a power cut would have left one.
  await writeFile(`${database}-wal`, Buffer.alloc(8_000, 9));
  const restored = await run('restore', join('elsewhere', name!), '--json');
  const { movedTo } = JSON.parse(restored.stdout) as { movedTo: string };
  expect((await readdir(movedTo)).sort()).toEqual(expect.arrayContaining(['odontoid.sqlite', 'odontoid.sqlite-wal']));
  expect(existsSync(`${database}-wal`)).toBe(false);
  expect((await run('doctor')).stdout).toMatch(/^ok +database /m);
});

test('a damaged backup is refused, and nothing has changed', async () => {
  const [name] = await readdir(join(cwd, 'elsewhere'));
  await copyFile(join(cwd, 'elsewhere', name!), join(cwd, 'bad.sqlite'));
  const file = await open(join(cwd, 'bad.sqlite'), 'r+');
  for (let at = 8192; at < 60_000; at += 4096) await file.write(Buffer.alloc(300, 0xfe), 0, 300, at);
  await file.close();
  const before = await ledger();
  const refused = await odontoid(['restore', 'bad.sqlite'], { cwd });
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('bad.sqlite')]);
  expect(await ledger()).toEqual(before);
});

test('an encrypted backup opens with age’s own keys alone, and comes back by restore', async () => {
  const keygen = spawnSync('age-keygen', ['-o', join(cwd, 'key.txt')], { encoding: 'utf8' });
  const recipient = /age1\w+/.exec(keygen.stderr)![0];
  const backup = await run('backup', '--to', 'vault', '--recipient', recipient, '--json');
  const { file, cases } = JSON.parse(backup.stdout) as { file: string; cases: number };
  expect(await readdir(join(cwd, 'vault'))).toEqual([basename(file)]);

  const opened = spawnSync('age', ['--decrypt', '--identity', join(cwd, 'key.txt'), file]);
  expect(opened.stdout.subarray(0, 15).toString()).toBe('SQLite format 3');

  const closed = await odontoid(['restore', file], { cwd });
  expect([closed.exitCode, closed.stderr]).toEqual([
    2,
    expect.stringContaining('Give its secret key: --identity FILE'),
  ]);
  const absent = await odontoid(['restore', file, '--identity', 'none.txt'], { cwd });
  expect([absent.exitCode, absent.stderr]).toEqual([2, expect.stringContaining('The key cannot be read')]);
  expect((await run('restore', file, '--identity', 'key.txt')).stdout).toContain(`restored, ${cases} cases`);
  expect(await ledger()).toMatchObject({ received: cases });
  expect((await readdir(join(cwd, 'state'))).filter((name) => name.includes('unsealed'))).toEqual([]);
});
