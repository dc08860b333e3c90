import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SystemStatus } from '../answers/systemAnswer.ts';
import { syncFolder, writeSynced } from '../base/durably.ts';
import { softwareVersion } from '../base/packageRoot.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import { TriageError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { NodeRole } from '../config/databaseSettings.ts';
import { createNodeRecord, type KnownNode, type NodeRecord } from '../worklist/nodes/nodeRecord.ts';
import type { Foundation } from './agentPorts.ts';
import { nodeNameOf } from './places.ts';

const BEAT_MS = 2_000;
/** Leases end by the database's clock; all other times are those of whoever writes them down. */
const CLOCK_AHEAD_MS = 5_000;

/** What the node that receives and analyses says of itself, for the pages of the others. */
export type NodeWork = Pick<SystemStatus, 'model' | 'modelError' | 'shadow' | 'receiver' | 'hl7' | 'encodedOnArrival'>;

/** The other nodes, as last heard. */
export interface OtherNodes {
  /** What is known of the work of the node that receives, where this one does not. */
  work: () => NodeWork;
}

/** What is written in the folder of objects, to tell it from any other; a node that receives writes it. Null where there is nothing. */
async function objectsIdOf(sharedDir: string, mayMake: boolean): Promise<string | null> {
  const path = join(sharedDir, 'objects.id');
  const found = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  });
  if (found !== null || !mayMake) return found;
  const made = randomUUID();
  await writeSynced(path, Buffer.from(made), 'wx');
  await syncFolder(sharedDir);
  return made;
}

/** @throws TriageError `command-invalid` where what comes of it would have to come to this node's receiver, and it has none */
export function assertReceives(roles: ReadonlySet<NodeRole>, what: string): void {
  if (!roles.has('receive'))
    throw new TriageError('command-invalid', `This agent does not receive. ${what} on the page of the one that does.`);
}

/** Puts this agent among the nodes of a PostgreSQL worklist. A SQLite file has one, and no record of it. @throws TriageError `config-invalid` */
export async function joinNodes({
  config,
  paths,
  database,
  roles,
  releasers,
  ports: { clock, log },
}: Pick<Foundation, 'config' | 'paths' | 'database' | 'roles' | 'releasers' | 'ports'>): Promise<void> {
  if (config.database.url === undefined) return;
  const name = nodeNameOf(config);
  const record: NodeRecord<NodeWork> = createNodeRecord(database, clock);
  const aheadMs = await record.join({
    name,
    roles: [...roles],
    version: softwareVersion(),
    sharedDir: paths.sharedDir,
    objectsId: await objectsIdOf(paths.sharedDir, roles.has('receive')),
  });
  if (Math.abs(aheadMs) > CLOCK_AHEAD_MS)
    log.error('the clocks of this machine and of the database differ: look at their time services', {
      durationMs: Math.round(aheadMs),
    });
  releasers.push('node', () => record.leave(name));
}

/**
 * Says every two seconds that this node is alive, and what it does, and hears what the node says that receives. `onBeat` is called at each.
 * On a SQLite file there is nobody to hear or to tell.
 */
export function followNodes(
  { config, database, roles, releasers, ports: { clock, log } }: Foundation,
  { own, onBeat }: { own: () => Promise<NodeWork>; onBeat: () => void },
): OtherNodes {
  let heard: KnownNode<NodeWork> | null = null;
  if (config.database.url !== undefined) {
    const name = nodeNameOf(config);
    const record: NodeRecord<NodeWork> = createNodeRecord(database, clock);
    const beat = async (): Promise<false> => {
      await record.beat(name, roles.has('receive') ? await own() : null);
      if (!roles.has('receive')) heard = newestReceiver(await record.nodes());
      onBeat();
      return false;
    };
    const loop = startWakingLoop({
      step: beat,
      pollMs: BEAT_MS,
      onError: (error, failures) => {
        if (failures === 1) log.warn('the other nodes are not heard', { error });
      },
      clock,
    });
    releasers.push('beat', loop.stop);
  }
  return { work: () => workOf(heard, config) };
}

function newestReceiver(nodes: readonly KnownNode<NodeWork>[]): KnownNode<NodeWork> | null {
  const receivers = nodes.filter(({ roles }) => roles.includes('receive'));
  return receivers.sort((a, b) => b.seenAtMs - a.seenAtMs)[0] ?? null;
}

/** Of a node that is dead or still starting, nothing works. */
function workOf(heard: KnownNode<NodeWork> | null, { receive }: Config): NodeWork {
  if (heard?.isAlive === true && heard.work !== null) return heard.work;
  const { port, aeTitle, maxAssociations } = receive;
  const counts = { stored: 0, rejected: 0, refused: 0, refusedContexts: 0, aborted: 0, dropped: 0, refusedTls: 0 };
  return {
    model: null,
    modelError: 'The agent that receives and analyses is not heard of. Look whether it runs.',
    shadow: null,
    receiver: {
      up: false,
      downSinceMs: heard?.seenAtMs ?? null,
      port,
      aeTitle,
      ...counts,
      openAssociations: 0,
      maxAssociations,
      restarts: 0,
    },
    hl7: null,
    encodedOnArrival: 0,
  };
}
