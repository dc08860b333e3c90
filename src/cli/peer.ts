import type { Command } from 'commander';
import { TriageError } from '../base/errors.ts';
import { readTlsFiles } from '../config/tlsFiles.ts';
import type { DimsePeer } from '../pacs/dimseAssociation.ts';

export interface Peer {
  aeTitle: string;
  host: string;
  port: number;
}

/** Reads `AE@host:port` (`AE@[::1]:port` for IPv6). @throws TriageError `command-invalid` */
export function parsePeer(text: string): Peer {
  const match = /^([^@]{1,16})@(\[[0-9a-fA-F:]+\]|[^:]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65535) {
    throw new TriageError('command-invalid', `"${text}" is not AE@host:port, for example ORTHANC@127.0.0.1:4242.`);
  }
  return { aeTitle: match[1]!, host: match[2]!.replace(/^\[|\]$/g, ''), port };
}

/** What `--tls` and its companions were given. */
export interface TlsFlags {
  tls?: true;
  tlsCa?: string;
  tlsCert?: string;
  tlsKey?: string;
}

/** Adds the options of a connection by DICOM TLS to a command. */
export function withTlsFlags(command: Command): Command {
  return command
    .option('--tls', 'speak DICOM TLS')
    .option('--tls-ca <FILE>', 'authority of the peer, PEM (default: those of the operating system)')
    .option('--tls-cert <FILE>', 'certificate to show, PEM')
    .option('--tls-key <FILE>', 'its key, PEM');
}

/** The TLS of a peer; nothing without `--tls`. @throws TriageError `command-invalid` for companions without it, `config-invalid` when a file cannot be read */
export function tlsOf({ tls, tlsCa, tlsCert, tlsKey }: TlsFlags): Pick<DimsePeer, 'tls'> {
  if (tls === true) {
    const material = readTlsFiles({ caFile: tlsCa, certFile: tlsCert, keyFile: tlsKey });
    return { tls: () => material };
  }
  if ((tlsCa ?? tlsCert ?? tlsKey) !== undefined)
    throw new TriageError('command-invalid', '--tls-ca, --tls-cert and --tls-key need --tls.');
  return {};
}
