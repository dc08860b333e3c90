import { worklistAnswer } from '../../answers/worklistAnswer.ts';
import { z } from 'zod';
import { maskedRow, withoutFindings, withoutLocations } from '../maskedRow.ts';
import { route } from '../route.ts';
import { stoppedWork } from '../stoppedWork.ts';

/** Suspected cases that a response lists for sound and notices. Each chimes once, so a flag must not appear only after others are read. */
export const MOST_FLAGS = 500;
const MOST_LOCATIONS = 100;

/** The ranked list and its live feed. */
export const worklistRoutes = [
  route({
    method: 'get',
    path: '/api/worklist',
    least: 'service',
    summary: 'A part of the worklist in reading order, with the state of the agent.',
    query: z.strictObject({
      show: z.enum(['all', 'flagged', 'unflagged', 'unscored']).default('all'),
      search: z
        .string()
        .max(100)
        .default('')
        .describe('Words that the name, the patient ID or the accession number must hold.'),
      location: z.string().max(64).default('').describe('Only cases at this place; empty for all.'),
      read: z.stringbool().default(true).describe('Read ones too, behind the unread.'),
      list: z.string().max(40).optional().describe('Of an earlier answer: the same cases in the same places.'),
      offset: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(1).max(500).default(200),
      masked: z.stringbool().default(false).describe('Without what tells who the patients are.'),
    }),
    answer: { kind: 'json', schema: worklistAnswer },
    handle: async (
      { query: { masked: wanted, list = null, ...asked }, principal },
      { query, system, clock, maxWaitMinutes, triageOnly, viewerTemplate, names },
    ) => {
      const masked = wanted || !names.inListFor(principal!);
      const { rows, ...page } = await query.page({ ...asked, list });
      const status = await system();
      const totals = await query.totals();
      const flags = await query.flags(MOST_FLAGS);
      const shown = rows.map((row) => (row !== null && triageOnly ? withoutLocations(row) : row));
      return {
        nowMs: clock.now(),
        maxWaitMinutes,
        viewerTemplate,
        system: status,
        stopped: stoppedWork(status, totals, clock.now()),
        totals,
        flags: triageOnly ? withoutFindings(flags) : flags,
        leftOver: await query.leftOver(),
        oldClaims: await query.oldClaims(principal!.name),
        ...page,
        masked,
        locations: await query.locations(MOST_LOCATIONS),
        namesMayBeShown: names.mayBeShown,
        rows: masked ? shown.map((row) => row && maskedRow(row)) : shown,
      };
    },
  }),
  route({
    method: 'post',
    path: '/api/worklist/left-over',
    least: 'reader',
    summary: 'Marks as read, by the requester, what has been unread for longer than a shift and is not flagged.',
    audit: { by: 'store', action: 'case.read' },
    answer: { kind: 'json', schema: z.strictObject({ read: z.int() }) },
    handle: async ({ actor }, { store }) => ({ read: await store.markLeftOverRead(actor) }),
  }),
  route({
    method: 'post',
    path: '/api/worklist/names',
    least: 'reader',
    summary: 'Shows the reader who asks the patients’ names in the list, where the site lets them.',
    audit: { by: 'route', action: 'names.shown' },
    answer: { kind: 'nothing' },
    handle: async ({ principal }, { names }) => {
      await names.show(principal!);
      return undefined;
    },
  }),
  route({
    method: 'get',
    path: '/api/events',
    least: 'wall',
    summary: 'Server-sent events: `change` when the worklist may look different, `heartbeat` every 5 s.',
    answer: { kind: 'other', contentType: 'text/event-stream', description: 'A stream that names no study.' },
    alsoAnswers: { 503: 'Too many pages are open.' },
    handle: ({ request, response, principal, address }, { feed, access }) => {
      const { session, role, name } = principal!;
      feed.serve(request, response, {
        address,
        who: session?.id ?? (role === 'wall' || role === 'service' ? name : null),
        mayListen: () => access.lives(principal!),
      });
      return undefined;
    },
  }),
];
