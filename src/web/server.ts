import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import compression from 'compression';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { TriageError } from '../base/errors.ts';
import { TLS_PROFILE } from '../base/tlsProfile.ts';
import type { Clock } from '../base/clock.ts';
import { closeHttpServer } from '../base/closeHttpServer.ts';
import type { Log } from '../base/log.ts';
import type { DecodeSlice } from '../case/triageModel.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';
import type { ThresholdChanges } from '../worklist/thresholds/thresholdChanges.ts';
import type { WorklistQuery } from '../worklist/list/worklistQuery.ts';
import type { Access } from './access/access.ts';
import type { Administration } from './administration.ts';
import type { StowGate } from './stowGate.ts';
import type { SystemStatus } from '../answers/systemAnswer.ts';
import { createDicomWeb, type DicomWeb } from './dicomWeb/dicomWeb.ts';
import { listenHttp } from './listenHttp.ts';
import { createLiveFeed } from './liveFeed.ts';
import { mountRoutes } from './mountRoutes.ts';
import { openApiOf } from './openApi.ts';
import { PAGE_PATHS } from '../answers/pagePaths.ts';
import { pageBelow, takesBasePathAway } from './basePath.ts';
import { createPatientNames, type NamesRule } from './patientNames.ts';
import { ROUTES } from './routes.ts';
import { COOKIE_PATHS, ownPagesOnly, refusesCookieWithoutTls, securityHeaders } from './security.ts';
import { createSliceImages } from './sliceImages.ts';
import type { WebContext } from './webContext.ts';
import { startWhatIfProcess } from './whatIfFigures.ts';
import type { WhatIfProcess } from './whatIfFigures.ts';

export type { SystemStatus } from '../answers/systemAnswer.ts';

export interface WebOptions {
  host: string;
  port: number;
  /** Folder of the built page (`dist/web`). */
  pageDir: string;
  maxWaitMinutes: number;
  /** A site's choice: no heatmap and no slice score in any response. */
  triageOnly: boolean;
  patientNames: NamesRule;
  /** Address of the site's viewer with placeholders, as `worklist.viewerUrl`; null without one. */
  viewerTemplate: string | null;
  /** Decodes the slice at a path relative to the spool, in a separate process, which may crash over it. */
  decodeSlice: DecodeSlice;
  /** The key image on the triage card at a path, as PNG; null for a card without one. */
  keyImage: WebContext['keyImage'];
  admin: Administration;
  stow: StowGate;
  /** Serves QIDO-RS and WADO-RS. */
  dicomWeb: boolean;
  /** Absolute path of a path in the spool. */
  resolvePath: (path: string) => string;
  query: WorklistQuery;
  store: WorklistStore;
  thresholds: ThresholdChanges;
  system: () => Promise<SystemStatus>;
  clock: Clock;
  log: Log;
  access: Access;
  /** The address that people type: `https://odontoid.example`. Undefined: only this machine's own names. */
  publicUrl?: string | undefined;
  /** Path below which a reverse proxy serves the page; empty for none. */
  basePath?: string;
  /** Certificate chain and key, PEM; without them plain HTTP is served. */
  tls?: { cert: string; key: string } | undefined;
  /** Addresses of reverse proxies whose `X-Forwarded-*` is believed. */
  trustProxy?: readonly string[];
  /** Version of this software, for the description of the API. */
  version: string;
  /** Fails a response that does not match its schema; for tests. */
  checkAnswers?: boolean;
}

/** From the first byte of a request to its last. */
const MOST_REQUEST_MS = 3_600_000;
/** Size of the cache of decoded slices, bytes: about two series. */
const MOST_SLICE_BYTES = 256 * 1024 * 1024;

export interface WebServer {
  url: string;
  /** Later connections use this certificate and key; without effect where plain HTTP is served. */
  renewTls: (tls: { cert: string; key: string }) => void;
  close: () => Promise<void>;
}

