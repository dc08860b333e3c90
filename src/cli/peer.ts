import { TriageError } from '../base/errors.ts';

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
