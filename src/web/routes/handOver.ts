import { z } from 'zod';
import { handOverAnswer } from '../../answers/handOverAnswer.ts';
import { maskedRow, withoutLocations } from '../maskedRow.ts';
import { route } from '../route.ts';

const HOUR_MS = 3_600_000;

/** What one shift tells the next. */
export const handOverRoutes = [
  route({
    method: 'get',
    path: '/api/hand-over',
    least: 'reader',
    summary: 'What came, was flagged, read and disagreed with in the last hours, and what is still open.',
    query: z.strictObject({ hours: z.coerce.number().min(1).max(72).default(8) }),
    answer: { kind: 'json', schema: handOverAnswer },
    handle: async ({ query: { hours }, principal }, { query, clock, names, triageOnly }) => {
      const masked = !names.inListFor(principal!);
      const answer = await query.handOver(clock.now() - hours * HOUR_MS);
      const shown = (rows: typeof answer.openRows) =>
        rows.map((row) => (triageOnly ? withoutLocations(row) : row)).map((row) => (masked ? maskedRow(row) : row));
      return {
        ...answer,
        masked,
        flaggedRows: shown(answer.flaggedRows),
        disagreedRows: shown(answer.disagreedRows),
        openRows: shown(answer.openRows),
      };
    },
  }),
];
