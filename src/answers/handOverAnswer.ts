import { z } from 'zod';
import { epochMs } from './sharedShapes.ts';
import { worklistRow } from './worklistAnswer.ts';

const rows = z.array(worklistRow);

/** What a reader tells the next one. Lists hold a limited number of rows; the counts say how many there are. */
export const handOverAnswer = z
  .strictObject({
    nowMs: epochMs,
    sinceMs: epochMs,
    masked: z.boolean(),
    came: z.int().describe('Scans that have arrived since; priors and synthetic studies are not counted.'),
    flagged: z.int().describe('Of all scans, those that the AI has flagged since.'),
    notAnalysed: z.int().describe('Of those that came, those that the AI has not analysed.'),
    read: z.int().describe('Scans that were marked as read since.'),
    disagreed: z.int().describe('Scans with whose result somebody has disagreed since.'),
    open: z.int().describe('Scans that are unread now, whenever they came.'),
    openFlagged: z.int(),
    flaggedRows: rows.describe('Newest flag first.'),
    disagreedRows: rows.describe('Newest verdict first.'),
    openRows: rows.describe('In reading order.'),
  })
  .meta({ id: 'HandOver' });
export type HandOverAnswer = z.infer<typeof handOverAnswer>;
