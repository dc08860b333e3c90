import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Access } from '../../../src/web/access/access.ts';
import { systemClock } from '../../../src/base/clock.ts';
import type { Clock } from '../../../src/base/clock.ts';
import type { Log, LogFields } from '../../../src/base/log.ts';
import { useSliceFile } from '../../../src/compose/sliceFile.ts';
import { storedKeyImage } from '../../../src/report/storedKeyImage.ts';
import { startWebServer } from '../../../src/web/server.ts';
import type { SystemStatus, WebOptions, WebServer } from '../../../src/web/server.ts';
import type { SqliteDatabase, WorklistDatabase } from '../../../src/worklist/db/database.ts';
import {
  MAX_WAIT_MINUTES,
  accessTo,
  adminOf,
  decodePicture,
  openSeededWorklist,
} from '../../browser/seededWorklist.ts';
import type { SeededWorklist } from '../../browser/seededWorklist.ts';

/** Far in the future: no backup is missed. */
const START_OF_AGENT_MS = Date.UTC(2100, 0, 1);

export const READY: SystemStatus = {
  model: { name: 'compact', version: '1.0.0', sha256: 'ab'.repeat(32), provider: 'cpu' },
  modelError: null,
  shadow: null,
  receiver: {
    up: true,
    downSinceMs: null,
    port: 11112,
    aeTitle: 'ODONTOID',
    stored: 12,
    rejected: 3,
    refused: 4,
    refusedContexts: 5,
    aborted: 6,
    refusedTls: 29,
    dropped: 7,
    openAssociations: 2,
    maxAssociations: 20,
    restarts: 1,
  },
  hl7: {
    port: 2575,
    tlsPort: null,
    openConnections: 1,
    accepted: 41,
    refused: 42,
    refusedConnections: 43,
    lastRefusal: null,
  },
  proofOfLife: {
    alarm: null,
    lastOutcome: null,
    lastAtMs: null,
    lastPassedAtMs: null,
    totalMs: null,
    probability: null,
  },
  auditRepository: null,
  encodedOnArrival: 9,
  freeBytes: 5_000_000,
  disk: { refuseBelowBytes: 2_000_000, removeBelowBytes: 4_000_000 },
  startedAtMs: START_OF_AGENT_MS,
  oldestUnreportedAtMs: null,
  loopLagMs: 7,
  clockStep: null,
  backupAtMs: null,
  certificates: [],
  watch: [],
  waitingResults: [],
  maxWaitingBytes: 6_000_000,
  certificateProblems: [],
};

export interface LoggedLine {
  message: string;
  fields: LogFields | undefined;
}

export interface WebUnderTest<Database extends WorklistDatabase = SqliteDatabase> extends SeededWorklist<Database> {
  access: Access;
  url: string;
  port: number;
  server: WebServer;
  logged: LoggedLine[];
}

/** Timers of a heartbeat's length and more run `factor` times as fast; all else is real. */
export function hurried(factor: number): Clock {
  return { ...systemClock, after: (ms, run) => systemClock.after(ms >= 5_000 ? ms / factor : ms, run) };
}

interface SiteOptions extends Partial<
  Pick<
    WebOptions,
    | 'system'
    | 'decodeSlice'
    | 'query'
    | 'clock'
    | 'port'
    | 'publicUrl'
    | 'trustProxy'
    | 'tls'
    | 'patientNames'
    | 'triageOnly'
    | 'dicomWeb'
    | 'basePath'
  >
> {
  signIn?: Parameters<typeof accessTo>[1];
  admin?: Parameters<typeof adminOf>[1];
}

/** The real server on a real, migrated database, at a free loopback port. */
export async function startWeb({
  secondPerson = false,
  ...options
}: SiteOptions & { secondPerson?: boolean } = {}): Promise<WebUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'odontoid-web-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const worklist = await openSeededWorklist(folder, options.clock ?? systemClock, { secondPerson });
  onTestFinished(worklist.close);
  return startWebOn(worklist, options);
}

/** The same on a worklist that is open. */
export async function startWebOn<Database extends WorklistDatabase>(
  worklist: SeededWorklist<Database>,
  { signIn, admin, ...options }: SiteOptions,
): Promise<WebUnderTest<Database>> {
  const pageDir = join(worklist.folder, 'page');
  await mkdir(pageDir);
  await writeFile(join(pageDir, 'index.html'), '<!doctype html><title>page</title>');
  await writeFile(join(pageDir, 'page.js'), 'export const words = 1;\n'.repeat(500));
  const logged: LoggedLine[] = [];
  const access = await accessTo(worklist, signIn);
  const server = await startWebServer({
    host: '127.0.0.1',
    port: 0,
    pageDir,
    maxWaitMinutes: MAX_WAIT_MINUTES,
    triageOnly: false,
    patientNames: 'shown',
    viewerTemplate: null,
    decodeSlice: decodePicture(worklist.folder),
    keyImage: (path) => useSliceFile(path, storedKeyImage),
    admin: adminOf(worklist, admin),
    dicomWeb: false,
    resolvePath: (path) => path,
    stow: (_request, response) => {
      response.end('{}');
      return Promise.resolve();
    },
    query: worklist.query,
    store: worklist.store,
    thresholds: worklist.thresholds,
    system: () => Promise.resolve(READY),
    version: '0.0.0',
    access,
    checkAnswers: true,
    clock: systemClock,
    log: recordingLog(logged),
    ...options,
  });
  onTestFinished(() => server.close());
  return { ...worklist, access, server, url: server.url, port: Number(new URL(server.url).port), logged };
}

function recordingLog(lines: LoggedLine[]): Log {
  const add = (message: string, fields?: LogFields) => {
    lines.push({ message, fields });
  };
  const log: Log = { debug: add, info: add, warn: add, error: add, child: () => log };
  return log;
}

export interface RawAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A request as it stands: with headers that `fetch` would not let a caller choose (Host, Origin, Sec-Fetch-*), and a path that nobody has tidied. */
export function ask(url: string, method: string, headers: Record<string, string>, body?: string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname, port, origin } = new URL(url);
    const outgoing = request(
      { hostname, port, path: url.slice(origin.length) || '/', method, headers, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** The events of one stream as they come; `next` waits for one of the given kind. */
export async function listen(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ next: (kind: string) => Promise<string>; ended: Promise<void>; leave: () => void }> {
  const controller = new AbortController();
  onTestFinished(() => {
    controller.abort();
  });
  const response = await fetch(`${url}/api/events`, { headers, signal: controller.signal });
  if (!response.ok || response.body === null) throw new Error(`the feed answered ${response.status}`);
  const seen: { kind: string; data: string }[] = [];
  let wake = (): void => undefined;
  const ended = (async () => {
    const decoder = new TextDecoder();
    let buffer = '';
    try {
      for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
        buffer += decoder.decode(part, { stream: true });
        const blocks = buffer.split('\n\n');
        buffer = blocks.pop() ?? '';
        for (const block of blocks)
          seen.push({ kind: /^event: (.*)$/m.exec(block)?.[1] ?? '', data: /^data: (.*)$/m.exec(block)?.[1] ?? '' });
        wake();
      }
    } catch (error) {
      if (!controller.signal.aborted) throw error;
    }
  })();
  return {
    ended,
    leave: () => {
      controller.abort();
    },
    next: async (kind) => {
      for (;;) {
        const at = seen.findIndex((event) => event.kind === kind);
        if (at >= 0) return seen.splice(0, at + 1).at(-1)!.data;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
