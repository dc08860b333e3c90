import { hostname } from 'node:os';
import type { AuditSource } from '../auditTrail/auditMessage.ts';
import type { AuditNaming } from '../auditTrail/auditMessageOf.ts';
import { startAuditTrail, type AuditTrail } from '../auditTrail/auditTrail.ts';
import { createTlsSyslog, createUdpSyslog, type SyslogTransport } from '../auditTrail/syslogTransport.ts';
import type { Clock } from '../base/clock.ts';
import type { AuditRepository, Config } from '../config/config.ts';
import { readPem } from '../config/configFile.ts';
import { createAuditOutbox } from '../worklist/audit/auditOutbox.ts';
import type { Foundation } from './agentPorts.ts';

/** How audit messages identify this system and the destinations of its results. */
export function auditNaming(config: Config): AuditNaming {
  const { receive, web, audit } = config;
  const hostName = hostname();
  return {
    aeTitle: receive.aeTitle,
    hostName,
    domain: web.publicUrl === undefined ? hostName : new URL(web.publicUrl).hostname,
    get destinations() {
      return config.destinations.map((destination) => ({
        name: destination.name,
        aeTitle: destination.kind === 'dimse' ? destination.aeTitle : null,
        host: destination.kind === 'dimse' ? destination.host : new URL(destination.url).hostname,
      }));
    },
    patientNames: audit.repository?.patientNames ?? false,
  };
}

/** How audit messages identify their source. */
export function auditSource({ receive, audit: { repository } }: Config): AuditSource {
  return { id: repository?.sourceId || receive.aeTitle, siteId: repository?.siteId ?? '' };
}

/** Starts sending the audit to the site's repository; null where none is configured. @throws TriageError `config-invalid` when a certificate cannot be read */
export async function openAuditTrail(
  config: Config,
  { database, keepsHouse, ports: { clock, log } }: Pick<Foundation, 'database' | 'keepsHouse' | 'ports'>,
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
    isOurs: keepsHouse,
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
