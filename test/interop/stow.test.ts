import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { createLog } from '../../src/base/log.ts';
import { startAgent, type Agent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { sendFiles } from '../../src/pacs/sendFiles.ts';
import { openDatabase } from '../../src/worklist/db/database.ts';
import { createServiceTokens } from '../../src/worklist/people/serviceTokens.ts';
import { SENDER, smallStudy, until } from '../pipeline/agentUnderTest.ts';
import { runTool } from './dcmtk.ts';

/** STOW-RS into the whole agent, by curl: the page's server lets in, the receiver stores. */

let dir: string;
let agent: Agent;
let sender: string;
let reader: string;
/** Nobody may send it at first. */
let strange: Awaited<ReturnType<typeof smallStudy>>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'odontoid-stow-'));
  agent = await startAgent(
    configFrom({
      dataDir: join(dir, 'agent'),
      receive: { port: 0, sources: [{ aeTitle: SENDER, addresses: ['127.0.0.1'] }], minFreeBytes: 0, stow: {} },
      // Far longer than the test: a study is taken up because nothing more is on its way.
      assemble: { quietMs: 600_000 },
      web: { port: 0, signIn: 'local' },
      housekeeping: { lowWaterFreeBytes: 0 },
    }),
    { clock: systemClock, log: createLog('silent'), environment: {} },
  );
  const database = await openDatabase(join(dir, 'agent', 'odontoid.sqlite'));
  const tokens = createServiceTokens(database, systemClock);
  sender = (await tokens.add('gateway', null, 'test', 'sender')).secret;
  reader = (await tokens.add('monitor', null, 'test')).secret;
  await database.close();
});
afterAll(async () => {
  await agent.close();
  await rm(dir, { recursive: true, force: true });
});

async function bodyOf(paths: readonly string[]): Promise<string> {
  const parts = await Promise.all(
    paths.map(async (path) => [
      Buffer.from('--part\r\nContent-Type: application/dicom\r\n\r\n'),
      await readFile(path),
      Buffer.from('\r\n'),
    ]),
  );
  const file = join(dir, 'body');
  await writeFile(file, Buffer.concat([...parts.flat(), Buffer.from('--part--\r\n')]));
  return file;
}

/** Status and answer of `curl`, which also waits for `100 Continue`, as it does with large bodies. */
async function curl(
  paths: readonly string[],
  token: string | null = sender,
  study = '',
): Promise<{ status: number; json: Record<string, { Value?: unknown[] }> }> {
  const { stdout } = await runTool('curl', [
    ...['-s', '-S', '-w', '\n%{http_code}', '-H', 'Expect: 100-continue', '-H', 'Accept: application/dicom+json'],
    ...['-H', 'Content-Type: multipart/related; type="application/dicom"; boundary="part"'],
    ...(token === null ? [] : ['-H', `Authorization: Bearer ${token}`]),
    ...['--data-binary', `@${await bodyOf(paths)}`, `${agent.url}/dicom-web/studies${study}`],
  ]);
  const at = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(at + 1)), json: JSON.parse(stdout.slice(0, at)) as never };
}
const rowOf = (studyInstanceUid: string, state: string) =>
  until(`${state} of ${studyInstanceUid}`, async () =>
    (await agent.query.rows()).find((row) => row.studyInstanceUid === studyInstanceUid && row.state === state),
  );

it('takes a study by STOW-RS, the rest of it by C-STORE, and analyses it as one', async () => {
  const study = await smallStudy(join(dir, 'two-ways'), 611, { patientId: 'WEB-1' }, 'dens-2@C2');
  const paths = study.files.map(({ path }) => path);
  const half = Math.floor(paths.length / 2);
  const answer = await curl(paths.slice(0, half), sender, `/${study.studyInstanceUid}`);
  expect([answer.status, answer.json['00081199']?.Value?.length]).toEqual([200, half]);
  expect(
    (
      await sendFiles(
        {
          name: 'agent',
          aeTitle: 'ODONTOID',
          host: '127.0.0.1',
          port: agent.dicomPort,
          callingAeTitle: SENDER,
          timeoutMs: 30_000,
        },
        paths.slice(half),
        { clock: systemClock },
      )
    ).map(({ outcome }) => outcome.kind),
  ).toEqual(paths.slice(half).map(() => 'stored'));
  await rowOf(study.studyInstanceUid, 'reported');
  expect((await agent.query.caseDetail(study.studyInstanceUid)).instances.received).toBe(paths.length);

  // Another patient in the same study is held, as by C-STORE.
  const other = join(dir, 'other.dcm');
  await copyFile(paths[0]!, other);
  const changes = ['-m', '(0010,0020)=WEB-2', '-m', '(0010,0010)=Somebody^Else', '-m', '(0010,0030)=19500101'];
  expect((await runTool('dcmodify', ['-nb', '-gin', ...changes, other])).exitCode).toBe(0);
  expect((await curl([other])).status).toBe(200);
  await until('held', async () => (await agent.query.caseDetail(study.studyInstanceUid)).row.quarantineReason !== null);
});

it('lets in nobody but senders, and says so', async () => {
  strange = await smallStudy(join(dir, 'strange'), 613);
  const [file] = strange.files;
  expect((await curl([file!.path], null)).status).toBe(401);
  expect((await curl([file!.path], 'odontoid_made_up_made_up_made_up')).status).toBe(401);
  expect((await curl([file!.path], reader)).status).toBe(403);
  const worklist = await fetch(`${agent.url}/api/worklist`, { headers: { Authorization: `Bearer ${sender}` } });
  expect(worklist.status).toBe(403);
  expect((await agent.query.rows()).map((row) => row.studyInstanceUid)).not.toContain(strange.studyInstanceUid);
});

it('takes a body that pydicom and Python’s own HTTP client have made', async () => {
  const script = fileURLToPath(new URL('stowBody.py', import.meta.url));
  const url = `${agent.url}/dicom-web/studies/${strange.studyInstanceUid}`;
  const paths = strange.files.slice(0, 5).map(({ path }) => path);
  const { stdout, stderr } = await runTool('/usr/bin/python3', [script, url, sender, ...paths]);
  expect([stderr, stdout.slice(0, 4)]).toEqual(['', '200 ']);
  expect((JSON.parse(stdout.slice(4)) as Record<string, { Value: unknown[] }>)['00081199']!.Value).toHaveLength(5);
  await until('all are on record', async () => {
    const { instances } = await agent.query.caseDetail(strange.studyInstanceUid).catch(() => ({ instances: null }));
    return instances?.received === 5;
  });
});
