import { sql } from 'kysely';
import type { Transaction } from 'kysely';
import { judgementOf, readingOrder, readingPlace, turnFromArrivals } from '../../case/readingOrder.ts';
import type { ReadingPlace } from '../../case/readingOrder.ts';
import type { Clock } from '../../base/clock.ts';
import type { Schema } from '../db/schema.ts';
import { LEAST_INDEXED } from '../db/searchIndex.ts';

/** Which cases a list shows. */
export interface ListFilter {
  /** Include read cases, last read first, and priors, after the unread ones. */
  read: boolean;
  show: 'all' | 'flagged' | 'unflagged' | 'unscored';
  /** Words that must each occur in the name, the patient ID or the accession number. */
  search: string;
  /** Only cases at this place; empty for all. */
  location: string;
}

/** A list as it was at one moment: which cases, in which order. Its pages belong together, whatever changes meanwhile. */
export interface ListOrder {
  id: string;
  studies: readonly string[];
  /** This many at the start are unread, in reading order. */
  unread: number;
  flagged: ReadonlySet<string>;
}

interface Known {
  order: ListOrder;
  version: number;
  atMs: number;
  monotonicMs: number;
  costMs: number;
}

/** Orders that are kept so that further pages can be asked for. */
const MOST_KEPT = 24;
/** The wait cap moves cases without any event, so an order expires after this time. */
const GOOD_FOR_MS = 5_000;
/** How far back arrivals count for the site's flag rate, and how long the result is reused. */
const ARRIVALS_SINCE_MS = 28 * 24 * 3_600_000;
const TURN_GOOD_FOR_MS = 3_600_000;
/** Limits the share of time spent on ordering to a fifth, however many changes and requests there are. */
const REST_FACTOR = 4;

type Read = <T>(run: (db: Transaction<Schema>) => Promise<T>) => Promise<T>;

/** Keeps the order of each list that is asked for. After a change it is computed again once, for everyone who asks. */
export class ListOrders {
  readonly #read: Read;
  readonly #clock: Clock;
  readonly #maxWaitMs: number;
  readonly #latest = new Map<string, Known>();
  readonly #computing = new Map<string, Promise<Known>>();
  readonly #kept = new Map<string, ListOrder>();
  #count = 0;
  #turn: { everyKth: number; atMs: number } | null = null;

  constructor(read: Read, clock: Clock, maxWaitMs: number) {
    this.#read = read;
    this.#clock = clock;
    this.#maxWaitMs = maxWaitMs;
  }

  /** An order given out before; undefined when it has expired, or is from another run of the agent. */
  earlier(id: string): ListOrder | undefined {
    return this.#kept.get(id);
  }

  /** The list as it is now. */
  async now(filter: ListFilter): Promise<ListOrder> {
    const key = JSON.stringify([filter.read, filter.show, filter.search, filter.location]);
    const version = await this.#read(versionOf);
    for (;;) {
      const known = this.#latest.get(key);
      if (known !== undefined && known.version >= version && this.#clock.now() - known.atMs < GOOD_FOR_MS)
        return known.order;
      let computing = this.#computing.get(key);
      if (computing === undefined) {
        computing = this.#compute(key, filter, known).finally(() => this.#computing.delete(key));
        this.#computing.set(key, computing);
      }
      const computed = await computing;
      if (computed.version >= version) return computed.order;
    }
  }

  /** The list as it is in this snapshot, in reading order, bypassing what is kept. */
  async placesNow(db: Transaction<Schema>, filter: ListFilter): Promise<ListedPlace[]> {
    return this.#placesIn(db, filter, this.#clock.now());
  }

  async #placesIn(db: Transaction<Schema>, filter: ListFilter, nowMs: number): Promise<ListedPlace[]> {
    if (this.#turn === null || nowMs - this.#turn.atMs >= TURN_GOOD_FOR_MS || nowMs < this.#turn.atMs)
      this.#turn = { everyKth: await everyKthOf(db, nowMs), atMs: nowMs };
    const { everyKth } = this.#turn;
    const places = await placesOf(db, filter, nowMs, this.#maxWaitMs);
    const unread = places.filter(({ doneAtMs }) => doneAtMs === null);
    const done = places.filter(({ doneAtMs }) => doneAtMs !== null);
    return [
      ...readingOrder(unread, { everyKth, flagsInARow: await flagsInARow(db, everyKth - 1) }),
      ...done.sort((a, b) => b.doneAtMs! - a.doneAtMs! || (a.studyInstanceUid < b.studyInstanceUid ? -1 : 1)),
    ];
  }

  async #compute(key: string, filter: ListFilter, before: Known | undefined): Promise<Known> {
    if (before !== undefined) {
      const restMs = before.monotonicMs + before.costMs * REST_FACTOR - this.#clock.monotonicMs();
      if (restMs > 0) await this.#clock.sleep(restMs);
    }
    const startedMs = this.#clock.monotonicMs();
    const nowMs = this.#clock.now();
    const { version, places } = await this.#read(async (db) => ({
      version: await versionOf(db),
      places: await this.#placesIn(db, filter, nowMs),
    }));
    const studies = places.map(({ studyInstanceUid }) => studyInstanceUid);
    const same = before !== undefined && equal(before.order.studies, studies);
    const order: ListOrder = {
      id: same ? before.order.id : `${nowMs.toString(36)}-${(this.#count += 1)}`,
      studies: same ? before.order.studies : studies,
      unread: places.filter(({ doneAtMs }) => doneAtMs === null).length,
      flagged: new Set(places.filter(({ flagged }) => flagged).map(({ studyInstanceUid }) => studyInstanceUid)),
    };
    const monotonicMs = this.#clock.monotonicMs();
    const known = { order, version, atMs: nowMs, monotonicMs, costMs: monotonicMs - startedMs };
    // Searches create many lists that are used once, so only the newest are kept.
    this.#latest.delete(key);
    this.#latest.set(key, known);
    trim(this.#latest);
    this.#kept.delete(order.id);
    this.#kept.set(order.id, order);
    trim(this.#kept);
    return known;
  }
}

