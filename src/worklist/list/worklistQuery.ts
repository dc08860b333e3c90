import type { Transaction } from 'kysely';
import type { HandOverAnswer } from '../../answers/handOverAnswer.ts';
import type { OpenFlags, WorklistAnswer, WorklistRow, WorklistTotals } from '../../answers/worklistAnswer.ts';
import type { Clock } from '../../base/clock.ts';
import type { WorklistDatabase } from '../db/database.ts';
import type { Schema } from '../db/schema.ts';
import { inSnapshot } from '../db/transactions.ts';
import { oldClaims } from './attention.ts';
import { caseDetail, studyOf, volumeSlices, type CaseDetail } from './caseDetail.ts';
import type { VolumeSlice } from './caseVolume.ts';
import { handOver } from './handOver.ts';
import { flagCard, heldObjects, type HeldObject, type HeldObjectsOptions } from './heldObjects.ts';
import { heldStudies, type HeldStudy, type StudyMatch } from './heldStudies.ts';
import { leftOver } from './leftOver.ts';
import { listedRows, type ReadingContext } from './listedRows.ts';
import { addedTo, lengthOf, ListOrders, placesOf } from './listOrders.ts';
import type { LatestOrder, ListFilter, ListOrder } from './listOrders.ts';
import { openFlags } from './openFlags.ts';
import { createSharedOrders, type SharedOrders } from './sharedOrders.ts';
import { worklistTotals } from './worklistTotals.ts';

export type { CaseDetail } from './caseDetail.ts';

/** One page of a list. Asked for again with its `list`, the same rows stand in the same places, whatever has changed meanwhile. */
interface WorklistPage {
  /** Identifies the list as it was when it was first asked for. */
  list: string;
  /** Number of rows of that list, and of the same list without search and filters. */
  total: number;
  allTotal: number;
  offset: number;
  /** Rows from `offset`, each in its place; null where a case has been removed since. */
  rows: (WorklistRow | null)[];
  /** How the list would differ if it were asked for again now; null when it would not. */
  waiting: { count: number; flagged: number } | null;
}

/** What may be read of the worklist. Each answer comes from one snapshot, so a state is never shown beside the findings of another. */
export interface WorklistQuery {
  /** `list`: that of an earlier page; with null, or one that is no longer known, the list as it is now. */
  page(request: ListFilter & { list: string | null; offset: number; limit: number }): Promise<WorklistPage>;
  flags(limit: number): Promise<OpenFlags>;
  /** Claims of a reader that are so old that the page asks about them. */
  oldClaims(reader: string): Promise<WorklistAnswer['oldClaims']>;
  /** Unread cases in reading order, then read cases, last read first. */
  rows(options?: { readLimit?: number }): Promise<WorklistRow[]>;
  /** @throws TriageError `not-found` */
  caseDetail(studyInstanceUid: string): Promise<CaseDetail>;
  /** The study of a case reference; the UID of a study on the worklist is returned as it is. @throws TriageError `not-found`, `case-removed` saying when and why */
  studyOf(word: string): Promise<string>;
  /**
   * Slices of the analysed series by index, superior first. Indexes beyond its ends are skipped, except the first one asked for.
   * @throws TriageError `not-found`
   */
  volumeSlices(studyInstanceUid: string, indexes: readonly number[]): Promise<VolumeSlice[]>;
  /** Where the triage card of a flagged scan lies (absolute); null for any other scan, and while there is none. */
  flagCard(studyInstanceUid: string): Promise<string | null>;
  /** Studies of which the agent holds objects, newest arrival first, and how many match altogether. */
  heldStudies(
    match: StudyMatch,
    page: { offset: number; limit: number },
  ): Promise<{ studies: HeldStudy[]; total: number }>;
  /** What the agent holds of a study: its received objects and its present results; empty when that is nothing. */
  heldObjects(studyInstanceUid: string, options: HeldObjectsOptions): Promise<HeldObject[]>;
  /** Scans that have been unread for longer than a shift; null when there are none. */
  leftOver(): Promise<WorklistAnswer['leftOver']>;
  /** What has happened since a moment, and what is open now. */
  handOver(sinceMs: number): Promise<Omit<HandOverAnswer, 'masked'>>;
  totals(): Promise<WorklistTotals>;
  /** Resolves when the database can be read; costs the same however many cases there are. */
  isAnswering(): Promise<void>;
  /** Names of the places where unread cases are; at most `limit`. */
  locations(limit: number): Promise<string[]>;
}