/**
 * Serves the worklist page, its JSON API, server-sent events, `/healthz`, `/readyz` and `/metrics`.
 *
 * @throws TriageError `config-invalid` when the port is taken, with what to do.
 */
export async function startWebServer(options: WebOptions): Promise<WebServer> {
  const feed = createLiveFeed((listener) => options.store.onChange(listener), options.clock);
  const whatIf = startWhatIfProcess();
  const dicomWeb = options.dicomWeb ? createDicomWeb(options) : null;
  const app = createApp(options, feed, whatIf, dicomWeb);
  const tlsServer = options.tls === undefined ? null : createTlsServer({ ...options.tls, ...TLS_PROFILE }, app);
  const server = tlsServer ?? createServer(app);
  // A large study may take long to come; headers have their own, short limit.
  server.requestTimeout = MOST_REQUEST_MS;
  await listenHttp(server, options, 'web.port');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    renewTls: (tls) => tlsServer?.setSecureContext({ ...tls, ...TLS_PROFILE }),
    close: async () => {
      feed.close();
      await closeHttpServer(server, 2_000);
      whatIf.close();
      dicomWeb?.close();
    },
  };
}

function createApp(
  options: WebOptions,
  feed: ReturnType<typeof createLiveFeed>,
  whatIf: WhatIfProcess,
  dicomWeb: DicomWeb | null,
): Express {
  const { access, log } = options;
  let described: { openapi: string } | null = null;
  const { basePath = '' } = options;
  const slices = createSliceImages(options.decodeSlice, MOST_SLICE_BYTES);
  const names = createPatientNames(() => options.patientNames, access.sessions, options.clock);
  const context: WebContext = {
    ...options,
    // These may change while the server runs.
    get maxWaitMinutes() {
      return options.maxWaitMinutes;
    },
    get viewerTemplate() {
      return options.viewerTemplate;
    },
    basePath,
    dicomWeb,
    feed,
    whatIf,
    slices,
    names,
    description: () => (described ??= openApiOf(ROUTES, options.version)),
  };
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', [...(options.trustProxy ?? [])]);
  if (basePath !== '') app.use(takesBasePathAway(basePath));
  app.use(
    ...securityHeaders({ secure: access.secure }),
    ownPagesOnly({ publicUrl: options.publicUrl, basePath, originNeeded: access.mode !== 'off' }),
    express.json({ limit: '16kb', strict: true }),
  );
  app.use(COOKIE_PATHS, refusesCookieWithoutTls({ secure: access.secure, log }));
  // The files of the page are the same for everybody and contain no data, so requests for them need no authentication.
  app.use(['/api', '/metrics', '/dicom-web'], ...access.identify);

  mountRoutes(app, ROUTES, context, { checkAnswers: options.checkAnswers ?? false });
  app.use(['/api', '/dicom-web'], (_request, response) => {
    response.status(404).json({ error: 'not-found', message: 'There is no such address in the API.' });
  });

  // Every screen is the same HTML page, which chooses the screen by its address.
  const html = pageBelow(basePath, options.pageDir);
  app.get([...PAGE_PATHS], (_request, response) => {
    response.type('html').send(html());
  });
  // Compress only the page's own files: in a response with a secret beside text that a stranger may choose, the compressed length would leak it.
  app.use(
    compression(),
    express.static(options.pageDir, { index: false, etag: false, lastModified: false, cacheControl: false }),
  );
  app.use((request, response) => {
    response.status(404);
    // A person with a wrong address gets the page, which says so and leads to the worklist.
    if (request.method === 'GET' && request.accepts(['text/plain', 'text/html']) === 'text/html')
      response.type('html').send(html());
    else response.type('text/plain').send(`Not found. The worklist is at ${basePath}/`);
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
    response.status(status).json({
      error: code,
      message: error instanceof TriageError ? error.message : 'The request could not be understood.',
    });
  };
  app.use(onError);
  return app;
}