function trim(map: Map<string, unknown>): void {
  for (const oldest of map.keys()) {
    if (map.size <= MOST_KEPT) return;
    map.delete(oldest);
  }
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((study, index) => study === b[index]);
}

/** Anything that may change an order is an event of a case. */
async function versionOf(db: Transaction<Schema>): Promise<number> {
  const { newest } = await db
    .selectFrom('case_events')
    .select((event) => event.fn.max('id').as('newest'))
    .executeTakeFirstOrThrow();
  return newest;
}

/** One case of a list, with what its place depends on. */
export interface ListedPlace extends ReadingPlace {
  /** When it was read, or when a prior arrived; null for a scan that waits for a reader. */
  doneAtMs: number | null;
  flagged: boolean;
}

/** Every k-th place goes to the longest waiting; k follows from how many scans were flagged at this site lately. */
async function everyKthOf(db: Transaction<Schema>, nowMs: number): Promise<number> {
  const { arrivals, flagged } = await db
    .selectFrom('cases')
    .select(({ fn }) => [
      fn.countAll<number>().as('arrivals'),
      sql<number>`count(case when cases.decision = 'suspected' then 1 end)`.as('flagged'),
    ])
    .where('cases.first_received_at', '>=', nowMs - ARRIVALS_SINCE_MS)
    .where('cases.proof', '=', 0)
    .where('cases.recency', '!=', 'prior')
    .executeTakeFirstOrThrow();
  return turnFromArrivals(arrivals, flagged);
}

/** How many flagged scans were read last in a row, at most `most`. Clinically urgent scans have their own place and do not count. */
async function flagsInARow(db: Transaction<Schema>, most: number): Promise<number> {
  const rows = await db
    .selectFrom('cases')
    .select('cases.decision')
    .where('cases.read_at', 'is not', null)
    .where('cases.stat', '=', 0)
    .where('cases.proof', '=', 0)
    .where('cases.recency', '!=', 'prior')
    .orderBy('cases.read_at', 'desc')
    .limit(most)
    .execute();
  const other = rows.findIndex(({ decision }) => decision !== 'suspected');
  return other === -1 ? rows.length : other;
}

async function placesOf(
  db: Transaction<Schema>,
  { read, show, search, location }: ListFilter,
  nowMs: number,
  maxWaitMs: number,
): Promise<ListedPlace[]> {
  let query = db
    .selectFrom('cases')
    .select([
      'cases.study_instance_uid',
      'cases.stat',
      'cases.first_received_at',
      'cases.quarantine_reason',
      'cases.read_at',
      'cases.recency',
      'cases.decision',
      'cases.probability',
    ])
    .where('cases.removing', '=', 0)
    .where('cases.proof', '=', 0);
  if (!read) query = query.where('cases.read_at', 'is', null).where('cases.recency', '!=', 'prior');
  if (location !== '') query = query.where('cases.location', '=', location);
  if (show === 'flagged') query = query.where('cases.decision', '=', 'suspected');
  for (const word of search.toLowerCase().split(/\s+/).filter(Boolean)) {
    query = query.where(Array.from(word).length < LEAST_INDEXED ? containsShort(word) : containsWord(word));
  }
  const rows = await query.execute();
  return rows.flatMap((row) => {
    const judgement = judgementOf({ decision: row.decision, held: row.quarantine_reason !== null });
    if ((show === 'unflagged' || show === 'unscored') && judgement !== show) return [];
    const scan = {
      studyInstanceUid: row.study_instance_uid,
      stat: row.stat === 1,
      arrivedAtMs: row.first_received_at,
      judgement,
      probability: row.probability,
    };
    return [
      {
        ...readingPlace(scan, nowMs, maxWaitMs),
        doneAtMs: row.read_at ?? (row.recency === 'prior' ? row.first_received_at : null),
        flagged: row.decision === 'suspected',
      },
    ];
  });
}

/** SQL on a row of `cases`: one of its searched columns contains `word`, in upper or lower case. */
function containsWord(word: string) {
  const phrase = `"${word.replaceAll('"', '""')}"`;
  return sql<boolean>`cases.rowid in (select rowid from case_words where case_words match ${phrase})`;
}

/** The same for a word too short for the index. */
function containsShort(word: string) {
  const pattern = `%${word.replace(/[\\%_]/g, '\\$&')}%`;
  const columns = (['patient_name', 'patient_id', 'accession_number'] as const).map(
    (column) => sql`lower(${sql.ref(`cases.${column}`)}) like ${pattern} escape '\\'`,
  );
  return sql<boolean>`(${sql.join(columns, sql` or `)})`;
}
