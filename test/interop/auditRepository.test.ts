import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { startAuditTrail, type AuditTrail } from '../../src/auditTrail/auditTrail.ts';
import {
  createTlsSyslog,
  createUdpSyslog,
  type SyslogTransport,
  type TlsSyslogOptions,
} from '../../src/auditTrail/syslogTransport.ts';
import { systemClock } from '../../src/base/clock.ts';
import { createLog } from '../../src/base/log.ts';
import { createAuditLog } from '../../src/worklist/audit/audit.ts';
import { createAuditOutbox } from '../../src/worklist/audit/auditOutbox.ts';
import { complaintsOfSchema } from '../unit/auditTrail/auditSchema.ts';
import { startAgent } from '../../src/compose/startAgent.ts';
import { configFrom } from '../../src/config/configFile.ts';
import { agentConfig, send, smallStudy, testPacs, until, worklist } from '../pipeline/agentUnderTest.ts';
import { openWorklist } from '../unit/worklist/fixture.ts';
import { temporaryDirectory } from './dcmtk.ts';
import { authority, type Identity } from './authority.ts';
import { syslogServer } from './syslogServer.ts';

const pem = (path: string) => readFileSync(path, 'utf8');
const HEADER = /^<85>1 \S+Z triage-1 odontoid - DICOM\+RFC3881 \[meta sequenceId="(\d+)"\] \uFEFF/;
/** What a repository has: the numbers of the entries, and their XML. */
function parsed(lines: readonly string[]): { seqs: number[]; documents: string[] } {
  const heads = lines.map((line) => HEADER.exec(line));
  expect(heads.filter((head) => head === null)).toEqual([]);
  return {
    seqs: heads.map((head) => Number(head![1])),
    documents: lines.map((line, index) => line.slice(heads[index]![0].length)),
  };
}

async function site() {
  const { dir, remove } = await temporaryDirectory();
  onTestFinished(remove);
  const ours = await authority(dir, 'hospital');
  const repository = await syslogServer(dir, ours);
  onTestFinished(() => repository.stop());
  const us = await ours.issue('odontoid');
  const { database } = await openWorklist();
  const outbox = createAuditOutbox(database, systemClock);
  await outbox.begin();
  const audit = createAuditLog(database, systemClock);
  const tls = (over: Partial<TlsSyslogOptions> = {}, identity: Identity | null = us) =>
    createTlsSyslog(
      {
        host: '127.0.0.1',
        port: repository.tlsPort,
        ca: pem(ours.caFile),
        ...(identity !== null && { cert: pem(identity.certFile), key: pem(identity.keyFile) }),
        timeoutMs: 3_000,
        confirm: 'close',
        ...over,
      },
      systemClock,
    );
  const begin = (transport: SyslogTransport): AuditTrail => {
    const trail = startAuditTrail({
      outbox,
      transport,
      naming: {
        aeTitle: 'ODONTOID',
        hostName: 'triage-1',
        domain: 'odontoid.example',
        destinations: [],
        patientNames: false,
      },
      source: { id: 'ODONTOID', siteId: '' },
      alarmAfterMs: 500,
      clock: systemClock,
      log: createLog('silent'),
      pollMs: 20,
      retryMinMs: 50,
    });
    onTestFinished(() => trail.close());
    return trail;
  };
  const write = async (count: number, from = 0) => {
    for (let entry = from; entry < from + count; entry += 1)
      await audit.append({
        action: 'threshold.changed',
        actor: `reader "${entry}" <żółć> & sons`,
        address: '10.0.0.1',
        target: 'compact',
        detail: { reason: `line\none ${'long '.repeat(2_000)}`, entry },
      });
  };
  return { dir, repository, ours, us, outbox, audit, tls, begin, write };
}
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test('every entry arrives over TLS, whole, in its order, and valid by the schema', async () => {
  const { repository, outbox, tls, begin, write } = await site();
  await repository.start();
  const trail = begin(tls());
  await write(250);
  await until('all is sent', async () => (await outbox.waiting()).count === 0);
  const { seqs, documents } = await until('all is kept', async () => {
    const lines = await repository.received();
    return lines.length >= 250 && parsed(lines);
  });
  expect(seqs).toEqual(numbers(250));
  expect(Math.min(...documents.map((document) => document.length))).toBeGreaterThan(10_000);
  expect(await complaintsOfSchema(documents.slice(0, 40))).toEqual([]);
  expect(documents[7]).toContain('UserName="reader &quot;7&quot; &lt;żółć&gt; &amp; sons"');
  expect(await trail.status()).toMatchObject({
    sentSeq: 250,
    waiting: 0,
    oldestAtMs: null,
    lastError: null,
    alarm: null,
  });
});

test('a repository that is down, is restarted in the midst and killed loses nothing; what comes twice is the same bytes', async () => {
  const { repository, outbox, tls, begin, write } = await site();
  const trail = begin(tls());
  await write(30);
  const late = await until('the alarm', async () => {
    const status = await trail.status();
    return status.alarm !== null && status.lastError !== null && status;
  });
  expect(late).toMatchObject({
    sentSeq: 0,
    waiting: 30,
    alarm: expect.stringContaining('The audit repository has not got the last 30 entries of the audit.'),
  });
  let written = 30;
  for (let round = 0; round < 6; round += 1) {
    await repository.start();
    // Stopped while entries come and go.
    const writing = write(40, written);
    await until('some are sent', async () => (await outbox.waiting()).sentSeq > written);
    await repository.stop(round % 2 === 0 ? 'SIGTERM' : 'SIGKILL');
    await writing;
    written += 40;
  }
  await repository.start();
  await until('all is sent', async () => (await outbox.waiting()).count === 0);
  const lines = await until('all is kept', async () => {
    const kept = await repository.received();
    return new Set(parsed(kept).seqs).size === written && kept;
  });
  const { seqs } = parsed(lines);
  expect([...new Set(seqs)].sort((a, b) => a - b)).toEqual(numbers(written));
  expect(new Set(lines).size).toBe(written);
  expect(await trail.status()).toMatchObject({ waiting: 0, alarm: null, lastError: null });
});

