import { z } from 'zod';
import { epochMs, modelIdentity } from './sharedShapes.ts';

/** Why some of the agent's work has stopped: the first two keep scans from arriving. */
export const STOPPED_WORK = ['receiver-down', 'disk-full', 'no-model', 'analysis-late', 'delivery-late'] as const;
export const stoppedWork = z
  .strictObject({
    why: z.enum(STOPPED_WORK),
    sinceMs: epochMs.nullable().describe('Since when, or the time of the oldest that waits; null when not known.'),
  })
  .meta({ id: 'StoppedWork', description: 'Work of the agent that has stopped for all scans.' });
/** Work of the agent that has stopped for all scans. */
export type StoppedWork = z.infer<typeof stoppedWork>;

export const systemStatus = z
  .strictObject({
    model: modelIdentity
      .extend({ provider: z.string() })
      .nullable()
      .describe('Null while no network is ready; `modelError` then says why.'),
    modelError: z
      .string()
      .nullable()
      .describe(
        'Why the package that was activated does not serve; with a `model`, that one goes on serving. Null when all is as wanted.',
      ),
    shadow: z
      .strictObject({
        model: modelIdentity.nullable(),
        error: z.string().nullable(),
        toScore: z.int().describe('Cases that it has still to score.'),
      })
      .nullable()
      .describe('The package that scores the same cases and sends nothing; null when there is none.'),
    receiver: z.strictObject({
      up: z.boolean(),
      downSinceMs: epochMs.nullable().describe('Null while it is up, and when it never was.'),
      port: z.int(),
      aeTitle: z.string(),
      stored: z.int(),
      rejected: z.int().describe('Associations rejected.'),
      refused: z.int().describe('Objects answered with a failure.'),
      refusedContexts: z.int(),
      aborted: z.int().describe('Associations that ended without a release.'),
      dropped: z.int().describe('Connections closed at once because too many were open.'),
      refusedTls: z.int().describe('TLS connections refused before any association.'),
      openAssociations: z.int(),
      maxAssociations: z.int(),
      restarts: z.int().describe('How often its process had to be started again.'),
    }),
    hl7: z
      .strictObject({
        port: z.int(),
        tlsPort: z.int().nullable(),
        openConnections: z.int(),
        accepted: z.int().describe('Messages answered AA since the start.'),
        refused: z.int().describe('Messages answered AE or AR.'),
        refusedConnections: z.int().describe('Connections that were not let in.'),
        lastRefusal: z
          .strictObject({ atMs: epochMs, why: z.string() })
          .nullable()
          .describe('The newest refusal of a message, without what the message said.'),
      })
      .nullable()
      .describe('The listener for messages of the RIS; null where there is none.'),
    proofOfLife: z
      .strictObject({
        alarm: z.string().nullable().describe('Why somebody must look, a sentence.'),
        lastOutcome: z.enum(['passed', 'failed']).nullable(),
        lastAtMs: z.int().nullable(),
        lastPassedAtMs: z.int().nullable(),
        totalMs: z
          .number()
          .nullable()
          .describe('Of the last one, from the first slice sent to the written report, ms.'),
        probability: z.number().nullable(),
      })
      .describe('Synthetic studies that the agent sends itself; epoch milliseconds.'),
    auditRepository: z
      .strictObject({
        address: z.string(),
        sentSeq: z.int().describe('Newest entry of the audit that the repository has.'),
        waiting: z.int().describe('Entries that it has still to get.'),
        oldestAtMs: z.int().nullable().describe('Since when the oldest of them waits.'),
        lastError: z.string().nullable(),
        alarm: z.string().nullable().describe('Why somebody must look, a sentence.'),
      })
      .nullable()
      .describe('Where the audit is sent to; null when nowhere.'),
    encodedOnArrival: z.int(),
    freeBytes: z.number().nullable().describe('Null when the disk could not be asked.'),
    disk: z
      .strictObject({ refuseBelowBytes: z.number(), removeBelowBytes: z.number() })
      .describe('Below the one objects are refused, below the other retention removes early.'),
    startedAtMs: z.int(),
    oldestUnreportedAtMs: z
      .int()
      .nullable()
      .describe('Since when the oldest study waits that is to be analysed or reported; null when none does.'),
    loopLagMs: z.number().describe('Longest time in the last minute for which the agent’s event loop stood still.'),
    clockStep: z
      .strictObject({ byMs: z.number(), atMs: z.number() })
      .nullable()
      .describe('The newest step of the machine’s clock in the last 24 hours; null when there was none.'),
    backupAtMs: z.int().nullable().describe('When the newest backup of the database was made; null without one.'),
    isBackedUpBySite: z
      .boolean()
      .optional()
      .describe('The agent makes no backups: the worklist is in PostgreSQL, which has means of its own.'),
    certificates: z
      .array(z.strictObject({ name: z.string(), expiresAtMs: z.int() }))
      .describe('Certificates that this agent shows, by the setting that names their file.'),
    watch: z
      .array(
        z.strictObject({
          name: z.string(),
          succeededAtMs: z.int().nullable().describe('When it was last asked with success; null for never.'),
          hasFailed: z.boolean().describe('The last time that it was asked.'),
          waiting: z.int().describe('Studies that are to be fetched.'),
          failing: z.int().describe('Those of them that three attempts have not fetched.'),
        }),
      )
      .describe('Archives that are asked for new studies.'),
    waitingResults: z
      .array(
        z.strictObject({
          destination: z.string(),
          objects: z.int(),
          bytes: z.number().describe('A file that waits for two destinations is counted for both.'),
          oldestAtMs: epochMs.describe('Since when the first of them waits.'),
        }),
      )
      .describe('Results that destinations have not confirmed yet, or have refused.'),
    maxWaitingBytes: z.number().describe('Beyond this much of them, pictures are given up.'),
    livingNodes: z
      .record(z.string(), z.int())
      .optional()
      .describe('How many agents are alive, by role; left out where one agent does everything.'),
    certificateProblems: z
      .array(z.string())
      .describe('Certificate files that have changed to something that cannot be used, a sentence each.'),
  })
  .meta({ id: 'SystemStatus' });

/** What the page and the metrics report about the agent itself. */
export type SystemStatus = z.infer<typeof systemStatus>;

export const health = z.strictObject({ ok: z.literal(true) });

export const readiness = z.strictObject({
  ready: z.boolean(),
  missing: z.array(z.string()).describe('What a person must mend, a sentence each.'),
  alarms: z
    .array(z.string())
    .describe('What a person must look at, though studies are received and analysed, a sentence each.'),
});
