import type { TlsMaterial } from '../base/tlsProfile.ts';
import type { Pacs, ReportSource } from '../case/delivery.ts';
import type { Config, Destination, SecretSource } from '../config/config.ts';
import { readSecret } from '../config/configFile.ts';
import { readTlsFiles, type TlsFiles } from '../config/tlsFiles.ts';
import { createDelivery, type Delivery } from '../deliver/deliverResults.ts';
import { watchReports } from '../deliver/watchReports.ts';
import { basicAuthorization, createClientCredentials } from '../pacs/clientCredentials.ts';
import { createDicomWeb, type DicomWebDestination } from '../pacs/dicomWeb.ts';
import { createDimseScu } from '../pacs/dimseScu.ts';
import type { HttpVia } from '../pacs/httpExchange.ts';
import { writeRejectionNote } from '../report/rejectionNote.ts';
import { writeSrForm } from '../report/srForm.ts';
import { deliveringTo } from '../worklist/cases/workLeases.ts';
import type { AgentPorts, Foundation } from './agentPorts.ts';
import { keptByEntry } from './keptByEntry.ts';
import { settleDestinations } from './settleDestinations.ts';

/** Shorter than the time for which a browser waits for a response. */
const ECHO_TIMEOUT_MS = 8_000;

type PacsPorts = Pick<AgentPorts, 'clock' | 'log' | 'environment'>;

/** The adapter of one destination. Secrets and certificates are read at each use: one that cannot be read stops that attempt, and nothing else. */
export function createPacs(destination: Destination, ports: PacsPorts, isFetchedFrom = false): Pacs & ReportSource {
  if (destination.kind === 'dimse') return createDimseScu(dimsePeer(destination), ports);
  return createDicomWeb({ ...destination, ...webAccess(destination, ports), isFetchedFrom }, ports);
}

/** The adapter of one destination, by which the connection is tested: with what the agent itself fetches from there. */
export function createProbedPacs(
  destination: Destination,
  { watch, priors }: Pick<Config, 'watch' | 'priors'>,
  ports: PacsPorts,
): Pacs {
  const isFetchedFrom = [...watch.archives, ...priors.archives].includes(destination.name);
  return createPacs(destination, ports, isFetchedFrom);
}

/** Credentials, certificates and proxy of a DICOMweb service; what cannot be read is thrown when it is used (`config-invalid`). */
export function webAccess(
  { auth, tls, proxy, timeoutMs }: Extract<Destination, { kind: 'dicomweb' }>,
  { clock, environment }: Pick<PacsPorts, 'clock' | 'environment'>,
): Pick<DicomWebDestination, 'headers' | 'renewCredentials' | 'via'> {
  const secretOf = (source: SecretSource): string => readSecret(source, environment);
  const proxyAuthorization = (): string | null =>
    proxy?.username === undefined ? null : basicAuthorization(proxy.username, secretOf(proxy.password!));
  const via: HttpVia = {
    ...(tls && { tls: () => ({ ...readTlsFiles(tls), serverName: tls.serverName }) }),
    ...(proxy && { proxy: () => ({ url: proxy.url, authorization: proxyAuthorization() }) }),
  };
  if (auth.kind === 'none') return { via };
  if (auth.kind === 'oauth2') {
    const clientSecret = (): string => secretOf(auth.clientSecret);
    // The name in the certificate of the service is not that of the authorization server.
    const toServer: HttpVia = { ...via, ...(tls && { tls: () => readTlsFiles(tls) }) };
    const credentials = createClientCredentials({ ...auth, clientSecret, timeoutMs }, toServer, clock);
    return {
      via,
      headers: async () => ({ Authorization: `Bearer ${await credentials.token()}` }),
      renewCredentials: () => {
        credentials.forget();
        return true;
      },
    };
  }
  const headers = () => ({
    Authorization:
      auth.kind === 'basic'
        ? basicAuthorization(auth.username, secretOf(auth.password))
        : `Bearer ${secretOf(auth.token)}`,
  });
  return { via, headers };
}

