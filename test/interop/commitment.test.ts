import { mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ConnectionsAnswer } from '../../src/answers/adminAnswers.ts';
import type { CaseAnswer } from '../../src/answers/caseAnswer.ts';
import { systemClock } from '../../src/base/clock.ts';
import { createLog } from '../../src/base/log.ts';
import { dataPaths } from '../../src/compose/places.ts';
import { startAgent, type Agent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { reportCommitment, requestCommitment } from '../../src/pacs/storageCommitment.ts';
import { openDatabase } from '../../src/worklist/db/database.ts';
import { freePort } from './dcmtk.ts';
import { startOrthanc, type Orthanc } from './orthanc.ts';
import { smallObject } from './smallObject.ts';

/**
 * Orthanc as a sender that asks for Storage Commitment, which the agent answers from its disk, and as the archive of results that the agent asks. Both report on
 * an association of their own.
 */

const CT = '1.2.840.10008.5.1.4.1.1.2';
const SC = '1.2.840.10008.5.1.4.1.1.7';
const STUDY = '2.25.401';
const uidOf = (index: number) => `${STUDY}.1.${index}`;
let dir: string;
let agent: Agent;
let orthanc: Orthanc;
let dicomPort: number;
/** Where the agent reports to; nobody listens there at first. */
let reportPort: number;
let archivePort: number;

const settings = () =>
  configFrom({
    dataDir: join(dir, 'agent'),
    receive: {
      port: dicomPort,
      sources: [
        { aeTitle: 'MODALITY', addresses: ['127.0.0.1'], commitment: { host: '127.0.0.1', port: reportPort } },
        { aeTitle: 'UNASKED', addresses: ['127.0.0.1'] },
      ],
      minFreeBytes: 0,
    },
    destinations: [
      { name: 'archive', kind: 'dimse', aeTitle: 'MODALITY', host: '127.0.0.1', port: archivePort, commitment: true },
    ],
    proofOfLife: { schedule: 'off' },
    web: { port: 0, signIn: 'off' },
    housekeeping: { lowWaterFreeBytes: 0 },
  });
const start = () => startAgent(settings(), { clock: systemClock, log: createLog('silent'), environment: {} });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-commitment-'));
  [dicomPort, reportPort, archivePort] = [await freePort(), await freePort(), await freePort()];
  const modalities = { agent: { aeTitle: 'ODONTOID', port: dicomPort } };
  agent = await start();
  orthanc = await startOrthanc({ dir: join(dir, 'orthanc'), aeTitle: 'MODALITY', modalities, dicomPort: archivePort });
  for (let index = 1; index <= 4; index++) {
    const bytes = smallObject(STUDY, index, { SOPClassUID: CT, Modality: 'CT', PatientID: 'SC-1' });
    await post('/instances', Buffer.from(bytes));
  }
  const [study] = (await orthanc.get('/studies')) as string[];
  await post('/modalities/agent/store', { Resources: [study], Synchronous: true });
});
afterAll(async () => {
  await agent.close();
  await orthanc.stop();
  await rm(dir, { recursive: true, force: true });
});

