import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { ModelIdentity } from '../../src/case/triageModel.ts';
import { dataPaths } from '../../src/compose/places.ts';
import { startAgent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { createLog } from '../../src/base/log.ts';
import { openDatabase } from '../../src/worklist/db/database.ts';
import { agentConfig, send, SENDER, smallStudy, testPacs, until, worklist } from './agentUnderTest.ts';

const OTHER = 'OTHERCT';
const REASON = 'A trial of the thresholds in a test';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-thresholds-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

it(
  'a source has its own threshold, it is taken back with one request, and stopped flags judge nobody',
  { timeout: 300_000 },
  async () => {
    const pacs = await testPacs(dir);
    const sources = [SENDER, OTHER].map((aeTitle) => ({ aeTitle, addresses: ['127.0.0.1'] }));
    const config = configFrom(agentConfig(dir, pacs, { receive: { port: 0, sources, minFreeBytes: 0 } }));
    const agent = await startAgent(config, {
      clock: systemClock,
      log: createLog('silent'),
      environment: process.env,
    });
    const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
      const response = await fetch(`${agent.url}${path}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Origin: agent.url },
        body: JSON.stringify(body),
      });
      expect(response.ok, `${path}: ${await response.clone().text()}`).toBe(true);
      return (await response.json()) as Record<string, unknown>;
    };
    /** The same broken neck, as another patient's study. */
    const judged = async (patientId: string, from: string) => {
      const study = await smallStudy(join(dir, patientId), 77, { patientId, uidSeed: patientId }, 'burst@C5');
      await send(
        agent.dicomPort,
        study.files.map(({ path }) => path),
        1,
        from,
      );
      const row = await until(`${patientId} is delivered`, async () =>
        (await worklist(agent.url)).find((one) => one.patientId === patientId && one.state === 'delivered'),
      );
      return (await agent.query.caseDetail(row.studyInstanceUid)).findings!;
    };
    /** Ten past scans with a confirmed fracture, without which a threshold cannot be set this high. */
    const confirmFractures = async (model: ModelIdentity) => {
      const database = await openDatabase(dataPaths(config).database);
      for (let past = 1; past <= 10; past += 1) {
        const atMs = systemClock.now() - past * 86_400_000;
        const scan = { study_instance_uid: `1.2.3.${past}`, model_sha256: model.sha256, probability: 1 };
        await database.db
          .insertInto('scan_history')
          .values({
            ...scan,
            ...{ source_ae_title: SENDER, scanner: '', arrived_at: atMs, scored_at: atMs, read_at: atMs },
            ...{ decision: 'suspected', stat: 0 },
          })
          .execute();
        await database.db
          .insertInto('verdicts')
          .values({
            ...scan,
            ...{ revision: 1, verdict: 'agree', fracture: 'yes', model_name: model.name, model_version: model.version },
            ...{ threshold: 0.5, threshold_version: 1, created_at: atMs, created_by: 'rita' },
          })
          .execute();
      }
      await database.close();
    };
    try {
      const first = await judged('P1', OTHER);
      expect(first.decision).toBe('suspected');
      await confirmFractures(first.model);
      const above = Math.min(1, first.probability! + 1e-4);
      const { id } = await post('/api/thresholds/drafts', { sourceAeTitle: OTHER, value: above, reason: REASON });
      // The obvious fracture of the proof of life is judged under it first.
      const proof = await until('the proof of life to have a score', async () => {
        const board = (await (await fetch(`${agent.url}/api/thresholds`)).json()) as {
          draft: { proof: { state: string; score: number | null; threshold: number | null } };
        };
        return board.draft.proof.score === null ? null : board.draft.proof;
      });
      expect(proof).toMatchObject({ state: proof.score! >= above ? 'flagged' : 'not-flagged', threshold: above });
      const despite = proof.score! >= above ? {} : { despiteProof: 'The other scanner is tried in a test' };
      const changed = await post(`/api/thresholds/drafts/${String(id)}/confirm`, despite);
      expect(changed['kind']).toBe('activated');

      const ofOther = await judged('P2', OTHER);
      const ofSender = await judged('P3', SENDER);
      expect([ofOther.probability, ofSender.probability]).toEqual([first.probability, first.probability]);
      expect([ofOther.decision, ofSender.decision]).toEqual(['not-suspected', 'suspected']);
      expect(ofOther.threshold).toEqual({ value: above, version: changed['version'] });
      // The version of what holds for it: nothing has changed for this source.
      expect(ofSender.threshold).toEqual(first.threshold);

      await post('/api/thresholds/revert', { version: changed['version'] });
      expect(await judged('P4', OTHER)).toMatchObject({ decision: 'suspected', threshold: first.threshold });

      const stopped = await post('/api/thresholds/stop', { reason: REASON });
      expect(await judged('P5', OTHER)).toMatchObject({
        decision: 'not-analysed',
        reasonCode: 'flags-stopped',
        probability: null,
      });
      await post('/api/thresholds/revert', { version: stopped['version'] });
      expect((await judged('P6', SENDER)).decision).toBe('suspected');
      // What was judged before keeps what it was judged by.
      const rows = await worklist(agent.url);
      expect(Object.fromEntries(rows.map((row) => [row.patientId, row.decision]))).toEqual({
        P1: 'suspected',
        P2: 'not-suspected',
        P3: 'suspected',
        P4: 'suspected',
        P5: 'not-analysed',
        P6: 'suspected',
      });
    } finally {
      await agent.close();
      await pacs.close();
    }
  },
);
