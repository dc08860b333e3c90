import { hex16 } from '../base/hex16.ts';
import { samePatientId } from '../case/patientIdentity.ts';
import { resultSopClassName } from '../dicom/sopClasses.ts';
import { derivedUid } from '../dicom/uids.ts';
import { backoffMs } from '../base/backoff.ts';
import { TriageError } from '../base/errors.ts';
import { startWakingLoop, type WakingLoop } from '../base/wakingLoop.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { DeliveryOutcome, DueDelivery, Pacs, Receipt, ResultObject, StoreOutcome } from '../case/delivery.ts';
import { objectionTo } from './lastCheck.ts';

interface DeliveryOptions {
  /** Maximum number of objects sent on one association. */
  batch?: number;
  /** How often the outbox is polled when nothing wakes the delivery, ms. */
  pollMs?: number;
}

/** What delivery needs from the worklist. */
export interface DeliveryStore {
  /** Deliveries due now for a destination, most urgent first. Held cases have none. */
  dueDeliveries(destination: string, limit: number): Promise<DueDelivery[]>;
  /**
   * Records an answer; when every delivery of a case is confirmed, the case becomes delivered in the same transaction. `stale`: somebody else sends to the
   * destination by now, and nothing was recorded.
   */
  recordDelivery(id: number, outcome: DeliveryOutcome): Promise<'recorded' | 'stale'>;
  /** Records that a destination is about to be asked for a commitment: the report may come before the response, on another association. */
  noteCommitmentAsked(asked: {
    destination: string;
    transactionUid: string;
    sopInstanceUids: readonly string[];
  }): Promise<void>;
  /** Reports of a destination that came on associations of its own, with the deliveries that they say something new about. */
  reportedCommitments(destination: string): Promise<ReportedCommitment[]>;
  /** What was reported on the transaction is recorded. */
  settleCommitment(transactionUid: string): Promise<void>;
  /** Subscribes to every change; the returned function unsubscribes. */
  onChange(listener: (studyInstanceUid: string) => void): () => void;
}

interface ReportedCommitment {
  transactionUid: string;
  committed: readonly DueDelivery[];
  failed: readonly { delivery: DueDelivery; reason: number | null }[];
}

export interface DeliveryPorts {
  store: DeliveryStore;
  destinations: readonly Pacs[];
  clock: Clock;
  log: Log;
  /** Claims a destination: whoever has it is the only one that sends there, until the signal aborts. Null while somebody else has it. Absent: nobody else sends. */
  claim?: (destination: string) => Promise<AbortSignal | null>;
  /**
   * Writes the report of a delivery in another SR class, as the same file each time, and returns it. Without it a refused report stays refused.
   * Rejections are TriageErrors.
   */
  inSrClass?: (delivery: DueDelivery, sopClassUid: string) => Promise<ResultObject>;
  /**
   * Puts a note into the outbox that rejects what this delivery replaces at its destination, where the site wants that. Called before the receipt is recorded,
   * so that a crash in between loses nothing: the same note is written again. Rejections are TriageErrors.
   */
  noteReplaced?: (delivery: DueDelivery) => Promise<void>;
  options?: DeliveryOptions;
}

export interface Delivery {
  /** Checks the outbox now. */
  nudge(): void;
  /**
   * Serves these destinations from now on. One that is served already, by the same adapter, goes on undisturbed. Resolves when the answers to what was being
   * sent to the others are recorded; whoever takes their place waits for that.
   */
  serve(destinations: readonly Pacs[]): Promise<void>;
  /** Takes nothing more from the outbox; resolves when the answers to everything being sent are recorded. */
  drain(): Promise<void>;
}

/**
 * Empties the outbox, each destination on its own: verify, send, and query whether it is held. All state is in the outbox, none in memory, so a crash at
 * any point leads to the same bytes being sent or queried again, under the same UID.
 */
