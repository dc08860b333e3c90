import { createHash } from 'node:crypto';
import { criteriaText } from '../case/selection.ts';
import { watchLoopLag } from '../base/loopLag.ts';
import { peakRssBytes as ownPeakRssBytes } from '../base/peakRss.ts';
import { withReleasers } from '../base/releasers.ts';
import type { Config } from '../config/config.ts';
import type { NodeRole } from '../config/databaseSettings.ts';
import { softwareVersion } from '../base/packageRoot.ts';
import type { Hl7Server } from '../hl7/hl7Server.ts';
import type { ModelServing } from '../infer/modelServing.ts';
import type { Watch } from '../pull/watchArchives.ts';
import type { Receiver } from '../receive/receiverProcess.ts';
import { startHealthServer } from '../web/healthServer.ts';
import type { SystemStatus } from '../web/server.ts';
import type { WorklistStore } from '../worklist/cases/caseStore.ts';
import type { WorklistQuery } from '../worklist/list/worklistQuery.ts';
import { openAccess } from './access.ts';
import type { FetchDoors } from './archives.ts';
import type { AgentPorts, Foundation } from './agentPorts.ts';
import { adaptersOf, startDelivery, startReportWatch } from './destinations.ts';
import { settingsFollower } from './followSettings.ts';
import { layFoundation } from './foundation.ts';
import { openSources } from './liveSources.ts';
import { startHl7 } from './hl7.ts';
import { planHousekeeping } from './housekeeping.ts';
import { inheritance } from './inheritance.ts';
import { watchClock } from './watchClock.ts';
import { serveModel, sliceDecoder } from './models.ts';
import { assertReceives, followNodes, type OtherNodes } from './nodes.ts';
import type { NodeSays } from './nodeSays.ts';
import { watchOwnCertificates } from './ownCertificates.ts';
import { ownDoor } from './ownDoor.ts';
import { startPage } from './page.ts';
import { startPipeline } from './startPipeline.ts';
import { startPriors } from './priors.ts';
import { newProofAeTitle, openProofOfLife } from './proof.ts';
import { newSecret } from '../worklist/people/secrets.ts';
import { startReceiving } from './receiver.ts';
import { ownWork, systemStatus } from './systemStatus.ts';
import { openTraces } from './traces.ts';
import { startWatch } from './watch.ts';

export interface Agent {
  /** Empty where this node shows no page. */
  url: string;
  /** Where it says how it is (`node.health`); null without. */
  healthPort: number | null;
  /** 0 where this node does not receive. */
  dicomPort: number;
  /** One-time link with which the first admin creates their account; null once there is one, or where accounts are not kept here. */
  setUpLink: { url: string; expiresAtMs: number } | null;
  store: WorklistStore;
  query: WorklistQuery;
  system(): Promise<SystemStatus>;
  /** How many may send, and how many get results, by file and page. */
  peers(): { sources: number; destinations: number };
  /** Null without a TLS port. */
  dicomTlsPort: number | null;
  roles: ReadonlySet<NodeRole>;
  /** Looks for renewed certificate files now, instead of within half a minute. */
  renewCertificates: () => void;
  /** Peak resident memory of the processes, bytes. */
  peakRssBytes(): Promise<{ agent: number; receiver: number; inference: number }>;
  /** Stops receiving, finishes the work in progress, and stops the rest in reverse order of start. */
  close(): Promise<void>;
}

/**
 * Starts the agent: database, network, pipeline, delivery, housekeeping, page, and last the receiver, so that nothing is acknowledged before it can be
 * kept. If a network does not load, the agent still receives; its cases wait, and the page says so. A node with fewer roles starts what belongs to them.
 *
 * @throws TriageError `config-invalid`, `database-*`: what a person must fix before the agent can start
 */
