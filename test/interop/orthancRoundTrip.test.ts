import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { startAgent, type Agent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { createLog } from '../../src/base/log.ts';
import type { WrittenStudy } from '../../src/phantom/writePhantomStudy.ts';
import { smallStudy, until } from '../pipeline/agentUnderTest.ts';
import { freePort, runTool } from './dcmtk.ts';
import { startOrthanc, type Orthanc } from './orthanc.ts';

/** Routes every study that is stable to the agent: whole, and again after the results came back, as careless rules do. */
const ROUTE_ALL = `
function OnStableStudy(id, tags, metadata)
  RestApiPost('/modalities/odontoid/store', '{"Resources": ["' .. id .. '"], "Asynchronous": true}')
end`;

const NAMES = {
  accented: 'Müller-Lüdenscheidt^Jérôme',
  japanese: 'Yamada^Tarou=山田^太郎=やまだ^たろう',
};

interface OrthancInstance {
  ID: string;
  MainDicomTags: { SOPInstanceUID: string };
}

let dir: string;
let orthanc: Orthanc;
let agent: Agent;
const studies: Partial<Record<keyof typeof NAMES, WrittenStudy>> = {};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-orthanc-'));
  const dicomPort = await freePort();
  orthanc = await startOrthanc({
    dir: join(dir, 'orthanc'),
    lua: ROUTE_ALL,
    modalities: { odontoid: { aeTitle: 'ODONTOID', port: dicomPort } },
  });
  agent = await startAgent(
    configFrom({
      dataDir: join(dir, 'agent'),
      receive: { port: dicomPort, sources: [{ aeTitle: 'ORTHANC', addresses: ['127.0.0.1'] }], minFreeBytes: 0 },
      assemble: { quietMs: 3_000 },
      destinations: [
        {
          ...{ name: 'orthanc', kind: 'dimse' as const, aeTitle: 'ORTHANC', host: '127.0.0.1' },
          port: orthanc.dicomPort,
          objects: ['report', 'card', 'heatmaps', 'keySlices'],
        },
      ],
      delivery: { retryMinMs: 300 },
      web: { port: 0, signIn: 'off' },
      housekeeping: { lowWaterFreeBytes: 0 },
    }),
    { clock: systemClock, log: createLog('error'), environment: {} },
  );
  for (const [key, patientName] of Object.entries(NAMES) as [keyof typeof NAMES, string][]) {
    const study = await smallStudy(
      join(dir, key),
      key === 'accented' ? 501 : 502,
      { patientName, patientId: `ID-${key}`, accessionNumber: `ACC-${key}` },
      key === 'accented' ? 'dens-2@C2' : undefined,
    );
    studies[key] = study;
    for (const file of study.files) {
      const response = await fetch(`${orthanc.httpUrl}/instances`, { method: 'POST', body: await readFile(file.path) });
      expect(response.ok).toBe(true);
    }
  }
});
afterAll(async () => {
  await agent.close();
  await orthanc.stop();
  await rm(dir, { recursive: true, force: true });
});

async function results(study: WrittenStudy): Promise<{ file: string; modality: string }[]> {
  const found = (await (
    await fetch(`${orthanc.httpUrl}/tools/find`, {
      method: 'POST',
      body: JSON.stringify({ Level: 'Series', Query: { StudyInstanceUID: study.studyInstanceUid }, Expand: true }),
    })
  ).json()) as { ID: string; MainDicomTags: { Modality: string } }[];
  const out: { file: string; modality: string }[] = [];
  for (const series of found.filter((candidate) => candidate.MainDicomTags.Modality !== 'CT')) {
    for (const instance of (await orthanc.get(`/series/${series.ID}/instances`)) as OrthancInstance[]) {
      const file = join(dir, `${instance.MainDicomTags.SOPInstanceUID}.dcm`);
      await writeFile(
        file,
        Buffer.from(await (await fetch(`${orthanc.httpUrl}/instances/${instance.ID}/file`)).arrayBuffer()),
      );
      out.push({ file, modality: series.MainDicomTags.Modality });
    }
  }
  return out;
}

