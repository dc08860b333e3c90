import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProofRun } from '../answers/adminAnswers.ts';
import { dateTimeOf } from '../dicom/dateTimes.ts';
import { readHeader } from '../dicom/header.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Pacs, StoreOutcome } from '../case/delivery.ts';
import {
  NOTHING_MEASURED,
  type ProofMeasures,
  type ProofRuns,
  type ProofStage,
  type ProofStatus,
} from '../worklist/proof/proofRuns.ts';
import { newSecret } from '../worklist/people/secrets.ts';
import type { CaseDetail, WorklistQuery } from '../worklist/list/worklistQuery.ts';
import {
  changeToTakeBack,
  proofAlarm,
  proofObjection,
  type ChangeInForce,
  type ProofExpectation,
} from './judgeProof.ts';
import { makeSyntheticStudy } from './syntheticStudy.ts';

type ProbedDestination = Pick<Pacs, 'name' | 'echo'> & Partial<Pick<Pacs, 'probe'>>;

export interface ProofOptions {
  runs: ProofRuns;
  query: Pick<WorklistQuery, 'caseDetail'>;
  onChange: (listener: (studyInstanceUid: string) => void) => () => void;
  /** Sends files to the agent's own Storage SCP by DIMSE; returns one outcome for each file. */
  send: (paths: readonly string[]) => Promise<{ kind: StoreOutcome['kind'] | 'unreadable'; reason?: string }[]>;
  /** Who set the site's threshold of a model that is in force, and what it was before; null when nobody has. */
  thresholdChange?: (modelName: string) => Promise<ChangeInForce | null>;
  /** Every destination of results; the connection to each is tested. */
  destinations: readonly ProbedDestination[];
  /** Names of the destinations that receive the results of proofs; for the others only the connection is tested. */
  sendTo: readonly string[];
  /** Folder for the study while it is being sent. */
  dir: string;
  expect: ProofExpectation;
  timeoutMs: number;
  /** Raises an alarm when no run has passed for this long; null: no schedule is configured, and only a failure raises one. */
  alarmAfterMs: number | null;
  clock: Clock;
  log: Log;
}

export interface ProofOfLife {
  /** Starts a run, or joins the current one; resolves with its number. `done` resolves when it has ended. */
  begin(cause: ProofRun['cause'], requestedBy: string): Promise<{ id: number; done: Promise<void> }>;
  status(): Promise<ProofStatus>;
  newest(limit: number): Promise<ProofRun[]>;
  close: () => Promise<void>;
}

const POLL_MS = 1_000;
const MILESTONES = ['seriesChosen', 'inferred', 'reported'] as const;

/**
 * Proof of life: a synthetic study with a fracture takes the same path as a patient's, from C-STORE to the written report, and is judged at its end. Its UID is
 * generated from a secret and put on record before the first slice is sent, so no patient's study can ever be taken for one.
 */
export function createProofOfLife(options: ProofOptions): ProofOfLife {
  const { runs, clock, log } = options;
  const startedAtMs = clock.now();
  const closing = new AbortController();
  let current: Promise<{ id: number; done: Promise<void> }> | null = null;

  const open = async (cause: ProofRun['cause'], requestedBy: string): Promise<{ id: number; done: Promise<void> }> => {
    const id = await runs.begin(cause, requestedBy);
    const done = prove(options, id, closing.signal)
      .catch((error: unknown) => {
        log.error('The proof of life could not be recorded', { error });
      })
      .finally(() => {
        current = null;
      });
    return { id, done };
  };

  return {
    begin: (cause, requestedBy) => {
      if (closing.signal.aborted) return Promise.reject(new TriageError('proof-failed', 'The agent is stopping.'));
      current ??= open(cause, requestedBy).catch((error: unknown) => {
        current = null;
        throw error;
      });
      return current;
    },
    status: async () => {
      const [newest] = await runs.newest(1);
      const passed = await runs.last(['passed']);
      const last = await runs.last(['passed', 'failed']);
      const modelName = last?.measures.model?.name;
      const change = modelName === undefined ? null : ((await options.thresholdChange?.(modelName)) ?? null);
      return {
        // A run that an earlier process left open is not running.
        running: current === null || newest?.finishedAtMs !== null ? null : newest,
        last,
        lastPassedAtMs: passed?.finishedAtMs ?? null,
        takeBack: changeToTakeBack(last, change),
        alarm: proofAlarm({ lastJudged: last, lastPassed: passed }, clock.now(), {
          sinceMs: startedAtMs,
          alarmAfterMs: options.alarmAfterMs,
        }),
      };
    },
    newest: (limit) => runs.newest(limit),
    close: async () => {
      closing.abort();
      await (
        await current?.catch(() => null)
      )?.done;
    },
  };
}