test('nothing is sent to a repository of another authority, nor taken from a sender that it does not know', async () => {
  const { dir, repository, outbox, tls, write } = await site();
  await repository.start();
  await write(1);
  const message = [Buffer.from('<85>1 - - - - - - x')];
  const stranger = await authority(dir, 'elsewhere');
  const refused = { code: 'audit-repository-unreachable' };
  await expect(tls({ ca: pem(stranger.caFile) }).send(message)).rejects.toMatchObject(refused);
  await expect(tls({ serverName: 'other.example' }).send(message)).rejects.toMatchObject(refused);
  await expect(tls({}, null).send(message)).rejects.toMatchObject(refused);
  await expect(tls({}, await stranger.issue('eve')).send(message)).rejects.toMatchObject(refused);
  expect((await outbox.waiting()).sentSeq).toBe(0);
  await tls().send(message);
  expect(await until('the one', async () => (await repository.received()).length > 0 && repository.received())).toEqual(
    [message[0]!.toString()],
  );
});

test('over UDP each entry is a datagram', async () => {
  const { repository, outbox, begin, audit } = await site();
  await repository.start();
  begin(createUdpSyslog({ host: '127.0.0.1', port: repository.udpPort }));
  for (let entry = 0; entry < 50; entry += 1)
    await audit.append({ action: 'sign-in', actor: 'ann', address: '10.0.0.1' });
  await until('all is sent', async () => (await outbox.waiting()).count === 0);
  const { seqs, documents } = await until('all is kept', async () => {
    const lines = await repository.received();
    return lines.length >= 50 && parsed(lines);
  });
  expect(seqs).toEqual(numbers(50));
  expect(await complaintsOfSchema(documents)).toEqual([]);
});

test('a whole agent tells the repository of its start, a study, its results, a look at it, a stranger and its stop', async () => {
  const { dir, repository, ours, us } = await site();
  await repository.start();
  const pacs = await testPacs(dir);
  const repositoryConfig = {
    transport: 'tls',
    host: '127.0.0.1',
    port: repository.tlsPort,
    caFile: ours.caFile,
    ...us,
    siteId: 'st-elsewhere',
  };
  const agent = await startAgent(configFrom(agentConfig(dir, pacs, { audit: { repository: repositoryConfig } })), {
    clock: systemClock,
    log: createLog('silent'),
    environment: process.env,
  });
  try {
    const study = await smallStudy(dir, 77, { patientId: 'P-1', patientName: 'Canary^Jane' }, 'burst@C5');
    const paths = study.files.map(({ path }) => path);
    expect(new Set(await send(agent.dicomPort, paths.slice(0, 1), 1, 'STRANGER'))).not.toContain('stored');
    await send(agent.dicomPort, paths);
    const row = await until('it is delivered', async () =>
      (await worklist(agent.url)).find((one) => one.state === 'delivered'),
    );
    await fetch(`${agent.url}/api/cases/${row.studyInstanceUid}`);
    await until('the stranger is on record', async () =>
      (await repository.received()).some((line) => line.includes('association.rejected')),
    );
    expect((await agent.system()).auditRepository).toMatchObject({
      address: `tls://127.0.0.1:${repository.tlsPort}`,
      lastError: null,
      alarm: null,
    });
    expect(await (await fetch(`${agent.url}/metrics`)).text()).toMatch(/^odontoid_audit_repository_alarm 0$/m);
  } finally {
    await agent.close();
    await pacs.close();
  }
  const documents = await until('the stop is kept', async () => {
    const lines = await repository.received();
    return (
      lines.some((line) => line.includes('agent.stopped')) && lines.map((line) => line.slice(line.indexOf('<?xml')))
    );
  });
  const told = documents.map((document) => /csd-code="([a-z]+\.[a-z]+)"/.exec(document)?.[1]);
  // The first start puts the network's own threshold on record; the stranger is told of within seconds, whatever else happens.
  expect(told.filter((word) => word !== 'association.rejected')).toEqual([
    'threshold.changed',
    'agent.started',
    'study.received',
    'results.sent',
    'case.viewed',
    'agent.stopped',
  ]);
  expect(told).toContain('association.rejected');
  expect(await complaintsOfSchema(documents)).toEqual([]);
  const of = (word: string) => documents.find((document) => document.includes(`csd-code="${word}"`))!;
  expect(of('results.sent')).toMatch(/AlternativeUserID="AETITLES=TESTPACS".*<SOPClass NumberOfInstances="\d+"\/>/);
  expect(of('study.received')).toMatch(/UserID="TESTCT".*ParticipantObjectID="P-1"/);
  expect(of('agent.started')).toContain('AuditEnterpriseSiteID="st-elsewhere" AuditSourceID="ODONTOID"');
  expect(documents.join('')).not.toContain('Canary');
});
