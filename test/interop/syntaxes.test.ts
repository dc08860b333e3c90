import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoopbackPacs } from '../../src/demo/loopbackPacs.ts';
import {
  agentConfig,
  SENDER,
  smallStudy,
  startAgentProcess,
  testPacs,
  until,
  worklist,
  type AgentProcess,
} from '../pipeline/agentUnderTest.ts';
import { runTool } from './dcmtk.ts';

/** How DCMTK makes each lossless syntax, and the option with which its storescu proposes it. */
const SYNTAXES: readonly { name: string; convert: readonly string[] | null; propose: string }[] = [
  { name: 'explicit little endian', convert: null, propose: '-xe' },
  { name: 'implicit little endian', convert: ['dcmconv', '+ti'], propose: '-xi' },
  { name: 'explicit big endian', convert: ['dcmconv', '+tb'], propose: '-xb' },
  { name: 'deflated', convert: ['dcmconv', '+td'], propose: '-xd' },
  { name: 'RLE', convert: ['dcmcrle'], propose: '-xr' },
  { name: 'JPEG lossless SV1', convert: ['dcmcjpeg', '+e1'], propose: '-xs' },
  { name: 'JPEG-LS lossless', convert: ['dcmcjpls', '+el'], propose: '-xt' },
];

let dir: string;
let pacs: LoopbackPacs;
let agent: AgentProcess;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-syntaxes-'));
  pacs = await testPacs(dir);
  agent = await startAgentProcess(agentConfig(dir, pacs));
});
afterAll(async () => {
  await agent.stop();
  await pacs.close();
  await rm(dir, { recursive: true, force: true });
});

/** The same pixels under UIDs of their own, sent by DCMTK's storescu in one syntax; its probability. */
async function probability(index: number): Promise<number> {
  const { name, convert, propose } = SYNTAXES[index]!;
  const study = await smallStudy(
    join(dir, `source-${index}`),
    640,
    { patientId: `SYNTAX-${index}`, uidSeed: name },
    'burst@C5',
  );
  const folder = join(dir, `send-${index}`);
  await mkdir(folder);
  for (const { path } of study.files) {
    const target = join(folder, basename(path));
    if (convert === null) await copyFile(path, target);
    else {
      const [tool, ...options] = convert;
      const made = await runTool(tool!, [...options, path, target]);
      expect(made.stderr).toBe('');
      expect(made.exitCode).toBe(0);
    }
  }
  const sent = await runTool(
    'storescu',
    ['-q', '+sd', propose, '-aet', SENDER, '-aec', 'ODONTOID', '127.0.0.1', String(agent.dicomPort), folder],
    { env: { TCP_NODELAY: '1' }, timeoutMs: 120_000 },
  );
  expect(sent.stderr).toBe('');
  expect(sent.exitCode).toBe(0);
  const row = await until(`${name} is analysed`, async () =>
    (await worklist(agent.url)).find(
      (candidate) => candidate.patientId === `SYNTAX-${index}` && candidate.decision !== null,
    ),
  );
  expect(row.decision).not.toBe('not-analysed');
  return row.probability!;
}

describe('every lossless transfer syntax gives the score of the uncompressed study', () => {
  let reference: number;
  it('uncompressed', async () => {
    reference = await probability(0);
    expect(reference).toBeGreaterThan(0);
  });
  it.each(SYNTAXES.slice(1).map(({ name }, index) => [name, index + 1] as const))('%s', async (_name, index) => {
    expect(Math.abs((await probability(index)) - reference)).toBeLessThanOrEqual(1e-4);
  });
});
