import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ConnectionsAnswer } from '../../src/answers/adminAnswers.ts';
import { systemClock } from '../../src/base/clock.ts';
import { createLog } from '../../src/base/log.ts';
import { startAgent, type Agent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { recordedStudy } from '../../src/pull/recordedStudy.ts';
import { until } from '../pipeline/agentUnderTest.ts';
import { freePort } from './dcmtk.ts';
import { startOrthanc, type Orthanc } from './orthanc.ts';
import { smallObject } from './smallObject.ts';

/** An archive that cannot push: a real Orthanc is asked for new CTs, across stops of the agent and the death of the archive. */

let dir: string;
let orthanc: Orthanc;
let dicomPort: number;
let archivePort: number;
let agent: Agent | null = null;

/** Tools write local days. */
const now = new Date(systemClock.now());
const TODAY = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((n) => String(n).padStart(2, '0')).join('');

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-watch-'));
  [dicomPort, archivePort] = [await freePort(), await freePort()];
  orthanc = await startArchive();
});
afterAll(async () => {
  await agent?.close();
  await orthanc.stop();
  await rm(dir, { recursive: true, force: true });
});

const startArchive = (): Promise<Orthanc> =>
  startOrthanc({
    dir: join(dir, 'orthanc'),
    dicomPort: archivePort,
    dicomWeb: true,
    modalities: { odontoid: { aeTitle: 'ODONTOID', port: dicomPort } },
    configuration: { DicomAlwaysAllowMove: true },
  });

async function start(name: 'pacs' | 'web' = 'pacs'): Promise<Agent> {
  return startAgent(
    configFrom({
      dataDir: join(dir, name),
      receive: { port: dicomPort, sources: [{ aeTitle: 'ORTHANC', addresses: ['127.0.0.1'] }], minFreeBytes: 0 },
      assemble: { quietMs: 600_000 },
      destinations: [
        name === 'pacs'
          ? { name: 'pacs', kind: 'dimse', aeTitle: 'ORTHANC', host: '127.0.0.1', port: archivePort }
          : { name: 'web', kind: 'dicomweb', url: orthanc.dicomWebUrl },
      ],
      selection: [{ name: 'no-chests', when: { descriptions: ['*chest*'] }, do: 'ignore' }],
      // It is asked at the start: no test waits for the schedule.
      watch: { archives: [name], schedule: '0 0 1 1 *' },
      proofOfLife: { schedule: 'off' },
      web: { port: 0, signIn: 'off' },
      housekeeping: { lowWaterFreeBytes: 0 },
    }),
    { clock: systemClock, log: createLog('silent'), environment: {} },
  );
}
async function stop(): Promise<void> {
  await agent?.close();
  agent = null;
}

async function archive(study: string, from: number, to: number, attributes = {}): Promise<void> {
  for (let index = from; index <= to; index++) {
    const path = join(dir, 'object.dcm');
    await writeFile(
      path,
      smallObject(study, index, {
        PatientID: `W-${study}`,
        PatientName: 'Watch^Anna',
        StudyDate: TODAY,
        StudyDescription: 'Neck',
        ...attributes,
      }),
    );
    const stored = await fetch(`${orthanc.httpUrl}/instances`, { method: 'POST', body: await readFile(path) });
    expect(stored.ok).toBe(true);
  }
}
const onRecord = async (study: string): Promise<number> => (await recordedStudy(agent!.query, study)).objects;
const hasAll = (study: string, count: number) =>
  until(`${count} of ${study}`, async () => (await onRecord(study)) === count);
const watch = async (): Promise<NonNullable<ConnectionsAnswer['destinations'][number]['watch']>> =>
  ((await (await fetch(`${agent!.url}/api/connections`)).json()) as ConnectionsAnswer).destinations[0]!.watch!;

it('fetches what is new, what came while the agent was down, and what has grown', async () => {
  await archive('2.25.201', 1, 3);
  await archive('2.25.202', 1, 1, { Modality: 'MR', SOPClassUID: '1.2.840.10008.5.1.4.1.1.4' });
  await archive('2.25.203', 1, 1, { StudyDescription: 'CT Chest' });
  agent = await start();
  await hasAll('2.25.201', 3);
  await until('nothing waits', async () => (await watch()).waiting === 0);
  expect(await watch()).toMatchObject({ lastError: null, failing: 0, fetchError: null });
  await stop();

  await archive('2.25.201', 4, 4);
  await archive('2.25.204', 1, 2);
  agent = await start();
  await hasAll('2.25.201', 4);
  await hasAll('2.25.204', 2);
  // An MR, and what a rule ignores by its description.
  expect([await onRecord('2.25.202'), await onRecord('2.25.203')]).toEqual([0, 0]);
  await stop();
});

it('loses nothing of a study whose archive dies while it sends, and says so meanwhile', async () => {
  const objects = 150;
  await archive('2.25.205', 1, objects);
  agent = await start();
  await until('some came', async () => (await onRecord('2.25.205')) > 0);
  await orthanc.server.stop('SIGKILL');
  const failed = await until('it is noticed', async () => ((await watch()).fetchError === null ? null : watch()));
  expect(failed.waiting).toBe(1);
  expect(failed.fetchError).toMatch(/ORTHANC/);
  await stop();
  expect(failed.succeededAtMs).not.toBeNull();

  // While it is down, the archive cannot be asked; nothing of what is known is forgotten.
  agent = await start();
  await until('it cannot be asked', async () => (await watch()).lastError !== null);
  await stop();
  orthanc = await startArchive();
  agent = await start();
  await hasAll('2.25.205', objects);
  await until('nothing waits', async () => (await watch()).waiting === 0);
  expect(await watch()).toMatchObject({ lastError: null, fetchError: null });
});

it('asks a DICOMweb archive in the same way', async () => {
  await stop();
  agent = await start('web');
  await hasAll('2.25.201', 4);
  await hasAll('2.25.204', 2);
  await until('nothing waits', async () => (await watch()).waiting === 0);
  expect([await onRecord('2.25.202'), await onRecord('2.25.203')]).toEqual([0, 0]);
  expect(await watch()).toMatchObject({ lastError: null, failing: 0, fetchError: null });
});
