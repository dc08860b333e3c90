import { z } from 'zod';
import { AUDIT_ACTIONS } from '../../worklist/audit/audit.ts';
import { auditAnswer } from '../../answers/accessAnswers.ts';
import { AUDIT_CSV_HEADING, auditCsv } from '../auditCsv.ts';
import { route } from '../route.ts';

const MOST_IN_PAGE = 500;
const BATCH = 1_000;

const filter = {
  fromMs: z.coerce.number().int().optional().describe('Not before this time, epoch milliseconds.'),
  toMs: z.coerce.number().int().optional().describe('Before this time, epoch milliseconds.'),
  actor: z.string().max(200).optional(),
  action: z.enum(AUDIT_ACTIONS).optional(),
  target: z.string().max(200).optional().describe('A study UID, an account, a model.'),
};

/** Who did what, for admins. */
export const auditRoutes = [
  route({
    method: 'get',
    path: '/api/audit',
    least: 'admin',
    summary: 'The audit, newest first.',
    query: z.strictObject({
      ...filter,
      beforeSeq: z.coerce.number().int().optional(),
      limit: z.coerce.number().int().min(1).max(MOST_IN_PAGE).default(100),
    }),
    answer: { kind: 'json', schema: auditAnswer },
    handle: async ({ query: { limit, ...wanted } }, { access }) => {
      const entries = await access.audit.page(wanted, limit);
      return {
        actions: AUDIT_ACTIONS,
        entries,
        nextBeforeSeq: entries.length < limit ? null : (entries.at(-1)?.seq ?? null),
      };
    },
  }),
  route({
    method: 'get',
    path: '/api/audit.csv',
    least: 'admin',
    summary: 'The audit as CSV, newest first, safe to open in a spreadsheet.',
    query: z.strictObject(filter),
    audit: { by: 'route', action: 'audit.exported' },
    answer: { kind: 'other', contentType: 'text/csv; charset=utf-8', description: 'RFC 4180.' },
    handle: async ({ query, response }, { access }) => {
      response.type('text/csv; charset=utf-8').attachment('odontoid-audit.csv');
      response.write(AUDIT_CSV_HEADING);
      for (let beforeSeq: number | undefined; ;) {
        const entries = await access.audit.page({ ...query, beforeSeq }, BATCH);
        response.write([...auditCsv(entries)].join(''));
        if (entries.length < BATCH) break;
        beforeSeq = entries.at(-1)!.seq;
      }
      response.end();
      return undefined;
    },
  }),
];
