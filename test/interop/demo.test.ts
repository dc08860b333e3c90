import { execFile } from 'node:child_process';
import { mkdtemp, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/packageRoot.ts';
import { runTool } from './dcmtk.ts';

/** The shape that docs/command-line.md promises. */
interface Demo {
  worklist: {
    rank: number;
    why: string;
    patientId: string;
    truth: string;
    decision: string;
    reason: string | null;
    probability: number | null;
    state: string;
    secondsToSr: number | null;
  }[];
  pacs: { kind: string; studyInstanceUid: string }[];
  problems: string[];
}

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-demo-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** An environment in which each address that a process or a child of it speaks to is written into a file, and home and temporary files lie in `folder`. */
async function watched(folder: string): Promise<NodeJS.ProcessEnv & { CONNECTIONS_FILE: string }> {
  const library = join(folder, 'recordConnections.so');
  await mkdir(join(folder, 'home/tmp'), { recursive: true });
  const source = join(import.meta.dirname, 'recordConnections.c');
  await promisify(execFile)('gcc', ['-O2', '-shared', '-fPIC', '-o', library, source]);
  return {
    LD_PRELOAD: library,
    CONNECTIONS_FILE: join(folder, 'connections'),
    HOME: join(folder, 'home'),
    TMPDIR: join(folder, 'home/tmp'),
    XDG_CACHE_HOME: undefined,
    // ONNX Runtime does not report where this stands.
    CI: undefined,
    // Asked for by these tests only: the agent has to see to it itself.
    ORT_DISABLE_TELEMETRY: undefined,
  };
}

describe('odontoid demo --once', () => {
  it('ranks fractures above normals, says why one study was not analysed, has every result in the PACS, and speaks to nobody else', async () => {
    const environment = await watched(dir);
    const result = await runTool(
      process.execPath,
      [join(packageRoot, 'bin/odontoid.js'), 'demo', '--once', '--json', '--port', '0', '--dir', join(dir, 'demo')],
      { timeoutMs: 280_000, env: environment },
    );
    const demo = JSON.parse(result.stdout) as Demo;
    expect(demo.problems).toEqual([]);
    expect(result.exitCode).toBe(0);

    const of = (truth: string) => demo.worklist.filter((row) => row.truth === truth);
    expect([of('fracture').length, of('normal').length, of('ineligible').length]).toEqual([3, 2, 1]);
    expect(of('fracture').every((row) => row.decision === 'suspected')).toBe(true);
    expect(Math.max(...of('fracture').map((row) => row.rank))).toBeLessThan(
      Math.min(...of('normal').map((row) => row.rank)),
    );
    expect(of('ineligible')[0]).toMatchObject({ decision: 'not-analysed', state: 'ineligible', probability: null });
    expect(of('ineligible')[0]!.reason).toMatch(/localizer/i);
    for (const row of demo.worklist) {
      expect(row.why.length).toBeGreaterThan(0);
      expect(row.secondsToSr).toBeGreaterThan(0);
    }
    // One report a study, no study without one.
    const reports = demo.pacs.filter((object) => object.kind === 'sr').map((object) => object.studyInstanceUid);
    expect(new Set(reports).size).toBe(6);
    expect(reports).toHaveLength(6);

    const spokenTo = (await readFile(environment.CONNECTIONS_FILE, 'utf8')).trim().split('\n');
    expect([...new Set(spokenTo)]).toEqual(['127.0.0.1']);
    expect(await readdir(environment['HOME']!, { recursive: true })).toEqual(['tmp']);
  });

  it('does not empty a folder that no demo made', async () => {
    const result = await runTool(process.execPath, [
      join(packageRoot, 'bin/odontoid.js'),
      'demo',
      '--once',
      '--dir',
      dir,
    ]);
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toContain('--dir');
  });
});
