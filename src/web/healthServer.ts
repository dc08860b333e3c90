import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { closeHttpServer } from '../base/closeHttpServer.ts';
import type { Log } from '../base/log.ts';
import type { SystemStatus } from '../answers/systemAnswer.ts';
import type { WorklistQuery } from '../worklist/list/worklistQuery.ts';
import { listenHttp } from './listenHttp.ts';
import { METRICS_TYPE, metricsText } from './metrics.ts';
import { judgeReadiness } from './readiness.ts';

interface HealthOptions {
  host: string;
  port: number;
  /** Whether this node has a role: it is ready when it can do what its roles say. */
  does: (role: string) => boolean;
  query: Pick<WorklistQuery, 'totals'>;
  system: () => Promise<SystemStatus>;
  clock: Pick<Clock, 'now'>;
  log: Log;
}

interface Answer {
  status: number;
  type: string;
  text: string;
}

const ENDED_WITHIN_MS = 2_000;

/**
 * Says over plain HTTP how this node is, whatever it does: `/healthz` (the process answers), `/readyz` (it can do what its roles say) and `/metrics`. Nothing
 * there names a patient, and nobody signs in.
 *
 * @throws TriageError `config-invalid` when the port is taken
 */
export async function startHealthServer(options: HealthOptions): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    answerTo(request, options)
      .catch((error: unknown): Answer => {
        options.log.error('request failed', { route: request.url, error });
        return { status: 503, type: 'text/plain', text: 'The request failed; the log says why.\n' };
      })
      .then((answer) => send(response, answer))
      .catch(() => response.destroy());
  });
  await listenHttp(server, options, 'node.health.port');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => closeHttpServer(server, ENDED_WITHIN_MS),
  };
}

async function answerTo({ method, url }: IncomingMessage, options: HealthOptions): Promise<Answer> {
  const { does, query, system, clock } = options;
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, type: 'text/plain', text: 'GET only.\n' };
  if (url === '/healthz') return json(200, { ok: true });
  if (url === '/readyz') {
    const totals = await query.totals().catch(() => null);
    const { missing, alarms } = judgeReadiness(await system(), totals, clock.now(), does);
    return json(missing.length === 0 ? 200 : 503, { ready: missing.length === 0, missing, alarms });
  }
  if (url === '/metrics') {
    const text = await metricsText(await query.totals(), await system(), clock.now(), does);
    return { status: 200, type: METRICS_TYPE, text };
  }
  return { status: 404, type: 'text/plain', text: 'There is /healthz, /readyz and /metrics.\n' };
}

function json(status: number, answer: unknown): Answer {
  return { status, type: 'application/json', text: JSON.stringify(answer) };
}

function send(response: ServerResponse, { status, type, text }: Answer): void {
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' });
  response.end(text);
}
