import { existsSync } from 'node:fs';
import { lookup } from 'node:dns/promises';
import { readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { assembleStudy } from '../assemble/assembleStudy.ts';
import { isGeometryWhole } from '../assemble/completeness.ts';
import { preferSeries, refusalOnArrival } from '../assemble/seriesRank.ts';
import type { EncodedSlice } from '../case/case.ts';
import { notAnalysed } from '../case/notAnalysed.ts';
import type { AuditSource } from '../auditTrail/auditMessage.ts';
import type { AuditNaming } from '../auditTrail/auditMessageOf.ts';
import type { AuditRepository, Config, Destination } from '../config/config.ts';
import { readPem, readSecret } from '../config/configFile.ts';
import { packageRoot, softwareVersion } from '../base/packageRoot.ts';
import { createDelivery } from '../deliver/deliverResults.ts';
import { startAuditTrail, type AuditTrail } from '../auditTrail/auditTrail.ts';
import { createTlsSyslog, createUdpSyslog, type SyslogTransport } from '../auditTrail/syslogTransport.ts';
import { createAdminDesk } from '../admin/adminDesk.ts';
import { makeFolder } from '../base/durably.ts';
import { createArrivalEncoder } from '../infer/encodeOnArrival.ts';
import { TriageError } from '../base/errors.ts';
import { freeBytesUnder, retainCases } from '../housekeeping/retention.ts';
import { startHousekeeping } from '../housekeeping/schedule.ts';
import { startInferenceProcess } from '../infer/inferenceProcess.ts';
import { inferSeries } from '../infer/inferSeries.ts';
import { installedPackageDir, type PackagePlaces } from '../infer/modelPackages.ts';
import { createIntake } from '../receive/intake.ts';
import { createModelDesk } from '../models/modelDesk.ts';
import { verifyRuns } from '../models/modelDecision.ts';
import { createModelServing, type ModelServing, type WantedModel } from '../infer/modelServing.ts';
import { createDicomWeb } from '../pacs/dicomWeb.ts';
import { createDimseScu } from '../pacs/dimseScu.ts';
import { sendFiles } from '../pacs/sendFiles.ts';
import { createProofOfLife } from '../proofOfLife/proofOfLife.ts';
import { createPipeline, type PipelineStep, type Stage } from '../pipeline/pipeline.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Pacs } from '../case/delivery.ts';
import { startReceiver } from '../receive/receiverProcess.ts';
import { createRejectionRecorder } from '../receive/rejections.ts';
import { createResultWriter } from '../report/writeResults.ts';
import { createShadowScoring } from '../models/shadowScoring.ts';
import { useSliceFile } from './sliceFile.ts';
import { createAccess, type Access } from '../web/access/access.ts';
import { createOidcProvider } from '../web/access/oidc.ts';
import { startWebServer, type SystemStatus } from '../web/server.ts';
import { createAccounts } from '../worklist/people/accounts.ts';
import { createAuditLog, type AuditLog } from '../worklist/audit/audit.ts';
import { createAuditOutbox } from '../worklist/audit/auditOutbox.ts';
import { createCaseStore, type WorklistStore } from '../worklist/cases/caseStore.ts';
import { lockDataDir } from '../worklist/db/dataDirLock.ts';
import { migrate, openDatabase, type WorklistDatabase } from '../worklist/db/database.ts';
import { createMaintenance } from '../worklist/db/maintenance.ts';
import type { ModelActivation, ModelRole } from '../worklist/models/modelActivations.ts';
import { createProofRuns } from '../worklist/proof/proofRuns.ts';
import { newSecret } from '../worklist/people/secrets.ts';
import { createServiceTokens } from '../worklist/people/serviceTokens.ts';
import { createSessions } from '../worklist/people/sessions.ts';
import { createThresholdDesk } from '../worklist/thresholds/thresholdDesk.ts';
import { createWorklistQuery, type WorklistQuery } from '../worklist/list/worklistQuery.ts';

/** The header's own words for what the configuration names by its DICOM keyword. */
const LOCATION_FROM = {
  CurrentPatientLocation: 'currentPatientLocation',
  InstitutionalDepartmentName: 'institutionalDepartmentName',
  StationName: 'stationName',
  none: null,
} as const;
const MODEL_RETRY_MS = 30_000;
const FINDING_LOOK_MS = 250;
/** Slices that the infer stage encodes between two saves: what a kill costs at the most. */
const SAVE_EVERY = 16;
/** The shadow's process comes after the active one's. */
const SHADOW_NICENESS = 5;
const LOWEST_PRIORITY = 19;
/** Shorter than a browser waits for the answer. */
const ECHO_TIMEOUT_MS = 8_000;

export interface Agent {
  url: string;
  dicomPort: number;
  /** One-time link by which the first admin makes their account; null once there is one, or where nobody has one here. */
  setUpLink: { url: string; expiresAtMs: number } | null;
  store: WorklistStore;
  query: WorklistQuery;
  system(): Promise<SystemStatus>;
  /** Resident memory peaks of the processes, bytes. */
  peakRssBytes(): Promise<{ agent: number; receiver: number; inference: number }>;
  /** Stops receiving, finishes what is in hand, and stops the rest in reverse order of start. */
  close(): Promise<void>;
}

export interface AgentPorts {
  clock: Clock;
  log: Log;
  environment: NodeJS.ProcessEnv;
  /** Named points of the pipeline, for tests that kill the process at each. */
  onStep?: (step: PipelineStep, studyInstanceUid: string) => void;
}

/** Where things lie in the data folder. */
export function dataPaths(config: Config) {
  return {
    database: join(config.dataDir, 'odontoid.sqlite'),
    spool: join(config.dataDir, 'spool'),
    results: join(config.dataDir, 'results'),
    backups: join(config.dataDir, 'backups'),
    models: join(config.dataDir, 'models'),
    proof: join(config.dataDir, 'proof'),
  };
}

/** Where model packages are looked for. */
export function modelPlaces(config: Config): PackagePlaces {
  return {
    installedDir: dataPaths(config).models,
    configuredDir: config.infer.modelDir,
    shippedDir: join(packageRoot, 'models'),
  };
}

/** The adapter of one destination. @throws TriageError `config-invalid` when its secret cannot be read */
export function createPacs(destination: Destination, ports: Pick<AgentPorts, 'clock' | 'log' | 'environment'>): Pacs {
  if (destination.kind === 'dimse') return createDimseScu(destination, ports);
  const { auth } = destination;
  const authorization =
    auth.kind === 'none'
      ? undefined
      : auth.kind === 'basic'
        ? `Basic ${Buffer.from(`${auth.username}:${readSecret(auth.password, ports.environment)}`).toString('base64')}`
        : `Bearer ${readSecret(auth.token, ports.environment)}`;
  return createDicomWeb(
    { ...destination, headers: authorization === undefined ? {} : { Authorization: authorization } },
    ports,
  );
}

/**
 * Starts the agent: database, network, pipeline, delivery, housekeeping, page, and last the receiver, so that nothing is acknowledged before it can be
 * kept. A network that does not load leaves the agent receiving; its cases wait, and the page says so.
 *
 * @throws TriageError `config-invalid`, `database-*`: what a person must mend before the agent can start
 */
export async function startAgent(config: Config, ports: AgentPorts): Promise<Agent> {
  const { clock, log } = ports;
  const paths = dataPaths(config);
  // Releasers run in reverse order: what was started last stops first.
  const releasers: { name: string; release: () => Promise<void> | void }[] = [];
  const release = async () => {
    for (const { name, release } of releasers.splice(0).reverse()) {
      try {
        await release();
      } catch (error) {
        log.error('a part did not stop cleanly', { component: name, error });
      }
    }
  };
  try {
    // The data folder for itself: whoever made it may not have synced its name.
    for (const folder of [config.dataDir, paths.spool, paths.results]) await makeFolder(folder);
    const unlock = lockDataDir(config.dataDir);
    releasers.push({ name: 'lock', release: unlock });

    await migrate(paths.database);
    const database = await openDatabase(paths.database);
    releasers.push({ name: 'database', release: () => database.close() });
    const audit = createAuditLog(database, clock);
    const auditTrail = await openAuditTrail(config, database, ports);
    let started = false;
    releasers.push({
      name: 'audit',
      release: async () => {
        if (started) await audit.append({ action: 'agent.stopped', actor: 'odontoid' });
        await auditTrail?.close();
      },
    });
    const store = createCaseStore(database, clock, {
      quietMs: config.assemble.quietMs,
      maxAttempts: config.pipeline.maxAttempts,
      retryMinMs: config.pipeline.retryMinMs,
      deliveryRetryMinMs: config.delivery.retryMinMs,
      deliveryRetryMaxMs: config.delivery.retryMaxMs,
      destinations: config.destinations.map((destination) => destination.name),
      proofDestinations: config.proofOfLife.sendTo,
      reportNotEligible: config.report.notEligible,
      locationFrom: LOCATION_FROM[config.worklist.location],
    });
    // The lock says that no other agent is alive: whatever it held is due now.
    await store.abandonLeases();
    const query = createWorklistQuery(database, clock, { maxWaitMs: config.worklist.maxWaitMinutes * 60_000 });

    const network = serveModel('active', config, store, ports);
    releasers.push({ name: 'inference', release: network.close });
    await network.look();
    const shadow = serveModel('shadow', config, store, ports);
    releasers.push({ name: 'shadow inference', release: shadow.close });

    const resolvePath = (path: string) => join(paths.spool, path);
    const rules = config.assemble;
    const arrival = createArrivalEncoder({
      lease: () => (config.infer.encodeOnArrival ? network.lease() : null),
      store,
      resolvePath,
      refuse: (header) => refusalOnArrival(header, rules),
      preferSeries,
      log: log.child({ component: 'arrival' }),
    });
    releasers.push({ name: 'arrival', release: arrival.close });

    // Until what a crash left out is on record, a study may be half of what was received, and its quiet time long over.
    let findingLost = true;
    // eslint-disable-next-line @typescript-eslint/require-await -- a stage answers with a promise; this one has nothing to wait for
    const assemble: Stage = async ({ record, instances }) => {
      if (findingLost) return { type: 'notYet', untilMs: clock.now() + FINDING_LOOK_MS };
      const quietUntilMs = record.lastReceivedAtMs + config.assemble.quietMs;
      // The association has ended, but something seems to be missing: give it the quiet time.
      if (clock.now() < quietUntilMs && !isGeometryWhole(instances, rules).whole)
        return { type: 'notYet', untilMs: quietUntilMs };
      const assembled = assembleStudy(instances, rules);
      if (assembled.type === 'seriesChosen') return assembled;
      const findings = notAnalysed(
        assembled.reasonCode,
        assembled.reason,
        network.model()?.identity,
        network.model()?.provider ?? 'none',
        clock.now(),
      );
      return { type: 'notEligible', series: assembled.series, findings };
    };
    let inferring = 0;
    const infer: Stage = async ({ record }, signal) => {
      const lease = network.lease();
      if (lease === null) return { type: 'notYet', untilMs: clock.now() + MODEL_RETRY_MS };
      const { model } = lease;
      inferring += 1;
      try {
        const manifest = record.manifest!;
        await arrival.settle(record.studyInstanceUid);
        const threshold = await store.threshold(model.identity.name, record.sourceAeTitle);
        // Another package is taking over, and the operating point may be its own already.
        if (!lease.isCurrent()) return { type: 'notYet', untilMs: clock.now() };
        if (threshold.stopped) {
          arrival.forget(record.studyInstanceUid);
          return {
            type: 'inferred',
            findings: notAnalysed(
              'flags-stopped',
              'AI flags are stopped at this site',
              model.identity,
              model.provider,
              clock.now(),
            ),
          };
        }
        let unsaved = new Map<string, EncodedSlice>();
        const save = async () => {
          const batch = unsaved;
          unsaved = new Map();
          await store.saveSliceFeatures(model.identity.sha256, batch);
        };
        const findings = await inferSeries({
          manifest,
          model,
          cached: await store.sliceFeatures(
            model.identity.sha256,
            manifest.slices.map((slice) => slice.sha256),
          ),
          resolvePath,
          threshold,
          clock,
          onEncoded: async (sha256, slice) => {
            unsaved.set(sha256, slice);
            if (unsaved.size >= SAVE_EVERY) await save();
          },
          heartbeat: () => signal.throwIfAborted(),
        });
        await save();
        arrival.forget(record.studyInstanceUid);
        return { type: 'inferred', findings };
      } finally {
        inferring -= 1;
        lease.release();
      }
    };
    const decodeSlice = async (path: string) => {
      const lease = network.lease();
      if (lease === null) throw new TriageError('inference-died', 'No network is loaded that could decode slices.');
      try {
        return await lease.model.decodeSlice(path);
      } finally {
        lease.release();
      }
    };
    const writer = createResultWriter({
      resultsDir: paths.results,
      spoolDir: paths.spool,
      softwareVersion: softwareVersion(),
      institutionName: config.report.institutionName,
      renderSource: decodeSlice,
      options: { heatmaps: config.report.heatmaps, srSopClass: 'comprehensive3d' },
      log: log.child({ component: 'report' }),
    });
    const report: Stage = async (claim) => ({
      type: 'reported',
      objects: await writer.write(claim, claim.record.findings!),
    });

    const pipeline = createPipeline({
      store,
      stages: { assemble, infer, report },
      clock,
      log: log.child({ component: 'pipeline' }),
      leaseMs: config.pipeline.leaseMs,
      describeFailure: (_claim, failure) =>
        notAnalysed(
          failure.code,
          failure.message,
          network.model()?.identity,
          network.model()?.provider ?? 'none',
          clock.now(),
        ),
      ...(ports.onStep === undefined ? {} : { onStep: ports.onStep }),
    });
    releasers.push({ name: 'pipeline', release: () => pipeline.stop() });

    const shadowScoring = createShadowScoring({
      store,
      lease: shadow.lease,
      isActiveBusy: () => inferring > 0 || arrival.isBusy(),
      resolvePath,
      clock,
      log: log.child({ component: 'shadow' }),
    });
    releasers.push({ name: 'shadow', release: shadowScoring.close });

    const delivery = createDelivery({
      store,
      destinations: config.destinations.map((destination) => createPacs(destination, ports)),
      clock,
      log: log.child({ component: 'deliver' }),
    });
    releasers.push({ name: 'delivery', release: () => delivery.drain() });

    // Asked for an answer now, not for patience.
    const echoes = config.destinations.map((destination) =>
      createPacs({ ...destination, timeoutMs: Math.min(destination.timeoutMs, ECHO_TIMEOUT_MS) }, ports),
    );
    let receiver: Awaited<ReturnType<typeof startReceiver>> | null = null;
    // An AE title that nobody else knows, and that the next start does not: only this process can send as it.
    const proofAeTitle = `PROOF-${newSecret()
      .replace(/[^A-Za-z0-9]/g, '')
      .slice(0, 10)}`;
    const proof = createProofOfLife({
      runs: createProofRuns(database, clock),
      query,
      onChange: (listener) => store.onChange(listener),
      send: async (files) => {
        if (receiver === null) throw new TriageError('proof-failed', 'The receiver has not started.');
        const peer = {
          name: 'agent',
          aeTitle: config.receive.aeTitle,
          host: ownHost(config.receive.host),
          port: receiver.port,
          callingAeTitle: proofAeTitle,
          timeoutMs: 30_000,
        };
        return (await sendFiles(peer, files, { clock })).map(({ outcome }) => outcome);
      },
      destinations: echoes,
      sendTo: config.proofOfLife.sendTo,
      dir: paths.proof,
      expect: config.proofOfLife.expect,
      timeoutMs: config.proofOfLife.timeoutMinutes * 60_000,
      alarmAfterMs: config.proofOfLife.schedule === 'off' ? null : config.proofOfLife.alarmAfterHours * 3_600_000,
      clock,
      log: log.child({ component: 'proof' }),
    });
    const housekeepingLog = log.child({ component: 'housekeeping' });
    const housekeeping = startHousekeeping({
      maintenance: createMaintenance(database),
      clock,
      log: housekeepingLog,
      retentionCron: config.housekeeping.retentionCron,
      nightlyCron: config.housekeeping.nightlyCron,
      backupDir: paths.backups,
      backupsToKeep: config.housekeeping.backupsToKeep,
      checkAudit: audit.check,
      ...(config.proofOfLife.schedule === 'off'
        ? {}
        : { proof: { cron: config.proofOfLife.schedule, begin: () => proof.begin('schedule', 'odontoid') } }),
      retain: () =>
        retainCases({
          store,
          clock,
          log: housekeepingLog,
          spoolDir: paths.spool,
          resultsDir: paths.results,
          retentionMs: config.housekeeping.retentionDays * 86_400_000,
          lowWaterFreeBytes: config.housekeeping.lowWaterFreeBytes,
        }),
      nudge: () => {
        pipeline.nudge();
        delivery.nudge();
        network.look().catch(() => undefined);
        shadow.look().catch(() => undefined);
        shadowScoring.nudge();
      },
    });
    releasers.push({ name: 'housekeeping', release: () => housekeeping.close() });

    const access = await openAccess(config.web, database, audit, ports);
    const system = async (): Promise<SystemStatus> => {
      const model = network.model();
      const { last, lastPassedAtMs, alarm } = await proof.status();
      return {
        model: model === null ? null : { ...model.identity, provider: model.provider },
        modelError: network.error(),
        shadow: await shadowStatus(shadow, store),
        receiver: {
          up: receiver?.isUp() ?? false,
          port: receiver?.port ?? 0,
          aeTitle: config.receive.aeTitle,
          stored: receiver?.counters().stored ?? 0,
          rejected: receiver?.counters().rejected ?? 0,
        },
        proofOfLife: {
          alarm,
          lastOutcome: last?.outcome === 'passed' || last?.outcome === 'failed' ? last.outcome : null,
          lastAtMs: last?.finishedAtMs ?? null,
          lastPassedAtMs,
          totalMs: last?.measures.totalMs ?? null,
          probability: last?.measures.probability ?? null,
        },
        auditRepository: (await auditTrail?.status()) ?? null,
        encodedOnArrival: arrival.encoded(),
        freeBytes: await freeBytesUnder(paths.spool).catch(() => null),
      };
    };
    const peakRssBytes = async () => ({
      agent: process.resourceUsage().maxRSS * 1024,
      receiver: (await receiver?.peakRssBytes()) ?? 0,
      inference: (await network.model()?.peakRssBytes()) ?? 0,
    });
    const admin = createAdminDesk({
      config,
      database,
      store,
      query,
      audit: access.audit,
      proof,
      models: createModelDesk({
        places: modelPlaces(config),
        store,
        // What is only tried stands aside for what judges.
        verify: (dir) => verifyRuns(dir, { ...config.infer, niceness: LOWEST_PRIORITY }),
        onDecided: () => {
          network.look().catch(() => undefined);
          shadow.look().catch(() => undefined);
        },
        clock,
      }),
      nextProofMs: () => housekeeping.nextRunMs('proof'),
      receiver: () => receiver,
      echoes,
      echoSource: (source) => {
        if (source.echo === undefined) return null;
        const peer = createDimseScu(
          {
            name: source.aeTitle,
            aeTitle: source.aeTitle,
            ...source.echo,
            callingAeTitle: config.receive.aeTitle,
            timeoutMs: ECHO_TIMEOUT_MS,
          },
          ports,
        );
        return () => peer.echo();
      },
      spoolDir: paths.spool,
      peakRssBytes,
      version: softwareVersion(),
      clock,
    });
    const web = await startWebServer({
      host: config.web.host,
      port: config.web.port,
      access,
      publicUrl: config.web.publicUrl,
      tls:
        config.web.tls === undefined
          ? undefined
          : { cert: readPem(config.web.tls.certFile), key: readPem(config.web.tls.keyFile) },
      trustProxy: config.web.trustProxy,
      pageDir: resolve(packageRoot, 'dist/web'),
      maxWaitMinutes: config.worklist.maxWaitMinutes,
      triageOnly: !config.report.heatmaps,
      patientNames: config.worklist.patientNames,
      viewerTemplate: config.worklist.viewerUrl === '' ? null : config.worklist.viewerUrl,
      decodeSlice: (path) => useSliceFile(resolvePath(path), decodeSlice),
      admin,
      query,
      store,
      thresholds: createThresholdDesk(database, clock, { secondPerson: config.thresholds.secondPerson }),
      system,
      version: softwareVersion(),
      clock,
      log: log.child({ component: 'web' }),
    });
    releasers.push({ name: 'web', release: web.close });
    const link = config.web.signIn === 'local' ? await access.accounts.firstAdminLink() : null;
    await audit.append({ action: 'agent.started', actor: 'odontoid', detail: { version: softwareVersion() } });
    started = true;
    const head = await audit.head();
    // Kept with the logs, it shows later whether entries were cut off the end: odontoid audit verify --noted.
    log.info('the audit stands at', { count: head.seq, ref: head.hash });
    if (link !== null)
      log.warn('nobody can sign in yet: a one-time link was printed on standard error', { component: 'web' });

    const intake = createIntake({
      store,
      resolvePath,
      onNew: arrival.add,
      clock,
      log: log.child({ component: 'intake' }),
    });
    releasers.push({ name: 'intake', release: intake.close });

    const rejections = createRejectionRecorder(access.audit.append, clock, log.child({ component: 'receiver' }));
    releasers.push({ name: 'rejections', release: rejections.close });

    const listening = await startReceiver({
      config: {
        ...config.receive,
        sources: [
          ...config.receive.sources,
          { aeTitle: proofAeTitle, addresses: await ownAddresses(config.receive.host) },
        ],
      },
      spoolDir: paths.spool,
      clock,
      log: log.child({ component: 'receiver' }),
      onStored: (instance) => {
        intake.stored(instance);
      },
      onRejected: rejections.rejected,
      onReleased: (_associationId, _studyInstanceUids, { whole }) => {
        intake.released(whole);
      },
    });
    receiver = listening;
    releasers.push({
      name: 'receiver',
      release: async () => {
        await listening.close();
        await intake.drained();
      },
    });
    releasers.push({ name: 'proof', release: proof.close });
    const lost = await unrecorded(paths.spool, await store.knownPaths());
    if (lost.length > 0) {
      log.warn('objects on disk that are not on record are taken in', { count: lost.length });
      await listening.describe(lost);
      await intake.drained();
    }
    findingLost = false;
    pipeline.nudge();

    return {
      url: web.url,
      setUpLink:
        link === null
          ? null
          : {
              url: `${(config.web.publicUrl ?? web.url).replace(/\/$/, '')}/set-up#${link.secret}`,
              expiresAtMs: link.expiresAtMs,
            },
      dicomPort: listening.port,
      store,
      query,
      system,
      peakRssBytes,
      close: release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Where this machine reaches what listens on `host`. */
function ownHost(host: string): string {
  return host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
}

/** Addresses from which this machine then comes. */
async function ownAddresses(host: string): Promise<string[]> {
  const found = await lookup(ownHost(host), { all: true }).catch(() => []);
  return ['127.0.0.1', '::1', ...found.map(({ address }) => address.replace(/%.*$/, ''))];
}

/** What messages of the audit call this system and the destinations of its results. */
export function auditNaming({ receive, web, destinations, audit }: Config): AuditNaming {
  const hostName = hostname();
  return {
    aeTitle: receive.aeTitle,
    hostName,
    domain: web.publicUrl === undefined ? hostName : new URL(web.publicUrl).hostname,
    destinations: destinations.map((destination) => ({
      name: destination.name,
      aeTitle: destination.kind === 'dimse' ? destination.aeTitle : null,
      host: destination.kind === 'dimse' ? destination.host : new URL(destination.url).hostname,
    })),
    patientNames: audit.repository?.patientNames ?? false,
  };
}

/** What they call their source. */
export function auditSource({ receive, audit: { repository } }: Config): AuditSource {
  return { id: repository?.sourceId || receive.aeTitle, siteId: repository?.siteId ?? '' };
}

/** Begins to send the audit to the site's repository; null where there is none. @throws TriageError `config-invalid` when a certificate cannot be read */
async function openAuditTrail(
  config: Config,
  database: WorklistDatabase,
  { clock, log }: AgentPorts,
): Promise<AuditTrail | null> {
  const { repository } = config.audit;
  const outbox = createAuditOutbox(database, clock);
  if (repository === undefined) {
    await outbox.forget();
    return null;
  }
  const transport = syslogOf(repository, clock);
  await outbox.begin();
  return startAuditTrail({
    outbox,
    transport,
    naming: auditNaming(config),
    source: auditSource(config),
    alarmAfterMs: repository.alarmAfterMinutes * 60_000,
    clock,
    log: log.child({ component: 'audit' }),
  });
}

function syslogOf(repository: AuditRepository, clock: Clock): SyslogTransport {
  if (repository.transport === 'udp') return createUdpSyslog(repository);
  const { host, port, caFile, certFile, keyFile, serverName, timeoutMs, confirm } = repository;
  return createTlsSyslog(
    {
      host,
      port,
      timeoutMs,
      confirm,
      ...(caFile !== undefined && { ca: readPem(caFile) }),
      ...(certFile !== undefined && { cert: readPem(certFile) }),
      ...(keyFile !== undefined && { key: readPem(keyFile) }),
      ...(serverName !== undefined && { serverName }),
    },
    clock,
  );
}

/** How people and machines come in. @throws TriageError `config-invalid` when the client's secret cannot be read */
async function openAccess(
  web: Config['web'],
  database: WorklistDatabase,
  audit: AuditLog,
  { clock, environment }: AgentPorts,
): Promise<Access> {
  const limits = { idleMs: web.sessions.idleMinutes * 60_000, absoluteMs: web.sessions.absoluteHours * 3_600_000 };
  const { oidc, publicUrl } = web;
  return createAccess(
    {
      signIn: web.signIn,
      accounts: createAccounts(database, clock),
      sessions: createSessions(database, clock, limits),
      tokens: createServiceTokens(database, clock),
      audit,
      ...(web.signIn === 'oidc' && oidc !== undefined && publicUrl !== undefined
        ? {
            provider: createOidcProvider(
              {
                ...oidc,
                clientSecret: oidc.clientSecret === undefined ? undefined : readSecret(oidc.clientSecret, environment),
                redirectUri: new URL('/api/oidc/callback', publicUrl).href,
              },
              clock,
            ),
          }
        : {}),
      secure: web.tls !== undefined || publicUrl?.startsWith('https:') === true,
      absoluteMs: limits.absoluteMs,
      recentMs: web.sessions.recentSignInMinutes * 60_000,
    },
    clock,
  );
}

interface WantedPackage extends WantedModel {
  dir: string;
  /** Null for the package that the configuration names, while none was ever activated. */
  activation: ModelActivation | null;
}

/** Keeps a role's network as the database wants it; until somebody activates one, the configured package is the active one. */
function serveModel(role: ModelRole, config: Config, store: WorklistStore, { clock, log }: AgentPorts): ModelServing {
  const component = role === 'active' ? 'inference' : 'shadow';
  const installedDir = dataPaths(config).models;
  const configured: WantedPackage | null =
    role === 'active' ? { key: 'configured', identity: null, dir: config.infer.modelDir, activation: null } : null;
  const packageOf = (activation: ModelActivation | null): WantedPackage | null => {
    if (activation === null) return configured;
    const { id, model } = activation;
    return model === null
      ? null
      : { key: `activation ${id}`, identity: model, dir: installedPackageDir(installedDir, model), activation };
  };
  return createModelServing<WantedPackage>({
    wanted: async () => packageOf((await store.modelInForce(role)).wanted),
    // A package that has served and is damaged now is no reason to go back to what was replaced on purpose: studies wait, visibly.
    fallback: async ({ activation }) =>
      activation === null || activation.inUseAtMs !== null || role === 'shadow'
        ? null
        : packageOf((await store.modelInForce(role)).lastInUse),
    load: async ({ dir, identity }) => {
      const niceness =
        role === 'active' ? config.infer.niceness : Math.min(LOWEST_PRIORITY, config.infer.niceness + SHADOW_NICENESS);
      const model = await startInferenceProcess({
        ...config.infer,
        modelDir: dir,
        niceness,
        clock,
        log: log.child({ component }),
      });
      if (identity === null || identity.sha256 === model.identity.sha256) return model;
      await model.close();
      throw new TriageError(
        'model-tampered',
        `The package in ${dir} is not the one that was activated. Install it again from where you got it.`,
      );
    },
    taken: async ({ activation }, model) => {
      if (activation !== null) await store.noteModelInUse(activation, model.defaultThreshold);
      if (role === 'active') await store.seedThreshold(model.identity.name, model.defaultThreshold);
    },
    failed: async ({ activation }, failure) => {
      if (activation !== null) await store.noteModelFailed(activation, failure);
    },
    clock,
    log: log.child({ component }),
  });
}

async function shadowStatus(shadow: ModelServing, store: WorklistStore): Promise<SystemStatus['shadow']> {
  const model = shadow.model();
  if (model === null && shadow.error() === null) return null;
  return {
    model: model === null ? null : { ...model.identity },
    error: shadow.error(),
    toScore: model === null ? 0 : await store.countForShadow(model.identity.sha256),
  };
}

/** Paths, relative to the spool, of objects on disk that the database does not know: acknowledged just before a crash. */
async function unrecorded(spoolDir: string, known: ReadonlySet<string>): Promise<string[]> {
  const objects = join(spoolDir, 'objects');
  if (!existsSync(objects)) return [];
  const files = await readdir(objects, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile() && file.name.endsWith('.dcm'))
    .map((file) => relative(spoolDir, join(file.parentPath, file.name)))
    .filter((path) => !known.has(path));
}
