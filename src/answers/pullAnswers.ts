import { z } from 'zod';

const epochMs = z.int();

/** What studies of an archive are asked for by. */
export const STUDY_KEYS = ['accessionNumber', 'patientId', 'studyInstanceUid'] as const;

export const pullRun = z
  .strictObject({
    id: z.int(),
    archive: z.string(),
    requestedBy: z.string(),
    key: z.enum(STUDY_KEYS),
    value: z.string().nullable().describe('What was asked for; null for everybody but the one who asked.'),
    startedAtMs: epochMs,
    endedAtMs: epochMs.nullable().describe('Null while it is under way.'),
    studies: z
      .array(
        z.strictObject({
          studyInstanceUid: z.string(),
          caseRef: z.string().describe('Names its case in addresses, once the agent has it.'),
          studyDate: z.string().describe('DICOM DA; empty when unknown.'),
          state: z.enum(['waiting', 'fetching', 'whole', 'not-whole']),
          objects: z.int().describe('Objects that came so far, as far as is known: by WADO-RS only at the end.'),
          statedInstances: z.int().nullable().describe('Objects that the archive says it has.'),
          problem: z.string().nullable().describe('Why it is not whole.'),
        }),
      )
      .describe('Those that were found and are fetched, in this order.'),
    says: z.string().describe('How it stands; at its end, what came of it.'),
    isGood: z.boolean().describe('False when something did not come.'),
  })
  .meta({ id: 'PullRun' });
/** Studies that a person has asked an archive for, and what came of it. */
export type PullRun = z.infer<typeof pullRun>;

export const pullsAnswer = z
  .strictObject({
    archives: z.array(z.string()).describe('Destinations that can be asked for studies.'),
    runs: z.array(pullRun).describe('Since the start of the agent, the newest first.'),
  })
  .meta({ id: 'Pulls' });
/** What can be asked for studies, and what was. */
export type PullsAnswer = z.infer<typeof pullsAnswer>;
