import type { Selectable } from 'kysely';
import type { Clock } from '../../base/clock.ts';
import { TriageError } from '../../base/errors.ts';
import type { WorklistDatabase } from '../db/database.ts';
import { databaseNow, databaseNowMs } from '../db/dialect.ts';
import type { NodesTable } from '../db/schema.ts';
import { inTransaction } from '../db/transactions.ts';

/** A node that was not heard of for so long is taken for dead: five beats. */
const ALIVE_MS = 10_000;
/** Nodes may have another name at each start. */
const FORGOTTEN_AFTER_MS = 30 * 86_400_000;
const RECEIVES = 'receive';
/** States from which a stage works; the index of states finds them among years of cases that are done. */
const WORKED_ON = ['receiving', 'assembled', 'inferred', 'ineligible', 'failed'] as const;

/** What a node says of itself when it starts. */
export interface NodeFacts {
  name: string;
  roles: readonly string[];
  version: string;
  /** Folder of objects and results. */
  sharedDir: string;
  /** What is written in that folder, to tell it from any other; null where nothing is. */
  objectsId: string | null;
}

/** A node as the others know it. Times are the database's. */
export interface KnownNode<Work> {
  name: string;
  roles: string[];
  version: string;
  startedAtMs: number;
  seenAtMs: number;
  isAlive: boolean;
  /** It has stopped in order; one that is neither alive nor stopped is gone. */
  hasStopped: boolean;
  work: Work | null;
}

/** What a node holds at this moment. Another one can take it when it has not been renewed for the time of a lease. */
export interface InHand {
  node: string;
  /** Cases that it works on. */
  cases: number;
  /** Names of the pieces of work that one node does at a time, such as sending to a destination. */
  works: string[];
}

/** The nodes of a database. `Work` is what a node says of its work. */
export interface NodeRecord<Work> {
  /**
   * Puts a start of the node on record. Returns by how much this machine's clock is ahead of the database's, ms.
   * @throws TriageError `config-invalid` where it does not see the objects that the others see
   */
  join(node: NodeFacts): Promise<number>;
  /** The node is alive. */
  beat(name: string, work: Work): Promise<void>;
  /** It has stopped in order. */
  leave(name: string): Promise<void>;
  /** Those of the last weeks, by name. */
  nodes(): Promise<KnownNode<Work>[]>;
  /** What is in hand, by those who hold it. */
  inHand(): Promise<InHand[]>;
}

export function createNodeRecord<Work>(
  { db, reads }: Pick<WorklistDatabase, 'db' | 'reads'>,
  clock: Pick<Clock, 'now'>,
): NodeRecord<Work> {
  return {
    join: ({ name, roles, version, sharedDir, objectsId }) =>
      inTransaction(db, async (trx) => {
        const nowMs = await databaseNowMs(trx, clock);
        const others = await trx.selectFrom('nodes').selectAll().where('name', '!=', name).execute();
        const refusal = roles.includes(RECEIVES)
          ? refusalBeside(
              others.find((other) => isAlive(other, nowMs)),
              { sharedDir, objectsId },
            )
          : refusalWithout(receivingOf(others), { sharedDir, objectsId });
        if (refusal !== null) throw new TriageError('config-invalid', `node.sharedDir: ${refusal}`);
        const start = {
          roles: JSON.stringify(roles),
          version,
          shared_dir: sharedDir,
          objects_id: objectsId ?? '',
          started_at: nowMs,
          seen_at: nowMs,
          stopped: 0,
          work: null,
        } as const;
        await trx
          .insertInto('nodes')
          .values({ name, ...start })
          .onConflict((conflict) => conflict.column('name').doUpdateSet(start))
          .execute();
        // Of a node that received, it stays known where the objects are.
        await trx
          .deleteFrom('nodes')
          .where('seen_at', '<', nowMs - FORGOTTEN_AFTER_MS)
          .where('roles', 'not like', `%"${RECEIVES}"%`)
          .execute();
        return clock.now() - nowMs;
      }),
    beat: (name, work) =>
      inTransaction(db, async (trx) => {
        await trx
          .updateTable('nodes')
          .set({
            seen_at: databaseNow(trx, clock),
            stopped: 0,
            work: JSON.stringify(work),
          })
          .where('name', '=', name)
          .execute();
      }),
    leave: (name) =>
      inTransaction(db, async (trx) => {
        await trx.updateTable('nodes').set({ stopped: 1 }).where('name', '=', name).execute();
      }),
    nodes: async () => {
      const rows = await reads
        .selectFrom('nodes')
        .selectAll()
        .select(databaseNow(reads, clock).as('now'))
        .orderBy('name')
        .execute();
      return rows.map((row) => ({
        name: row.name,
        roles: JSON.parse(row.roles) as string[],
        version: row.version,
        startedAtMs: row.started_at,
        seenAtMs: row.seen_at,
        isAlive: isAlive(row, row.now),
        hasStopped: row.stopped === 1,
        work: row.work === null ? null : (JSON.parse(row.work) as Work),
      }));
    },
    inHand: async () => {
      const now = databaseNow(reads, clock);
      const cases = await reads
        .selectFrom('cases')
        .select(({ fn }) => ['lease_node as node', fn.countAll<number>().as('count')])
        .where('state', 'in', WORKED_ON)
        .where('lease_until', '>', now)
        .where('lease_node', 'is not', null)
        .groupBy('lease_node')
        .execute();
      const works = await reads
        .selectFrom('work_leases')
        .select(['node', 'work'])
        .where('held_until', '>', now)
        .orderBy('work')
        .execute();
      const nodes = new Set([...cases, ...works].map(({ node }) => node!));
      return [...nodes].sort().map((node) => ({
        node,
        cases: cases.find((one) => one.node === node)?.count ?? 0,
        works: works.filter((one) => one.node === node).map(({ work }) => work),
      }));
    },
  };
}

type NodeRow = Selectable<NodesTable>;

function isAlive({ stopped, seen_at }: NodeRow, nowMs: number): boolean {
  return stopped === 0 && seen_at > nowMs - ALIVE_MS;
}

/** The node that receives, or the last one that did. */
function receivingOf(rows: readonly NodeRow[]): NodeRow | undefined {
  return rows
    .filter(({ roles }) => (JSON.parse(roles) as string[]).includes(RECEIVES))
    .sort((a, b) => b.seen_at - a.seen_at)[0];
}

type Place = Pick<NodeFacts, 'sharedDir' | 'objectsId'>;

function refusalBeside(other: NodeRow | undefined, { sharedDir, objectsId }: Place): string | null {
  if (other === undefined) return null;
  if (other.objects_id !== objectsId)
    return `${sharedDir} is not the folder in which the agent ${other.name} has received objects and results (${other.shared_dir} there). Mount that folder here.`;
  if (other.shared_dir !== sharedDir)
    return `the agent ${other.name} has this folder at ${other.shared_dir}, and paths are on record. Mount it there here too.`;
  return null;
}

function refusalWithout(receiving: NodeRow | undefined, place: Place): string | null {
  if (receiving === undefined)
    return 'no agent has received on this database yet. Start the one with the role receive first.';
  return refusalBeside(receiving, place);
}
