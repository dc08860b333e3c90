import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { hex16 } from '../base/hex16.ts';
import type { StoredInstance } from '../case/case.ts';
import type { CommitmentReported, CommitmentRequest } from '../case/commitment.ts';
import { TriageError, messageOf } from '../base/errors.ts';
import { createTlsAcceptor, type CallerCertificate, type ServerTls, type TlsAcceptor } from '../base/tlsAcceptor.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { serveAssociation, type Association, type AssociationEnd } from './association.ts';
import { createAssociationPolicy, type AssociationPolicy } from './associationPolicy.ts';
import type { CommitmentAnswer } from './commitmentService.ts';
import type { AllowedCallers, ReceiveConfig } from './receiveConfig.ts';
import type { EndOfSending } from './receiverMessages.ts';
import type { Refusal, RefusalKind } from './refusals.ts';
import type { Spool } from './spool.ts';

/** Events of the associations, in order: `opened`, any number of `stored`, `ended`. */
export interface StorageScpListener {
  opened(associationId: string, callingAeTitle: string, address: string): void;
  /** The sender is answered once this resolves. */
  stored(associationId: string, instance: StoredInstance): Promise<void>;
  commitmentAsked(request: CommitmentRequest): Promise<CommitmentAnswer>;
  commitmentReported(reported: CommitmentReported): Promise<CommitmentAnswer>;
  refused(associationId: string, refusal: Refusal): void;
  /** Only for associations that were opened. */
  ended(associationId: string, how: EndOfSending): void;
}

export interface StorageScp {
  port: number;
  /** Null without TLS. */
  tlsPort: number | null;
  /** Later TLS connections use this certificate, key and authorities. @throws TriageError `config-invalid` when they do not fit together */
  renewTls(tls: ServerTls): void;
  /** Later associations are judged by these; open ones go on. */
  allow(callers: AllowedCallers): void;
  /** Takes no more connections, lets current objects finish for at most `graceMs`, and ends. */
  close(graceMs: number): Promise<void>;
}

/** Connections beyond the associations: those that have not requested one yet, and those whose final PDU is being sent. */
const SPARE_CONNECTIONS = 20;
/** Of them, for addresses without any source: enough to answer them, too few to get in the way. */
const SPARE_CONNECTIONS_OF_STRANGERS = 8;
/** Maximum for any single address. */
const SPARE_CONNECTIONS_OF_OTHERS = 8;

interface StorageScpOptions {
  config: ReceiveConfig;
  spool: Spool;
  clock: Clock;
  log: Log;
  listener: StorageScpListener;
  /** Makes association identifiers unique across restarts. */
  idPrefix: string;
  /** Calling AE titles of the open associations, STOW-RS requests among them, by identifier. */
  open: Map<string, string>;
}

interface Connection {
  address: string;
  /** From an address of no source. */
  stranger: boolean;
  /** Null while TLS is being negotiated. */
  association: Association | null;
  /** The connection itself, or its encrypted side. */
  stream: Socket;
}

/** Why a context is refused (PS3.8 9.3.3.2). */
const CONTEXT_REFUSALS = {
  3: 'it is no Storage SOP class, and no private one that is listed',
  4: 'none of the transfer syntaxes proposed for it is taken',
} as const;

/**
 * Storage, Verification and Storage Commitment SCP (PS3.4 B, A, J) for the sources of the configuration.
 *
 * @throws TriageError `config-invalid` when the address and port cannot be listened on
 */
export async function startStorageScp(options: StorageScpOptions): Promise<StorageScp> {
  const { config, clock, log, listener } = options;
  let newest = createAssociationPolicy(config);
  const policy: AssociationPolicy = {
    judge: (...asked) => newest.judge(...asked),
    answer: (...asked) => newest.answer(...asked),
    knows: (...asked) => newest.knows(...asked),
    isStranger: (...asked) => newest.isStranger(...asked),
  };
  const serve = associationServer(options, policy);
  const connections = new Map<Socket, Connection>();
  const served = new Set<Promise<void>>();

  const acceptor =
    config.tls === undefined ? null : createTlsAcceptor('receive.tls', config.tls, config.requestTimeoutMs);

  /** From a connection that was taken to its end; with `tls`, after a handshake. */
  const serveConnection = async (socket: Socket, connection: Connection, tls: TlsAcceptor | null): Promise<void> => {
    connections.set(socket, connection);
    socket.once('close', () => connections.delete(socket));
    const certificate = tls === null ? null : await secure(socket, connection, tls);
    if (certificate !== undefined) await serve(connection, certificate);
  };

  /** The caller's certificate, if it has one; undefined when the connection was refused. */
  const secure = async (
    socket: Socket,
    connection: Connection,
    tls: TlsAcceptor,
  ): Promise<CallerCertificate | null | undefined> => {
    socket.on('error', () => undefined);
    const end = await tls.handshake(socket);
    if (end.kind === 'secure') {
      connection.stream = end.stream;
      return end.certificate;
    }
    const { address } = connection;
    if (end.why !== null) {
      log.warn('a TLS connection was refused', { address, reason: end.why });
      listener.refused('', { kind: 'tls', callingAeTitle: '', address, what: '', why: end.why });
    }
    return undefined;
  };

  const take = (socket: Socket, tls: TlsAcceptor | null): void => {
    const address = socket.remoteAddress ?? '';
    const stranger = !policy.knows(address);
    if (isCrowded([...connections.values()], { address, stranger }, config.maxAssociations)) {
      socket.on('error', () => undefined);
      socket.destroy();
      const why = 'too many connections are open';
      listener.refused('', { kind: 'connection', callingAeTitle: '', address, what: '', why });
      return;
    }
    const work = serveConnection(socket, { address, stranger, association: null, stream: socket }, tls);
    served.add(work);
    work
      .finally(() => served.delete(work))
      .catch((error: unknown) => {
        log.error('an association ended because of a bug', { address, error });
      });
  };
  const servers = [await listening({ ...config, option: 'receive' }, (socket) => take(socket, null))];
  if (config.tls !== undefined)
    servers.push(await listening({ ...config.tls, option: 'receive.tls' }, (socket) => take(socket, acceptor)));
  const [port = 0, tlsPort = null] = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.on('error', (error) => log.error('a connection could not be taken', { error }));

  return {
    port,
    tlsPort,
    renewTls: (tls) => acceptor?.renew(tls),
    allow: (callers) => {
      newest = createAssociationPolicy({ ...config, ...callers });
    },
    close: async (graceMs) => {
      for (const server of servers) server.close();
      for (const [socket, { association }] of connections) {
        if (association === null) socket.destroy();
        else association.stop();
      }
      const cancel = clock.after(graceMs, () => {
        for (const socket of connections.keys()) socket.destroy();
      });
      await Promise.allSettled(served);
      cancel();
      for (const { stream } of connections.values()) stream.destroySoon();
    },
  };
}

