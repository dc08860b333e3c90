import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CaseAnswer } from '../../src/answers/caseAnswer.ts';
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
  type ApiRow,
} from '../pipeline/agentUnderTest.ts';
import { runTool } from './dcmtk.ts';

/** How DCMTK makes each lossless syntax, and the option with which its storescu proposes it. */
const SYNTAXES: readonly {
  name: string;
  convert: readonly string[] | null;
  propose: string;
  /** What test/unit/dicom/enhancedCt.py makes of the slices first. */
  enhanced?: object;
}[] = [
  { name: 'explicit little endian', convert: null, propose: '-xe' },
  { name: 'implicit little endian', convert: ['dcmconv', '+ti'], propose: '-xi' },
  { name: 'explicit big endian', convert: ['dcmconv', '+tb'], propose: '-xb' },
  { name: 'deflated', convert: ['dcmconv', '+td'], propose: '-xd' },
  { name: 'RLE', convert: ['dcmcrle'], propose: '-xr' },
  { name: 'JPEG lossless SV1', convert: ['dcmcjpeg', '+e1'], propose: '-xs' },
  { name: 'JPEG-LS lossless', convert: ['dcmcjpls', '+el'], propose: '-xt' },
  { name: 'Enhanced CT, deflated', convert: ['dcmconv', '+td'], propose: '-xd', enhanced: {} },
  {
    name: 'Legacy Converted Enhanced CT in two parts, JPEG-LS lossless',
    convert: ['dcmcjpls', '+el'],
    propose: '-xt',
    enhanced: { legacy: true, parts: 2 },
  },
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

/** The same pixels under UIDs of their own, sent by DCMTK's storescu in one syntax; its row when it is analysed. */
async function rowOf(index: number): Promise<ApiRow> {
  const { name, convert, propose, enhanced } = SYNTAXES[index]!;
  const study = await smallStudy(
    join(dir, `source-${index}`),
    640,
    { patientId: `SYNTAX-${index}`, uidSeed: name },
    'burst@C5',
  );
  const folder = join(dir, `send-${index}`);
  await mkdir(folder);
  for (const path of enhanced === undefined ? study.files.map((file) => file.path) : await asEnhancedCt(index)) {
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
    ['-q', '-R', '+sd', propose, '-aet', SENDER, '-aec', 'ODONTOID', '127.0.0.1', String(agent.dicomPort), folder],
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
  return row;
}

/** The slices of a study that is already written as multi-frame objects; their paths. */
async function asEnhancedCt(index: number): Promise<string[]> {
  const out = join(dir, `enhanced-${index}`);
  const options = join(dir, `enhanced-${index}.json`);
  await mkdir(out);
  await writeFile(
    options,
    JSON.stringify([{ ...SYNTAXES[index]!.enhanced, slices: join(dir, `source-${index}`), out }]),
  );
  const script = join(import.meta.dirname, '../unit/dicom/enhancedCt.py');
  expect(await runTool('/usr/bin/python3', [script, 'write', options])).toMatchObject({ exitCode: 0, stderr: '' });
  return (await readdir(out)).map((name) => join(out, name));
}

describe('every lossless transfer syntax gives the score of the uncompressed study', () => {
  let reference: number;
  it('uncompressed', async () => {
    reference = (await rowOf(0)).probability!;
    expect(reference).toBeGreaterThan(0);
  });
  it.each(SYNTAXES.slice(1).map(({ name }, index) => [name, index + 1] as const))('%s', async (_name, index) => {
    const row = await rowOf(index);
    expect(Math.abs(row.probability! - reference)).toBeLessThanOrEqual(1e-4);
    const answer = await fetch(new URL(`/api/cases/${row.studyInstanceUid}`, agent.url));
    const { findings, volume } = (await answer.json()) as CaseAnswer;
    const isEnhanced = SYNTAXES[index]!.enhanced !== undefined;
    for (const { frameNumber } of findings!.slices) expect(frameNumber !== undefined).toBe(isEnhanced);
    expect(volume?.frameNumbers?.length).toBe(isEnhanced ? volume?.positionsMm.length : undefined);
    // The page asks for slices by their place, whatever object they are in.
    const middle = Math.floor(volume!.positionsMm.length / 2);
    const image = await fetch(new URL(`/api/cases/${row.studyInstanceUid}/slices/${middle}`, agent.url));
    expect([image.status, (await image.arrayBuffer()).byteLength]).toEqual([200, volume!.rows * volume!.columns * 2]);
  });
});
