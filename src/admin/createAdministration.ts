import { statfs } from 'node:fs/promises';
import type { Config } from '../config/config.ts';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Pacs } from '../case/delivery.ts';
import type { Administration } from '../web/administration.ts';
import type { ModelAdministration } from '../web/modelAdministration.ts';
import type { AuditLog } from '../worklist/audit/audit.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';
import { createCommitmentRequests } from '../worklist/cases/commitmentRequests.ts';
import { createPriorSearches } from '../worklist/cases/priorSearches.ts';
import { createWatchedArchives } from '../worklist/cases/watchedArchives.ts';
import { createConnectionFacts } from '../worklist/list/connectionFacts.ts';
import type { WorklistDatabase } from '../worklist/db/database.ts';
import type { ConnectionsAnswer, ProofRun, SystemDetail } from '../answers/adminAnswers.ts';
import type { ProofStatus } from '../worklist/proof/proofRuns.ts';
import { systemFigures } from '../worklist/list/systemFigures.ts';
import { removedStudies } from '../worklist/cases/removedCases.ts';
import { countNeedsAttention, needsAttention } from '../worklist/list/needsAttention.ts';
import type { WorklistQuery } from '../worklist/list/worklistQuery.ts';
import { createAssociationPolicy } from '../receive/associationPolicy.ts';
import { createConnections, type ConnectionsOptions } from './connections.ts';
import { sourceTrial } from './sourceTrial.ts';
import { testRouting } from './routingTest.ts';

type Source = Config['receive']['sources'][number];

export interface AdministrationOptions {
  config: Pick<
    Config,
    | 'receive'
    | 'assemble'
    | 'selection'
    | 'report'
    | 'destinations'
    | 'housekeeping'
    | 'proofOfLife'
    | 'watch'
    | 'priors'
    | 'pipeline'
  >;
  /** Who may send, from one moment to the next. */
  sources: {
    ofFile: readonly Source[];
    ofPage(): readonly Source[];
    all(): readonly Source[];
    wouldBe(sender: Parameters<Administration['connections']['trySource']>[0]): Source;
    mayChange: boolean;
  };
  destinations: Administration['destinations'];
  settings: Administration['settings'];
  pulls: Administration['pulls'];
  database: WorklistDatabase;
  store: Pick<WorklistStore, 'recordedPath'>;
  query: Pick<WorklistQuery, 'caseDetail'>;
  audit: Pick<AuditLog, 'page'>;
  proof: {
    begin(cause: 'person', requestedBy: string): Promise<{ id: number }>;
    status(): Promise<ProofStatus>;
    newest(limit: number): Promise<ProofRun[]>;
  };
  models: ModelAdministration;
  nextProofMs: () => number | null;
  /** Null until it has started. */
  receiver: () => {
    port: number;
    tlsPort: number | null;
    isUp(): boolean;
    openAssociations(): { size: number };
    counters(): { stored: number; refused: number; rejected: number; refusedTls: number };
  } | null;
  /** For each destination that there is now, by its name. */
  echoes: () => readonly (Pick<Pacs, 'name' | 'echo'> & Partial<Pick<Pacs, 'probe'>>)[];
  /** Null for a source whose address is not configured. */
  echoSource: (source: Source) => Pacs['echo'] | null;
  spoolDir: string;
  /** The agents on the database. */
  nodes: () => Promise<SystemDetail['nodes']>;
  peakRssBytes: () => Promise<{ agent: number; receiver: number; inference: number }>;
  version: string;
  clock: Clock;
}

/** A slice is half a megabyte; this allows a long multi-frame object. */
const MOST_TESTED_BYTES = 64 * 1024 * 1024;

