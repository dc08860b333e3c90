import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { RawBuilder, Transaction } from 'kysely';
import { judgementOf, readingOrder, readingPlace, turnFromArrivals } from '../../case/readingOrder.ts';
import type { ReadingPlace } from '../../case/readingOrder.ts';
import type { Clock } from '../../base/clock.ts';
import { containsOnPostgres, isPostgres, literally } from '../db/dialect.ts';
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
  /** Follows from what the list holds, so that every node calls it the same. */
  id: string;
  /** In reading order. */
  unread: readonly string[];
  /** Read cases and priors, after the unread ones, last done first. It holds years of cases, so lists share it while it stays the same, and its items while they do. */
  done: readonly DonePlace[];
}

/** A list as it is now. */
export interface LatestOrder extends ListOrder {
  done: readonly FlaggedPlace[];
  /** Which of its cases are flagged. */
  flagged: () => ReadonlySet<string>;
}

/** Number of cases of a list. */
export function lengthOf({ unread, done }: ListOrder): number {
  return unread.length + done.length;
}

/** The cases of a list from one place to before another. */
export function placesOf({ unread, done }: ListOrder, from: number, to: number): string[] {
  const places = done.slice(Math.max(0, from - unread.length), Math.max(0, to - unread.length));
  return [...unread.slice(from, to), ...places.map(({ studyInstanceUid }) => studyInstanceUid)];
}

/** The cases of the newer of two lists that are not in the older one. */
export function addedTo(older: ListOrder, newer: ListOrder): string[] {
  const [before, now] = differingDone(older.done, newer.done);
  const known = new Set([...older.unread, ...before]);
  return [...newer.unread, ...now].filter((study) => !known.has(study));
}

/** What is left of two lists without their common end, which nearly all of them is. */
function differingDone(a: readonly DonePlace[], b: readonly DonePlace[]): [string[], string[]] {
  let common = 0;
  while (common < Math.min(a.length, b.length) && a[a.length - 1 - common] === b[b.length - 1 - common]) common++;
  const studiesOf = (places: readonly DonePlace[]): string[] =>
    places.slice(0, places.length - common).map(({ studyInstanceUid }) => studyInstanceUid);
  return [studiesOf(a), studiesOf(b)];
}

interface Known {
  order: LatestOrder;
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
/** After more events than this, read cases are listed anew instead of brought up to date. */
const MOST_EVENTS = 500;
/** Limits the share of time spent on ordering to a fifth, however many changes and requests there are. */
const REST_FACTOR = 4;

type Read = <T>(run: (db: Transaction<Schema>) => Promise<T>) => Promise<T>;

/** Keeps the order of each list that is asked for. After a change it is computed again once, for everyone who asks. */
export class ListOrders {
  readonly #read: Read;
  readonly #clock: Clock;
  readonly #limits: { readonly maxWaitMs: number };
  readonly #latest = new Map<string, Known>();
  readonly #computing = new Map<string, Promise<Known>>();
  readonly #kept = new Map<string, ListOrder>();
  #turn: { everyKth: number; atMs: number } | null = null;

