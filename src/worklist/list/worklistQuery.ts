import type { Transaction } from 'kysely';
import type { CaseManifest, Decision, Findings, SeriesVerdict } from '../../case/case.ts';
import type { CaseState } from '../../case/caseState.ts';
import type { Vertebra } from '../../case/vertebrae.ts';
import { CASE_STATES } from '../../case/caseState.ts';
import { TriageError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { ResultObject } from '../../case/delivery.ts';
import type { StageName } from '../../case/claim.ts';
import { onCurrentRevision } from '../cases/currentAnalysis.ts';
import { caseRecordOf } from './caseRecord.ts';
import { caseStatus } from './caseStatus.ts';
import { caseVolume } from './caseVolume.ts';
import type { CaseVolume, VolumeSlice } from './caseVolume.ts';
import type { CaseStatusKind } from './caseStatus.ts';
import type { WorklistDatabase } from '../db/database.ts';
import { ListOrders } from './listOrders.ts';
import type { ListFilter, ListOrder } from './listOrders.ts';
import { whyHere } from './priority.ts';
import type { AnalysisRow, CaseRow, DeliveryStatus, Schema, Verdict, VerdictsTable } from '../db/schema.ts';

/** A key slice without its map. */
interface RowKeySlice {
  sopInstanceUid: string;
  sliceIndex: number;
  score: number;
  levels: Vertebra[];
}

/** One result object on its way to one destination, with its receipts. */
export interface RowDelivery {
  destination: string;
  kind: ResultObject['kind'];
  sopInstanceUid: string;
  seriesInstanceUid: string;
  revision: number;
  status: DeliveryStatus;
  attempts: number;
  sentAtMs: number | null;
  confirmedAtMs: number | null;
  lastError: string | null;
}

/** One study as lists show it. Times are epoch milliseconds, durations have their unit in the name. */
export interface WorklistRow {
  /** From 1; null once read. */
  rank: number | null;
  /** One sentence: why it stands here. */
  why: string;
  /** The same, without how long it waits. */
  whyBrief: string;
  studyInstanceUid: string;
  /** What addresses call the study. */
  caseRef: string;
  revision: number;
  state: CaseState;
  status: CaseStatusKind;
  /** The fixed words of the state. */
  stateText: string;
  decision: Decision | null;
  reason: string | null;
  reasonCode: string | null;
  probability: number | null;
  threshold: { value: number; version: number } | null;
  /** Vertebrae: no shipped network names them. */
  /** The vertebrae that the best key slice cuts, as the network reads it. */
  levels: Vertebra[];
  keySlices: RowKeySlice[];
  /** Every series with why it was or was not analysed; empty until assembled. */
  series: SeriesVerdict[];
  patientName: string;
  patientId: string;
  patientBirthDate: string;
  /** DICOM AS, as the header says. */
  age: string;
  sex: string;
  accessionNumber: string;
  studyDescription: string;
  sourceAeTitle: string;
  /** Where the patient is, as the site's chosen attribute says; empty when it does not. */
  location: string;
  /** DICOM DT of the scan in the scanner's own time zone; empty when the headers do not say. */
  acquiredAt: string;
  arrivedAtMs: number;
  lastReceivedAtMs: number;
  waitMs: number;
  stat: boolean;
  readAtMs: number | null;
  readBy: string | null;
  /** Who says that they are reading it. */
  claimedBy: string | null;
  claimedAtMs: number | null;
  /** The newest verdict on this revision. */
  verdict: { verdict: Verdict; by: string; atMs: number } | null;
  analysedAtMs: number | null;
  model: { name: string; version: string; sha256: string } | null;
  deliveries: RowDelivery[];
  /** From the last slice received to the report's confirmation, seconds; null until then. */
  secondsToSr: number | null;
  failure: { code: string; message: string; stage: string } | null;
  quarantineReason: string | null;
}

interface CaseEventRow {
  atMs: number;
  revision: number;
  type: string;
  from: CaseState | null;
  to: CaseState;
  actor: string;
  detail: Record<string, unknown>;
}

export interface CaseDetail {
  row: WorklistRow;
  manifest: CaseManifest | null;
  /** Geometry of the analysed series; null when none was, or its files have gone. */
  volume: CaseVolume | null;
  findings: Findings | null;
  instances: { received: number; setAside: number; ownResults: number };
  /** Result objects of every revision, oldest first, with the absolute path of the file. */
  results: {
    sopInstanceUid: string;
    seriesInstanceUid: string;
    kind: ResultObject['kind'];
    revision: number;
    path: string;
    deliveries: RowDelivery[];
  }[];
  events: CaseEventRow[];
}

export interface WorklistTotals {
  byState: Record<CaseState, number>;
  held: number;
  unread: number;
  /** Cases that each stage still has to do. */
  queue: Record<StageName, number>;
  outbox: { pending: number; unconfirmed: number; refused: number; oldestAgeMs: number | null };
  lastReceivedAtMs: number | null;
}

/** Part of a list. Asked for again with its `list`, the same rows stand in the same places, whatever has changed meanwhile. */
interface WorklistPage {
  /** Names the list as it was when it was first asked for. */
  list: string;
  /** Rows of that list, and of the same list without its search and its choice. */
  total: number;
  allTotal: number;
  offset: number;
  /** In their places from `offset`; null where a case has been removed since. */
  rows: (WorklistRow | null)[];
  /** How the list would differ if it were asked for anew; null when it would not. */
  waiting: { count: number; flagged: number } | null;
}

/** An unread suspected case, for the ear and the edge of the page; it names no patient. */
interface OpenFlag {
  caseRef: string;
  revision: number;
  flaggedAtMs: number;
  claimed: boolean;
}

interface OpenFlags {
  /** Newest first, as many as were asked for. */
  open: OpenFlag[];
  openCount: number;
  /** Read cases that were flagged after they had been read. */
  afterRead: number;
}

export interface WorklistQuery {
  /** `list`: of an earlier page; null, or one that is not known any more, for the list as it is now. */
  page(request: ListFilter & { list: string | null; offset: number; limit: number }): Promise<WorklistPage>;
  flags(limit: number): Promise<OpenFlags>;
  /** Unread cases in reading order, then those read last. */
  rows(options?: { readLimit?: number }): Promise<WorklistRow[]>;
  /** @throws TriageError `not-found` */
  caseDetail(studyInstanceUid: string): Promise<CaseDetail>;
  /** The study of a case reference; a study that is here is its own answer. @throws TriageError `not-found` */
  studyOf(word: string): Promise<string>;
  /**
   * Slices of the analysed series by index, superior first; those beyond its ends are left out, save the first one asked for.
   * @throws TriageError `not-found`
   */
  volumeSlices(studyInstanceUid: string, indexes: readonly number[]): Promise<VolumeSlice[]>;
  totals(): Promise<WorklistTotals>;
  /** Resolves when the database can be read: the same work however many cases there are. */
  isAnswering(): Promise<void>;
  /** Where unread cases are, by name; at most `limit` places. */
  locations(limit: number): Promise<string[]>;
}

/** Analyses that tell how long one usually takes. */
const USUAL_SAMPLE = 50;
const BATCH = 500;

/** Reads the worklist; writes nothing. `maxWaitMs` is the wait cap of the reading order. */
export function createWorklistQuery(
  database: WorklistDatabase,
  clock: Clock,
  { maxWaitMs }: { maxWaitMs: number },
): WorklistQuery {
  /** Everything of one answer comes from one snapshot: a state is never shown beside the findings of another. */
  const read = <T>(run: (db: Transaction<Schema>) => Promise<T>): Promise<T> =>
    database.reads.transaction().setAccessMode('read only').execute(run);

  async function usualMs(db: Transaction<Schema>): Promise<number | null> {
    const rows = await db
      .selectFrom('analyses')
      .innerJoin('cases', onCurrentRevision)
      .select(['analyses.analysed_at', 'cases.last_slice_at'])
      .where('analyses.analysed_at', 'is not', null)
      .where('cases.proof', '=', 0)
      .where('cases.last_slice_at', 'is not', null)
      .orderBy('analyses.analysed_at', 'desc')
      .limit(USUAL_SAMPLE)
      .execute();
    const times = rows.map((row) => row.analysed_at! - row.last_slice_at!).sort((a, b) => a - b);
    return times[Math.floor(times.length / 2)] ?? null;
  }

  async function analysesOf(db: Transaction<Schema>, cases: readonly CaseRow[]): Promise<Map<string, ListedAnalysis>> {
    const found = new Map<string, ListedAnalysis>();
    for (const batch of batches(cases)) {
      // Findings and manifests are large and of no use in a list.
      const rows = await db
        .selectFrom('analyses')
        .innerJoin('cases', onCurrentRevision)
        .select(LISTED_COLUMNS)
        .where('analyses.study_instance_uid', 'in', batch)
        .execute();
      for (const row of rows) found.set(row.study_instance_uid, row);
    }
    return found;
  }

  async function deliveriesOf(
    db: Transaction<Schema>,
    studies: readonly string[],
  ): Promise<Map<string, RowDelivery[]>> {
    const found = new Map<string, RowDelivery[]>();
    for (let start = 0; start < studies.length; start += BATCH) {
      const rows = await db
        .selectFrom('deliveries')
        .innerJoin('result_objects', 'result_objects.sop_instance_uid', 'deliveries.sop_instance_uid')
        .selectAll('deliveries')
        .select([
          'result_objects.study_instance_uid',
          'result_objects.kind',
          'result_objects.series_instance_uid',
          'result_objects.revision',
        ])
        .where('result_objects.study_instance_uid', 'in', studies.slice(start, start + BATCH))
        .orderBy('deliveries.id')
        .execute();
      for (const row of rows) {
        const list = found.get(row.study_instance_uid) ?? [];
        list.push({
          destination: row.destination,
          kind: row.kind,
          sopInstanceUid: row.sop_instance_uid,
          seriesInstanceUid: row.series_instance_uid,
          revision: row.revision,
          status: row.status,
          attempts: row.attempts,
          sentAtMs: row.sent_at,
          confirmedAtMs: row.confirmed_at,
          lastError: row.last_error,
        });
        found.set(row.study_instance_uid, list);
      }
    }
    return found;
  }

  async function verdictsOf(db: Transaction<Schema>, studies: readonly string[]): Promise<Map<string, ListedVerdict>> {
    const found = new Map<string, ListedVerdict>();
    for (let start = 0; start < studies.length; start += BATCH) {
      const rows = await db
        .selectFrom('verdicts')
        .select(['study_instance_uid', 'revision', 'verdict', 'created_by', 'created_at'])
        .where('study_instance_uid', 'in', studies.slice(start, start + BATCH))
        .orderBy('id')
        .execute();
      for (const row of rows) found.set(row.study_instance_uid, row);
    }
    return found;
  }

  async function describe(db: Transaction<Schema>, cases: readonly CaseRow[]): Promise<WorklistRow[]> {
    const now = clock.now();
    const studies = cases.map((row) => row.study_instance_uid);
    const analyses = await analysesOf(db, cases);
    const deliveries = await deliveriesOf(db, studies);
    const verdicts = await verdictsOf(db, studies);
    const usual = await usualMs(db);
    return cases.map((row) => {
      const study = row.study_instance_uid;
      const verdict = verdicts.get(study);
      return rowOf(
        row,
        analyses.get(study),
        deliveries.get(study) ?? [],
        verdict?.revision === row.revision ? verdict : undefined,
        now,
        usual,
      );
    });
  }

  async function listed(db: Transaction<Schema>, readLimit: number): Promise<WorklistRow[]> {
    const places = await orders.placesNow(db, { show: 'all', search: '', location: '', read: true });
    const unread = places.filter(({ readAtMs }) => readAtMs === null).length;
    const studies = places.slice(0, unread + readLimit).map(({ studyInstanceUid }) => studyInstanceUid);
    return (await listedRows(db, studies, 0)).filter((row) => row !== null);
  }

  async function caseDetail(db: Transaction<Schema>, studyInstanceUid: string): Promise<CaseDetail> {
    const row = await db
      .selectFrom('cases')
      .selectAll()
      .where('study_instance_uid', '=', studyInstanceUid)
      .executeTakeFirst();
    if (row === undefined) throw new TriageError('not-found', 'There is no such study on the worklist.');
    const known = (await describe(db, [row]))[0]!;
    const inList = known.readAtMs === null ? { ...known, ...whyHere(known, clock.now(), maxWaitMs) } : known;
    const analysis = await db
      .selectFrom('analyses')
      .selectAll()
      .where('study_instance_uid', '=', studyInstanceUid)
      .where('revision', '=', row.revision)
      .executeTakeFirst();
    const { manifest, findings } = caseRecordOf(row, analysis);
    const instances = await db
      .selectFrom('instances')
      .select(['kind', 'set_aside'])
      .where('study_instance_uid', '=', studyInstanceUid)
      .execute();
    const objects = await db
      .selectFrom('result_objects')
      .selectAll()
      .where('study_instance_uid', '=', studyInstanceUid)
      .orderBy('revision')
      // The report before the pictures.
      .orderBy('kind', 'desc')
      .orderBy('path')
      .execute();
    const deliveries = (await deliveriesOf(db, [studyInstanceUid])).get(studyInstanceUid) ?? [];
    const events = await db
      .selectFrom('case_events')
      .selectAll()
      .where('study_instance_uid', '=', studyInstanceUid)
      .orderBy('id')
      .execute();
    return {
      row: inList,
      manifest,
      volume: manifest === null ? null : ((await caseVolume(db, studyInstanceUid, manifest))?.volume ?? null),
      findings,
      instances: {
        received: instances.filter((instance) => instance.kind !== 'own').length,
        setAside: instances.filter((instance) => instance.set_aside === 1).length,
        ownResults: instances.filter((instance) => instance.kind === 'own').length,
      },
      results: objects.map((object) => ({
        sopInstanceUid: object.sop_instance_uid,
        seriesInstanceUid: object.series_instance_uid,
        kind: object.kind,
        revision: object.revision,
        path: object.path,
        deliveries: deliveries.filter((delivery) => delivery.sopInstanceUid === object.sop_instance_uid),
      })),
      events: events.map((event) => ({
        atMs: event.at,
        revision: event.revision,
        type: event.type,
        from: event.from_state,
        to: event.to_state,
        actor: event.actor,
        detail: JSON.parse(event.detail) as Record<string, unknown>,
      })),
    };
  }

  async function totals(db: Transaction<Schema>): Promise<WorklistTotals> {
    const fn = db.fn;
    const states = await db
      .selectFrom('cases')
      .select(['state', fn.count<number>('study_instance_uid').as('cases')])
      .where('proof', '=', 0)
      .groupBy('state')
      .execute();
    const byState = Object.fromEntries(
      CASE_STATES.map((state) => [state, states.find((row) => row.state === state)?.cases ?? 0]),
    ) as Record<CaseState, number>;
    const cases = db
      .selectFrom('cases')
      .select([fn.count<number>('study_instance_uid').as('cases'), fn.max('last_received_at').as('last')])
      .where('proof', '=', 0);
    const outbox = await db
      .selectFrom('deliveries')
      .select(['status', fn.count<number>('id').as('deliveries'), fn.min('created_at').as('oldest')])
      .where('status', 'in', ['pending', 'sent', 'refused'])
      .groupBy('status')
      .execute();
    const ofStatus = (status: DeliveryStatus) => outbox.find((row) => row.status === status);
    const oldest = Math.min(...outbox.map((row) => row.oldest));
    const all = await cases.executeTakeFirstOrThrow();
    return {
      byState,
      held: (await cases.where('quarantine_reason', 'is not', null).executeTakeFirstOrThrow()).cases,
      unread: (await cases.where('read_at', 'is', null).executeTakeFirstOrThrow()).cases,
      queue: {
        assemble: byState.receiving,
        infer: byState.assembled,
        report: (await cases.where('report_due', '=', 1).executeTakeFirstOrThrow()).cases,
      },
      outbox: {
        pending: ofStatus('pending')?.deliveries ?? 0,
        unconfirmed: ofStatus('sent')?.deliveries ?? 0,
        refused: ofStatus('refused')?.deliveries ?? 0,
        oldestAgeMs: outbox.length === 0 ? null : clock.now() - oldest,
      },
      lastReceivedAtMs: all.cases === 0 ? null : all.last,
    };
  }

  async function studyOf(db: Transaction<Schema>, word: string): Promise<string> {
    const row = await db
      .selectFrom('cases')
      .select('study_instance_uid')
      .where(word.includes('.') ? 'study_instance_uid' : 'case_ref', '=', word)
      .executeTakeFirst();
    if (row === undefined) throw new TriageError('not-found', 'There is no such study on the worklist.');
    return row.study_instance_uid;
  }

  async function volumeSlices(
    db: Transaction<Schema>,
    studyInstanceUid: string,
    indexes: readonly number[],
  ): Promise<VolumeSlice[]> {
    const analysis = await db
      .selectFrom('cases')
      .innerJoin('analyses', onCurrentRevision)
      .select('analyses.manifest')
      .where('cases.study_instance_uid', '=', studyInstanceUid)
      .where('cases.removing', '=', 0)
      .executeTakeFirst();
    const manifest = analysis?.manifest == null ? null : (JSON.parse(analysis.manifest) as CaseManifest);
    if (manifest?.slices[indexes[0] ?? -1] === undefined) throw new TriageError('not-found', 'There is no such slice.');
    const known = await caseVolume(db, studyInstanceUid, manifest);
    if (known === null) throw new TriageError('not-found', 'The slices of this study are not here.');
    return indexes.flatMap((index) => {
      const slice = manifest.slices[index];
      if (slice === undefined) return [];
      return [
        {
          sopInstanceUid: slice.sopInstanceUid,
          path: slice.path,
          sha256: slice.sha256,
          orientation: known.orientation,
        },
      ];
    });
  }

  const orders = new ListOrders(read, clock, maxWaitMs);

  async function page({
    list,
    offset,
    limit,
    ...filter
  }: ListFilter & { list: string | null; offset: number; limit: number }): Promise<WorklistPage> {
    const latest = await orders.now(filter);
    const order = (list === null ? undefined : orders.earlier(list)) ?? latest;
    const all =
      filter.show === 'all' && filter.search === '' && filter.location === ''
        ? latest
        : await orders.now({ ...filter, show: 'all', search: '', location: '' });
    const from = Math.max(0, Math.min(offset, Math.floor((order.studies.length - 1) / limit) * limit));
    const studies = order.studies.slice(from, from + limit);
    const rows = await read((db) => listedRows(db, studies, from));
    return {
      list: order.id,
      total: order.studies.length,
      allTotal: all.studies.length,
      offset: from,
      rows,
      waiting: difference(order, latest),
    };
  }

  /** Rows of a part of a list, each with the rank of its place. */
  async function listedRows(
    db: Transaction<Schema>,
    studies: readonly string[],
    from: number,
  ): Promise<(WorklistRow | null)[]> {
    const cases: CaseRow[] = [];
    for (let start = 0; start < studies.length; start += BATCH)
      cases.push(
        ...(await db
          .selectFrom('cases')
          .selectAll()
          .where('study_instance_uid', 'in', studies.slice(start, start + BATCH))
          .where('removing', '=', 0)
          .execute()),
      );
    const now = clock.now();
    const described = new Map((await describe(db, cases)).map((row) => [row.studyInstanceUid, row]));
    return studies.map((study, index) => {
      const row = described.get(study);
      if (row === undefined) return null;
      if (row.readAtMs !== null) return row;
      return { ...row, rank: from + index + 1, ...whyHere(row, now, maxWaitMs) };
    });
  }

  async function flags(db: Transaction<Schema>, limit: number): Promise<OpenFlags> {
    const suspected = db
      .selectFrom('cases')
      .innerJoin('analyses', onCurrentRevision)
      .where('analyses.decision', '=', 'suspected')
      .where('cases.removing', '=', 0)
      .where('cases.proof', '=', 0);
    const open = await suspected
      .select(['cases.case_ref', 'cases.revision', 'cases.claimed_by', 'analyses.analysed_at'])
      .where('cases.read_at', 'is', null)
      .orderBy('analyses.analysed_at', 'desc')
      .limit(limit)
      .execute();
    const counted = suspected.select((row) => row.fn.countAll<number>().as('cases'));
    const openCount =
      open.length < limit
        ? open.length
        : (await counted.where('cases.read_at', 'is', null).executeTakeFirstOrThrow()).cases;
    const late = await counted
      .where('cases.read_at', 'is not', null)
      .whereRef('analyses.analysed_at', '>', 'cases.read_at')
      .executeTakeFirstOrThrow();
    return {
      open: open.map((row) => ({
        caseRef: row.case_ref ?? '',
        revision: row.revision,
        flaggedAtMs: row.analysed_at ?? 0,
        claimed: row.claimed_by !== null,
      })),
      openCount,
      afterRead: late.cases,
    };
  }

  return {
    page,
    flags: (limit) => read((db) => flags(db, limit)),
    studyOf: (word) => read((db) => studyOf(db, word)),
    volumeSlices: (studyInstanceUid, indexes) => read((db) => volumeSlices(db, studyInstanceUid, indexes)),
    rows: ({ readLimit = 50 } = {}) => read((db) => listed(db, readLimit)),
    caseDetail: async (studyInstanceUid) => {
      const detail = await read((db) => caseDetail(db, studyInstanceUid));
      if (detail.row.readAtMs !== null) return detail;
      const { studies } = await orders.now({ show: 'all', search: '', location: '', read: false });
      const place = studies.indexOf(studyInstanceUid);
      // Read or removed in between: then it has no place.
      return place === -1 ? detail : { ...detail, row: { ...detail.row, rank: place + 1 } };
    },
    totals: () => read(totals),
    isAnswering: () =>
      read(async (db) => {
        await db.selectFrom('cases').select('study_instance_uid').limit(1).execute();
      }),
    locations: (limit) =>
      read(async (db) => {
        const places = await db
          .selectFrom('cases')
          .select('location')
          .distinct()
          .where('read_at', 'is', null)
          .where('proof', '=', 0)
          .where('removing', '=', 0)
          .where('location', '>', '')
          .orderBy('location')
          .limit(limit)
          .execute();
        return places.map(({ location }) => location);
      }),
  };
}

/** What a reader who sees one order would get with the other. */
function difference(shown: ListOrder, latest: ListOrder): WorklistPage['waiting'] {
  if (shown.studies === latest.studies) return null;
  const known = new Set(shown.studies);
  const fresh = latest.studies.filter((study) => !known.has(study));
  const moved =
    shown.studies.length !== latest.studies.length ||
    shown.studies.some((study, index) => study !== latest.studies[index]);
  return moved ? { count: fresh.length, flagged: fresh.filter((study) => latest.flagged.has(study)).length } : null;
}

const LISTED_COLUMNS = [
  'analyses.study_instance_uid',
  'analyses.series',
  'analyses.decision',
  'analyses.reason',
  'analyses.reason_code',
  'analyses.probability',
  'analyses.threshold',
  'analyses.threshold_version',
  'analyses.key_slices',
  'analyses.model_name',
  'analyses.model_version',
  'analyses.model_sha256',
  'analyses.analysed_at',
] as const;

type ListedVerdict = Pick<VerdictsTable, 'study_instance_uid' | 'revision' | 'verdict' | 'created_by' | 'created_at'>;
type ListedAnalysis = Omit<AnalysisRow, 'revision' | 'manifest' | 'findings'>;

function* batches(cases: readonly CaseRow[]): Generator<string[]> {
  for (let start = 0; start < cases.length; start += BATCH)
    yield cases.slice(start, start + BATCH).map((row) => row.study_instance_uid);
}

function rowOf(
  row: CaseRow,
  analysis: ListedAnalysis | undefined,
  deliveries: RowDelivery[],
  verdict: ListedVerdict | undefined,
  now: number,
  usual: number | null,
): WorklistRow {
  const current = deliveries.filter((delivery) => delivery.revision === row.revision);
  const decision = analysis?.decision ?? null;
  const status = caseStatus(
    {
      studyInstanceUid: row.study_instance_uid,
      revision: row.revision,
      state: row.state,
      decision,
      reason: analysis?.reason ?? null,
      reasonCode: analysis?.reason_code ?? null,
      quarantineReason: row.quarantine_reason,
      elapsedMs: Math.max(0, now - row.last_received_at),
    },
    usual,
  );
  const keySlices = analysis === undefined ? [] : readKeySlices(analysis.key_slices);
  const srConfirmed = current.flatMap((delivery) =>
    delivery.kind === 'sr' && delivery.confirmedAtMs !== null ? [delivery.confirmedAtMs] : [],
  );
  return {
    rank: null,
    why: row.read_at === null ? '' : 'Read',
    whyBrief: row.read_at === null ? '' : 'Read',
    studyInstanceUid: row.study_instance_uid,
    caseRef: row.case_ref ?? '',
    revision: row.revision,
    state: row.state,
    status: status.kind,
    stateText: status.text,
    decision,
    reason: analysis?.reason ?? null,
    reasonCode: analysis?.reason_code ?? null,
    probability: analysis?.probability ?? null,
    threshold:
      analysis?.threshold == null || analysis.threshold_version === null
        ? null
        : { value: analysis.threshold, version: analysis.threshold_version },
    levels: keySlices[0]?.levels ?? [],
    keySlices,
    series: analysis === undefined ? [] : (JSON.parse(analysis.series) as SeriesVerdict[]),
    patientName: row.patient_name,
    patientId: row.patient_id,
    patientBirthDate: row.patient_birth_date,
    age: row.patient_age,
    sex: row.patient_sex,
    accessionNumber: row.accession_number,
    studyDescription: row.study_description,
    sourceAeTitle: row.source_ae_title,
    location: row.location,
    acquiredAt: row.acquired_at === '' ? `${row.study_date}${row.study_time}` : row.acquired_at,
    arrivedAtMs: row.first_received_at,
    lastReceivedAtMs: row.last_received_at,
    waitMs: Math.max(0, (row.read_at ?? now) - row.first_received_at),
    stat: row.stat === 1,
    readAtMs: row.read_at,
    readBy: row.read_by,
    claimedBy: row.claimed_by,
    claimedAtMs: row.claimed_at,
    verdict:
      verdict === undefined ? null : { verdict: verdict.verdict, by: verdict.created_by, atMs: verdict.created_at },
    analysedAtMs: analysis?.analysed_at ?? null,
    model:
      analysis?.model_name == null
        ? null
        : { name: analysis.model_name, version: analysis.model_version ?? '', sha256: analysis.model_sha256 ?? '' },
    deliveries: current,
    secondsToSr:
      srConfirmed.length === 0 || row.last_slice_at === null
        ? null
        : (Math.min(...srConfirmed) - row.last_slice_at) / 1000,
    failure:
      row.failure_code === null
        ? null
        : { code: row.failure_code, message: row.failure_message ?? '', stage: row.failure_stage ?? '' },
    quarantineReason: row.quarantine_reason,
  };
}

/** Key slices kept from before networks named levels have none. */
function readKeySlices(json: string): RowKeySlice[] {
  return (JSON.parse(json) as (Omit<RowKeySlice, 'levels'> & { levels?: Vertebra[] })[]).map((slice) => ({
    ...slice,
    levels: slice.levels ?? [],
  }));
}
