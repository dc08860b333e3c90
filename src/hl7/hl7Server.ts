import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { addressListOf, isInAddressList } from '../base/addressList.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { createTlsAcceptor, type ServerTls, type TlsAcceptor } from '../base/tlsAcceptor.ts';
import { acknowledgement, type Answer } from './answer.ts';
import { createFramer, type Frame } from './framer.ts';
import { first, readHeader, readMessage, type Header, type Message } from './message.ts';

interface Hl7Limits {
  /** Longest message. */
  maxMessageBytes: number;
  maxConnectionsPerAddress: number;
  /** A connection on which nothing comes for so long is closed. */
  idleTimeoutMs: number;
  /** From the first byte of a message to its last. */
  messageTimeoutMs: number;
  /** Processing IDs (MSH-11) that are taken. */
  processingIds: readonly string[];
}

interface Hl7ServerOptions {
  config: Hl7Limits & {
    host: string;
    /** 0 picks a free port. */
    port: number;
    /** Addresses and networks (CIDR) that may connect. */
    sources: readonly string[];
    tls?: ServerTls;
  };
  /** Resolves when what the message says is on disk. @throws TriageError `message-unusable`, `message-unsupported` */
  take: (message: Message, bytes: Uint8Array) => Promise<Answer>;
  clock: Clock;
  log: Log;
}

/** Since the start. */
interface Hl7Counters {
  accepted: number;
  refused: number;
  /** Connections that were not let in. */
  refusedConnections: number;
  /** The newest refusal of a message; null before the first. */
  lastRefusal: { atMs: number; why: string } | null;
}

export interface Hl7Server {
  port: number;
  /** Null without TLS. */
  tlsPort: number | null;
  counters(): Readonly<Hl7Counters>;
  openConnections(): number;
  /** @throws TriageError `config-invalid` when they do not fit together */
  renewTls(tls: ServerTls): void;
  /** Takes no more connections; messages that have come are answered for at most `graceMs`. */
  close(graceMs: number): Promise<void>;
}

interface Connection {
  address: string;
  /** A message has come that has no answer yet. */
  isAnswering: boolean;
}

/** However many addresses may connect. */
const MOST_CONNECTIONS = 64;
const HANDSHAKE_MS = 15_000;
const VERSIONS = new Set(['2.3', '2.3.1', '2.4', '2.5', '2.5.1']);

/**
 * Listens for HL7 v2 messages by MLLP. Each connection's messages are answered in their order, one at a time: while one is being taken, no more is read.
 *
 * @throws TriageError `config-invalid` when the address and port cannot be listened on
 */
export async function startHl7Server({ config, take, clock, log }: Hl7ServerOptions): Promise<Hl7Server> {
  const sources = addressListOf(config.sources, 'hl7.sources');
  const acceptor = config.tls === undefined ? null : createTlsAcceptor('hl7.tls', config.tls, HANDSHAKE_MS);
  const counters: Hl7Counters = { accepted: 0, refused: 0, refusedConnections: 0, lastRefusal: null };
  const open = new Map<Socket, Connection>();
  const served = new Set<Promise<void>>();
  let isClosing = false;
  let answers = 0;

  const answer = async (frame: Frame, address: string): Promise<Buffer> => {
    const header = readHeader(frame.bytes);
    const given = await judged(frame, header, { config, take, log });
    if (given.code === 'AA') counters.accepted++;
    else {
      counters.refused++;
      counters.lastRefusal = { atMs: clock.now(), why: given.text };
      log.warn('a message was refused', { address, code: given.code, reason: given.text });
    }
    return acknowledgement(header, given, clock.now(), `${clock.now().toString(36)}-${(++answers).toString(36)}`);
  };

  /** Serves a connection that was let in, until either side ends it. */
  const serve = async (stream: Socket, connection: Connection): Promise<void> => {
    const framer = createFramer(config.maxMessageBytes);
    const timers = createTimers(stream, config, clock);
    try {
      for await (const piece of stream as AsyncIterable<Buffer>) {
        connection.isAnswering = true;
        for (const frame of framer.take(piece)) {
          timers.messageEnded();
          await sent(stream, await answer(frame, connection.address));
        }
        connection.isAnswering = false;
        if (isClosing) break;
        timers.heard(framer.isWithin());
      }
    } finally {
      timers.stop();
      stream.destroySoon();
    }
  };

  const refuse = (socket: Socket, address: string, why: string | null): void => {
    socket.on('error', () => undefined);
    socket.destroy();
    if (why === null) return;
    counters.refusedConnections++;
    log.warn('a connection was refused', { address, reason: why });
  };

  const connected = async (socket: Socket, connection: Connection, tls: TlsAcceptor | null): Promise<void> => {
    socket.on('error', () => undefined);
    if (tls === null) return serve(socket, connection);
    const end = await tls.handshake(socket);
    if (end.kind === 'refused') {
      refuse(socket, connection.address, end.why);
      return;
    }
    end.stream.on('error', () => undefined);
    return serve(end.stream, connection);
  };

  const accept = (socket: Socket, tls: TlsAcceptor | null): void => {
    const address = socket.remoteAddress ?? '';
    const ofAddress = [...open.values()].filter((other) => other.address === address).length;
    const why = !isInAddressList(sources, address)
      ? 'the address is not among hl7.sources'
      : ofAddress >= config.maxConnectionsPerAddress || open.size >= MOST_CONNECTIONS
        ? 'too many connections are open'
        : null;
    if (why !== null) {
      refuse(socket, address, why);
      return;
    }
    const connection: Connection = { address, isAnswering: false };
    open.set(socket, connection);
    socket.once('close', () => open.delete(socket));
    socket.setKeepAlive(true);
    const work: Promise<void> = connected(socket, connection, tls)
      .catch((error: unknown) => {
        socket.destroy();
        if (error instanceof TriageError) log.warn('a connection was ended', { address, reason: messageOf(error) });
        else if (!isBrokenConnection(error)) log.error('a connection ended because of a bug', { address, error });
      })
      .finally(() => {
        served.delete(work);
      });
    served.add(work);
  };

  const servers = [await listening(config, 'hl7', (socket) => accept(socket, null))];
  if (config.tls !== undefined)
    servers.push(await listening(config.tls, 'hl7.tls', (socket) => accept(socket, acceptor)));
  const [port = 0, tlsPort = null] = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.on('error', (error) => log.error('a connection could not be taken', { error }));
  return {
    port,
    tlsPort,
    counters: () => counters,
    openConnections: () => open.size,
    renewTls: (tls) => acceptor?.renew(tls),
    close: async (graceMs) => {
      isClosing = true;
      for (const server of servers) server.close();
      for (const [socket, { isAnswering }] of open) if (!isAnswering) socket.destroy();
      const cancel = clock.after(graceMs, () => {
        for (const socket of open.keys()) socket.destroy();
      });
      await Promise.allSettled(served);
      cancel();
    },
  };
}