  constructor(read: Read, clock: Clock, limits: { readonly maxWaitMs: number }) {
    this.#read = read;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** An order that was given out here; undefined when it has expired, or is from another run or node. */
  earlier(id: string): ListOrder | undefined {
    return this.#kept.get(id);
  }

  /** Keeps an order as the newest of those that were given out. */
  remember(order: ListOrder): void {
    this.#kept.delete(order.id);
    this.#kept.set(order.id, order);
    trim(this.#kept);
  }

  /** Number of cases of a list in this moment. */
  count(filter: ListFilter): Promise<number> {
    return this.#read((db) => countOf(db, filter));
  }

  /** The list as it is now. */
  async now(filter: ListFilter): Promise<LatestOrder> {
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

  /** The list of all cases as it is in this snapshot: the unread ones in reading order, then at most `doneLimit` others. */
  async studiesNow(db: Transaction<Schema>, doneLimit: number): Promise<string[]> {
    const filter: ListFilter = { read: true, show: 'all', search: '', location: '' };
    const unread = await this.#unreadIn(db, filter, this.#clock.now());
    const done = await donePlaces(db, filter, { limit: doneLimit });
    return [...unread, ...done].map(({ studyInstanceUid }) => studyInstanceUid);
  }

  async #placesIn(db: Transaction<Schema>, filter: ListFilter, nowMs: number, before: Known | undefined) {
    const unread = await this.#unreadIn(db, filter, nowMs);
    return { unread, done: filter.read ? await doneNow(db, filter, unread.length, before) : [] };
  }

  /** In reading order. */
  async #unreadIn(db: Transaction<Schema>, filter: ListFilter, nowMs: number): Promise<UnreadPlace[]> {
    if (this.#turn === null || nowMs - this.#turn.atMs >= TURN_GOOD_FOR_MS || nowMs < this.#turn.atMs)
      this.#turn = { everyKth: await everyKthOf(db, nowMs), atMs: nowMs };
    const { everyKth } = this.#turn;
    const places = await unreadPlaces(db, filter, nowMs, this.#limits.maxWaitMs);
    return readingOrder(places, { everyKth, flagsInARow: await flagsInARow(db, everyKth - 1) });
  }

  async #compute(key: string, filter: ListFilter, before: Known | undefined): Promise<Known> {
    if (before !== undefined) {
      const restMs = before.monotonicMs + before.costMs * REST_FACTOR - this.#clock.monotonicMs();
      if (restMs > 0) await this.#clock.sleep(restMs);
    }
    const startedMs = this.#clock.monotonicMs();
    const nowMs = this.#clock.now();
    const { version, unread, done } = await this.#read(async (db) => ({
      version: await versionOf(db),
      ...(await this.#placesIn(db, filter, nowMs, before)),
    }));
    const studies = unread.map(({ studyInstanceUid }) => studyInstanceUid);
    const isSame = before !== undefined && before.order.done === done && equal(before.order.unread, studies);
    const order: LatestOrder = {
      id: isSame ? before.order.id : idOf(key, studies, done),
      unread: isSame ? before.order.unread : studies,
      done,
      flagged: once(() => flaggedOf([...unread, ...done])),
    };
    const monotonicMs = this.#clock.monotonicMs();
    const known = { order, version, atMs: nowMs, monotonicMs, costMs: monotonicMs - startedMs };
    // Searches create many lists that are used once, so only the newest are kept.
    this.#latest.delete(key);
    this.#latest.set(key, known);
    trim(this.#latest);
    this.remember(order);
    return known;
  }
}

/** Read cases by which lists are told apart: those after them do not change without one of these, or their number. */
const TELLING = 500;

function idOf(key: string, unread: readonly string[], done: readonly DonePlace[]): string {
  const newest = done.slice(0, TELLING).map(({ studyInstanceUid, doneAtMs }) => [studyInstanceUid, doneAtMs]);
  const holds = JSON.stringify([key, unread, newest, done.length]);
  return createHash('sha256').update(holds).digest('base64url').slice(0, 32);
}

function trim(map: Map<string, unknown>): void {
  for (const oldest of map.keys()) {
    if (map.size <= MOST_KEPT) return;
    map.delete(oldest);
  }
}

function flaggedOf(places: readonly { studyInstanceUid: string; flagged: boolean }[]): Set<string> {
  return new Set(places.filter(({ flagged }) => flagged).map(({ studyInstanceUid }) => studyInstanceUid));
}

function once<T>(compute: () => T): () => T {
  let known: { value: T } | undefined;
  return () => (known ??= { value: compute() }).value;
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

/** A case that waits for a reader, with what its place depends on. */
interface UnreadPlace extends ReadingPlace {
  flagged: boolean;
}

/** A read case, or a prior. Never changed: lists share it. */
export interface DonePlace {
  studyInstanceUid: string;
  /** When it was read, or when the prior arrived. */
  doneAtMs: number;
}

interface FlaggedPlace extends DonePlace {
  flagged: boolean;
}

/** Last done first. A total order. */
function compareDone(a: DonePlace, b: DonePlace): number {
  return b.doneAtMs - a.doneAtMs || (a.studyInstanceUid < b.studyInstanceUid ? -1 : 1);
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

/**
 * The cases of a list, without an order. `src/case/readingOrder.ts` has the judgements.
 *
 * @param isFew the caller names a few cases, or the search finds few: they are looked up one by one, and no index of all cases is walked (a plus sign keeps a
 * column from choosing one)
 */
function casesOf(db: Transaction<Schema>, { read, show, search, location }: ListFilter, isFew = false) {
  const plain = (column: 'removing' | 'proof') =>
    isFew ? sql`+${sql.ref(`cases.${column}`)}` : sql.ref(`cases.${column}`);
  let query = db.selectFrom('cases').where(plain('removing'), '=', 0).where(plain('proof'), '=', 0);
  if (!read) query = query.where('cases.read_at', 'is', null).where('cases.recency', '!=', 'prior');
  if (location !== '') query = query.where('cases.location', '=', location);
  const isUnflagged = sql<boolean>`(cases.decision = 'not-suspected' and cases.quarantine_reason is null)`;
  if (show === 'flagged') query = query.where('cases.decision', '=', 'suspected');
  else if (show === 'unflagged') query = query.where(isUnflagged);
  else if (show === 'unscored')
    query = query.where(sql<boolean>`(cases.decision is null or cases.decision != 'suspected' and not ${isUnflagged})`);
  for (const word of wordsOf(search)) query = query.where(isFound(db, word, read));
  return query;
}

/** Number of cases of a list; of whole lists from the counts that are kept, which do not know which cases are being removed. */
async function countOf(db: Transaction<Schema>, filter: ListFilter): Promise<number> {
  if (filter.show === 'all' && filter.search === '' && filter.location === '') {
    let kept = db.selectFrom('case_counts').where('proof', '=', 0);
    let going = db.selectFrom('cases').where('proof', '=', 0).where('removing', '=', 1);
    if (!filter.read) {
      kept = kept.where('unread', '=', 1);
      going = going.where('read_at', 'is', null).where('recency', '!=', 'prior');
    }
    const all = await kept.select(({ fn }) => fn.sum<number | null>('cases').as('cases')).executeTakeFirstOrThrow();
    const removing = await going.select(({ fn }) => fn.countAll<number>().as('cases')).executeTakeFirstOrThrow();
    return (all.cases ?? 0) - removing.cases;
  }
  const { cases } = await casesOf(db, filter, await findsFew(db, filter.search))
    .select(({ fn }) => fn.countAll<number>().as('cases'))
    .executeTakeFirstOrThrow();
  return cases;
}

async function unreadPlaces(
  db: Transaction<Schema>,
  filter: ListFilter,
  nowMs: number,
  maxWaitMs: number,
): Promise<UnreadPlace[]> {
  const rows = await casesOf(db, { ...filter, read: false }, await findsFew(db, filter.search))
    .select([
      'cases.study_instance_uid',
      'cases.stat',
      'cases.first_received_at',
      'cases.quarantine_reason',
      'cases.decision',
      'cases.probability',
    ])
    .execute();
  return rows.map((row) => {
    const judgement = judgementOf({ decision: row.decision, held: row.quarantine_reason !== null });
    const scan = {
      studyInstanceUid: row.study_instance_uid,
      stat: row.stat === 1,
      arrivedAtMs: row.first_received_at,
      judgement,
      probability: row.probability,
    };
    return { ...readingPlace(scan, nowMs, maxWaitMs), flagged: row.decision === 'suspected' };
  });
}

const doneAt = sql<number>`coalesce(cases.read_at, cases.first_received_at)`;

/** Read cases and priors of a list, last done first; `among`: only these studies. */
async function donePlaces(
  db: Transaction<Schema>,
  filter: ListFilter,
  { among, limit }: { among?: readonly string[]; limit?: number } = {},
): Promise<FlaggedPlace[]> {
  let query = casesOf(db, filter, among !== undefined || (await findsFew(db, filter.search)))
    .select(['cases.study_instance_uid', 'cases.decision', doneAt.as('done_at')])
    .where((row) => row.or([row('cases.read_at', 'is not', null), row('cases.recency', '=', 'prior')]));
  if (among !== undefined) query = query.where('cases.study_instance_uid', 'in', among);
  if (limit !== undefined) query = query.orderBy(doneAt, 'desc').orderBy('cases.study_instance_uid').limit(limit);
  const rows = await query.execute();
  return rows
    .map((row) => ({
      studyInstanceUid: row.study_instance_uid,
      doneAtMs: row.done_at,
      flagged: row.decision === 'suspected',
    }))
    .sort(compareDone);
}

/**
 * The read cases of a list. There are years of them, and few change between two looks: those of `before` are brought up to date by the cases that had an event
 * since. Where the number does not agree (removed cases take their events with them), they are listed anew.
 */
async function doneNow(
  db: Transaction<Schema>,
  filter: ListFilter,
  unread: number,
  before: Pick<Known, 'order' | 'version'> | undefined,
): Promise<readonly FlaggedPlace[]> {
  if (before === undefined) return donePlaces(db, filter);
  const { done } = before.order;
  const events = await db
    .selectFrom('case_events')
    .select('study_instance_uid')
    .where('id', '>', before.version)
    .limit(MOST_EVENTS + 1)
    .execute();
  if (events.length > MOST_EVENTS) return donePlaces(db, filter);
  const changed = new Set(events.map(({ study_instance_uid: study }) => study));
  const fresh = changed.size === 0 ? [] : await donePlaces(db, filter, { among: [...changed] });
  const expected = (await countOf(db, filter)) - unread;
  // Without an event the number only falls. Where it agrees, none of the changed cases was among them before, and they need not be looked through.
  if (done.length + fresh.length === expected) return inserted(done, fresh);
  const others = done.filter(({ studyInstanceUid }) => !changed.has(studyInstanceUid));
  return others.length + fresh.length === expected ? inserted(others, fresh) : donePlaces(db, filter);
}

/** A sorted list with further items, each in its place; the list itself when there are none. */
function inserted(places: readonly FlaggedPlace[], fresh: readonly FlaggedPlace[]): readonly FlaggedPlace[] {
  if (fresh.length === 0) return places;
  const all = [...places];
  for (const place of fresh) all.splice(placeAmong(all, place), 0, place);
  return all;
}

/** How many of a sorted list stand before `place`. */
export function placeAmong(places: readonly DonePlace[], place: DonePlace): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareDone(places[middle]!, place) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function wordsOf(search: string): string[] {
  return search.toLowerCase().split(/\s+/).filter(Boolean);
}

function isIndexed(word: string): boolean {
  return Array.from(word).length >= LEAST_INDEXED;
}

function phraseOf(word: string): string {
  return `"${word.replaceAll('"', '""')}"`;
}

/** Fewer cases than this are looked up one by one sooner than an index of all cases is walked. */
const FEW = 2_000;

/** SQL on a row of `cases`: one of its searched columns contains `word`, in upper or lower case. */
function isFound(db: Transaction<Schema>, word: string, isOfAll: boolean): RawBuilder<boolean> {
  if (isPostgres(db)) return containsOnPostgres(word);
  if (!isIndexed(word)) return containsShort(word);
  return isOfAll ? isAmongFound(word) : isAmongUnread(word);
}

/** Whether one of the words is found in few cases, of all that there are. */
async function findsFew(db: Transaction<Schema>, search: string): Promise<boolean> {
  // PostgreSQL keeps figures of its own, by which it chooses an index.
  if (isPostgres(db)) return false;
  for (const word of wordsOf(search).filter(isIndexed)) {
    const found = await sql<{ found: number }>`select count(*) as found from
      (select 1 from case_words where case_words match ${phraseOf(word)} limit ${FEW})`.execute(db);
    if (found.rows[0]!.found < FEW) return true;
  }
  return false;
}

/** For lists that may hold all cases. */
function isAmongFound(word: string) {
  return sql<boolean>`cases.rowid in (select rowid from case_words where case_words match ${phraseOf(word)})`;
}

/** The same among unread cases. Nearly all of them are new, so of what the index holds only its end is looked at. */
function isAmongUnread(word: string) {
  return sql<boolean>`cases.rowid in (select rowid from case_words where case_words match ${phraseOf(word)} and rowid >=
    (select min(oldest.rowid) from cases as oldest where oldest.proof = 0 and oldest.removing = 0 and oldest.read_at is null))`;
}

/** The same for a word too short for the index. */
function containsShort(word: string) {
  const pattern = `%${literally(word)}%`;
  const columns = (['patient_name', 'patient_id', 'accession_number'] as const).map(
    (column) => sql`lower(${sql.ref(`cases.${column}`)}) like ${pattern} escape '\\'`,
  );
  return sql<boolean>`(${sql.join(columns, sql` or `)})`;
}
