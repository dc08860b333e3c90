import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

describe('odontoid demo --once', () => {
  it('ranks fractures above normals, says why one study was not analysed, and has every result in the PACS', async () => {
    const result = await runTool(
      process.execPath,
      [join(packageRoot, 'bin/odontoid.js'), 'demo', '--once', '--json', '--port', '0', '--dir', join(dir, 'demo')],
      { timeoutMs: 280_000 },
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
