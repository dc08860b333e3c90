import { z } from 'zod';
import { bytes } from './values.ts';

/** The log. */
export const logSettings = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe(
        'Least level that is written to standard error, or to `log.file`, as JSON lines without PHI (as text, where standard error is a terminal). Lines that nobody takes are dropped and counted; the agent never waits for them.',
      ),
    file: z
      .strictObject({
        path: z.string().min(1).describe('File that gets the log. SIGHUP opens it anew (for logrotate).'),
        maxBytes: bytes(65_536, 2 ** 40)
          .default(33_554_432)
          .describe('A file that would grow beyond this is moved to `path.1`, that one to `path.2` and so on.'),
        keep: z.int().min(0).max(1_000).default(5).describe('Moved files that are kept.'),
      })
      .optional()
      .describe('Write the log to a file instead of standard error.'),
  })
  .prefault({});

/** The synthetic study that proves that the agent works. */
export const proofOfLifeSettings = z
  .strictObject({
    schedule: z
      .string()
      .default('17 */6 * * *')
      .describe(
        'When a synthetic study with a fracture goes through the whole path, C-STORE to written report (cron, local time). `off`: only when an admin asks for it.',
      ),
    expect: z
      .enum(['suspected', 'analysed', 'reported'])
      .default('suspected')
      .describe(
        'What it must come to: `suspected`, the fracture is flagged; `analysed`, it has a score; `reported`, a report is written, whatever it says (for networks that refuse synthetic studies).',
      ),
    sendTo: z
      .array(z.string())
      .default([])
      .describe(
        'Names of the `destinations` that get its results, a test archive for example. The others are asked for an echo and get nothing.',
      ),
    timeoutMinutes: z
      .number()
      .min(0.1)
      .max(240)
      .default(15)
      .describe(
        'A run that is not done after this long has failed. It comes after every patient’s study, so a long queue makes it late.',
      ),
    alarmAfterHours: z
      .number()
      .min(0.1)
      .max(744)
      .default(13)
      .describe('An alarm on the worklist when none has passed for this long. Longer than two steps of the schedule.'),
  })
  .prefault({});

/** Retention and nightly work. */
export const housekeepingSettings = z
  .strictObject({
    retentionDays: z
      .number()
      .min(0.01)
      .max(3_650)
      .default(14)
      .describe(
        'Delivered and ineligible cases, and those that a person has left as they are, older than this are removed with their files, days. Where results still wait for a destination, only what was received is removed, and the results are kept until they are delivered. What nobody has read stays when it is flagged or was not analysed.',
      ),
    lowWaterFreeBytes: bytes(0, 2 ** 50)
      .default(10_737_418_240)
      .describe(
        'Below this much free disk, what is safest to lose is removed early, bytes: encoded slices, then cases that were read, unflagged ones first, then what was received of read cases whose results still wait for a destination, then pictures that wait as with `maxWaitingBytes`. Nothing unread goes early; below `receive.minFreeBytes` objects are refused instead.',
      ),
    maxWaitingBytes: bytes(0, 2 ** 50)
      .default(10_737_418_240)
      .describe(
        'How much result files may take that wait for destinations, bytes. Beyond it, pictures are given up for the destinations that have not taken them: of read cases, and of unflagged ones whose time is over, the heatmaps and, unless the scan is flagged, the triage card; unflagged cases first, the oldest first. Every report goes on waiting, and the case says what was given up.',
      ),
    backupsToKeep: z.int().min(1).max(365).default(7).describe('Nightly database backups that are kept.'),
    retentionCron: z.string().default('*/10 * * * *').describe('When retention is looked at (cron, local time).'),
    nightlyCron: z
      .string()
      .default('15 3 * * *')
      .describe(
        'When the database is backed up and checked (cron, local time). A night that was missed is made up. When clocks are put forward, a job of the missing hour runs at its end; when they are put back, it runs once.',
      ),
  })
  .prefault({});
