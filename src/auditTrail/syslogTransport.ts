import { createSocket } from 'node:dgram';
import { connect, type TLSSocket } from 'node:tls';
import { isIP } from 'node:net';
import { TriageError, messageOf } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';

/** Takes messages to the repository. */
export interface SyslogTransport {
  /** For people: `tls://arr.example:6514`. */
  readonly address: string;
  /** Resolves when the repository has them, as far as its protocol can tell. @throws TriageError `audit-repository-unreachable`: they are to be sent again, all of them */
  send(messages: readonly Buffer[]): Promise<void>;
}

export interface TlsSyslogOptions {
  host: string;
  port: number;
  /** PEM; left out, the machine's own authorities are asked. */
  ca?: string;
  /** PEM of this system, for a repository that wants to know who speaks. */
  cert?: string;
  key?: string;
  /** Name in the repository's certificate, where it is not `host`. */
  serverName?: string;
  timeoutMs: number;
  /** Whether the repository answers the closing of the connection, as RFC 5425 4.4 has it. */
  confirm: 'close' | 'none';
}

/** A repository that hung up before it read has been heard by then: its hanging up is not taken for its answer. Longer than a message and its answer travel. */
const HANG_UP_MS = 200;

/**
 * Syslog over TLS (RFC 5425), a connection for each batch. Syslog knows no receipt: a write that succeeded may lie in a buffer of a repository that is no more. The
 * protocol has one answer, to the closing of the connection, which comes after everything before it was read; so that is waited for.
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

/** Syslog over UDP (RFC 5426): a datagram each, and nobody says whether it came. */
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
