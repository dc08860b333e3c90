import type { ClockSteps } from '../base/clockSteps.ts';
import { retainCases } from '../housekeeping/retention.ts';
import { startHousekeeping, type Housekeeping } from '../housekeeping/schedule.ts';
import type { ProofOfLife } from '../proofOfLife/proofOfLife.ts';
import { createMaintenance, newestBackup } from '../worklist/db/maintenance.ts';
import type { Foundation } from './agentPorts.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface HousekeepingParts {
  proof: ProofOfLife;
  clockSteps: Pick<ClockSteps, 'recent'>;
  lookAtArchives: () => void;
  nudge: () => void;
}

/** Schedules retention, the nightly checks and backup, the proof of life, looks at watched archives, and a nudge each minute. @throws TriageError `config-invalid` for an invalid cron expression */
export function planHousekeeping(
  {
    config,
    paths,
    database,
    store,
    audit,
    keepsHouse,
    fetches,
    releasers,
    ports: { clock, log: agentLog },
  }: Foundation,
  { proof, clockSteps, lookAtArchives, nudge }: HousekeepingParts,
): Housekeeping {
  const log = agentLog.child({ component: 'housekeeping' });
  const { retentionCron, nightlyCron, backupsToKeep, lowWaterFreeBytes, maxWaitingBytes } = config.housekeeping;
  const housekeeping = startHousekeeping({
    isOurs: (job) => (job === 'proof' || job === 'watch' ? fetches() : keepsHouse()),
    maintenance: createMaintenance(database),
    clock,
    log,
    lastNightlyMs: newestBackup(paths.backups)?.atMs ?? null,
    retentionCron,
    nightlyCron,
    backupDir: paths.backups,
    backupsToKeep,
    checkAudit: audit.check,
    proof: {
      get cron() {
        const { schedule } = config.proofOfLife;
        return schedule === 'off' ? null : schedule;
      },
      begin: () => proof.begin('schedule', 'odontoid'),
    },
    ...(config.watch.archives.length === 0 ? {} : { watch: { cron: config.watch.schedule, look: lookAtArchives } }),
    retain: () =>
      retainCases({
        store,
        clock,
        log,
        spoolDir: paths.spool,
        resultsDir: paths.results,
        retentionMs: config.housekeeping.retentionDays * DAY_MS,
        maxWaitingBytes,
        lowWaterFreeBytes,
        // A clock put forward by mistake would make everything old at once.
        isClockTrusted: () => (clockSteps.recent()?.byMs ?? 0) < HOUR_MS,
      }),
    nudge,
  });
  releasers.push('housekeeping', () => housekeeping.close());
  return housekeeping;
}
