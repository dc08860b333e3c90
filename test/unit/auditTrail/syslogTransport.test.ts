import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { startAuditTrail } from '../../../src/auditTrail/auditTrail.ts';
import { createTlsSyslog, type TlsSyslogOptions } from '../../../src/auditTrail/syslogTransport.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { createLog } from '../../../src/base/log.ts';
import { createAuditLog } from '../../../src/worklist/audit/audit.ts';
import { createAuditOutbox } from '../../../src/worklist/audit/auditOutbox.ts';
import { authority } from '../../interop/authority.ts';
import { openWorklist, temporaryFolder } from '../worklist/fixture.ts';

const pem = (path: string) => readFileSync(path, 'utf8');
const MESSAGES = ['one', 'two\nlines', 'żółć'].map((text) => Buffer.from(text));

/** A repository that does with a connection what the test says. */
async function repository(onConnection: (socket: TLSSocket) => void): Promise<TlsSyslogOptions> {
  const ours = await authority(await temporaryFolder(), 'hospital');
  const { certFile, keyFile } = await ours.issue('repository');
  const open = new Set<TLSSocket>();
  const server = createServer({ cert: pem(certFile), key: pem(keyFile), allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    ca: pem(ours.caFile),
    timeoutMs: 400,
    confirm: 'close',
  };
}

test('messages are framed by their length in bytes, and sent when the closing is answered', async () => {
  const parts: Buffer[] = [];
  const options = await repository((socket) =>
    socket.on('data', (part: Buffer) => parts.push(part)).on('end', () => socket.end()),
  );
  await createTlsSyslog(options, systemClock).send(MESSAGES);
  expect(Buffer.concat(parts).toString()).toBe('3 one9 two\nlines8 żółć');
});

test('a repository that reads and does not answer the closing has nothing for certain, unless the site says that it is so', async () => {
  const options = await repository((socket) => socket.resume());
  await expect(createTlsSyslog(options, systemClock).send(MESSAGES)).rejects.toMatchObject({
    code: 'audit-repository-unreachable',
    message: expect.stringContaining('does not answer the closing of the connection'),
  });
  await createTlsSyslog({ ...options, confirm: 'none' }, systemClock).send(MESSAGES);
});

test.each([
  ['hangs up before everything was sent', (socket: TLSSocket) => socket.end()],
  ['is killed', (socket: TLSSocket) => socket.once('data', () => socket.destroy())],
])('a repository that %s gets it again', async (_what, onConnection) => {
  const options = await repository(onConnection);
  // More than fits into the buffers of a connection; and so little that it is written before anything is heard.
  const many = Array.from({ length: 200 }, () => Buffer.alloc(60_000, 'x'));
  for (const messages of [many, MESSAGES])
    await expect(createTlsSyslog(options, systemClock).send(messages)).rejects.toMatchObject({
      code: 'audit-repository-unreachable',
    });
});

test('stopping does not wait for a repository that takes and never answers', async () => {
  const options = await repository((socket) => socket.pause());
  const { database } = await openWorklist();
  const outbox = createAuditOutbox(database, systemClock);
  await outbox.begin();
  await createAuditLog(database, systemClock).append({ action: 'sign-in', actor: 'ann' });
  const trail = startAuditTrail({
    outbox,
    transport: createTlsSyslog({ ...options, timeoutMs: 20_000 }, systemClock),
    naming: { aeTitle: 'ODONTOID', hostName: 'triage-1', domain: 'd', destinations: [], patientNames: false },
    source: { id: 'ODONTOID', siteId: '' },
    alarmAfterMs: 60_000,
    clock: systemClock,
    log: createLog('silent'),
  });
  const before = systemClock.monotonicMs();
  await trail.close();
  expect(systemClock.monotonicMs() - before).toBeLessThan(15_000);
  expect(await outbox.waiting()).toMatchObject({ sentSeq: 0, count: 1 });
});

test('an audit that another process sends is not sent here, not even when this one ends', async () => {
  const { database } = await openWorklist();
  const outbox = createAuditOutbox(database, systemClock);
  await outbox.begin();
  await createAuditLog(database, systemClock).append({ action: 'sign-in', actor: 'ann' });
  const sent: number[] = [];
  let asked = 0;
  const trail = startAuditTrail({
    outbox,
    transport: {
      address: 'tls://arr.example:6514',
      send: ({ length }) => {
        sent.push(length);
        return Promise.resolve();
      },
    },
    isOurs: () => Promise.resolve((asked += 1) === 0),
    naming: { aeTitle: 'ODONTOID', hostName: 'triage-1', domain: 'd', destinations: [], patientNames: false },
    source: { id: 'ODONTOID', siteId: '' },
    alarmAfterMs: 60_000,
    clock: systemClock,
    log: createLog('silent'),
    pollMs: 5,
  });
  await expect.poll(() => asked).toBeGreaterThan(2);
  await trail.close();
  expect([sent, (await outbox.waiting()).count]).toEqual([[], 1]);
});
