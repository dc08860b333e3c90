import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeAll, afterAll, describe, expect, it } from 'vitest';
import type { LoopbackPacs } from '../../src/demo/loopbackPacs.ts';
import { datasetOffset } from '../../src/dicom/header.ts';
import type { WrittenStudy } from '../../src/phantom/writePhantomStudy.ts';
import {
  agentConfig,
  send,
  smallStudy,
  startAgentProcess,
  testPacs,
  until,
  worklist,
  type AgentProcess,
} from './agentUnderTest.ts';

const SR_PREFIX = '1.2.840.10008.5.1.4.1.1.88.';
const POINTS = [
  'assemble:claimed',
  'assemble:ran',
  'assemble:applied',
  'infer:claimed',
  'infer:ran',
  'infer:applied',
  'report:claimed',
  'report:ran',
  'report:applied',
];

let source: string;
let study: WrittenStudy;
beforeAll(async () => {
  source = await mkdtemp(join(tmpdir(), 'odontoid-crash-source-'));
  study = await smallStudy(join(source, 'study'), 77, { patientId: 'CRASH' }, 'burst@C5');
});
afterAll(() => rm(source, { recursive: true, force: true }));

let dir: string;
let pacs: LoopbackPacs;
const agents: AgentProcess[] = [];
async function setUp(): Promise<void> {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-crash-'));
  pacs = await testPacs(dir);
}
async function start(killAt?: string, over: Record<string, unknown> = {}): Promise<AgentProcess> {
  const agent = await startAgentProcess(agentConfig(dir, pacs, over), killAt);
  agents.push(agent);
  return agent;
}
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop();
  await pacs.close();
  await rm(dir, { recursive: true, force: true });
});

/** The promise: after a kill and a restart there is one report and one set of captures, and nothing that was sent is missing. */
async function expectOneResult(agent: AgentProcess): Promise<void> {
  const row = await until('the case is delivered', async () =>
    (await worklist(agent.url)).find((candidate) => candidate.state === 'delivered'),
  );
  expect(row.revision).toBe(1);
  const held = pacs.objects();
  expect(held.filter((object) => object.sopClassUid.startsWith(SR_PREFIX))).toHaveLength(1);
  expect(new Set(held.map((object) => object.sopInstanceUid))).toEqual(
    new Set(row.deliveries.map((delivery) => delivery.sopInstanceUid)),
  );
  expect(
    held.every((object) => object.patientId === 'CRASH' && object.studyInstanceUid === study.studyInstanceUid),
  ).toBe(true);
}

describe('kill -9 and restart gives the same single result', () => {
  it.each(POINTS)('at %s', async (point) => {
    await setUp();
    const doomed = await start(point);
    expect(
      new Set(
        await send(
          doomed.dicomPort,
          study.files.map((file) => file.path),
        ),
      ),
    ).toEqual(new Set(['stored']));
    expect(await doomed.gone).toBe('SIGKILL');
    expect(await readFile(join(dir, 'killed'), 'utf8')).toBe(point);
    await expectOneResult(await start());
  });

  it('while slices arrive: every acknowledged slice is there, its bytes equal, and the rest completes the study', async () => {
    await setUp();
    // Long enough for the sender to come again: a release decides, not silence.
    const patient = { assemble: { quietMs: 60_000 } };
    const doomed = await start(undefined, patient);
    const half = Math.floor(study.files.length / 2);
    await send(
      doomed.dicomPort,
      study.files.slice(0, half).map((file) => file.path),
    );
    // No wait: the database may not know of them yet, the disk must.
    process.kill(doomed.pid, 'SIGKILL');
    await doomed.gone;
    const revived = await start(undefined, patient);
    await until('the acknowledged slices are on record', async () => (await worklist(revived.url)).length === 1);
    expect(
      new Set(
        await send(
          revived.dicomPort,
          study.files.map((file) => file.path),
        ),
      ),
    ).toEqual(new Set(['stored']));
    await expectOneResult(revived);

    const kept = (await readdir(join(dir, 'agent/spool/objects'), { recursive: true })).filter((name) =>
      name.endsWith('.dcm'),
    );
    expect(kept).toHaveLength(study.files.length);
    for (const file of study.files) {
      const bytes = await readFile(
        join(
          dir,
          'agent/spool/objects',
          kept.find((name) => basename(name).startsWith(`${file.sopInstanceUid}.`))!,
        ),
      );
      const sent = await readFile(file.path);
      expect(bytes.subarray(datasetOffset(bytes)).equals(sent.subarray(datasetOffset(sent)))).toBe(true);
    }
  });

  it('while results are sent, the answer lost: sent again under the same UIDs', async () => {
    await setUp();
    pacs.faults.delayMs = 300;
    const doomed = await start();
    await send(
      doomed.dicomPort,
      study.files.map((file) => file.path),
    );
    await until('the first result has reached the PACS', () => pacs.objects().length > 0);
    process.kill(doomed.pid, 'SIGKILL');
    await doomed.gone;
    pacs.faults.delayMs = 0;
    await expectOneResult(await start());
  });

  it('a clean stop leaves no child and no lock behind', async () => {
    await setUp();
    const agent = await start();
    expect(await agent.stop()).toBe(0);
    const again = await start();
    expect(existsSync(join(dir, 'agent/odontoid.sqlite'))).toBe(true);
    expect(await again.stop()).toBe(0);
  });
});
