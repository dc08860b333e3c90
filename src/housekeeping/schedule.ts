import type { Clock } from '../base/clock.ts';
import { messageOf, TriageError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { WorklistMaintenance } from '../worklist/db/maintenance.ts';
import { nextRunMs, parseCron, systemOffset, type CronPlan, type UtcOffset } from './cron.ts';

type HousekeepingJob = 'nudge' | 'retention' | 'nightly' | 'proof' | 'watch';

export interface HousekeepingOptions {
  /** Whether this process is the one that does the job: another does none but the nudge. Default: it is. */
  isOurs?: (job: HousekeepingJob) => Promise<boolean>;
  maintenance: WorklistMaintenance;
  clock: Clock;
  log: Log;
  /** Local time; the machine's own zone when left out. */
  utcOffset?: UtcOffset;
  /** When the nightly job last succeeded, before this start; null for never. A night missed since then is made up for. */
  lastNightlyMs?: number | null;
  /** Cron, local time. */
  retentionCron: string;
  nightlyCron: string;
  /** Starts a proof of life; its own record tells how it ended. Null while none is scheduled; another expression counts from the next minute on. */
  proof?: { readonly cron: string | null; begin: () => Promise<unknown> };
  /** Begins to ask archives for new studies. Left out: none is watched. */
  watch?: { cron: string; look: () => void };
  backupDir: string;
  backupsToKeep: number;
  retain: () => Promise<unknown>;
  /** Verifies the chain of the audit; throws when it is broken. */
  checkAudit?: () => Promise<void>;
  /** Wakes pipeline and delivery: only a safety net, because all work to do is in the database. */
  nudge: () => void;
}

export interface Housekeeping {
  /** Runs a job now; one that is running already is joined. Failures are logged, not thrown. True when it succeeded. */
  run(job: HousekeepingJob): Promise<boolean>;
  /** When the job runs next; null when it is not scheduled (nudges run each minute). */
  nextRunMs(job: HousekeepingJob): number | null;
  /** Schedules nothing more and waits for the running job. */
  close(): Promise<void>;
}

const MINUTE_MS = 60_000;
/** A run this late counts as missed: the machine slept, was off, or its clock was put forward. */
const LATE_MS = 5 * MINUTE_MS;

/** Schedules the housekeeping. @throws TriageError `config-invalid` for an invalid cron expression */
export function startHousekeeping(options: HousekeepingOptions): Housekeeping {
  const { maintenance, isOurs = () => Promise.resolve(true), clock, log } = options;
  const running = new Map<HousekeepingJob, Promise<boolean>>();
  const jobs: Record<HousekeepingJob, () => Promise<void>> = {
    nudge: () => {
      options.nudge();
      return Promise.resolve();
    },
    retention: async () => {
      await options.retain();
      maintenance.checkpoint();
    },
    nightly: async () => {
      await maintenance.quickCheck();
      await maintenance.backup(options.backupDir, clock.now(), options.backupsToKeep);
      maintenance.checkpoint();
      await options.checkAudit?.();
    },
    proof: async () => {
      await options.proof?.begin();
    },
    watch: () => {
      options.watch?.look();
      return Promise.resolve();
    },
  };

  async function attempt(job: HousekeepingJob): Promise<boolean> {
    const startedMs = clock.monotonicMs();
    try {
      if (job !== 'nudge' && !(await isOurs(job))) return false;
      await jobs[job]();
      log.debug('Housekeeping done', { job, durationMs: Math.round(clock.monotonicMs() - startedMs) });
      return true;
    } catch (error) {
      log.error('Housekeeping failed', { job, error });
      return false;
    } finally {
      running.delete(job);
    }
  }

  const run = (job: HousekeepingJob): Promise<boolean> => {
    const inHand = running.get(job);
    if (inHand !== undefined) return inHand;
    const started = attempt(job);
    running.set(job, started);
    return started;
  };

  // It never rejects: failures are logged.
  const start = (job: HousekeepingJob): void => {
    run(job).catch(() => undefined);
  };
  const plans = planJobs(options);
  const cancel = tickEachMinute(clock, (isStepBack) => {
    start('nudge');
    const nowMs = clock.now();
    if (isStepBack) log.warn('The clock was put back: all planned runs are counted from its new time', {});
    for (const plan of plans) {
      if (isStepBack) plan.reckon(nowMs);
      const plannedMs = plan.nextMs();
      if (plannedMs === null || nowMs < plannedMs) continue;
      // However many runs were missed, one makes up for all of them.
      plan.reckon(nowMs);
      if (nowMs - plannedMs > LATE_MS)
        log.warn('A planned run was missed and is made up now', { job: plan.job, durationMs: nowMs - plannedMs });
      start(plan.job);
    }
  });
  return {
    run,
    nextRunMs: (job) => plans.find((plan) => plan.job === job)?.nextMs() ?? null,
    async close() {
      cancel();
      await Promise.all(running.values());
    },
  };
}

interface PlannedJob {
  job: HousekeepingJob;
  nextMs(): number | null;
  /** Plans the first run after `afterMs`. */
  reckon(afterMs: number): void;
}

/** @throws TriageError `config-invalid` naming the option whose expression is invalid */
function planJobs(options: HousekeepingOptions): PlannedJob[] {
  const { clock, utcOffset = systemOffset, lastNightlyMs, proof, watch } = options;
  const nowMs = clock.now();
  const planned = (
    job: HousekeepingJob,
    option: string,
    expressionNow: () => string | null,
    sinceMs = nowMs,
  ): PlannedJob => {
    let expression: string | null = null;
    let next: number | null = null;
    const reckon = (afterMs: number): void => {
      expression = expressionNow();
      next = expression === null ? null : nextRunMs(readCron(option, expression), afterMs, utcOffset);
    };
    reckon(Math.min(sinceMs, nowMs));
    return {
      job,
      nextMs: () => {
        if (expressionNow() !== expression) reckon(clock.now());
        return next;
      },
      reckon,
    };
  };
  return [
    planned('retention', 'housekeeping.retentionCron', () => options.retentionCron),
    planned('nightly', 'housekeeping.nightlyCron', () => options.nightlyCron, lastNightlyMs ?? nowMs),
    ...(proof === undefined ? [] : [planned('proof', 'proofOfLife.schedule', () => proof.cron)]),
    ...(watch === undefined ? [] : [planned('watch', 'watch.schedule', () => watch.cron)]),
  ];
}

/** Parses the cron expression of an option. @throws TriageError `config-invalid` naming the option */
export function readCron(option: string, expression: string): CronPlan {
  try {
    return parseCron(expression);
  } catch (error) {
    throw new TriageError('config-invalid', `${option}: ${messageOf(error)}`, { cause: error });
  }
}

/** Calls `tick` at the beginning of each minute of the wall clock, even after the clock is set; `isStepBack` when it was put back since the last tick. */
function tickEachMinute(clock: Clock, tick: (isStepBack: boolean) => void): () => void {
  let lastMs = clock.now();
  let cancel: () => void = () => undefined;
  const wait = (): void => {
    const toNextMinuteMs = MINUTE_MS - (clock.now() % MINUTE_MS);
    cancel = clock.after(toNextMinuteMs, () => {
      const nowMs = clock.now();
      const isStepBack = nowMs < lastMs - MINUTE_MS;
      lastMs = nowMs;
      wait();
      tick(isStepBack);
    });
  };
  wait();
  return () => cancel();
}
