import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { StoredInstance } from '../case/case.ts';
import { TriageError, messageOf } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { serveAssociation, type Association, type AssociationEnd } from './association.ts';
import { createAssociationPolicy } from './associationPolicy.ts';
import type { ReceiveConfig } from './receiveConfig.ts';
import type { Spool } from './spool.ts';

/** What happens on the associations, in order: `opened`, any number of `stored`, `ended`. */
export interface StorageScpListener {
  opened(associationId: string, callingAeTitle: string, address: string): void;
  /** The sender is answered once this resolves. */
  stored(associationId: string, instance: StoredInstance): Promise<void>;
  refused(associationId: string, status: number): void;
  rejected(associationId: string, callingAeTitle: string, address: string, why: string): void;
  /** Only for opened ones. */
  ended(associationId: string, clean: boolean): void;
}

export interface StorageScp {
  port: number;
  /** Takes no more connections, lets objects in hand be finished for at most `graceMs`, and ends. */
  close(graceMs: number): Promise<void>;
}

/** Connections beyond the associations: those that have not asked yet, and those whose last word is on its way. */
const SPARE_CONNECTIONS = 20;
/** Of them, for addresses that no source may come from: enough to be told so, too few to be in the way. */
const SPARE_CONNECTIONS_OF_STRANGERS = 8;

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
  const connections = new Map<Socket, { association: Association; stranger: boolean }>();
  const open = new Set<string>();
  const served = new Set<Promise<void>>();
  let count = 0;

  const serve = async (socket: Socket, address: string, stranger: boolean): Promise<void> => {
    const associationId = `${options.idPrefix}.${++count}`;
    let aeTitle = '';
    const association = serveAssociation(socket, {
      address,
      config,
      policy,
      spool,
      clock,
      openAssociations: () => open.size,
      listener: {
        opened: (callingAeTitle) => {
          aeTitle = callingAeTitle;
          open.add(associationId);
          log.info('association opened', { associationId, aeTitle, address });
          listener.opened(associationId, callingAeTitle, address);
        },
        stored: (instance) => listener.stored(associationId, instance),
        refused: (error, status, sopInstanceUid) => {
          log.warn('object refused', {
            associationId,
            aeTitle,
            sopInstanceUid,
            status: `0x${status.toString(16).padStart(4, '0')}`,
            error,
          });
          listener.refused(associationId, status);
        },
      },
    });
    connections.set(socket, { association, stranger });
    socket.once('close', () => connections.delete(socket));
    report(await association.ended, associationId, aeTitle, address);
  };

  const report = (end: AssociationEnd, associationId: string, aeTitle: string, address: string): void => {
    if (end.kind === 'rejected') {
      log.warn('association rejected', {
        associationId,
        aeTitle: end.callingAeTitle,
        address,
        reason: end.rejection.why,
      });
      listener.rejected(associationId, end.callingAeTitle, address, end.rejection.why);
    }
    if (end.kind === 'failed')
      log.warn('association ended by the guard', { associationId, aeTitle, address, error: end.error });
    if (!open.delete(associationId)) return;
    if (end.kind !== 'failed') log.info('association ended', { associationId, aeTitle, address, reason: end.kind });
    listener.ended(associationId, end.kind === 'released');
  };

  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
    const address = socket.remoteAddress ?? '';
    const stranger = !policy.knows(address);
    const strangers = [...connections.values()].filter((connection) => connection.stranger).length;
    if (
      connections.size >= config.maxAssociations + SPARE_CONNECTIONS ||
      (stranger && strangers >= SPARE_CONNECTIONS_OF_STRANGERS)
    ) {
      socket.on('error', () => undefined);
      socket.destroy();
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
