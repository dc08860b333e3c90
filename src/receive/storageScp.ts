import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { StoredInstance } from '../case/case.ts';
import { TriageError, messageOf } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { serveAssociation, type Association, type AssociationEnd } from './association.ts';
import { createAssociationPolicy } from './associationPolicy.ts';
import type { ReceiveConfig } from './receiveConfig.ts';
import type { Refusal, RefusalKind } from './refusals.ts';
import type { Spool } from './spool.ts';

/** Events of the associations, in order: `opened`, any number of `stored`, `ended`. */
export interface StorageScpListener {
  opened(associationId: string, callingAeTitle: string, address: string): void;
  /** The sender is answered once this resolves. */
  stored(associationId: string, instance: StoredInstance): Promise<void>;
  refused(associationId: string, refusal: Refusal): void;
  /** Only for associations that were opened. */
  ended(associationId: string, clean: boolean): void;
}

export interface StorageScp {
  port: number;
  /** Takes no more connections, lets current objects finish for at most `graceMs`, and ends. */
  close(graceMs: number): Promise<void>;
}

/** Connections beyond the associations: those that have not requested one yet, and those whose final PDU is being sent. */
const SPARE_CONNECTIONS = 20;
/** Of them, for addresses without any source: enough to answer them, too few to get in the way. */
const SPARE_CONNECTIONS_OF_STRANGERS = 8;
/** Maximum for any single address. */
const SPARE_CONNECTIONS_OF_OTHERS = 8;

/** Why a context is refused (PS3.8 9.3.3.2). */
const CONTEXT_REFUSALS = {
  3: 'it is no Storage SOP class, and no private one that is listed',
  4: 'none of the transfer syntaxes proposed for it is taken',
} as const;

/**
 * Storage SCP and Verification SCP (PS3.4 B, A) for the sources of the configuration.
 *
 * @throws TriageError `config-invalid` when the address and port cannot be listened on
 */
export async function startStorageScp(options: {
  config: ReceiveConfig;
  spool: Spool;
  clock: Clock;
  log: Log;
  listener: StorageScpListener;
  /** Makes association identifiers unique across restarts. */
  idPrefix: string;
}): Promise<StorageScp> {
  const { config, spool, clock, log, listener } = options;
  const policy = createAssociationPolicy(config);
  const connections = new Map<Socket, { association: Association; stranger: boolean; address: string }>();
  /** Calling AE titles of the open ones, by association. */
  const open = new Map<string, string>();
  const served = new Set<Promise<void>>();
  let count = 0;

  const serve = async (socket: Socket, address: string, stranger: boolean): Promise<void> => {
    const associationId = `${options.idPrefix}.${++count}`;
    let aeTitle = '';
    const tell = (kind: RefusalKind, why: string, what = '', studyInstanceUid?: string): void => {
      listener.refused(associationId, {
        kind,
        callingAeTitle: aeTitle,
        address,
        what,
        why,
        ...(studyInstanceUid === undefined ? {} : { studyInstanceUid }),
      });
    };
    const association = serveAssociation(socket, {
      address,
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
        contextsRefused: (contexts) => {
          for (const { abstractSyntaxUid, result } of contexts)
            tell('context', CONTEXT_REFUSALS[result], abstractSyntaxUid);
        },
        refused: (error, status, { sopClassUid, sopInstanceUid }) => {
          const statusText = `0x${status.toString(16).padStart(4, '0').toUpperCase()}`;
          log.warn('object refused', { associationId, aeTitle, sopInstanceUid, status: statusText, error });
          const study = error.context['studyInstanceUid'];
          tell('object', `${statusText}: ${error.message}`, sopClassUid, typeof study === 'string' ? study : undefined);
        },
      },
    });
    connections.set(socket, { association, stranger, address });
    socket.once('close', () => connections.delete(socket));
    const end = await association.ended;
    if (end.kind === 'rejected') aeTitle = end.callingAeTitle;
    report(end, associationId, aeTitle, address);
    if (end.kind === 'rejected') tell('association', end.rejection.why);
    else if (end.kind === 'failed') tell('abort', messageOf(end.error));
    else if (end.kind === 'cut' && aeTitle !== '') tell('abort', end.why);
  };

  const report = (end: AssociationEnd, associationId: string, aeTitle: string, address: string): void => {
    if (end.kind === 'rejected')
      log.warn('association rejected', { associationId, aeTitle, address, reason: end.rejection.why });
    if (end.kind === 'failed')
      log.warn('association ended by the guard', { associationId, aeTitle, address, error: end.error });
    if (!open.delete(associationId)) return;
    if (end.kind !== 'failed') log.info('association ended', { associationId, aeTitle, address, reason: end.kind });
    listener.ended(associationId, end.kind === 'released');
  };

  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
    const address = socket.remoteAddress ?? '';
    const stranger = !policy.knows(address);
    const others = [...connections.values()];
    const ofStrangers = others.filter((connection) => connection.stranger).length;
    const ofAddress = others.filter((connection) => connection.address === address).length;
    const most = config.maxAssociations + SPARE_CONNECTIONS;
    if (
      others.length >= most ||
      ofAddress >= most - SPARE_CONNECTIONS_OF_OTHERS ||
      (stranger && ofStrangers >= SPARE_CONNECTIONS_OF_STRANGERS)
    ) {
      socket.on('error', () => undefined);
      socket.destroy();
      const why = 'too many connections are open';
      listener.refused('', { kind: 'connection', callingAeTitle: '', address, what: '', why });
      return;
    }
    const work = serve(socket, address, stranger);
    served.add(work);
    work
      .finally(() => served.delete(work))
      .catch((error: unknown) => {
        log.error('an association ended because of a bug', { address, error });
      });
  });
  await listening(server, config);
  server.on('error', (error) => {
    log.error('a connection could not be taken', { error });
  });

  return {
    port: (server.address() as AddressInfo).port,
    close: async (graceMs) => {
      server.close();
      for (const { association } of connections.values()) association.stop();
      const cancel = clock.after(graceMs, () => {
        for (const socket of connections.keys()) socket.destroy();
      });
      await Promise.allSettled(served);
      cancel();
      for (const socket of connections.keys()) socket.destroySoon();
    },
  };
}

async function listening(server: Server, { host, port }: ReceiveConfig): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new TriageError(
          'config-invalid',
          `Cannot listen on ${host}:${port} (receive.host, receive.port): ${messageOf(error)}. Is another program using the port?`,
          { cause: error },
        ),
      );
    });
    server.listen({ host, port }, resolve);
  });
}

function countsOf(values: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
