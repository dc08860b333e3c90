import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ListedNode } from '../answers/adminAnswers.ts';
import { syncFolder, writeSynced } from '../base/durably.ts';
import { softwareVersion } from '../base/packageRoot.ts';
import { startWakingLoop } from '../base/wakingLoop.ts';
import { TriageError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import { NODE_ROLES, type NodeRole } from '../config/databaseSettings.ts';
import { createNodeRecord, type InHand, type KnownNode, type NodeRecord } from '../worklist/nodes/nodeRecord.ts';
import type { Foundation } from './agentPorts.ts';
import type { NetworkSays, NodeSays, ReceiverSays } from './nodeSays.ts';
import { differing, sharedSettings, type SharedSettings } from './sharedSettings.ts';

const BEAT_MS = 2_000;
/** Leases end by the database's clock; all other times are those of whoever writes them down. */
const CLOCK_AHEAD_MS = 5_000;

/** The nodes, as last heard. */
export interface OtherNodes {
  /** What is known of the node that receives, where this one does not. */
  receiver: () => ReceiverSays;
  /** What is known of the networks of all nodes, with what this one says of its own; null where it does not analyse. */
  networks: (own: NodeSays['analyses']) => NetworkSays;
  /** Whether others than this one receive. */
  receive: () => boolean;
  /** Names of nodes that received and are gone, if it is on this one to take in what they left: the first by name of those that receive and are alive. */
  leftToThis: () => string[];
  /** `listener` is called whenever the others have been heard. */
  onBeat: (listener: () => void) => void;
  /** Names of the living that analyse with this network: each has a share of the slices that arrive. */
  analysing: (modelSha256: string) => string[];
  /** How many are alive, by role; undefined on a SQLite file, whose one agent does everything. */
  living: () => Record<NodeRole, number> | undefined;
  /** For *System*: those of the last day, and what each has in hand. */
  list: () => Promise<ListedNode[]>;
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
  try {
    await writeSynced(path, Buffer.from(made), 'wx');
  } catch (error) {
    // Another node that receives was faster.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return objectsIdOf(sharedDir, false);
    throw error;
  }
  await syncFolder(sharedDir);
  return made;
}

/** @throws TriageError `command-invalid` where what comes of it would have to come to this node's receiver, and it has none */
export function assertReceives(roles: ReadonlySet<NodeRole>, what: string): void {
  if (!roles.has('receive'))
    throw new TriageError('command-invalid', `This agent does not receive. ${what} on the page of the one that does.`);
}

/** Puts this agent among the nodes of a PostgreSQL worklist. A SQLite file has one, and no record of it: null. @throws TriageError `config-invalid` */
export async function joinNodes({
  config,
  paths,
  database,
  roles,
  nodeName,
  releasers,
  ports: { clock, log },
}: Pick<
  Foundation,
  'config' | 'paths' | 'database' | 'roles' | 'nodeName' | 'releasers' | 'ports'
>): Promise<NodeRecord<NodeSays> | null> {
  if (config.database.url === undefined) return null;
  const record: NodeRecord<NodeSays> = createNodeRecord(database, clock);
  const aheadMs = await record.join({
    name: nodeName,
    roles: [...roles],
    version: softwareVersion(),
    sharedDir: paths.sharedDir,
    objectsId: await objectsIdOf(paths.sharedDir, roles.has('receive')),
  });
  if (Math.abs(aheadMs) > CLOCK_AHEAD_MS)
    log.error('the clocks of this machine and of the database differ: look at their time services', {
      durationMs: Math.round(aheadMs),
    });
  releasers.push('node', () => record.leave(nodeName));
  return record;
}

/**
 * Says every two seconds that this node is alive, and what it does, and hears what the others say. On a SQLite file there is nobody to hear or to tell.
 */
export function followNodes(
  { config, values, nodes: record, nodeName, releasers, ports: { clock, log } }: Foundation,
  { loopLagMs, own }: { loopLagMs: () => number; own: () => Promise<Pick<NodeSays, 'receives' | 'analyses'>> },
): OtherNodes {
  const listeners: (() => void)[] = [];
  let heard: readonly KnownNode<NodeSays>[] = [];
  const settings = sharedSettings(values.ofFiles);
  const warnOfOthers = differenceLog(settings, log);
  if (record !== null) {
    const loop = startWakingLoop({
      step: async () => {
        await record.beat(nodeName, { loopLagMs: loopLagMs(), settings, ...(await own()) });
        heard = await record.nodes();
        warnOfOthers(heard);
        for (const listener of listeners) listener();
        return false;
      },
      pollMs: BEAT_MS,
      onError: (error, failures) => {
        if (failures === 1) log.warn('the other nodes are not heard', { error });
      },
      clock,
    });
    releasers.push('beat', loop.stop);
  }
  return {
    receiver: () => receiverOf(newestReceiver(heard), config),
    networks: (own) => networksOf(own, { nodeName, heard }),
    receive: () => receivers(heard).some(({ name, isAlive }) => isAlive && name !== nodeName),
    leftToThis: () => leftTo(nodeName, heard),
    analysing: (modelSha256) =>
      heard
        .filter((node) => node.isAlive && node.work?.analyses?.model?.sha256 === modelSha256)
        .map(({ name }) => name),
    onBeat: (listener) => void listeners.push(listener),
    living: () => (record === null || heard.length === 0 ? undefined : livingByRole(heard)),
    list: async () =>
      record === null ? [] : listed(await record.nodes(), await record.inHand(), { nodeName, settings }),
  };
}

/** Names living nodes whose files state otherwise what must be the same, each once until that changes. */
function differenceLog(own: SharedSettings, log: Log): (nodes: readonly KnownNode<NodeSays>[]) => void {
  const known = new Map<string, string>();
  return (nodes) => {
    for (const { name, isAlive, work } of nodes) {
      const differs = isAlive ? differing(own, work?.settings ?? {}).join(', ') : '';
      if (differs !== '' && known.get(name) !== differs)
        log.error(
          'the files of another agent say otherwise what must be the same: studies are treated as their agent says',
          {
            reason: `${name}: ${differs}`,
          },
        );
      known.set(name, differs);
    }
  };
}

function livingByRole(nodes: readonly KnownNode<NodeSays>[]): Record<NodeRole, number> {
  const alive = nodes.filter(({ isAlive }) => isAlive);
  const count = (role: NodeRole): number => alive.filter(({ roles }) => roles.includes(role)).length;
  return Object.fromEntries(NODE_ROLES.map((role) => [role, count(role)])) as Record<NodeRole, number>;
}

/** Where names change with each start, those of long ago say nothing. */
const LISTED_FOR_MS = 86_400_000;

function listed(
  nodes: readonly KnownNode<NodeSays>[],
  inHand: readonly InHand[],
  own: { nodeName: string; settings: SharedSettings },
): ListedNode[] {
  const newestMs = Math.max(...nodes.map(({ seenAtMs }) => seenAtMs));
  return nodes
    .filter(({ seenAtMs }) => seenAtMs > newestMs - LISTED_FOR_MS)
    .map(({ name, roles, version, startedAtMs, seenAtMs, isAlive, hasStopped, work }) => {
      const { cases, works } = inHand.find(({ node }) => node === name) ?? { cases: 0, works: [] };
      return {
        name,
        isThis: name === own.nodeName,
        state: isAlive ? 'alive' : hasStopped ? 'stopped' : 'gone',
        roles,
        version,
        startedAtMs,
        seenAtMs,
        silentMs: Math.max(0, newestMs - seenAtMs),
        loopLagMs: isAlive ? (work?.loopLagMs ?? null) : null,
        cases,
        works,
        differs: isAlive ? differing(own.settings, work?.settings ?? {}) : [],
      };
    });
}

function receivers(nodes: readonly KnownNode<NodeSays>[]): KnownNode<NodeSays>[] {
  return nodes.filter(({ roles }) => roles.includes('receive'));
}

function newestReceiver(nodes: readonly KnownNode<NodeSays>[]): KnownNode<NodeSays> | null {
  return receivers(nodes).sort((a, b) => b.seenAtMs - a.seenAtMs)[0] ?? null;
}

function leftTo(nodeName: string, nodes: readonly KnownNode<NodeSays>[]): string[] {
  const known = receivers(nodes);
  const heir = known.find(({ isAlive }) => isAlive)?.name;
  // One that has stopped in order has left nothing.
  return heir === nodeName ? known.filter((one) => !one.isAlive && !one.hasStopped).map(({ name }) => name) : [];
}

/** Of a node that is dead or still starting, nothing works. */
function receiverOf(heard: KnownNode<NodeSays> | null, { receive }: Config): ReceiverSays {
  if (heard?.isAlive === true && heard.work?.receives != null) return heard.work.receives;
  const { port, aeTitle, maxAssociations } = receive;
  const counts = { stored: 0, rejected: 0, refused: 0, refusedContexts: 0, aborted: 0, dropped: 0, refusedTls: 0 };
  return {
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
  };
}

const NOBODY_ANALYSES: NetworkSays = {
  model: null,
  modelError: 'No agent that analyses is heard of: studies are received and wait. Start one with the role infer.',
  shadow: null,
  encodedOnArrival: 0,
};

/** Of several nodes one that has a network speaks, this one before others; what is wrong with any of them is said with its name. */
export function networksOf(
  own: NodeSays['analyses'],
  { nodeName, heard }: { nodeName: string; heard: readonly KnownNode<NodeSays>[] },
): NetworkSays {
  const others = heard.flatMap(({ name, isAlive, work }) =>
    isAlive && name !== nodeName && work?.analyses != null ? [{ name, ...work.analyses }] : [],
  );
  const all = [...(own === null ? [] : [{ name: nodeName, ...own }]), ...others];
  if (all.length === 0) return NOBODY_ANALYSES;
  const faulty = all.find(({ modelError }) => modelError !== null);
  const named = all.length === 1 ? '' : `${faulty?.name}: `;
  return {
    model: all.find(({ model }) => model !== null)?.model ?? null,
    modelError: faulty === undefined ? null : `${named}${faulty.modelError}`,
    shadow: all.find(({ shadow }) => shadow !== null)?.shadow ?? null,
    encodedOnArrival: all.reduce((sum, said) => sum + (said.encodedOnArrival ?? 0), 0),
  };
}