export async function startAgent(ofFiles: Config, ports: AgentPorts): Promise<Agent> {
  return withReleasers(ports.log, async (releasers, release) => {
    const foundation = await layFoundation(ofFiles, ports, releasers);
    const { config, roles, store, query, audit, auditTrail } = foundation;
    let started = false;
    releasers.push('last word', async () => {
      if (started) await audit.append({ action: 'agent.stopped', actor: 'odontoid' });
    });
    let receiver: Receiver | null = null;
    let hl7: Hl7Server | null = null;
    let listens = { dicomPort: 0, dicomTlsPort: null as number | null };
    // Until everything that a crash left out is on record, a study may be incomplete although its quiet time is long over.
    let isRecordWhole: (studyInstanceUid: string) => boolean = () => false;

    const { network, shadow, networks, decoder } = await openNetworks(foundation);
    let heard: OtherNodes | null = null;
    const work = startPipeline(foundation, {
      network,
      shadow,
      decoder,
      isRecordWhole: (study) => isRecordWhole(study),
      others: () => heard,
    });
    const sources = await openSources(foundation);
    const settings = await settingsFollower(foundation, sources);
    const adapters = adaptersOf(foundation);
    const delivery = roles.has('deliver') ? startDelivery(foundation, adapters) : null;
    await startLooking(foundation, adapters);
    const proofAeTitle = newProofAeTitle();
    const stowSecret = newSecret();
    const doors = fetchDoors(foundation, () => receiver, stowSecret);
    const receiverPort = () => receiver?.port ?? null;
    const proof = openProofOfLife(foundation, { aeTitle: proofAeTitle, receiverPort, destinations: adapters.echoes });
    const clockSteps = watchClock(foundation);
    const certificates = watchOwnCertificates(foundation);
    const lookAtSettings = (): void => {
      settings.look().catch((error: unknown) => ports.log.warn('changed settings are not in force', { error }));
    };
    // Begins when the receiver can take what it fetches.
    let watch: Watch | null = null;
    const housekeeping = planHousekeeping(foundation, {
      proof,
      clockSteps,
      lookAtArchives: () => watch?.look(),
      nudge: () => {
        for (const part of [work?.pipeline, delivery, work?.shadowScoring]) part?.nudge();
        for (const one of networks) one.look().catch(() => undefined);
        lookAtSettings();
        store.returnOldClaims().catch((error: unknown) => ports.log.warn('old claims are not given back', { error }));
      },
    });

    const own = async () => ownWork(foundation, { network, shadow, arrival: work?.arrival ?? null, receiver, hl7 });
    const loopLagMs = watchOwnLoop(foundation);
    const others = followNodes(foundation, { loopLagMs, own });
    others.onBeat(lookAtSettings);
    heard = others;
    const system = systemStatus(foundation, { own, others, loopLagMs, proof, auditTrail, clockSteps, certificates });
    const peakRssBytes = () => peaksOf(receiver, network);
    const access = await openAccess(foundation);
    const web = roles.has('web')
      ? await startPage(foundation, {
          access,
          sources,
          certificates,
          stowSecret,
          proof,
          housekeeping,
          networks,
          echoes: adapters.echoes,
          receiver: () => receiver,
          others,
          doors,
          system,
          peakRssBytes,
          decodeSlice: decoder.decodeSlice,
        })
      : null;
    const link = web !== null && config.web.signIn === 'local' ? await access.accounts.firstAdminLink() : null;
    await noteStart(foundation, link !== null);
    started = true;

    if (roles.has('receive')) {
      const receiving = await startReceiving(foundation, {
        access,
        sources,
        certificates,
        stowSecret,
        proofAeTitle,
        // Where there are nodes, each learns from the database what has arrived at any of them.
        onNew: (instances) => (foundation.nodes === null ? work?.arrival?.add(instances) : undefined),
        onListening: (one) => {
          receiver = one;
          releasers.push('proof', proof.close);
        },
        others,
      });
      isRecordWhole = receiving.isOnRecord;
      others.onBeat(inheritance(others, { ...ports, takeInOf: receiving.takeInOf }));
      listens = { dicomPort: receiving.receiver.port, dicomTlsPort: receiving.receiver.tlsPort };
      hl7 = await startHl7(foundation, certificates);
      work?.pipeline.nudge();
      watch = startWatch(foundation, doors);
      startPriors(foundation, doors);
    }
    return {
      url: web?.url ?? '',
      healthPort: await openHealth(foundation, system, own),
      setUpLink: link && { url: setUpUrl(config.web, web!.url, link.secret), expiresAtMs: link.expiresAtMs },
      ...listens,
      roles,
      renewCertificates: certificates.look,
      store,
      query,
      system,
      peers: () => ({ sources: sources.all().length, destinations: config.destinations.length }),
      peakRssBytes,
      close: release,
    };
  });
}

async function peaksOf(
  receiver: Receiver | null,
  network: ModelServing | null,
): Promise<{ agent: number; receiver: number; inference: number }> {
  return {
    agent: ownPeakRssBytes(),
    receiver: (await receiver?.peakRssBytes()) ?? 0,
    inference: (await network?.model()?.peakRssBytes()) ?? 0,
  };
}