export function createDelivery(ports: DeliveryPorts): Delivery {
  const { store, clock, log, options = {} } = ports;
  const batch = options.batch ?? 20;
  const pollMs = options.pollMs ?? 1_000;
  const loops = new Map<Pacs, WakingLoop>();
  const start = (destination: Pacs, ready: Promise<unknown>): WakingLoop =>
    startWakingLoop({
      step: async (stopping) => {
        await ready;
        return stopping.aborted ? false : serve(destination, batch, ports);
      },
      pollMs,
      // Each received slice is a change, too; one check answers many changes.
      coalesceMs: COALESCE_MS,
      retryMs: (failures) => backoffMs(destination.name, failures, pollMs, LONGEST_RETRY_MS),
      onError: (error) => log.error('Delivery failed', { destination: destination.name, error }),
      clock,
    });
  let isDraining = false;
  let ended: Promise<unknown> = Promise.resolve();
  const change = (destinations: readonly Pacs[]): void => {
    const gone = [...loops].filter(([destination]) => !destinations.includes(destination));
    for (const [destination] of gone) loops.delete(destination);
    ended = Promise.all([ended, ...gone.map(([, loop]) => loop.stop())]);
    for (const destination of isDraining ? [] : destinations)
      if (!loops.has(destination)) loops.set(destination, start(destination, ended));
  };
  change(ports.destinations);
  const nudge = (): void => {
    for (const loop of loops.values()) loop.wake();
  };
  const forget = store.onChange(nudge);
  return {
    nudge,
    serve: async (destinations) => {
      change(destinations);
      await ended;
    },
    drain: async () => {
      forget();
      isDraining = true;
      change([]);
      await ended;
    },
  };
}

const NEVER = new AbortController().signal;
const COALESCE_MS = 20;
const LONGEST_RETRY_MS = 30_000;

interface Recorder {
  record: (delivery: DueDelivery, outcome: DeliveryOutcome) => Promise<void>;
  /** Whether something was accepted or settled. */
  hasProgress: () => boolean;
}

/** Records what one destination answers, and logs it. */
function recorderOf(destination: Pacs, { store, log }: DeliveryPorts): Recorder {
  let progress = false;
  return {
    hasProgress: () => progress,
    record: async (delivery, outcome) => {
      const fields = {
        destination: destination.name,
        sopInstanceUid: delivery.object.sopInstanceUid,
        studyInstanceUid: delivery.object.studyInstanceUid,
      };
      // Reasons may quote the PACS, and thus a patient: they are recorded in the outbox and never logged.
      if (outcome.kind === 'refused')
        log.error('A result was refused; see the worklist for the reason', { ...fields, status: outcome.status });
      else if (outcome.kind === 'no-sr-class')
        log.warn('A destination takes no structured report', { ...fields, status: outcome.status });
      else if (outcome.kind === 'other-class')
        log.info('A report is sent in a lower SR class', { ...fields, sopClassUid: outcome.object.sopClassUid });
      else if (outcome.kind === 'confirmed') log.info('A result is held by its destination', fields);
      else if (outcome.kind === 'lost')
        log.error('A destination has lost a result that it held; it is sent again', fields);
      else if (outcome.kind === 'retry')
        log.warn('A result will be sent again', { ...fields, attempt: delivery.attempts + 1 });
      const isRecorded = (await store.recordDelivery(delivery.id, outcome)) === 'recorded';
      progress ||= isRecorded && outcome.kind !== 'retry' && outcome.kind !== 'unconfirmed';
    },
  };
}

/** One pass over one destination: what it has reported, then what is due; true when something was accepted or settled, so that the next pass may follow at once. */
async function serve(destination: Pacs, batch: number, ports: DeliveryPorts): Promise<boolean> {
  const lost = ports.claim === undefined ? NEVER : await ports.claim(destination.name);
  if (lost === null) return false;
  const recorder = recorderOf(destination, ports);
  const isAsked = destination.commit !== undefined;
  for (const report of isAsked ? await ports.store.reportedCommitments(destination.name) : [])
    await recordReport(destination, report, recorder, ports);
  await deliverDue(destination, await ports.store.dueDeliveries(destination.name, batch), { recorder, lost }, ports);
  return recorder.hasProgress();
}