async function post(path: string, body: unknown): Promise<unknown> {
  const answer = await fetch(`${orthanc.httpUrl}${path}`, {
    method: 'POST',
    body: Buffer.isBuffer(body) ? body : JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`Orthanc answered ${answer.status} for ${path}: ${await answer.text()}`);
  return answer.json();
}

interface Report {
  Status: string;
  Success: { SOPInstanceUID: string }[];
  Failures: { SOPInstanceUID: string; FailureReason: number }[];
}
/** Has Orthanc ask, and returns where it shows the report. */
const ask = async (...objects: [sopClassUid: string, sopInstanceUid: string][]): Promise<string> =>
  ((await post('/modalities/agent/storage-commitment', { DicomInstances: objects })) as { Path: string }).Path;
async function reportAt(path: string): Promise<{ status: string; committed: string[]; failed: [string, number][] }> {
  const read = () => orthanc.get(path) as Promise<Report>;
  await expect.poll(async () => (await read()).Status, { timeout: 60_000, interval: 100 }).not.toBe('Pending');
  const { Status: status, Success, Failures } = await read();
  return {
    status,
    committed: Success.map((one) => one.SOPInstanceUID).sort(),
    failed: Failures.map((one): [string, number] => [one.SOPInstanceUID, one.FailureReason]).sort(),
  };
}
const source = async (aeTitle: string) => (await connections()).sources.find((one) => one.aeTitle === aeTitle);
async function connections(): Promise<ConnectionsAnswer> {
  return (await (await fetch(`${agent.url}/api/connections`)).json()) as ConnectionsAnswer;
}

it('reports a commitment when the sender can be reached, also after the agent was started again', async () => {
  const path = await ask([CT, uidOf(1)], [CT, uidOf(2)]);
  await expect
    .poll(async () => (await source('MODALITY'))?.commitments, { timeout: 30_000 })
    .toMatchObject({ waiting: 1, lastError: expect.stringContaining('nothing listens there') });
  await agent.close();
  const forwarder = createServer((from) => {
    const to = connect(orthanc.dicomPort, '127.0.0.1');
    from.pipe(to).pipe(from);
    for (const side of [from, to]) side.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => forwarder.listen(reportPort, '127.0.0.1', resolve));
  expect((forwarder.address() as AddressInfo).port).toBe(reportPort);
  agent = await start();
  expect(await reportAt(path)).toEqual({ status: 'Success', committed: [uidOf(1), uidOf(2)], failed: [] });
  await expect.poll(async () => (await source('MODALITY'))?.commitments).toEqual({ waiting: 0, lastError: null });
});

it('commits to nothing that is not whole on the disk, under its class', async () => {
  const database = await openDatabase(dataPaths(settings()).database);
  const { path } = await database.db
    .selectFrom('instances')
    .select('path')
    .where('sop_instance_uid', '=', uidOf(3))
    .executeTakeFirstOrThrow();
  await database.close();
  const file = join(dataPaths(settings()).spool, path);
  await truncate(file, (await readFile(file)).length - 2);
  const asked = await ask([CT, uidOf(1)], [CT, uidOf(3)], [SC, uidOf(4)], [CT, uidOf(99)]);
  expect(await reportAt(asked)).toEqual({
    status: 'Failure',
    committed: [uidOf(1)],
    failed: [
      [uidOf(3), 0x0112],
      [uidOf(4), 0x0119],
      [uidOf(99), 0x0112],
    ],
  });
});

it('refuses a sender without an address to report to, and says so on Connections', async () => {
  const peer = { name: 'agent', aeTitle: 'ODONTOID', host: '127.0.0.1', port: dicomPort, callingAeTitle: 'UNASKED' };
  const object = { sopClassUid: CT, sopInstanceUid: uidOf(1) };
  expect(await requestCommitment({ ...peer, timeoutMs: 30_000 }, systemClock, [object as never], '2.25.77')).toBeNull();
  await expect
    .poll(async () => (await connections()).rejections, { timeout: 30_000 })
    .toContainEqual(
      expect.objectContaining({
        kind: 'commitment',
        callingAeTitle: 'UNASKED',
        why: expect.stringContaining('receive.sources[].commitment'),
        advice: expect.stringContaining('receive.sources[].commitment'),
      }),
    );
  expect(await source('UNASKED')).toMatchObject({ commitments: null });
});

it('has the commitment of an archive that reports on an association of its own', async () => {
  const receipts = async () => {
    const { row } = (await (await fetch(`${agent.url}/api/cases/${STUDY}`)).json()) as CaseAnswer;
    return row.deliveries.map(({ receipt }) => receipt);
  };
  // The report that nothing of this study could be analysed, and its card.
  await expect.poll(receipts, { timeout: 90_000, interval: 250 }).toEqual(['committed', 'committed']);
});

it('answers a report on a transaction that it did not ask for with a failure, and says so on Connections', async () => {
  const peer = { name: 'agent', aeTitle: 'ODONTOID', host: '127.0.0.1', port: dicomPort, callingAeTitle: 'UNASKED' };
  const report = { transactionUid: '2.25.78', referenced: [{ sopClassUid: CT, sopInstanceUid: uidOf(1) }], failed: [] };
  await expect(reportCommitment({ ...peer, timeoutMs: 30_000 }, systemClock, report)).rejects.toThrow(/0x0110/);
  await expect
    .poll(async () => (await connections()).rejections, { timeout: 30_000 })
    .toContainEqual(
      expect.objectContaining({
        kind: 'commitment',
        callingAeTitle: 'UNASKED',
        why: 'a report on a transaction that was not asked for',
        advice: expect.stringContaining('whom the archive means'),
      }),
    );
});
