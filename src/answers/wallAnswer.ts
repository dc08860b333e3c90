import { z } from 'zod';
import { epochMs } from './sharedShapes.ts';
import { stoppedWork } from './systemAnswer.ts';
import { openFlag, worklistRow } from './worklistAnswer.ts';

const { status, finding, stateText, waitMs, stat, caseRef } = worklistRow.shape;

/** A separate schema, so that a new field of the list cannot bring patient data along. */
export const wallAnswer = z
  .strictObject({
    nowMs: epochMs,
    maxWaitMinutes: z.number(),
    stopped: z.array(stoppedWork),
    proofAlarm: z.boolean().describe('The proof of life failed or is overdue: the admins’ pages say why.'),
    unread: z.int(),
    lastReceivedAtMs: epochMs.nullable(),
    total: z.int(),
    flagged: z.int().describe('Unread suspected cases.'),
    flags: z.array(openFlag),
    rows: z.array(
      z
        .strictObject({
          caseRef,
          status,
          stateText,
          finding,
          waitMs,
          stat,
          ageBand: z.string().describe('Ten years wide, or empty.'),
          accessionEnd: z.string().describe('The last four characters of the accession number.'),
          location: z.string(),
          claimed: z.boolean().describe('Somebody is reading it.'),
        })
        .meta({ id: 'WallRow' }),
    ),
  })
  .meta({ id: 'Wall' });

export type WallAnswer = z.infer<typeof wallAnswer>;