/** Sends what is due at a destination, and looks for what it has accepted, now or before. */
async function deliverDue(
  destination: Pacs,
  due: readonly DueDelivery[],
  { recorder, lost }: { recorder: Recorder; lost: AbortSignal },
  ports: DeliveryPorts,
): Promise<void> {
  const sendable: DueDelivery[] = [];
  for (const delivery of due.filter(({ state }) => state === 'pending')) {
    const objection = await objectionTo(delivery);
    if (objection === null) sendable.push(delivery);
    else await recorder.record(delivery, objection);
  }
  const accepted = await send(destination, sendable, { recorder, lost }, ports);
  // Whoever has taken the destination over looks for them.
  if (lost.aborted) return;
  const toConfirm = await withoutCommitted(
    destination,
    [...accepted, ...due.filter(({ state }) => state !== 'pending')],
    recorder,
    ports,
  );
  for (const series of bySeries(toConfirm)) await lookFor(destination, series, new Set(accepted), recorder, ports);
}

/** Sends deliveries, and records what becomes of each. Returns those that were accepted. */
async function send(
  destination: Pacs,
  deliveries: readonly DueDelivery[],
  { recorder: { record }, lost }: { recorder: Recorder; lost: AbortSignal },
  { inSrClass }: DeliveryPorts,
): Promise<DueDelivery[]> {
  const accepted: DueDelivery[] = [];
  const unclear: { delivery: DueDelivery; outcome: DeliveryOutcome }[] = [];
  const outcomes =
    deliveries.length === 0
      ? []
      : await destination.store(
          deliveries.map(({ object }) => object),
          lost,
        );
  for (const [index, delivery] of deliveries.entries()) {
    const outcome = outcomes[index];
    if (outcome?.kind === 'stored') {
      await record(delivery, { kind: 'sent', status: outcome.status });
      accepted.push(delivery);
    } else if (outcome === undefined) {
      await record(delivery, { kind: 'retry', reason: 'The destination gave no outcome.' });
    } else {
      const next = await afterFailure(delivery, outcome, inSrClass);
      if (outcome.kind === 'unreachable' && outcome.mayBeStored) unclear.push({ delivery, outcome: next });
      else await record(delivery, next);
    }
  }
  for (const { delivery, outcome } of unclear) {
    if (await isStored(destination, delivery.object)) {
      await record(delivery, { kind: 'sent', status: 'found' });
      await record(delivery, { kind: 'confirmed' });
    } else await record(delivery, outcome);
  }
  return accepted;
}

/** Whether a query finds an object whose answer was lost; not where nobody answers. */
async function isStored(destination: Pacs, object: ResultObject): Promise<boolean> {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = object;
  try {
    return (await destination.holds(studyInstanceUid, seriesInstanceUid, [sopInstanceUid])).has(sopInstanceUid);
  } catch (error) {
    if (error instanceof TriageError) return false;
    throw error;
  }
}

/** Looks for the accepted results of one series by a query, and records what it finds. */
async function lookFor(
  destination: Pacs,
  series: readonly DueDelivery[],
  justAccepted: ReadonlySet<DueDelivery>,
  { record }: Recorder,
  { noteReplaced }: DeliveryPorts,
): Promise<void> {
  const { studyInstanceUid, seriesInstanceUid } = series[0]!.object;
  let held: Set<string>;
  try {
    held = await destination.holds(
      studyInstanceUid,
      seriesInstanceUid,
      series.map(({ object }) => object.sopInstanceUid),
    );
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    for (const delivery of series) await record(delivery, { kind: 'unconfirmed', reason: error.message });
    return;
  }
  for (const delivery of series) {
    if (held.has(delivery.object.sopInstanceUid))
      await record(delivery, await receiptOf(destination, delivery, noteReplaced));
    else await record(delivery, notFound(delivery, justAccepted.has(delivery)));
  }
}