/** With its certificate files read at each connection, so that renewed ones need no restart. */
export function dimsePeer<T extends { tls?: PeerTls | undefined }>(
  peer: T,
): Omit<T, 'tls'> & { tls?: () => TlsMaterial & { serverName?: string | undefined } } {
  const { tls, ...rest } = peer;
  return { ...rest, ...(tls && { tls: () => ({ ...readTlsFiles(tls), serverName: tls.serverName }) }) };
}
type PeerTls = TlsFiles & { serverName?: string | undefined };

/** The adapters of the destinations that there are from one moment to the next. One stays for as long as its entry does, with what it has learned. */
export interface DestinationAdapters {
  /** Those that results go to: neither paused nor retired. */
  delivering: () => readonly Pacs[];
  /** Those that can be asked what they hold. */
  reporting: () => readonly ReportSource[];
  /** All that are not retired, with a short timeout, for testing the connection on request. */
  echoes: () => readonly Pacs[];
}

export function adaptersOf({ config, ports }: Pick<Foundation, 'config'> & { ports: PacsPorts }): DestinationAdapters {
  const those = (isWanted: (destination: Destination) => boolean) => () => config.destinations.filter(isWanted);
  const pacsOf = (destination: Destination) => createPacs(destination, ports);
  return {
    delivering: keptByEntry(
      those(({ state }) => state === 'active'),
      pacsOf,
    ),
    reporting: keptByEntry(
      those(({ confirm }) => confirm !== 'none'),
      pacsOf,
    ),
    echoes: keptByEntry(
      those(({ state }) => state !== 'retired'),
      (destination) => createProbedPacs(withEchoTimeout(destination), config, ports),
    ),
  };
}

export function withEchoTimeout(destination: Destination): Destination {
  return { ...destination, timeoutMs: Math.min(destination.timeoutMs, ECHO_TIMEOUT_MS) };
}

/** Starts the delivery of results to every destination that is neither paused nor retired, and follows what the page changes of them. */
export function startDelivery(foundation: Foundation, adapters: Pick<DestinationAdapters, 'delivering'>): Delivery {
  const { ports, store, leases, values, paths, releasers } = foundation;
  const log = ports.log.child({ component: 'deliver' });
  const delivery = createDelivery({
    store,
    destinations: adapters.delivering(),
    clock: ports.clock,
    log,
    claim: (destination) => leases.hold(deliveringTo(destination)),
    noteReplaced: async ({ id }) => {
      const found = await store.replacedBy(id);
      if (found !== null)
        await store.addNote(id, await writeRejectionNote(paths.results, found.report, found.replaced));
    },
    inSrClass: async ({ id }, sopClassUid) => {
      const { report, predecessor } = await store.reportOfDelivery(id);
      return writeSrForm(paths.results, report, sopClassUid, predecessor);
    },
  });
  values.onChange(() => {
    delivery
      .serve(adapters.delivering())
      // What was being sent to a destination that is gone has its answer on record by now.
      .then(() => settleDestinations(foundation))
      .catch((error: unknown) => log.error('Changed destinations are not settled', { error }));
  });
  releasers.push('delivery', () => delivery.drain());
  return delivery;
}

/** Starts to ask the archives whether somebody else has reported what is unread here. */
export function startReportWatch(
  { config, ports, store, keepsHouse, releasers }: Foundation,
  adapters: Pick<DestinationAdapters, 'reporting'>,
): void {
  const { readByReport } = config.worklist;
  if (readByReport === 'off') return;
  const watch = watchReports({
    store,
    sources: adapters.reporting,
    isOurs: keepsHouse,
    verifiedOnly: readByReport === 'verified',
    clock: ports.clock,
    log: ports.log.child({ component: 'reports' }),
  });
  releasers.push('report watch', watch.stop);
}

/** Tests the connection to a source; null when the configuration names no port for it. */
export function sourceEcho({ receive }: Config, ports: PacsPorts) {
  return (source: Config['receive']['sources'][number]): (() => Promise<number>) | null => {
    if (source.echo === undefined) return null;
    const { aeTitle, echo } = source;
    const peer = createDimseScu(
      { name: aeTitle, aeTitle, ...dimsePeer(echo), callingAeTitle: receive.aeTitle, timeoutMs: ECHO_TIMEOUT_MS },
      ports,
    );
    return () => peer.echo();
  };
}
