import { createSocket } from 'node:dgram';
import { connect, type TLSSocket } from 'node:tls';
import { isIP } from 'node:net';
import { TriageError, messageOf } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';

/** Sends messages to the repository. */
export interface SyslogTransport {
  /** For people: `tls://arr.example:6514`. */
  readonly address: string;
  /** Resolves when the repository has them, as far as its protocol can tell. @throws TriageError `audit-repository-unreachable`: all of them must be sent again */
  send(messages: readonly Buffer[]): Promise<void>;
}

export interface TlsSyslogOptions {
  host: string;
  port: number;
  /** PEM; when left out, the machine's own certificate authorities are used. */
  ca?: string;
  /** PEM certificate and key of this system, for a repository that requires client certificates. */
  cert?: string;
  key?: string;
  /** Name in the repository's certificate, where it is not `host`. */
  serverName?: string;
  timeoutMs: number;
  /** Whether the repository answers the closing of the connection, as RFC 5425 4.4 has it. */
  confirm: 'close' | 'none';
}

/**
 * A repository that hung up before it read is noticed within this time, so that its hanging up is not taken for its answer. Longer than a message and its
 * answer travel.
 */
const HANG_UP_MS = 200;

/**
 * Syslog over TLS (RFC 5425), one connection for each batch. Syslog has no acknowledgement: data that was written successfully may be lost in a buffer of a
 * repository that has crashed. The protocol's only answer is the one to closing the connection, sent after everything before it was read; so we wait for that.
 */
export function createTlsSyslog(options: TlsSyslogOptions, clock: Pick<Clock, 'after'>): SyslogTransport {
  const { host, port, ca, cert, key, serverName, timeoutMs, confirm } = options;
  const name = serverName ?? host;
  const send = (messages: readonly Buffer[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket: TLSSocket = connect({
        host,
        port,
        ca,
        cert,
        key,
        minVersion: 'TLSv1.2',
        ...(isIP(name) > 0 ? {} : { servername: name }),
      });
      let closing = false;
      const fail = (why: string, cause?: unknown) => {
        socket.destroy();
        reject(
          new TriageError('audit-repository-unreachable', `The audit repository ${host}:${port} ${why}.`, { cause }),
        );
      };
      socket.setTimeout(timeoutMs, () =>
        fail(
          closing
            ? 'does not answer the closing of the connection (RFC 5425 4.4); if it never does, set audit.repository.confirm to none'
            : 'does not answer',
        ),
      );
      socket.once('error', (error) => fail(`cannot be reached: ${messageOf(error)}`, error));
      socket.once('secureConnect', () => {
        // Octet counting: a message may hold anything, line breaks too.
        for (const message of messages) {
          socket.write(`${message.length} `);
          socket.write(message);
        }
        socket.write('', () => clock.after(HANG_UP_MS, close));
      });
      const close = (): void => {
        if (socket.destroyed) return;
        socket.end(() => {
          closing = true;
          if (confirm === 'none') resolve();
        });
      };
      socket.once('end', () => {
        if (!closing) fail('closed the connection before everything was sent');
      });
      socket.once('close', () => {
        if (closing) resolve();
        else fail('closed the connection');
      });
      socket.resume();
    });
  return { address: `tls://${host}:${port}`, send };
}

/** Syslog over UDP (RFC 5426): one datagram for each message, without any confirmation of receipt. */
export function createUdpSyslog({ host, port }: { host: string; port: number }): SyslogTransport {
  const send = async (messages: readonly Buffer[]): Promise<void> => {
    const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
    try {
      for (const message of messages)
        await new Promise<void>((resolve, reject) =>
          socket.send(message, port, host, (error) => (error === null ? resolve() : reject(error))),
        );
    } catch (error) {
      throw new TriageError(
        'audit-repository-unreachable',
        `The audit repository ${host}:${port} cannot be reached: ${messageOf(error)}.`,
        { cause: error },
      );
    } finally {
      socket.close();
    }
  };
  return { address: `udp://${host}:${port}`, send };
}
