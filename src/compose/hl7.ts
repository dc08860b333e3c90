import type { ServerTls } from '../base/tlsAcceptor.ts';
import type { TlsMaterial } from '../base/tlsProfile.ts';
import type { Config } from '../config/config.ts';
import { readTlsFiles } from '../config/tlsFiles.ts';
import { startHl7Server, type Hl7Server } from '../hl7/hl7Server.ts';
import { takeMessage, type MessageRules } from '../hl7/takeMessage.ts';
import type { Foundation } from './agentPorts.ts';
import type { OwnCertificates } from './ownCertificates.ts';

type Hl7Settings = NonNullable<Config['hl7']>;

/** What a message that has come may take to be answered when the agent stops. */
const GRACE_MS = 5_000;

/** Listens for the messages of the RIS; null where the site has not asked for it. */
export async function startHl7(
  { config, store, releasers, ports: { clock, log } }: Foundation,
  certificates: Pick<OwnCertificates, 'onRenewed'>,
): Promise<Hl7Server | null> {
  if (config.hl7 === undefined) return null;
  const { tls, ...settings } = config.hl7;
  const hl7Log = log.child({ component: 'hl7' });
  const rules = rulesOf(config.hl7, config.receive.aeTitle);
  const server = await startHl7Server({
    config: { ...settings, ...(tls === undefined ? {} : { tls: serverTls(tls, readTlsFiles(tls)) }) },
    take: async (message, bytes) => {
      const taken = await takeMessage(message, bytes, rules, store);
      for (const studyInstanceUid of taken.changed) hl7Log.info(taken.text, { studyInstanceUid });
      return taken;
    },
    clock,
    log: hl7Log,
  });
  releasers.push('hl7', () => server.close(GRACE_MS));
  if (tls !== undefined) certificates.onRenewed('hl7.tls', (material) => server.renewTls(serverTls(tls, material)));
  return server;
}

/** What counts as a report. */
const READ_STATUSES = { final: ['F', 'C'], preliminary: ['F', 'C', 'P', 'R'], off: [] } as const;

function rulesOf(
  { reports, urgentPriorities, otherSoftware, accessionFrom, studyInstanceUid }: Hl7Settings,
  aeTitle: string,
): MessageRules {
  return {
    accessionFrom,
    usesStudyInstanceUid: studyInstanceUid === 'compared',
    software: ['ODONTOID', aeTitle, ...otherSoftware],
    readStatuses: READ_STATUSES[reports],
    urgentPriorities: urgentPriorities.map((priority) => priority.toUpperCase()),
  };
}

function serverTls(
  { host, port, clientCertificates }: NonNullable<Hl7Settings['tls']>,
  { cert = '', key = '', ca }: TlsMaterial,
): ServerTls {
  return { host, port, clientCertificates, cert, key, ...(ca === undefined ? {} : { ca }) };
}
