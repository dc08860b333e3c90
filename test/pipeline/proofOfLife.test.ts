import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { startAgent, type Agent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import type { LoopbackPacs } from '../../src/demo/loopbackPacs.ts';
import { createLog } from '../../src/base/log.ts';
import { sendFiles } from '../../src/pacs/sendFiles.ts';
import { agentConfig, send, smallStudy, testPacs, until } from './agentUnderTest.ts';

let dir: string;
let pacs: LoopbackPacs;
let agent: Agent | null;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'proof-'));
  pacs = await testPacs(dir);
  agent = null;
});
afterEach(async () => {
  await agent?.close();
  await pacs.close();
  await rm(dir, { recursive: true, force: true });
});

interface Proof {
  alarm: string | null;
  running: { id: number } | null;
  runs: {
    id: number;
    outcome: string | null;
    failure: string | null;
    studyInstanceUid: string;
    measures: {
      stageMs: Record<string, number>;
      totalMs: number;
      slices: number;
      probability: number;
      destinations: { name: string; ms: number | null; error: string | null }[];
    };
  }[];
}

async function start(over: Record<string, unknown> = {}): Promise<Agent> {
  agent = await startAgent(configFrom(agentConfig(dir, pacs, over)), {
    clock: systemClock,
    log: createLog('silent'),
    environment: {},
  });
  return agent;
}
const proofs = async (url: string): Promise<Proof> => (await (await fetch(`${url}/api/proof-of-life`)).json()) as Proof;
/** A connection kept alive may end in the moment in which it is used again: asked once more. */
const connectionLost = (error: unknown): Pick<Proof, 'runs'> => {
  if (error instanceof TypeError) return { runs: [] };
  throw error;
};
async function runOnce(url: string): Promise<Proof['runs'][number]> {
  const response = await fetch(`${url}/api/proof-of-life/runs`, { method: 'POST' });
  expect(response.status).toBe(201);
  const { id } = (await response.json()) as { id: number };
  return until(
    'the proof to end',
    async () => (await proofs(url).catch(connectionLost)).runs.find((run) => run.id === id && run.outcome !== null),
    150_000,
  );
}

it('sends a synthetic fracture through the receiver, the network and the report, and shows nobody a patient', async () => {
  const { url, dicomPort, store, query } = await start();
  const patient = await smallStudy(join(dir, 'patient'), 41, { patientId: 'P1' });
  const run = await runOnce(url);
  expect(run).toMatchObject({ outcome: 'passed', failure: null });
  expect(run.measures.slices).toBeGreaterThan(40);
  expect(run.measures.probability).toBeGreaterThan(0.8);
  expect(Object.keys(run.measures.stageMs)).toEqual(
    expect.arrayContaining(['make', 'receive', 'assemble', 'infer', 'report', 'destinations']),
  );
  expect(run.measures.totalMs).toBeGreaterThan(0);
  expect(run.measures.destinations).toEqual([{ name: 'pacs', ms: expect.any(Number) as number, error: null }]);

  // It went the whole way, and nothing of it went out or stands in a list, a count or a rank.
  expect((await query.caseDetail(run.studyInstanceUid)).row).toMatchObject({
    state: 'reported',
    decision: 'suspected',
    deliveries: [],
  });
  expect(await query.rows()).toEqual([]);
  expect(await query.totals()).toMatchObject({ unread: 0, held: 0, lastReceivedAtMs: null });
  expect(pacs.objects()).toEqual([]);
  // A patient's study beside it is seen and delivered as ever.
  expect(
    await send(
      dicomPort,
      patient.files.map(({ path }) => path),
    ),
  ).not.toContain('refused');
  const rows = await until(
    'the patient to be delivered',
    async () =>
      (await query.rows()).every(({ state }) => state === 'delivered') &&
      (await query.rows()).length > 0 &&
      (await query.rows()),
  );
  expect(rows.map(({ patientId, rank }) => [patientId, rank])).toEqual([['P1', 1]]);
  expect(new Set(pacs.objects().map(({ patientId }) => patientId))).toEqual(new Set(['P1']));

  // A second run gives the same score; then retention takes the studies, and the results of the runs stay.
  const again = await runOnce(url);
  expect(again.outcome).toBe('passed');
  expect(again.studyInstanceUid).not.toBe(run.studyInstanceUid);
  expect(again.measures.probability).toBeCloseTo(run.measures.probability, 6);
  const removable = await store.removableCases(systemClock.now() + 1, 10);
  expect(removable.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(
    expect.arrayContaining([run.studyInstanceUid, again.studyInstanceUid]),
  );
  expect(await store.beginRemoval(run.studyInstanceUid, systemClock.now() + 1)).not.toBeNull();
  expect(await store.finishRemoval(run.studyInstanceUid)).toBe(true);
  expect((await proofs(url)).runs).toHaveLength(2);
  expect(existsSync(join(dir, 'agent', 'proof')) ? await readdir(join(dir, 'agent', 'proof')) : []).toEqual([]);
}, 400_000);

it('fails, with an alarm, when results cannot get out', async () => {
  const { url } = await start();
  await pacs.close();
  const run = await runOnce(url);
  expect(run.outcome).toBe('failed');
  expect(run.failure).toMatch(/^Results cannot get out: .*nothing listens/);
  expect((await proofs(url)).alarm).toContain(run.failure);
  const { alarms } = (await (await fetch(`${url}/readyz`)).json()) as { alarms: string[] };
  expect(alarms).toEqual([`The proof of life failed: ${run.failure}`]);
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('odontoid_proof_of_life_alarm 1');
});

it('sends its results where the configuration says, and fails when they are not taken', async () => {
  const { url, query } = await start({ proofOfLife: { sendTo: ['pacs'] } });
  const run = await runOnce(url);
  expect(run).toMatchObject({ outcome: 'passed' });
  expect((await query.caseDetail(run.studyInstanceUid)).row.state).toBe('delivered');
  expect(pacs.objects().map(({ studyInstanceUid }) => studyInstanceUid)).toContain(run.studyInstanceUid);
  pacs.faults.storeStatus = 0x0122;
  const refused = await runOnce(url);
  expect(refused.failure).toMatch(/pacs refused a result/);
}, 400_000);

it('is late rather than in the way: over its time, it says where it stands', async () => {
  const { url } = await start({ infer: { modelDir: join(dir, 'no-model') }, proofOfLife: { timeoutMinutes: 0.7 } });
  const run = await runOnce(url);
  expect(run.failure).toMatch(/not done within 1 min: it is still "assembled"/);
});

it('lets nobody else send as the agent itself', async () => {
  const { dicomPort } = await start();
  const study = await smallStudy(join(dir, 'stranger'), 42);
  const peer = { name: 'agent', aeTitle: 'ODONTOID', host: '127.0.0.1', port: dicomPort, timeoutMs: 5_000 };
  const asGuess = await sendFiles({ ...peer, callingAeTitle: 'PROOF-0123456789' }, [study.files[0]!.path], {
    clock: systemClock,
  });
  expect(asGuess[0]!.outcome.kind).toBe('unreachable');
});