/** What follows when a query does not find a result that was accepted. */
function notFound({ state }: DueDelivery, isJustAccepted: boolean): DeliveryOutcome {
  if (state === 'confirmed')
    return {
      kind: 'lost',
      reason: 'Confirmed before, and lost since: a query does not find it any more. It is sent again.',
    };
  // An archive may need a moment before a query finds what it has just stored; at the second query it should be found.
  return isJustAccepted
    ? { kind: 'unconfirmed', reason: 'Accepted, but a query does not find it yet.' }
    : { kind: 'retry', reason: 'Accepted, but lost: a query does not find it. It is sent again.' };
}

/** Attempts after which an answer that may mean the SR class, given twice in a row, is taken to mean it. Full disks are answered the same way, and pass. */
const ATTEMPTS_IN_A_CLASS = 4;
const answerIn = (reason: string | null): string => /^(?:0x[0-9A-F]{4}|HTTP \d+)/.exec(reason ?? '')?.[0] ?? '';

/** What follows for an object that was not stored: another attempt, the report in a lower SR class, or a refusal. */
async function afterFailure(
  delivery: DueDelivery,
  outcome: Exclude<StoreOutcome, { kind: 'stored' }>,
  inSrClass: DeliveryPorts['inSrClass'],
): Promise<DeliveryOutcome> {
  const { reason, lowerSopClassUid } = outcome;
  const otherwise: DeliveryOutcome =
    outcome.kind === 'refused' ? { kind: 'refused', status: outcome.status, reason } : { kind: 'retry', reason };
  if (delivery.object.kind !== 'sr' || inSrClass === undefined) return otherwise;
  const isRepeated = delivery.attempts + 1 >= ATTEMPTS_IN_A_CLASS && answerIn(delivery.lastError) === answerIn(reason);
  if (outcome.kind === 'unreachable' && !isRepeated) return otherwise;
  if (lowerSopClassUid === undefined)
    return outcome.kind === 'refused' ? { kind: 'no-sr-class', status: outcome.status, reason } : otherwise;
  try {
    const object = await inSrClass(delivery, lowerSopClassUid);
    const [from, to] = [delivery.object.sopClassUid, lowerSopClassUid].map(resultSopClassName);
    return { kind: 'other-class', object, reason: `Not taken as ${from!}, so it is sent as ${to!}. ${reason}` };
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    return { kind: 'retry', reason: `${reason} It cannot be written in another SR class: ${error.message}` };
  }
}

/** Records what a destination reported on an association of its own, however late: a commitment outlives what a query found or did not find meanwhile. */
async function recordReport(
  destination: Pacs,
  { transactionUid, committed, failed }: ReportedCommitment,
  { record }: Recorder,
  { store, noteReplaced }: DeliveryPorts,
): Promise<void> {
  for (const delivery of committed)
    await record(delivery, await receiptOf(destination, delivery, noteReplaced, 'committed'));
  for (const { delivery, reason } of failed) await record(delivery, notCommitted(destination, delivery, reason));
  await store.settleCommitment(transactionUid);
}

/** What follows when a destination does not commit to what it has accepted. */
function notCommitted(destination: Pacs, delivery: DueDelivery, reason: number | null): DeliveryOutcome {
  const why = `not committed (Failure Reason ${reason === null ? 'not given' : hex16(reason)})`;
  if (delivery.state !== 'confirmed') return { kind: 'retry', reason: `Accepted, but ${why}. It is sent again.` };
  return destination.canBeAsked === false
    ? { kind: 'lost', reason: `Accepted, but ${why}. It is sent again.` }
    : { kind: 'unconfirmed', reason: `Found by a query, but ${why}. It is looked up again.` };
}

/**
 * Asks a destination that commits to keep what it has accepted, and records what it says at once. Returns what it did not say anything about: that is looked up.
 * Results that were confirmed before are always looked up.
 */
