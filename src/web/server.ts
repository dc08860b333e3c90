import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { TriageError } from '../errors.ts';
import type { Clock, Log } from '../ports.ts';
import type { WorklistStore } from '../worklist/caseStore.ts';
import type { WorklistQuery } from '../worklist/worklistQuery.ts';
import { createLiveFeed } from './liveFeed.ts';
import { metricsText } from './metrics.ts';
import { loopbackOnly, securityHeaders } from './security.ts';

/** What the page and the metrics say of the agent itself. */
export interface SystemStatus {
  /** Null while no network is ready; `modelError` then says why. */
  model: { name: string; version: string; sha256: string; provider: string } | null;
  modelError: string | null;
  receiver: { up: boolean; port: number; aeTitle: string; stored: number; rejected: number };
  encodedOnArrival: number;
  /** Null when the disk could not be asked. */
  freeBytes: number | null;
}

export interface WebOptions {
  host: string;
  port: number;
  /** Built page (`dist/web`). */
  pageDir: string;
  maxWaitMinutes: number;
  query: WorklistQuery;
  store: Pick<WorklistStore, 'markRead' | 'onChange'>;
  system: () => Promise<SystemStatus>;
  clock: Clock;
  log: Log;
}

export interface WebServer {
  url: string;
  close: () => Promise<void>;
}

/**
 * Serves the worklist page, its JSON API, server-sent events, `/healthz`, `/readyz` and `/metrics`.
 *
 * @throws TriageError `config-invalid` when the port is taken, with what to do.
 */
export async function startWebServer(options: WebOptions): Promise<WebServer> {
  const feed = createLiveFeed(options.store.onChange, options.clock);
  const server = createServer(createApp(options, feed));
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    close: async () => {
      feed.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      // An answer under way may finish; whoever merely keeps the line open may not hold up a stop.
      const cancel = options.clock.after(2_000, () => server.closeAllConnections());
      await closed;
      cancel();
    },
  };
}

function createApp(options: WebOptions, feed: ReturnType<typeof createLiveFeed>): Express {
  const { query, store, system, clock, log } = options;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(...securityHeaders(), loopbackOnly(), express.json({ limit: '16kb', strict: true }));

  /** Alive: the process answers and the database can be read. */
  app.get('/healthz', async (_request, response) => {
    await query.totals();
    response.json({ ok: true });
  });
  /** Ready: studies are received and analysed. The text says what is missing. */
  app.get('/readyz', async (_request, response) => {
    const status = await system();
    const missing = [
      ...(status.receiver.up ? [] : ['The receiver is down.']),
      ...(status.model === null ? [status.modelError ?? 'No network is loaded.'] : []),
    ];
    response.status(missing.length === 0 ? 200 : 503).json({ ready: missing.length === 0, missing });
  });
  app.get('/metrics', async (_request, response) => {
    response.type('text/plain; version=0.0.4').send(await metricsText(await query.totals(), await system()));
  });

  app.get('/api/worklist', async (_request, response) => {
    response.json({
      nowMs: clock.now(),
      maxWaitMinutes: options.maxWaitMinutes,
      system: await system(),
      totals: await query.totals(),
      rows: await query.rows(),
    });
  });
  app.get('/api/cases/:studyInstanceUid', async (request, response) => {
    const { row, findings, instances, results, events } = await query.caseDetail(request.params.studyInstanceUid);
    // Where files lie on this machine is nobody's business in a browser.
    response.json({
      row,
      findings,
      instances,
      results: results.map((result) => ({ ...result, path: undefined })),
      events,
    });
  });
  app.put('/api/cases/:studyInstanceUid/read', async (request, response) => {
    const { read } = (request.body ?? {}) as { read?: unknown };
    if (typeof read !== 'boolean') throw new TriageError('command-invalid', 'Send {"read": true} or {"read": false}.');
    await store.markRead(request.params.studyInstanceUid, read, 'web');
    response.status(204).end();
  });
  app.get('/api/events', feed.serve);
  app.use('/api', (_request, response) => {
    response.status(404).json({ error: 'not-found', message: 'There is no such address in the API.' });
  });

  app.use(
    express.static(options.pageDir, { index: 'index.html', etag: false, lastModified: false, cacheControl: false }),
  );
  app.use((_request, response) => {
    response.status(404).type('text/plain').send('Not found. The worklist is at /');
  });

  const onError: ErrorRequestHandler = (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const status =
      error instanceof TriageError ? error.kind.httpStatus : ((error as { status?: number } | null)?.status ?? 500);
    const code = error instanceof TriageError ? error.code : status < 500 ? 'not-understood' : 'unexpected';
    if (status >= 500) {
      log.error('request failed', {
        method: request.method,
        route: (request.route as { path?: string } | undefined)?.path,
        error,
      });
      response.status(status).json({ error: code, message: 'The request failed; the log says why.' });
      return;
    }
    response
      .status(status)
      .json({
        error: code,
        message: error instanceof TriageError ? error.message : 'The request could not be understood.',
      });
  };
  app.use(onError);
  return app;
}

async function listen(server: Server, options: WebOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const advice =
        error.code === 'EADDRINUSE'
          ? `Port ${options.port} is taken: set web.port to a free one, or stop what uses it.`
          : `The page cannot listen on ${options.host}:${options.port} (${error.code}).`;
      reject(new TriageError('config-invalid', advice, { cause: error }));
    });
    server.listen(options.port, options.host, () => resolve());
  });
}