/** What the agent that keeps house looks for besides its schedule: reports of others, and what a collector of traces has not got. */
async function startLooking(foundation: Foundation, adapters: ReturnType<typeof adaptersOf>): Promise<void> {
  startReportWatch(foundation, adapters);
  await openTraces(foundation);
}

/** For how long this process stood still at most, in the last minute, ms. */
function watchOwnLoop({ releasers, ports: { clock, log } }: Foundation): () => number {
  const loopLag = watchLoopLag(clock, log.child({ component: 'agent' }));
  releasers.push('loop lag', loopLag.close);
  return () => loopLag.worstMs();
}

/** Says on a port of its own how this node is, where one is configured. */
async function openHealth(
  { config, roles, query, releasers, ports: { clock, log } }: Foundation,
  system: () => Promise<SystemStatus>,
  own: () => Promise<Pick<NodeSays, 'analyses'>>,
): Promise<number | null> {
  const { host, port } = config.node.health;
  if (port === undefined) return null;
  const does = (role: string) => (roles as ReadonlySet<string>).has(role);
  const server = await startHealthServer({
    host,
    port,
    does,
    query,
    // It answers for its own network, not for those of others.
    system: async () => ({ ...(await system()), ...(await own()).analyses }),
    clock,
    log,
  });
  releasers.push('health', server.close);
  return server.port;
}

/** Loads the networks that this node needs. The page shows pictures, which the network's process decodes. */
async function openNetworks(foundation: Foundation): Promise<{
  network: ModelServing | null;
  shadow: ModelServing | null;
  networks: ModelServing[];
  decoder: ReturnType<typeof sliceDecoder>;
}> {
  const { roles, releasers } = foundation;
  const network = roles.has('infer') || roles.has('web') ? serveModel('active', foundation) : null;
  if (network !== null) releasers.push('inference', network.close);
  await network?.look();
  const shadow = roles.has('infer') ? serveModel('shadow', foundation) : null;
  if (shadow !== null) releasers.push('shadow inference', shadow.close);
  const networks = [network, shadow].filter((one) => one !== null);
  return { network, shadow, networks, decoder: sliceDecoder(network) };
}

/** Where what this node fetches comes in. */
function fetchDoors({ config, roles }: Foundation, receiver: () => Receiver | null, secret: string): FetchDoors {
  return {
    storage: () => {
      assertReceives(roles, 'Fetch from this archive');
      const listening = receiver();
      return listening === null ? null : ownDoor(config.receive, listening.port);
    },
    stow: () => {
      assertReceives(roles, 'Fetch from this archive');
      const port = receiver()?.stowPort() ?? null;
      return port === null ? null : { port, secret };
    },
  };
}

/** Records the start in the audit, and writes the head of the audit to the log. */
async function noteStart({ audit, config, ports: { log } }: Foundation, isFirstLinkPrinted: boolean): Promise<void> {
  await audit.append({ action: 'agent.started', actor: 'odontoid', detail: { version: softwareVersion() } });
  await noteSelection(audit, config.selection);
  const head = await audit.head();
  // Kept with the logs, it shows later whether entries were cut off the end: odontoid audit verify --noted.
  log.info('the audit stands at', { count: head.seq, ref: head.hash });
  if (isFirstLinkPrinted)
    log.warn('nobody can sign in yet: a one-time link was printed on standard output', { component: 'web' });
}

function setUpUrl({ publicUrl, basePath }: Config['web'], ownUrl: string, secret: string): string {
  // On this machine itself the base path is not needed.
  const base = publicUrl === undefined ? ownUrl : publicUrl.replace(/\/$/, '') + basePath;
  return `${base}/set-up#${secret}`;
}

/** The rules stand in the configuration file: whoever changed them, the audit says since when they apply. */
async function noteSelection(audit: Foundation['audit'], selection: Foundation['config']['selection']): Promise<void> {
  const sha256 = createHash('sha256').update(JSON.stringify(selection)).digest('hex');
  const [before] = await audit.page({ action: 'selection.changed' }, 1);
  if (before === undefined ? selection.length === 0 : before.detail['sha256'] === sha256) return;
  const rules = selection.map((rule) => `${rule.name}: ${rule.do}, ${criteriaText(rule.when)}`);
  await audit.append({ action: 'selection.changed', actor: 'odontoid', detail: { sha256, rules: rules.join('; ') } });
}
