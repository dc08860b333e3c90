import { isIP } from 'node:net';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';
import type { TlsMaterial } from '../base/tlsProfile.ts';

/** What is shown to a peer and trusted of it; `serverName`: the name in its certificate, where that is not its host. */
export type PeerTls = TlsMaterial & { serverName?: string | undefined };

/** TLS options of a connection to `host`, whose certificate must be for it. */
export function tlsOptionsTo(host: string, { serverName, ...material }: PeerTls): ConnectionOptions {
  const name = serverName ?? host;
  return {
    ...material,
    // An address is no server name (RFC 6066 3); it is compared with the certificate all the same.
    ...(isIP(name) > 0 ? {} : { servername: name }),
    checkServerIdentity: (_servername, certificate) => checkServerIdentity(name, certificate),
  };
}

/** What TLS says, by its error code. */
const TLS_TEXTS: readonly [code: RegExp, text: string][] = [
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    'its certificate is not for this host: set host or tls.serverName to a name in it',
  ],
  [/^CERT_HAS_EXPIRED$/, 'its certificate has expired: it must be renewed'],
  [/^CERT_NOT_YET_VALID$/, 'its certificate is not valid yet: check the clocks'],
  [/^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/, 'its certificate is of no authority that is trusted: set tls.caFile'],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH|UNEXPECTED_MESSAGE|BAD_RECORD_TYPE/,
    'it does not speak TLS there: check the port',
  ],
  [/UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION/, 'it speaks no TLS 1.2 or 1.3'],
  [
    /HANDSHAKE_FAILURE|NO_SHARED_CIPHER/,
    'it shares no cipher suite of PS3.15 B.12, or wants a certificate of the agent: set tls.certFile',
  ],
  [/ALERT_CERTIFICATE_REQUIRED/, 'it wants a certificate of the agent: set tls.certFile and tls.keyFile'],
  [
    /ALERT_/,
    'it does not accept the certificate of the agent: register its authority there, or set another tls.certFile',
  ],
];

/** What went wrong in a handshake, by the code of its error, and what to do; null for another error. */
export function tlsText(code: string): string | null {
  return TLS_TEXTS.find(([pattern]) => pattern.test(code))?.[1] ?? null;
}