/** Serves the association of a connection, from its request to its end, and tells the listener what becomes of it. */
function associationServer(
  options: StorageScpOptions,
  policy: AssociationPolicy,
): (connection: Connection, certificate: CallerCertificate | null) => Promise<void> {
  const { config, spool, clock, log, listener, open } = options;
  let count = 0;

  const report = (end: AssociationEnd, associationId: string, aeTitle: string, address: string): void => {
    if (end.kind === 'rejected')
      log.warn('association rejected', { associationId, aeTitle, address, reason: end.rejection.why });
    if (end.kind === 'failed')
      log.warn('association ended by the guard', { associationId, aeTitle, address, error: end.error });
    if (!open.delete(associationId)) return;
    if (end.kind !== 'failed') log.info('association ended', { associationId, aeTitle, address, reason: end.kind });
    listener.ended(associationId, end.kind === 'released' || end.kind === 'closed' ? end.kind : 'broken');
  };

  return async (connection, certificate) => {
    const { address, stream } = connection;
    const associationId = `${options.idPrefix}.${++count}`;
    let aeTitle = '';
    const tell = (
      kind: RefusalKind,
      why: string,
      what = '',
      known: Pick<Refusal, 'studyInstanceUid' | 'header'> = {},
    ): void => {
      listener.refused(associationId, {
        kind,
        callingAeTitle: aeTitle,
        address,
        what,
        why,
        ...known,
      });
    };
    const association = serveAssociation(stream, {
      caller: { address, certificate },
      config,
      policy,
      spool,
      clock,
      openAssociations: () => countsOf(open.values()),
      listener: {
        opened: (callingAeTitle) => {
          aeTitle = callingAeTitle;
          open.set(associationId, callingAeTitle);
          log.info('association opened', { associationId, aeTitle, address });
          listener.opened(associationId, callingAeTitle, address);
        },
        stored: (instance) => listener.stored(associationId, instance),
        commitmentAsked: (request) => listener.commitmentAsked(request),
        commitmentReported: (reported) => listener.commitmentReported(reported),
        commitmentRefused: (why) => tell('commitment', why),
        contextsRefused: (contexts) => {
          for (const { abstractSyntaxUid, result } of contexts)
            tell('context', CONTEXT_REFUSALS[result], abstractSyntaxUid);
        },
        refused: (error, status, { sopClassUid, header }) => {
          const statusText = hex16(status);
          log.warn('object refused', {
            associationId,
            aeTitle,
            sopInstanceUid: header?.sopInstanceUid,
            status: statusText,
            error,
          });
          const known = header === null ? {} : { studyInstanceUid: header.studyInstanceUid, header };
          tell('object', `${statusText}: ${error.message}`, sopClassUid, known);
        },
      },
    });
    connection.association = association;
    const end = await association.ended;
    if (end.kind === 'rejected') aeTitle = end.callingAeTitle;
    report(end, associationId, aeTitle, address);
    if (end.kind === 'rejected') tell('association', end.rejection.why);
    else if (end.kind === 'failed') tell('abort', messageOf(end.error));
    else if ((end.kind === 'cut' || end.kind === 'closed') && aeTitle !== '') tell('abort', end.why);
  };
}

/** Whether one more connection from this address is too many. */
function isCrowded(
  others: readonly Connection[],
  { address, stranger }: Pick<Connection, 'address' | 'stranger'>,
  maxAssociations: number,
): boolean {
  const ofStrangers = others.filter((connection) => connection.stranger).length;
  const ofAddress = others.filter((connection) => connection.address === address).length;
  const most = maxAssociations + SPARE_CONNECTIONS;
  return (
    others.length >= most ||
    ofAddress >= most - SPARE_CONNECTIONS_OF_OTHERS ||
    (stranger && ofStrangers >= SPARE_CONNECTIONS_OF_STRANGERS)
  );
}

async function listening(
  { host, port, option }: { host: string; port: number; option: string },
  take: (socket: Socket) => void,
): Promise<Server> {
  const server = createServer({ noDelay: true, keepAlive: true }, take);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new TriageError(
          'config-invalid',
          `Cannot listen on ${host}:${port} (${option}.host, ${option}.port): ${messageOf(error)}. Is another program using the port?`,
          { cause: error },
        ),
      );
    });
    server.listen({ host, port }, resolve);
  });
  return server;
}

function countsOf(values: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
