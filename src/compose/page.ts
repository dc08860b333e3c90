import { resolve } from 'node:path';
import { createAdministration, type AdministrationOptions } from '../admin/createAdministration.ts';
import type { DecodeSlice } from '../case/triageModel.ts';
import type { Pacs } from '../case/delivery.ts';
import { packageRoot, softwareVersion } from '../base/packageRoot.ts';
import { readPem } from '../config/configFile.ts';
import type { Housekeeping } from '../housekeeping/schedule.ts';
import type { ModelServing } from '../infer/modelServing.ts';
import type { ProofOfLife } from '../proofOfLife/proofOfLife.ts';
import { storedKeyImage } from '../report/storedKeyImage.ts';
import type { Receiver } from '../receive/receiverProcess.ts';
import type { Access } from '../web/access/access.ts';
import { startWebServer, type SystemStatus, type WebServer } from '../web/server.ts';
import { createThresholdChanges } from '../worklist/thresholds/thresholdChanges.ts';
import type { Foundation } from './agentPorts.ts';
import type { FetchDoors } from './archives.ts';
import { sourceEcho } from './destinations.ts';
import { modelAdministration } from './models.ts';
import { createDestinationAdministration } from './liveDestinations.ts';
import type { LiveSources } from './liveSources.ts';
import { openPulls } from './pulls.ts';
import { createSettingsAdministration } from './settings.ts';
import type { OtherNodes } from './nodes.ts';
import type { OwnCertificates } from './ownCertificates.ts';
import { useSliceFile } from './sliceFile.ts';
import { createStowGate } from './stowGate.ts';

interface PageParts {
  access: Access;
  sources: LiveSources;
  certificates: Pick<OwnCertificates, 'onRenewed'>;
  stowSecret: string;
  proof: ProofOfLife;
  housekeeping: Housekeeping;
  /** The networks that are loaded here. */
  networks: readonly ModelServing[];
  echoes: () => readonly Pacs[];
  /** Null until it has started, and where another node receives. */
  receiver: () => Receiver | null;
  others: OtherNodes;
  doors: FetchDoors;
  system: () => Promise<SystemStatus>;
  peakRssBytes: () => Promise<{ agent: number; receiver: number; inference: number }>;
  decodeSlice: DecodeSlice;
}

/** Starts the page and the API. @throws TriageError `config-invalid` when the port is taken or a certificate cannot be read */
export async function startPage(foundation: Foundation, parts: PageParts): Promise<WebServer> {
  const { config, database, store, query, paths, resolvePath, releasers, ports } = foundation;
  const { access, sources, proof, housekeeping, networks, echoes, receiver, system, peakRssBytes, decodeSlice } = parts;
  const { clock, log } = ports;
  const { host, port, publicUrl, basePath, tls, trustProxy } = config.web;
  const web = await startWebServer({
    host,
    port,
    access,
    publicUrl,
    basePath,
    tls: tls === undefined ? undefined : { cert: readPem(tls.certFile), key: readPem(tls.keyFile) },
    trustProxy,
    pageDir: resolve(packageRoot, 'dist/web'),
    get maxWaitMinutes() {
      return config.worklist.maxWaitMinutes;
    },
    triageOnly: !config.report.heatmaps,
    get patientNames() {
      return config.worklist.patientNames;
    },
    get viewerTemplate() {
      return config.worklist.viewerUrl === '' ? null : config.worklist.viewerUrl;
    },
    decodeSlice: (path, frameNumber) => useSliceFile(resolvePath(path), (file) => decodeSlice(file, frameNumber)),
    admin: createAdministration({
      config,
      sources,
      destinations: createDestinationAdministration(foundation),
      settings: createSettingsAdministration(foundation, sources),
      pulls: openPulls(foundation, sources, parts.doors),
      database,
      store,
      query,
      audit: access.audit,
      proof,
      models: modelAdministration(foundation, networks),
      nextProofMs: () => housekeeping.nextRunMs('proof'),
      receiver: foundation.roles.has('receive') ? receiver : () => receiverElsewhere(parts.others),
      echoes,
      echoSource: sourceEcho(config, ports),
      spoolDir: paths.spool,
      nodes: parts.others.list,
      peakRssBytes,
      version: softwareVersion(),
      clock,
    }),
    keyImage: (path) => useSliceFile(path, storedKeyImage),
    dicomWeb: config.web.dicomWeb,
    resolvePath,
    stow: createStowGate(
      config.receive.stow === undefined || !foundation.roles.has('receive') ? null : parts.stowSecret,
      receiver,
    ),
    query,
    store,
    thresholds: createThresholdChanges(database, clock, {
      secondPerson: config.thresholds.secondPerson,
      proofExpectsFlag: config.proofOfLife.expect === 'suspected',
    }),
    system,
    version: softwareVersion(),
    clock,
    log: log.child({ component: 'web' }),
  });
  parts.certificates.onRenewed('web.tls', ({ cert = '', key = '' }) => web.renewTls({ cert, key }));
  releasers.push('web', web.close);
  return web;
}

/** What pages show of the receiver of another node. */
function receiverElsewhere(others: OtherNodes): ReturnType<AdministrationOptions['receiver']> {
  const { receiver } = others.receiver();
  return {
    port: receiver.port,
    tlsPort: null,
    isUp: () => receiver.up,
    openAssociations: () => ({ size: receiver.openAssociations }),
    counters: () => receiver,
  };
}
