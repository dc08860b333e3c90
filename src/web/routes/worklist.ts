import { worklistAnswer } from '../answers/worklistAnswer.ts';
import { route } from '../route.ts';

/** The ranked list and its live feed. */
export const worklistRoutes = [
  route({
    method: 'get',
    path: '/api/worklist',
    least: 'service',
    summary: 'The worklist in reading order, with the state of the agent.',
    answer: { kind: 'json', schema: worklistAnswer },
    handle: async (_call, { query, system, clock, maxWaitMinutes }) => ({
      nowMs: clock.now(),
      maxWaitMinutes,
      system: await system(),
      totals: await query.totals(),
      rows: await query.rows(),
    }),
  }),
  route({
    method: 'get',
    path: '/api/events',
    least: 'service',
    summary: 'Server-sent events: `change` when the worklist may look different, `heartbeat` every 5 s.',
    answer: { kind: 'other', contentType: 'text/event-stream', description: 'A stream that names no study.' },
    alsoAnswers: { 503: 'Too many pages are open.' },
    handle: ({ request, response, principal }, { feed, access }) => {
      const { session } = principal!;
      feed.serve(request, response, () => (session === null ? Promise.resolve(true) : access.sessions.lives(session.id)));
      return undefined;
    },
  }),
];