/** One run, from making the study to recording its verdict. */
async function prove(options: ProofOptions, id: number, closing: AbortSignal): Promise<void> {
  const { runs, clock, log } = options;
  const measures: ProofMeasures = structuredClone(NOTHING_MEASURED);
  const overdue = new AbortController();
  const cancel = clock.after(options.timeoutMs, () => {
    overdue.abort();
  });
  const signal = AbortSignal.any([closing, overdue.signal]);
  let failure: string | null;
  try {
    failure = await walk(options, id, measures, signal);
  } catch (error) {
    if (!(error instanceof TriageError)) log.error('The proof of life met a bug', { error });
    failure = error instanceof TriageError ? error.message : `Unexpected: ${messageOf(error)}`;
  } finally {
    cancel();
  }
  // A run that had passed before the stop counts as passed; any other stopped run has no verdict.
  const outcome = failure === null ? 'passed' : closing.aborted ? 'stopped' : 'failed';
  await runs.finish(id, { outcome, failure: outcome === 'failed' ? failure : null, measures });
  if (outcome === 'failed') log.error('Proof of life failed', { reason: failure });
  else log.info(`Proof of life ${outcome}`, { durationMs: measures.totalMs });
}

/** Sends the study and follows it; fills in `measures` on the way. Resolves with what is wrong, or null. */
async function walk(
  options: ProofOptions,
  id: number,
  measures: ProofMeasures,
  signal: AbortSignal,
): Promise<string | null> {
  const { runs, clock } = options;
  const timed = async <T>(stage: ProofStage, work: Promise<T>): Promise<T> => {
    const fromMs = clock.monotonicMs();
    const result = await work;
    measures.stageMs[stage] = Math.round(clock.monotonicMs() - fromMs);
    return result;
  };
  const before = (await runs.last(['passed']))?.measures ?? null;
  const dir = join(options.dir, String(id));
  try {
    const made = await timed(
      'make',
      makeSyntheticStudy(
        { dir, uidSeed: newSecret(), accessionNumber: `PROOF${id}`, studyDateTime: dateTimeOf(clock.now()) },
        signal,
      ),
    );
    measures.slices = made.paths.length;
    await runs.expect(id, made.studyInstanceUid);
    const sentFromMs = clock.now();
    const outcomes = await timed('receive', options.send(made.paths));
    const unsent = outcomes.filter(({ kind }) => kind !== 'stored');
    if (unsent.length > 0)
      return `The receiver did not take ${unsent.length} of ${outcomes.length} slices: ${unsent[0]!.reason ?? unsent[0]!.kind}`;
    const receivedAtMs = clock.now();
    const found = await follow(options, made.studyInstanceUid, measures, { sentFromMs, receivedAtMs }, signal);
    if (typeof found === 'string') return found;
    const modelName = found.findings?.model.name;
    const change = modelName === undefined ? null : ((await options.thresholdChange?.(modelName)) ?? null);
    const objection =
      proofObjection(found, { sentSlices: made.paths.length, expect: options.expect, before, change }) ??
      (await filesObjection(found, made));
    measures.destinations = await timed('destinations', Promise.all(options.destinations.map(echoOf)));
    const silent = measures.destinations.find(({ error }) => error !== null);
    return objection ?? (silent === undefined ? null : `Results cannot get out: ${silent.error}`);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Waits until the case is reported (and delivered, where results of proofs are sent). Otherwise says what stopped it, as a sentence. */
async function follow(
  options: ProofOptions,
  study: string,
  measures: ProofMeasures,
  times: { sentFromMs: number; receivedAtMs: number },
  signal: AbortSignal,
): Promise<CaseDetail | string> {
  const { query, clock, onChange, sendTo } = options;
  for (;;) {
    const wake = new AbortController();
    const unsubscribe = onChange((changed) => {
      if (changed === study) wake.abort();
    });
    try {
      const found = await query.caseDetail(study).catch((error: unknown) => {
        if (error instanceof TriageError && error.code === 'not-found') return null;
        throw error;
      });
      if (found !== null) {
        measure(found, measures, times);
        const { row } = found;
        if (row.quarantineReason !== null) return found;
        if (row.failure !== null && row.state === 'failed')
          return `The stage ${row.failure.stage} gave up: ${row.failure.message}`;
        if (row.state === 'ineligible') return `No series was found eligible: ${row.reason ?? 'no reason given'}`;
        const settled = row.deliveries.every(({ status }) => ['confirmed', 'refused', 'closed'].includes(status));
        if (
          row.state === 'delivered' ||
          (row.state === 'reported' && (sendTo.length === 0 || (row.deliveries.length > 0 && settled)))
        ) {
          measures.totalMs = clock.now() - times.sentFromMs;
          return found;
        }
      }
      if (signal.aborted) return stuckAt(found, options.timeoutMs);
      await clock.sleep(POLL_MS, AbortSignal.any([wake.signal, signal]));
    } finally {
      unsubscribe();
    }
  }
}

function measure(
  { row, events, findings }: CaseDetail,
  measures: ProofMeasures,
  { receivedAtMs }: { receivedAtMs: number },
): void {
  const at = MILESTONES.map((type) => events.findLast((event) => event.type === type)?.atMs ?? null);
  for (const [index, stage] of (['assemble', 'infer', 'report'] as const).entries()) {
    const from = index === 0 ? receivedAtMs : at[index - 1];
    const to = at[index];
    if (from != null && to != null) measures.stageMs[stage] = Math.max(0, to - from);
  }
  Object.assign(measures, {
    decision: row.decision,
    probability: row.probability,
    threshold: row.threshold?.value ?? null,
    model: findings?.model ?? null,
  });
}

function stuckAt(found: CaseDetail | null, timeoutMs: number): string {
  const minutes = Math.round(timeoutMs / 60_000);
  const where =
    found === null
      ? 'its slices are not on record'
      : found.row.state === 'reported'
        ? 'it is reported, and its results are not delivered'
        : `it is still "${found.row.state}"`;
  return `It was not done within ${minutes} min: ${where}.`;
}

/** Checks that the written results on disk are about this study and this patient; says what is wrong. */
async function filesObjection(
  { results }: CaseDetail,
  made: { studyInstanceUid: string; patientId: string },
): Promise<string | null> {
  for (const { path, kind } of results) {
    const header = readHeader(await readFile(path));
    if (header.studyInstanceUid !== made.studyInstanceUid || header.patientId !== made.patientId)
      return `A written result (${kind}) is about another study or patient.`;
  }
  return null;
}

/** Whether results would arrive there: the connection, the classes that would be sent, and the query for the receipt. */
async function echoOf({ name, echo, probe }: ProbedDestination): Promise<ProofMeasures['destinations'][number]> {
  try {
    return { name, ms: Math.round(probe === undefined ? await echo() : (await probe()).ms), error: null };
  } catch (error) {
    if (!(error instanceof TriageError)) throw error;
    return { name, ms: null, error: error.message };
  }
}
