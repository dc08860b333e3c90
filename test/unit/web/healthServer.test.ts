import { expect, it, onTestFinished } from 'vitest';
import type { SystemStatus } from '../../../src/answers/systemAnswer.ts';
import { startHealthServer } from '../../../src/web/healthServer.ts';
import { openWorklist } from '../worklist/fixture.ts';
import { READY } from './webFixture.ts';

const WELL: SystemStatus = { ...READY, startedAtMs: Date.UTC(2026, 10, 2) };

/** A node that only sends, and what is asked of it. */
async function sender(status: () => SystemStatus) {
  const { query, database, clock } = await openWorklist();
  const logged: string[] = [];
  const log = { error: (message: string) => logged.push(message) } as never;
  const server = await startHealthServer({
    host: '127.0.0.1',
    port: 0,
    does: (role) => role === 'deliver',
    query,
    system: () => Promise.resolve(status()),
    clock,
    log,
  });
  onTestFinished(server.close);
  const ask = async (path: string, method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return [answer.status, await answer.text()] as const;
  };
  return { ask, database, port: server.port, logged };
}

it('a node without a page says that it lives, whether it can do its own part, and its figures', async () => {
  // It does not receive: that is said by another.
  let status: SystemStatus = {
    ...WELL,
    model: null,
    receiver: { ...WELL.receiver, up: false },
    loopLagMs: 1_500,
    livingNodes: { receive: 0, infer: 0, deliver: 1, web: 0, housekeep: 0 },
  };
  const { ask, logged } = await sender(() => status);
  expect(await ask('/healthz')).toEqual([200, '{"ok":true}']);
  const [code, text] = await ask('/readyz');
  expect([code, JSON.parse(text)]).toEqual([
    200,
    { ready: true, missing: [], alarms: ['The agent stood still for 1.5 s in the last minute.'] },
  ]);
  const figures = (await ask('/metrics'))[1];
  expect(figures).toContain('odontoid_ready 1\n');
  expect(figures).toContain('odontoid_role_nodes{role="deliver"} 1\n');
  status = { ...status, freeBytes: null };
  expect(await ask('/readyz')).toEqual([
    503,
    expect.stringContaining('"The disk of received objects cannot be read."'),
  ]);
  expect(await ask('/api/worklist')).toEqual([404, expect.anything()]);
  expect(await ask('/readyz', 'POST')).toEqual([405, expect.anything()]);
  expect(await ask('/healthz', 'HEAD')).toEqual([200, '']);
  expect(logged).toEqual([]);
});

it('without its database it lives and is not ready; a status that fails is an answer too', async () => {
  const { ask, database, logged } = await sender(() => {
    if (logged.length === 0) return WELL;
    throw new Error('no status');
  });
  await database.close();
  expect(await ask('/healthz')).toEqual([200, '{"ok":true}']);
  expect(await ask('/readyz')).toEqual([503, expect.stringContaining('The database cannot be read.')]);
  expect(await ask('/metrics')).toEqual([503, expect.stringContaining('the log says why')]);
  expect(logged).toEqual(['request failed']);
  expect((await ask('/readyz'))[0]).toBe(503);
});

it('a port that is taken is named by its setting', async () => {
  const { port } = await sender(() => WELL);
  const second = startHealthServer({ host: '127.0.0.1', port } as never);
  await expect(second).rejects.toMatchObject({
    code: 'config-invalid',
    message: `Port ${port} is taken: set node.health.port to a free one, or stop what uses it.`,
  });
});
