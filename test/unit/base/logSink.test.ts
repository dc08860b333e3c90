import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog, openLogSink } from '../../../src/base/log.ts';
import { boundedSink } from '../../../src/base/logSink.ts';
import { packageRoot } from '../../../src/base/packageRoot.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'odontoid-log-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a bounded sink', () => {
  it('hands on what waits in one piece, drops what is too much, and says how much that was', () => {
    const sent: { text: string; done: (error?: Error) => void }[] = [];
    const sink = boundedSink(
      (piece, done) => sent.push({ text: piece, done }),
      (count) => `lost ${count};`,
      10,
    );
    sink.write('a;');
    for (const line of ['bbb;', 'ccc;', 'ddd;', 'eee;']) sink.write(line);
    expect([sent.map((one) => one.text), sink.dropped()]).toEqual([['a;'], 2]);
    sent[0]!.done();
    expect(sent.map((one) => one.text)).toEqual(['a;', 'lost 2;bbb;ccc;']);
    sent[1]!.done(new Error('gone'));
    expect(sink.dropped()).toBe(5);
    sink.write('f;');
    sent[2]!.done();
    expect(sent.map((one) => one.text)).toEqual(['a;', 'lost 2;bbb;ccc;', 'f;', 'lost 3;']);
    sink.write('g;');
    sink.write('h;');
    // "lost 3;" is on its way and counts: there is room for one.
    expect(sink.takeRest()).toBe('g;');
  });
});

/** Writes 40,000 lines (6 MB, three times what may wait) and tells on standard output how it went. */
const WRITER = `
  import { spawnSync } from 'node:child_process';
  import { createLog } from './src/base/log.ts';
  const log = createLog('info');
  log.info('first');
  // Whoever inherits standard error leaves it blocking, for this process too.
  spawnSync('true', { stdio: 'inherit' });
  const startMs = Date.now();
  let longestMs = 0;
  let last = startMs;
  const watch = setInterval(() => { longestMs = Math.max(longestMs, Date.now() - last); last = Date.now(); }, 5);
  for (let i = 0; i < 40; i++) {
    for (let line = 0; line < 1000; line++) log.info('x'.repeat(80), { count: i * 1000 + line });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  process.stdout.write(JSON.stringify({ longestMs }) + '\\n');
  process.stdin.once('data', async () => {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    log.info('and on');
    setTimeout(() => { clearInterval(watch); process.stdout.write('alive\\n', () => process.exit(7)); }, 300);
  });
`;

function writerInto(path: string) {
  const child = spawn(
    'bash',
    ['-c', `exec "$0" --import tsx --input-type=module --eval "$1" 2> "$2"`, process.execPath, WRITER, path],
    { cwd: packageRoot, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, exited, nextLine: async () => String((await lines.next()).value) };
}

describe('standard error', () => {
  it('whose reader stands still costs lines and no time; all are there or counted when it reads on', async () => {
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const { child, exited, nextLine } = writerInto(fifo);
    const reader = await open(fifo, 'r');
    const { longestMs } = JSON.parse(await nextLine()) as { longestMs: number };
    // A write that waits would wait until it is read, which begins below.
    expect(longestMs).toBeLessThan(10_000);
    const read = text(createReadStream('', { fd: reader }));
    child.stdin.write('go on\n');
    expect(await nextLine()).toBe('alive');
    expect(await exited).toEqual([7, null]);
    const lines = (await read)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { msg: string; count?: number });
    const lost = lines.filter(({ msg }) => msg.startsWith('log lines were dropped')).map(({ count }) => count!);
    expect(lost.length).toBeGreaterThan(0);
    expect(lines.length - lost.length + lost.reduce((sum, count) => sum + count)).toBe(40_002);
    expect(lines.map(({ msg }) => msg)).toContain('and on');
  });

  it('whose reader goes away does not end the process', async () => {
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const { child, exited, nextLine } = writerInto(fifo);
    const reader = await open(fifo, 'r');
    await reader.read(Buffer.alloc(1_000));
    await reader.close();
    await nextLine();
    child.stdin.write('go on\n');
    expect(await nextLine()).toBe('alive');
    expect(await exited).toEqual([7, null]);
  });

  it('that is a full device does not end the process either', async () => {
    const { child, exited, nextLine } = writerInto('/dev/full');
    await nextLine();
    child.stdin.write('go on\n');
    expect(await nextLine()).toBe('alive');
    expect(await exited).toEqual([7, null]);
  });
});

describe('a log file', () => {
  const messages = (path: string) =>
    existsSync(path)
      ? readFileSync(path, 'utf8')
          .trimEnd()
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => (JSON.parse(line) as { msg: string }).msg)
      : [];
  const written = (path: string, expected: string[]) => expect.poll(() => messages(path)).toEqual(expected);

  it('is turned over by size, and so many are kept', async () => {
    const path = join(folder, 'agent.log');
    const log = createLog('info', {}, openLogSink({ path, maxBytes: 300, keep: 2 }));
    for (let line = 1; line <= 9; line++) {
      log.info(`line ${line} ${'-'.repeat(40)}`);
      await expect.poll(() => messages(path).at(-1)).toContain(`line ${line} `);
    }
    expect((await readdir(folder)).sort()).toEqual(['agent.log', 'agent.log.1', 'agent.log.2']);
    const all = ['agent.log.2', 'agent.log.1', 'agent.log'].flatMap((name) => messages(join(folder, name)));
    expect(all.map((message) => message.slice(0, 6))).toEqual(['line 5', 'line 6', 'line 7', 'line 8', 'line 9']);
  });

  it('is opened anew after logrotate has moved it', async () => {
    const path = join(folder, 'agent.log');
    const sink = openLogSink({ path, maxBytes: 1_000_000, keep: 1 });
    const log = createLog('info', {}, sink);
    log.info('first');
    await written(path, ['first']);
    await rename(path, `${path}.moved`);
    log.info('still in the moved file');
    await written(`${path}.moved`, ['first', 'still in the moved file']);
    sink.reopen();
    log.info('in the new file');
    await written(path, ['in the new file']);
    expect(messages(`${path}.moved`)).toHaveLength(2);
  });

  it('that cannot be opened later costs lines, which are counted', async () => {
    const path = join(folder, 'logs', 'agent.log');
    execFileSync('mkdir', [join(folder, 'logs')]);
    const sink = openLogSink({ path, maxBytes: 1_000_000, keep: 1 });
    const log = createLog('info', {}, sink);
    await rm(join(folder, 'logs'), { recursive: true });
    sink.reopen();
    log.info('nowhere');
    await expect.poll(() => sink.dropped()).toBe(1);
    execFileSync('mkdir', [join(folder, 'logs')]);
    log.info('here again');
    await written(path, ['here again', 'log lines were dropped: nobody took them']);
  });
});