/** Reads the worklist; writes nothing but which lists it has shown, where other nodes may be asked for more of them. */
export function createWorklistQuery(
  database: WorklistDatabase,
  clock: Clock,
  limits: { readonly maxWaitMs: number },
): WorklistQuery {
  const read: Read = (run) => inSnapshot(database.reads, run);
  const context: ReadingContext = {
    clock,
    get maxWaitMs() {
      return limits.maxWaitMs;
    },
  };
  const orders = new ListOrders(read, clock, limits);
  const shared = createSharedOrders(database, clock);
  return {
    page: (request) => pageOf(read, context, { orders, shared }, request),
    flags: (limit) => read((db) => openFlags(db, limit)),
    oldClaims: (reader) => read((db) => oldClaims(db, reader, clock.now())),
    studyOf: (word) => read((db) => studyOf(db, word)),
    volumeSlices: (studyInstanceUid, indexes) => read((db) => volumeSlices(db, studyInstanceUid, indexes)),
    flagCard: (studyInstanceUid) => read((db) => flagCard(db, studyInstanceUid)),
    rows: ({ readLimit = 50 } = {}) =>
      read(async (db) => {
        const studies = await orders.studiesNow(db, readLimit);
        return (await listedRows(db, context, studies, 0)).filter((row) => row !== null);
      }),
    caseDetail: async (studyInstanceUid) => {
      const detail = await read((db) => caseDetail(db, context, studyInstanceUid));
      if (detail.row.readAtMs !== null || detail.row.offList) return detail;
      const { unread } = await orders.now({ ...WHOLE_LIST, read: false });
      const place = unread.indexOf(studyInstanceUid);
      // Read or removed in between: it has no rank then.
      return place === -1 ? detail : { ...detail, row: { ...detail.row, rank: place + 1 } };
    },
    heldStudies: (match, page) => read((db) => heldStudies(db, match, page)),
    heldObjects: (studyInstanceUid, options) => read((db) => heldObjects(db, studyInstanceUid, options)),
    leftOver: () => read((db) => leftOver(db, clock.now())),
    handOver: async (sinceMs) => {
      const { unread } = await orders.now({ ...WHOLE_LIST, read: false });
      return read((db) => handOver(db, context, sinceMs, unread));
    },
    totals: () => read((db) => worklistTotals(db, clock.now())),
    isAnswering: () =>
      read(async (db) => {
        await db.selectFrom('cases').select('study_instance_uid').limit(1).execute();
      }),
    locations: (limit) => read((db) => locationsOf(db, limit)),
  };
}

type Read = <T>(run: (db: Transaction<Schema>) => Promise<T>) => Promise<T>;

const WHOLE_LIST = { show: 'all', search: '', location: '' } as const;

async function pageOf(
  read: Read,
  context: ReadingContext,
  { orders, shared }: { orders: ListOrders; shared: SharedOrders | null },
  { list, offset, limit, ...filter }: Parameters<WorklistQuery['page']>[0],
): Promise<WorklistPage> {
  const latest = await orders.now(filter);
  const earlier = async (id: string): Promise<ListOrder | null> => {
    const here = orders.earlier(id);
    if (here !== undefined || shared === null) return here ?? null;
    const found = await shared.find(id, latest);
    if (found !== null) orders.remember(found);
    return found;
  };
  const order = (list === null ? null : await earlier(list)) ?? latest;
  // A node that was not told of it shows the list as it is now: no reason to show nothing.
  await shared?.keep(order).catch(() => undefined);
  const isWhole = filter.show === 'all' && filter.search === '' && filter.location === '';
  const allTotal = isWhole ? lengthOf(latest) : await orders.count({ ...filter, ...WHOLE_LIST });
  const total = lengthOf(order);
  const from = Math.max(0, Math.min(offset, Math.floor((total - 1) / limit) * limit));
  const studies = placesOf(order, from, from + limit);
  const rows = await read((db) => listedRows(db, context, studies, from));
  return {
    list: order.id,
    total,
    allTotal,
    offset: from,
    rows,
    waiting: difference(order, latest),
  };
}

async function locationsOf(db: Transaction<Schema>, limit: number): Promise<string[]> {
  const places = await db
    .selectFrom('cases')
    .select('location')
    .distinct()
    .where('read_at', 'is', null)
    .where('proof', '=', 0)
    .where('recency', '!=', 'prior')
    .where('removing', '=', 0)
    .where('location', '>', '')
    .orderBy('location')
    .limit(limit)
    .execute();
  return places.map(({ location }) => location);
}

/** How the newer order differs for a reader who sees the older one. */
function difference(shown: ListOrder, latest: LatestOrder): WorklistPage['waiting'] {
  if (shown.id === latest.id) return null;
  const added = addedTo(shown, latest);
  return { count: added.length, flagged: added.filter((study) => latest.flagged().has(study)).length };
}
