import nodeCron from 'node-cron';
import { TriageError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { WorklistMaintenance } from '../worklist/db/maintenance.ts';

type HousekeepingJob = 'nudge' | 'retention' | 'nightly' | 'proof';

export interface HousekeepingOptions {
  maintenance: WorklistMaintenance;
  clock: Clock;
  log: Log;
  /** Cron, local time. */
  retentionCron: string;
  nightlyCron: string;
  /** Begins a proof of life; whoever keeps its record waits for its end. Left out: none is planned. */
  proof?: { cron: string; begin: () => Promise<unknown> };
  backupDir: string;
  backupsToKeep: number;
  retain: () => Promise<unknown>;
  /** Reads the chain of the audit; throws when it is not whole. */
  checkAudit?: () => Promise<void>;
  /** Wakes pipeline and delivery: a safety net only, for the database holds the truth. */
  nudge: () => void;
}

export interface Housekeeping {
  /** Runs a job now; one that is running already is joined. Failures are logged, not thrown. True when it succeeded. */
  run(job: HousekeepingJob): Promise<boolean>;
  /** When the job is next planned; null when it is not. */
  nextRunMs(job: HousekeepingJob): number | null;
  /** Plans no more and waits for the job in hand. */
  close(): Promise<void>;
}

const NUDGE_CRON = '* * * * *';

/** Plans the housekeeping. @throws TriageError `config-invalid` for a cron expression that is none. */
export function startHousekeeping(options: HousekeepingOptions): Housekeeping {
  const { maintenance, clock, log } = options;
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
      maintenance.quickCheck();
      await maintenance.backup(options.backupDir, clock.now(), options.backupsToKeep);
      maintenance.checkpoint();
      await options.checkAudit?.();
    },
    proof: async () => {
      await options.proof?.begin();
    },
  };

  async function attempt(job: HousekeepingJob): Promise<boolean> {
    const startedMs = clock.monotonicMs();
    try {
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

  const crons: [HousekeepingJob, string][] = [
    ['nudge', NUDGE_CRON],
    ['retention', options.retentionCron],
    ['nightly', options.nightlyCron],
    ...(options.proof === undefined ? [] : [['proof', options.proof.cron] satisfies [HousekeepingJob, string]]),
  ];
  for (const [job, cron] of crons) {
    if (!nodeCron.validate(cron))
      throw new TriageError('config-invalid', `"${cron}" is not a cron expression (${job}).`);
  }
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };
  const tasks = crons.map(([job, cron]) =>
    nodeCron.schedule(cron, () => run(job), { name: job, noOverlap: true, logger: silent }),
  );
  return {
    run,
    nextRunMs: (job) =>
      tasks
        .find(({ name }) => name === job)
        ?.getNextRun()
        ?.getTime() ?? null,
    async close() {
      for (const task of tasks) await task.destroy();
      await Promise.all(running.values());
    },
  };
}