describe('a real Orthanc routes a study to the agent, and the results come back into it', () => {
  it.each(Object.keys(NAMES) as (keyof typeof NAMES)[])('%s name', async (key) => {
    const study = studies[key]!;
    const row = await until(
      'delivered',
      async () =>
        (await agent.query.rows()).find(
          (candidate) => candidate.studyInstanceUid === study.studyInstanceUid && candidate.state === 'delivered',
        ),
      180_000,
    );
    expect(row.patientName).toBe(NAMES[key]);
    expect(row.decision).toMatch(/^(suspected|not-suspected)$/);

    const objects = await results(study);
    expect(objects.filter((object) => object.modality === 'SR')).toHaveLength(1);
    expect(objects.filter((object) => object.modality === 'OT').length).toBeGreaterThanOrEqual(1);
    // The Key Object Selection is of flagged scans.
    expect(objects.filter((object) => object.modality === 'KO')).toHaveLength(row.decision === 'suspected' ? 1 : 0);
    if (key === 'accented') expect(row.decision).toBe('suspected');
    for (const { file, modality } of objects) {
      const verdict = await runTool('dciodvfy', ['-new', file]);
      expect(`${verdict.stdout}${verdict.stderr}`).not.toMatch(/^Error/m);
      const dump = await runTool('dcmdump', [
        '-q',
        '-Un',
        '+P',
        'PatientName',
        '+P',
        'PatientID',
        '+P',
        'StudyInstanceUID',
        '+P',
        'AccessionNumber',
        file,
      ]);
      expect(dump.stdout).toContain(`[${NAMES[key]}]`);
      expect(dump.stdout).toContain(`[ID-${key}]`);
      expect(dump.stdout).toContain(`[${study.studyInstanceUid}]`);
      expect(dump.stdout).toContain(`[ACC-${key}]`);
      if (modality === 'SR') {
        const sr = await runTool('dsrdump', [file]);
        expect(sr.exitCode).toBe(0);
        expect(sr.stdout).toMatch(
          row.decision === 'suspected' ? /Imaging Measurement Report/ : /AI triage: not flagged - read as usual/,
        );
      }
    }
  });

  it('results that are routed back start nothing', async () => {
    const ownResults = async () =>
      (await Promise.all(Object.values(studies).map((study) => agent.query.caseDetail(study.studyInstanceUid)))).map(
        (detail) => detail.instances.ownResults,
      );
    await until(
      'Orthanc has sent the results back',
      async () => (await ownResults()).every((count) => count >= 2),
      120_000,
    );
    const rows = await agent.query.rows();
    expect(rows).toHaveLength(2);
    expect(rows.every((row) => row.revision === 1 && row.state === 'delivered')).toBe(true);
  });

  it('half of a study comes under a temporary ID, the rest under the real one: one press, and the PACS has one report of the whole', async () => {
    const written = (patientId: string, patientName: string, accessionNumber: string) =>
      smallStudy(
        join(dir, patientId),
        503,
        { patientId, patientName, accessionNumber, uidSeed: 'renamed' },
        'dens-2@C2',
      );
    const temporary = await written('TEMP-7', 'Unknown^Trauma', 'ACC-TEMP');
    const real = await written('MRN-4711', 'Lindqvist^Maja', 'ACC-REAL');
    const half = Math.floor(real.files.length / 2);
    const send = async (files: WrittenStudy['files']) => {
      const peer = ['-aet', 'ORTHANC', '-aec', 'ODONTOID', '127.0.0.1', String(agent.dicomPort)];
      const sent = await runTool('storescu', [...peer, ...files.map(({ path }) => path)]);
      expect(sent.exitCode, sent.stderr).toBe(0);
    };
    const row = async () =>
      (await agent.query.rows()).find(({ studyInstanceUid }) => studyInstanceUid === real.studyInstanceUid);
    const isOut = async () => {
      const now = await row();
      const { deliveries = [] } = now ?? {};
      return deliveries.length > 0 && deliveries.every(({ status }) => status === 'confirmed') && now;
    };
    await send(temporary.files.slice(0, half));
    const part = await until('the report of a half', isOut);
    await send(real.files.slice(half));
    const held = (await until('held', async () => (await row())?.held ?? null)).otherPatient!;
    const { patientId, patientName } = held;
    const pressed = await fetch(`${agent.url}/api/cases/${real.studyInstanceUid}/release`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ use: 'same-patient', patient: { patientId, patientName }, reason: 'ID replaced' }),
    });
    expect(pressed.status).toBe(204);
    const whole = await until('the report of the whole', async () => {
      const now = await isOut();
      return now && now.revision === 2 && now.state === 'delivered' && now;
    });
    expect(whole).toMatchObject({ patientId: 'MRN-4711', accessionNumber: 'ACC-REAL', decision: 'suspected' });
    expect((await agent.query.caseDetail(real.studyInstanceUid)).manifest?.slices).toHaveLength(real.files.length);
    const identities: string[] = [];
    for (const { file } of await results(real)) {
      const dump = await runTool('dcmdump', ['-q', '-s', '+P', 'PatientID', '+P', 'AccessionNumber', file]);
      identities.push(
        [...dump.stdout.matchAll(/\[(.*?)\]/g)]
          .map(([, value]) => value)
          .sort()
          .join(' '),
      );
      const verdict = await runTool('dciodvfy', ['-new', file]);
      expect(`${verdict.stdout}${verdict.stderr}`).not.toMatch(/^Error/m);
    }
    expect(identities.sort()).toEqual([
      ...whole.deliveries.map(() => 'ACC-REAL MRN-4711'),
      ...part.deliveries.map(() => 'ACC-TEMP TEMP-7'),
    ]);
  });
});