/** What admins may ask of the agent, composed from its parts. */
export function createAdministration(options: AdministrationOptions): Administration {
  const { config, database, proof, clock } = options;
  const startedAtMs = clock.now();
  const watched = createWatchedArchives(database, clock);
  const priorSearches = createPriorSearches(database, clock);
  const commitments = createCommitmentRequests(database, clock);
  const receiver = (): ConnectionsAnswer['receiver'] => {
    const running = options.receiver();
    const { tls } = config.receive;
    const { stored = 0, refused = 0, rejected = 0, refusedTls = 0 } = running?.counters() ?? {};
    return {
      aeTitle: config.receive.aeTitle,
      host: config.receive.host,
      port: running?.port ?? config.receive.port,
      up: running?.isUp() ?? false,
      openAssociations: running?.openAssociations().size ?? 0,
      stored,
      refused,
      rejected,
      tls:
        tls === undefined
          ? null
          : {
              host: tls.host,
              port: running?.tlsPort ?? tls.port,
              clientCertificates: tls.clientCertificates,
              refused: refusedTls,
            },
    };
  };
  const peerOf = (source: Source, origin: 'file' | 'page') => ({
    aeTitle: source.aeTitle,
    origin,
    addresses: source.addresses,
    certificates: source.certificates ?? [],
    echoAddress: source.echo === undefined ? null : `${source.echo.host}:${source.echo.port}`,
    takesCommitments: source.commitment !== undefined,
    echo: options.echoSource(source),
  });
  return {
    destinations: options.destinations,
    settings: options.settings,
    pulls: options.pulls,
    proof: {
      settings: {
        get schedule() {
          return config.proofOfLife.schedule;
        },
        expect: config.proofOfLife.expect,
        sendTo: config.proofOfLife.sendTo,
      },
      nextAtMs: options.nextProofMs,
      status: () => proof.status(),
      newest: (limit) => proof.newest(limit),
      begin: async (requestedBy) => (await proof.begin('person', requestedBy)).id,
    },
    models: options.models,
    connections: createConnections({
      receiver,
      destinations: () => destinationPeers(options),
      mayChangeDestinations: options.destinations.mayChange,
      destinationFiles: () => options.destinations.files(),
      trySource: (sender) => sourceTrial(sender, options),
      sources: () => [
        ...options.sources.ofFile.map((source) => peerOf(source, 'file')),
        ...options.sources.ofPage().map((source) => peerOf(source, 'page')),
      ],
      mayBeLetIn: (aeTitle, address) =>
        options.sources.mayChange &&
        createAssociationPolicy({ ...config.receive, sources: options.sources.all() }).isStranger(aeTitle, address),
      selection: () => config.selection,
      facts: createConnectionFacts(database),
      priorsOf: (name) => (config.priors.archives.includes(name) ? priorSearches.status(name) : Promise.resolve(null)),
      watchOf: (name) => (config.watch.archives.includes(name) ? watched.status(name) : Promise.resolve(null)),
      commitmentsOf: commitments.status,
      audit: options.audit,
      clock,
    }),
    testRouting: (bytes, sender) =>
      testRouting(
        {
          receive: { ...config.receive, sources: options.sources.all() },
          rules: config.assemble,
          reportNotEligible: config.report.notEligible,
          selection: config.selection,
          clock,
          destinations: config.destinations.map(({ name }) => name),
          store: options.store,
          query: options.query,
        },
        bytes,
        sender,
      ),
    mostTestedBytes: Math.min(MOST_TESTED_BYTES, config.receive.maxObjectBytes),
    needsAttention: (limit) => needsAttention(database, limit),
    countNeedsAttention: () => countNeedsAttention(database),
    removedStudies: (limit) => removedStudies(database.reads, limit),
    figures: (range) => systemFigures(database, range),
    systemDetail: async () => {
      const disk = await statfs(options.spoolDir).catch(() => null);
      return {
        version: options.version,
        startedAtMs,
        disk: {
          freeBytes: disk === null ? null : disk.bavail * disk.bsize,
          totalBytes: disk === null ? null : disk.blocks * disk.bsize,
          refuseBelowBytes: config.receive.minFreeBytes,
          removeBelowBytes: config.housekeeping.lowWaterFreeBytes,
        },
        memory: await options.peakRssBytes(),
        nodes: await options.nodes(),
        takenOverWithinMs: config.pipeline.leaseMs,
      };
    },
  };
}

/** The destinations that there are now, each with where it is set. */
function destinationPeers({
  config,
  destinations,
  echoes,
}: AdministrationOptions): ReturnType<ConnectionsOptions['destinations']> {
  const isOfFile = new Set(destinations.ofFile);
  const entries = new Map(destinations.ofPage().map((entry) => [entry.name, entry]));
  return config.destinations.map((destination) => ({
    name: destination.name,
    kind: destination.kind,
    address:
      destination.kind === 'dimse'
        ? `${destination.aeTitle}@${destination.host}:${destination.port}`
        : withoutCredentials(destination.url),
    confirm: destination.confirm,
    objects: [...destination.objects],
    decisions: destination.decisions,
    state: destination.state,
    origin: isOfFile.has(destination.name) ? 'file' : 'page',
    place: isOfFile.has(destination.name) ? destinations.place : null,
    ofPage: entries.get(destination.name) ?? null,
    echo: echoOf(echoes, destination.name),
  }));
}

/** Tests what a delivery to the destination would do. */
function echoOf(
  echoes: AdministrationOptions['echoes'],
  name: string,
): () => Promise<number | { ms: number; takes: string }> {
  return () => {
    const found = echoes().find((one) => one.name === name);
    return found === undefined
      ? Promise.reject(new TriageError('not-found', `There is no adapter for ${name}.`))
      : (found.probe ?? found.echo)();
  };
}

function withoutCredentials(url: string): string {
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  return plain.href;
}