async function withoutCommitted(
  destination: Pacs,
  deliveries: readonly DueDelivery[],
  { record }: Recorder,
  { store, noteReplaced, clock }: DeliveryPorts,
): Promise<DueDelivery[]> {
  const asked = deliveries.filter(({ state }) => state !== 'confirmed');
  if (destination.commit === undefined || asked.length === 0) return [...deliveries];
  const sopInstanceUids = asked.map(({ object }) => object.sopInstanceUid);
  const transactionUid = derivedUid('commitment', destination.name, String(clock.now()), ...sopInstanceUids);
  await store.noteCommitmentAsked({ destination: destination.name, transactionUid, sopInstanceUids });
  const report = await destination
    .commit(
      asked.map(({ object }) => object),
      transactionUid,
    )
    // Whoever cannot be asked for a commitment can perhaps be queried.
    .catch((error: unknown) => {
      if (error instanceof TriageError) return null;
      throw error;
    });
  if (report === null) return [...deliveries];
  const open: DueDelivery[] = [];
  for (const delivery of deliveries) {
    const { sopInstanceUid } = delivery.object;
    const reason = report.failed.get(sopInstanceUid);
    if (delivery.state === 'confirmed') open.push(delivery);
    else if (report.committed.has(sopInstanceUid))
      await record(delivery, await receiptOf(destination, delivery, noteReplaced, 'committed'));
    else if (reason !== undefined) await record(delivery, notCommitted(destination, delivery, reason));
    else open.push(delivery);
  }
  await store.settleCommitment(transactionUid);
  return open;
}

/** The receipt of a result that its destination holds. */
async function receiptOf(
  destination: Pacs,
  delivery: DueDelivery,
  noteReplaced: DeliveryPorts['noteReplaced'],
  receipt: Receipt = destination.canBeAsked === false ? 'accepted' : 'found',
): Promise<DeliveryOutcome> {
  if (noteReplaced !== undefined && delivery.state !== 'confirmed' && isReportOrCard(delivery.object)) {
    try {
      await noteReplaced(delivery);
    } catch (error) {
      if (!(error instanceof TriageError)) throw error;
      return { kind: 'unconfirmed', reason: `What it replaces cannot be rejected yet: ${error.message}` };
    }
  }
  return { kind: 'confirmed', receipt, ...(await remarkOn(destination, delivery)) };
}

const isReportOrCard = ({ kind, isHeatmap }: ResultObject): boolean =>
  kind === 'sr' || (kind === 'sc' && isHeatmap !== true);

/** Printable ASCII: what a query answers in another character set cannot be compared safely. */
const COMPARABLE = /^[ -~]+$/;

/** What a person should know about a receipt. Asked once a report, or once a card. */
async function remarkOn(destination: Pacs, { object, patientId }: DueDelivery): Promise<{ remark?: string }> {
  if (!isReportOrCard(object)) return {};
  const remarks = [
    ...((await isFiledElsewhere(destination, object.studyInstanceUid, patientId))
      ? ['It lists the study under another Patient ID than the images came with (coerced, or merged)']
      : []),
    ...((await losesText(destination, object))
      ? [
          'Its character set lacks letters of the patient’s name or of another text: they were left out, or are question marks',
        ]
      : []),
  ];
  return remarks.length === 0 ? {} : { remark: remarks.join('. ') };
}

/** Whether the destination files the result under another patient: coerced on arrival, or merged since. */
async function isFiledElsewhere(destination: Pacs, studyInstanceUid: string, patientId: string): Promise<boolean> {
  const filed = (await destination.filedUnder?.(studyInstanceUid)) ?? null;
  return filed !== null && COMPARABLE.test(filed) && COMPARABLE.test(patientId) && !samePatientId(filed, patientId);
}

/** A receipt does not depend on a file that cannot be read any more. */
async function losesText(destination: Pacs, object: ResultObject): Promise<boolean> {
  try {
    return (await destination.losesText?.(object)) ?? false;
  } catch (error) {
    if (error instanceof TriageError) return false;
    throw error;
  }
}

function bySeries(deliveries: readonly DueDelivery[]): DueDelivery[][] {
  const series = new Map<string, DueDelivery[]>();
  for (const delivery of deliveries) {
    const key = `${delivery.object.studyInstanceUid} ${delivery.object.seriesInstanceUid}`;
    series.set(key, [...(series.get(key) ?? []), delivery]);
  }
  return [...series.values()];
}