/** The answer to a message, whatever its bytes. */
async function judged(
  { bytes, isTooLong }: Frame,
  header: Header | null,
  { config, take, log }: Pick<Hl7ServerOptions, 'config' | 'take' | 'log'>,
): Promise<Answer> {
  try {
    if (header === null) throw new TriageError('message-unsupported', 'It does not begin with an MSH segment.');
    if (isTooLong)
      throw new TriageError(
        'message-unsupported',
        `It is longer than ${config.maxMessageBytes} bytes (hl7.maxMessageBytes).`,
      );
    if (!VERSIONS.has(first(header, header.fields[12])))
      throw new TriageError('message-unsupported', 'Its version (MSH-12) is not one of 2.3 to 2.5.1.');
    if (!config.processingIds.includes(first(header, header.fields[11]) || 'P'))
      throw new TriageError('message-unsupported', 'Its processing ID (MSH-11) is not among hl7.processingIds.');
    return await take(readMessage(bytes, header), bytes);
  } catch (error) {
    const code = error instanceof TriageError ? error.code : null;
    if (code === 'message-unsupported') return { code: 'AR', text: messageOf(error) };
    if (code === 'message-unusable') return { code: 'AE', text: messageOf(error) };
    log.error('a message could not be taken', { error });
    return { code: 'AE', text: 'It could not be put on record: send it again later.' };
  }
}

/** Ends a connection that is silent for too long, or does not finish its message. */
function createTimers(stream: Socket, { idleTimeoutMs, messageTimeoutMs }: Hl7Limits, clock: Clock) {
  const end = (): void => {
    stream.destroy();
  };
  const endMessage = (): void => {
    stream.destroy(new TriageError('protocol-violation', 'a message did not end in time'));
  };
  let cancelIdle = clock.after(idleTimeoutMs, end);
  let cancelMessage: (() => void) | null = null;
  const messageEnded = (): void => {
    cancelMessage?.();
    cancelMessage = null;
  };
  return {
    messageEnded,
    heard: (isWithin: boolean): void => {
      cancelIdle();
      cancelIdle = clock.after(idleTimeoutMs, end);
      if (isWithin) cancelMessage ??= clock.after(messageTimeoutMs, endMessage);
    },
    stop: (): void => {
      cancelIdle();
      messageEnded();
    },
  };
}

/** Resolves when the bytes have gone to the system: a peer that takes no answers is sent no more. */
function sent(stream: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error == null ? resolve() : reject(error)));
  });
}

/** The peer went away, or was sent away for its silence. */
function isBrokenConnection(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return /^(ECONNRESET|EPIPE|ETIMEDOUT|ECONNABORTED|ERR_STREAM_\w+|ERR_SSL_\w+)$/.test(code);
}

async function listening(
  { host, port }: { host: string; port: number },
  setting: string,
  onConnection: (socket: Socket) => void,
): Promise<Server> {
  // A sender may end its side after its message and still wait for the answer.
  const server = createServer({ allowHalfOpen: true }, onConnection);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ host, port, exclusive: true }, () => resolve());
    });
  } catch (error) {
    throw new TriageError('config-invalid', `${setting}: cannot listen on ${host}:${port}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return server;
}
