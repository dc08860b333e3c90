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
  work: Work | null;
}

/** The nodes of a database. `Work` is what the one that receives says of its work. */
export interface NodeRecord<Work> {
  /**
   * Puts a start of the node on record. Returns by how much this machine's clock is ahead of the database's, ms.
   * @throws TriageError `config-invalid` where it does not see the objects that the others see
   */
  join(node: NodeFacts): Promise<number>;
  /** The node is alive. */
  beat(name: string, work: Work | null): Promise<void>;
  /** It has stopped in order. */
  leave(name: string): Promise<void>;
  /** Those of the last weeks, by name. */
  nodes(): Promise<KnownNode<Work>[]>;
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
            work: work === null ? null : JSON.stringify(work),
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
        work: row.work === null ? null : (JSON.parse(row.work) as Work),
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
