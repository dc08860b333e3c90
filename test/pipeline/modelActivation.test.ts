import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { dataPaths } from '../../src/compose/places.ts';
import { startAgent, type Agent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import type { LoopbackPacs } from '../../src/demo/loopbackPacs.ts';
import { loadModelPackage } from '../../src/infer/modelCard.ts';
import { installModelPackage } from '../../src/infer/modelPackages.ts';
import { createLog } from '../../src/base/log.ts';
import type { ModelIdentity } from '../../src/case/triageModel.ts';
import { createCaseStore, type WorklistStore } from '../../src/worklist/cases/caseStore.ts';
import { openDatabase, type WorklistDatabase } from '../../src/worklist/db/database.ts';
import { agentConfig, send, smallStudy, testPacs, until, worklist } from './agentUnderTest.ts';

let dir: string;
let pacs: LoopbackPacs;
let agent: Agent | null = null;
let database: WorklistDatabase | null = null;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-activation-'));
  pacs = await testPacs(dir);
});
afterEach(async () => {
  await agent?.close();
  await database?.close();
  await pacs.close();
  await rm(dir, { recursive: true, force: true });
});

const config = () => configFrom(agentConfig(dir, pacs));

async function start(): Promise<Agent> {
  agent = await startAgent(config(), { clock: systemClock, log: createLog('silent'), environment: process.env });
  return agent;
}

/** Another connection to the same file: what the command line in another process has. */
async function besides(): Promise<WorklistStore> {
  database = await openDatabase(dataPaths(config()).database);
  return createCaseStore(database, systemClock);
}

/** The shipped package under another version, installed; `edit` changes its manifest. */
async function installed(
  version: string,
  edit: (card: Record<string, unknown>) => void = () => undefined,
): Promise<ModelIdentity> {
  const folder = join(dir, `package-${version}`);
  await cp(resolve('models/compact'), folder, { recursive: true });
  const file = join(folder, 'model.json');
  const card = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  Object.assign(card, { version });
  edit(card);
  await writeFile(file, JSON.stringify(card));
  const source = await loadModelPackage(folder);
  await installModelPackage(source, dataPaths(config()).models);
  return source.identity;
}

it(
  'a shadow scores without a trace, becomes active without a restart, and a broken package leaves it serving, also after a restart',
  { timeout: 420_000 },
  async () => {
    const first = await start();
    const store = await besides();
    const shippedVersion = (await first.system()).model!.version;
    const next = await installed('98.0.0');
    const study = async (seed: number) => smallStudy(join(dir, `study-${seed}`), seed, { patientId: `P${seed}` });
    const delivered = (patientId: string) =>
      until(`${patientId} is delivered`, async () =>
        (await worklist(agent!.url)).find((row) => row.patientId === patientId && row.state === 'delivered'),
      );
    const modelOf = async (uid: string) => (await first.query.caseDetail(uid)).findings!.model.version;

    const before = await study(501);
    await send(
      first.dicomPort,
      before.files.map(({ path }) => path),
    );
    await delivered('P501');

    await store.activateModel({ role: 'shadow', model: next, threshold: null, reason: 'trial', by: 'test' });
    const [score] = await until('the shadow has scored it', async () =>
      (await store.shadowScores(next.sha256)).length === 0 ? null : store.shadowScores(next.sha256),
    );
    const reported = (await first.query.caseDetail(before.studyInstanceUid)).findings!;
    // The same graphs under another version: the same score, or the shadow saw something else.
    expect(score).toMatchObject({
      study_instance_uid: before.studyInstanceUid,
      failure: null,
      decision: reported.decision,
      reason_code: reported.reasonCode,
    });
    expect(score!.probability).toBeCloseTo(reported.probability!, 4);
    expect((await first.system()).shadow).toMatchObject({ model: { version: '98.0.0' }, error: null });
    const held = pacs
      .objects()
      .map(({ sopInstanceUid }) => sopInstanceUid)
      .sort();
    expect((await delivered('P501')).deliveries.map(({ sopInstanceUid }) => sopInstanceUid).sort()).toEqual(held);
    expect(
      (await first.query.caseDetail(before.studyInstanceUid)).events.every(({ actor }) => actor !== 'shadow'),
    ).toBe(true);

    // Half of a study is here, encoded by the one, when the other takes over.
    const across = await study(502);
    const half = across.files.length >> 1;
    await send(
      first.dicomPort,
      across.files.slice(0, half).map(({ path }) => path),
    );
    await store.activateModel({ role: 'active', model: next, threshold: 0.123, reason: 'approved', by: 'test' });
    await until('it is in use', async () => (await first.system()).model?.version === '98.0.0');
    expect((await store.modelInForce('active')).wanted).toMatchObject({
      failure: null,
      inUseAtMs: expect.any(Number) as number,
    });
    await until('the shadow’s place is empty', async () => (await first.system()).shadow === null);
    await send(
      first.dicomPort,
      across.files.slice(half).map(({ path }) => path),
    );
    await delivered('P502');
    const findings = (await first.query.caseDetail(across.studyInstanceUid)).findings!;
    expect([findings.model, findings.threshold?.value]).toEqual([next, 0.123]);
    expect(await modelOf(before.studyInstanceUid)).toBe(shippedVersion);

    const broken = await installed('99.0.0', (card) => {
      (card['golden'] as { encoder: { featureMean: number } }).encoder.featureMean += 1;
    });
    await store.activateModel({ role: 'active', model: broken, threshold: null, reason: 'a mistake', by: 'test' });
    const expectOldOneServing = async () => {
      const status = await until('the failure is known', async () => {
        const now = await agent!.system();
        return now.modelError !== null && now;
      });
      expect(status).toMatchObject({
        model: { version: '98.0.0' },
        modelError: expect.stringContaining('golden case differs') as string,
      });
      expect(await (await fetch(`${agent!.url}/metrics`)).text()).toMatch(/odontoid_model_activation_failed 1\n/);
      expect((await fetch(`${agent!.url}/readyz`)).status).toBe(200);
    };
    await expectOldOneServing();
    expect((await store.modelInForce('active')).wanted).toMatchObject({
      model: broken,
      inUseAtMs: null,
      failure: expect.stringContaining('golden case differs') as string,
    });
    await first.close();
    await start();
    await expectOldOneServing();
  },
);
