import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, it, onTestFinished, describe } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { createAuditLog } from '../../src/worklist/audit/audit.ts';
import { migrate, openDatabase, type PostgresPlace } from '../../src/worklist/db/database.ts';
import { inSnapshot } from '../../src/worklist/db/transactions.ts';
import { makeCluster } from './cluster.ts';
import { copiedDatabase, onServer } from './copiedDatabase.ts';

async function opened(place: PostgresPlace) {
  const database = await openDatabase(place);
  onTestFinished(() => database.close());
  return { database, audit: createAuditLog(database, systemClock) };
}

async function written(place: PostgresPlace): Promise<string[]> {
  const { database } = await opened(place);
  return (await database.reads.selectFrom('audit_log').select('target').orderBy('seq').execute()).map(
    ({ target }) => target,
  );
}

/** The server behind a connection that breaks once: when COMMIT passes, before or after the server gets it. */
async function breakingOnce(place: PostgresPlace, when: 'before' | 'after'): Promise<PostgresPlace> {
  const { hostname, port } = new URL(place.url);
  let hasBroken = false;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => [near, far].forEach((one) => one.destroy()));
    }
    far.on('data', (chunk) => near.write(chunk));
    near.on('data', (chunk) => {
      const breaks = !hasBroken && chunk.includes('; commit');
      hasBroken ||= breaks;
      if (!breaks) far.write(chunk);
      else if (when === 'before') near.destroy();
      else {
        // The answer is on its way when the connection ends.
        far.removeAllListeners('data');
        far.write(chunk);
        far.once('data', () => near.destroy());
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const url = new URL(place.url);
  url.port = String((server.address() as AddressInfo).port);
  return { url: url.href };
}

describe('a connection that is lost', () => {
  it.each(['before', 'after'] as const)('while a commit is sent, %s it arrives: it is done once', async (when) => {
    const place = await copiedDatabase();
    const { audit } = await opened(await breakingOnce(place, when));
    for (const target of ['first', 'second', 'third']) await audit.append({ action: 'sign-in', actor: 'ada', target });
    expect(await written(place)).toEqual(['first', 'second', 'third']);
    expect(await audit.verify()).toMatchObject({ whole: true });
  });

  it('again and again, in the midst of whatever is done: nothing is lost, nothing is done twice', async () => {
    const place = await copiedDatabase();
    const name = new URL(place.url).pathname.slice(1);
    const { audit, database } = await opened(place);
    const targets = Array.from({ length: 40 }, (_, index) => `entry ${index}`);
    let isDone = false;
    // A failure must not go on in the tests that get this database next.
    onTestFinished(() => {
      isDone = true;
    });
    const ending = (async () => {
      let ended = 0;
      while (!isDone)
        ended += (
          await onServer(
            `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and application_name = 'odontoid'`,
          )
        ).length;
      return ended;
    })();
    for (const target of targets) {
      await audit.append({ action: 'sign-in', actor: 'ada', target });
      const seen = await inSnapshot(database.reads, (trx) =>
        trx.selectFrom('audit_log').select('seq').orderBy('seq').execute(),
      );
      expect(seen.at(-1)?.seq).toBe(seen.length);
    }
    isDone = true;
    expect(await ending).toBeGreaterThan(3);
    expect(await written(place)).toEqual(targets);
  });

  it('by a server that crashes and starts again', async () => {
    const cluster = await makeCluster({ fsync: true });
    onTestFinished(() => cluster.remove());
    const place = { url: cluster.urlOf('postgres') };
    await migrate(place);
    const { audit } = await opened(place);
    await audit.append({ action: 'sign-in', actor: 'ada', target: 'before' });
    cluster.stop();
    const meanwhile = audit.append({ action: 'sign-in', actor: 'ada', target: 'while it was down' });
    cluster.start();
    await meanwhile;
    expect(await written(place)).toEqual(['before', 'while it was down']);
  });
});
