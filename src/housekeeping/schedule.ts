import nodeCron from 'node-cron';
import { TriageError } from '../errors.ts';
import type { Clock, Log } from '../ports.ts';
import type { WorklistMaintenance } from '../worklist/maintenance.ts';

export type HousekeepingJob = 'nudge' | 'retention' | 'nightly';

export interface HousekeepingOptions {
  maintenance: WorklistMaintenance;
  clock: Clock;
  log: Log;
  /** Cron, local time. */
  retentionCron: string;
  nightlyCron: string;
  backupDir: string;
  backupsToKeep: number;
  retain: () => Promise<unknown>;
  /** Wakes pipeline and delivery: a safety net only, for the database holds the truth. */
  nudge: () => void;
}

export interface Housekeeping {
  /** Runs a job now; one that is running already is joined. Failures are logged, not thrown. True when it succeeded. */
  run(job: HousekeepingJob): Promise<boolean>;
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
    async close() {
      for (const task of tasks) await task.destroy();
      await Promise.all(running.values());
    },
  };
}
