import type { Socket } from 'node:net';
import { createSecureContext, createServer, type PeerCertificate, type TLSSocket } from 'node:tls';
import { TriageError, messageOf } from './errors.ts';
import { TLS_PROFILE } from './tlsProfile.ts';

/** A port that takes TLS beside a plain one; certificate, key and authorities are PEM texts. */
export interface ServerTls {
  host: string;
  /** 0 picks a free port. */
  port: number;
  cert: string;
  key: string;
  /** Authorities of the callers' certificates. Without them no certificate is asked for. */
  ca?: string;
  clientCertificates: 'required' | 'optional';
}

/** A certificate that TLS has verified. */
export interface CallerCertificate {
  /** SHA-256, upper-case hex pairs with colons. */
  fingerprint256: string;
  /** Common name and alternative DNS names. */
  names: readonly string[];
}

/** How a handshake ended. `why` is null when the peer went away without having begun one, as port checks do. */
type HandshakeEnd =
  | { kind: 'secure'; stream: TLSSocket; certificate: CallerCertificate | null }
  | { kind: 'refused'; why: string | null };

/** The server's side of TLS (PS3.15 B.12) on connections that were taken already. */
export interface TlsAcceptor {
  /** Never rejects. A refused connection is closed. */
  handshake(socket: Socket): Promise<HandshakeEnd>;
  /** Later handshakes use this certificate, key and authorities. @throws TriageError `config-invalid` when they do not fit together */
  renew(tls: ServerTls): void;
}

/** `setting` names the files in messages. @throws TriageError `config-invalid` when certificate and key do not fit together */
export function createTlsAcceptor(setting: string, tls: ServerTls, handshakeTimeoutMs: number): TlsAcceptor {
  let current = checked(setting, tls);
  return {
    handshake: (socket) =>
      new Promise((resolve) => {
        const { cert, key, ca, clientCertificates } = current;
        // One server for each connection: it is told of a failed handshake whose connection may be gone and names nobody. No session outlives its certificate.
        const server = createServer({
          ...TLS_PROFILE,
          cert,
          key,
          ...(ca === undefined ? {} : { ca }),
          handshakeTimeout: handshakeTimeoutMs,
          requestCert: ca !== undefined,
          // The certificate is judged below, where the reason can be told.
          rejectUnauthorized: false,
          honorCipherOrder: true,
        });
        const refuse = (why: string | null): void => {
          socket.destroy();
          resolve({ kind: 'refused', why });
        };
        server.once('secureConnection', (stream) => {
          const certificate = stream.getPeerCertificate();
          const why = certificateRefusal(setting, stream, certificate, clientCertificates === 'required');
          if (why === null) {
            resolve({ kind: 'secure', stream, certificate: callerCertificate(certificate) });
            return;
          }
          stream.on('error', () => undefined);
          stream.destroy();
          refuse(why);
        });
        server.once('tlsClientError', (error) => refuse(handshakeFailure(error)));
        socket.once('close', () => refuse(null));
        server.emit('connection', socket);
      }),
    renew: (renewed) => {
      current = checked(setting, renewed);
    },
  };
}

function checked(setting: string, tls: ServerTls): ServerTls {
  try {
    createSecureContext({ cert: tls.cert, key: tls.key, ...(tls.ca === undefined ? {} : { ca: tls.ca }) });
    return tls;
  } catch (error) {
    throw new TriageError(
      'config-invalid',
      `${setting}: the certificate and its key cannot be used together: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

const CERTIFICATE_ERRORS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  CERT_REVOKED: 'its certificate was revoked',
  INVALID_PURPOSE: 'its certificate is not made for client authentication',
};

/** Why this peer may not go on; null when it may. */
function certificateRefusal(
  setting: string,
  stream: TLSSocket,
  certificate: PeerCertificate,
  isRequired: boolean,
): string | null {
  if (Object.keys(certificate).length === 0) return isRequired ? 'it showed no certificate' : null;
  if (stream.authorized) return null;
  const code = String(stream.authorizationError);
  return CERTIFICATE_ERRORS[code] ?? `its certificate is of no authority in ${setting}.caFile (${code})`;
}

function callerCertificate(certificate: PeerCertificate): CallerCertificate | null {
  if (Object.keys(certificate).length === 0) return null;
  const { fingerprint256, subject, subjectaltname = '' } = certificate;
  const alternatives = subjectaltname.split(', ').flatMap((one) => (one.startsWith('DNS:') ? [one.slice(4)] : []));
  // A subject may have several common names; Node's types know of one.
  return { fingerprint256, names: [subject.CN as unknown].flat().map(String).concat(alternatives) };
}

/** OpenSSL's words for what went wrong in a handshake, by the end of the error code. */
const HANDSHAKE_ERRORS: readonly [code: RegExp, why: string][] = [
  [
    /WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG|BAD_RECORD_TYPE|UNEXPECTED_MESSAGE/,
    'it spoke without TLS on the TLS port',
  ],
  [/UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|INAPPROPRIATE_FALLBACK/, 'it speaks only TLS versions before 1.2'],
  [/NO_SHARED_CIPHER|NO_SUITABLE/, 'it offers no cipher suite with forward secrecy and authenticated encryption'],
  [
    /ALERT_UNKNOWN_CA|ALERT_BAD_CERTIFICATE|ALERT_CERTIFICATE|ALERT_UNSUPPORTED_CERTIFICATE/,
    'it does not accept the certificate of this agent',
  ],
  [/HANDSHAKE_TIMEOUT/, 'it did not finish the TLS handshake in time'],
];

function handshakeFailure(error: Error): string | null {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ECONNRESET') return null;
  const known = HANDSHAKE_ERRORS.find(([pattern]) => pattern.test(code));
  return known?.[1] ?? `the TLS handshake failed (${code || error.name})`;
}
