import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import { systemClock } from '../../src/base/clock.ts';
import { packageRoot } from '../../src/base/packageRoot.ts';
import type { Clock } from '../../src/base/clock.ts';
import { createLog } from '../../src/base/log.ts';
import type { Access } from '../../src/web/access/access.ts';
import { useSliceFile } from '../../src/compose/sliceFile.ts';
import { storedKeyImage } from '../../src/report/storedKeyImage.ts';
import { startWebServer } from '../../src/web/server.ts';
import type { Administration } from '../../src/web/administration.ts';
import type { SystemStatus, WebOptions, WebServer } from '../../src/web/server.ts';
import { validatedHere } from '../unit/worklist/validatedHere.ts';
import { MAX_WAIT_MINUTES, accessTo, adminOf, decodePicture, openSeededWorklist } from './seededWorklist.ts';
import type { SeededWorklist } from './seededWorklist.ts';

/** The page as it is shipped (test/built.ts). */
const builtPage = join(packageRoot, 'dist/web');

/** For how long a page is waited for: a test that fails is late, not flaky. */
export const PATIENCE_MS = 90_000;

/** Debian's Chromium with one family of fonts, and without anything that would look for a network. */
export function launchBrowser(more: readonly string[] = []): Promise<Browser> {
  const args = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    ...more,
  ];
  const env = { ...process.env, FONTCONFIG_FILE: join(import.meta.dirname, 'fonts.conf') } as Record<string, string>;
  return chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args, env });
}

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'odontoid-browser-'));
}

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
    rejected: 0,
    refused: 0,
    refusedContexts: 0,
    aborted: 0,
    dropped: 0,
    refusedTls: 0,
    openAssociations: 2,
    maxAssociations: 20,
    restarts: 1,
  },
  hl7: null,
  proofOfLife: {
    alarm: null,
    lastOutcome: null,
    lastAtMs: null,
    lastPassedAtMs: null,
    totalMs: null,
    probability: null,
  },
  auditRepository: null,
  encodedOnArrival: 0,
  freeBytes: 50_000_000_000,
  disk: { refuseBelowBytes: 2_000_000_000, removeBelowBytes: 10_000_000_000 },
  startedAtMs: START_OF_AGENT_MS,
  oldestUnreportedAtMs: null,
  loopLagMs: 7,
  clockStep: null,
  backupAtMs: null,
  certificates: [],
  watch: [],
  waitingResults: [],
  maxWaitingBytes: 10_737_418_240,
  certificateProblems: [],
};

export type SiteOptions = Partial<Pick<WebOptions, 'triageOnly' | 'viewerTemplate' | 'patientNames' | 'basePath'>> & {
  signIn?: Parameters<typeof accessTo>[1];
  secondPerson?: boolean;
  proofExpectsFlag?: boolean;
  /** Whether the network was validated at this site, so that no screen says otherwise; left out: yes. */
  validated?: boolean;
  /** The desk of admins; without, one on which no peers are configured. */
  admin?: (worklist: SeededWorklist) => Administration | Promise<Administration>;
};

export interface Site extends SeededWorklist {
  access: Access;
  url: string;
  /** What the page is told of the agent; a test may change it. */
  system: SystemStatus;
  stop: () => Promise<void>;
  /** The same address again. */
  start: () => Promise<void>;
  end: () => Promise<void>;
}

/** The real server on an empty worklist on disk. */
export async function openSite(clock: Clock = systemClock, options: SiteOptions = {}): Promise<Site> {
  const folder = await temporaryFolder();
  const worklist = await openSeededWorklist(folder, clock, {
    secondPerson: options.secondPerson ?? false,
    proofExpectsFlag: options.proofExpectsFlag ?? false,
  });
  if (options.validated ?? true) await validatedHere(worklist.database, READY.model!);
  const access = await accessTo(worklist, options.signIn);
  let server: WebServer | null = null;
  const site: Site = {
    ...worklist,
    access,
    url: '',
    system: structuredClone(READY),
    start: async () => {
      server = await startWebServer({
        host: '127.0.0.1',
        port: site.url === '' ? 0 : Number(new URL(site.url).port),
        pageDir: builtPage,
        maxWaitMinutes: MAX_WAIT_MINUTES,
        triageOnly: options.triageOnly ?? false,
        patientNames: options.patientNames ?? 'shown',
        viewerTemplate: options.viewerTemplate ?? null,
        basePath: options.basePath ?? '',
        decodeSlice: decodePicture(worklist.folder),
        keyImage: (path) => useSliceFile(path, storedKeyImage),
        admin: await (options.admin ?? adminOf)(worklist),
        dicomWeb: false,
        resolvePath: (path) => path,
        stow: () => Promise.resolve(),
        query: worklist.query,
        store: worklist.store,
        thresholds: worklist.thresholds,
        system: () => Promise.resolve(site.system),
        version: '0.0.0',
        access,
        clock,
        log: createLog('silent'),
      });
      site.url = server.url;
    },
    stop: async () => {
      await server?.close();
      server = null;
    },
    end: async () => {
      await site.stop();
      await worklist.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await site.start();
  return site;
}
