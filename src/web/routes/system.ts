import { health, readiness } from '../../answers/systemAnswer.ts';
import { METRICS_TYPE, metricsText } from '../metrics.ts';
import { judgeReadiness } from '../readiness.ts';
import { route } from '../route.ts';

/** The state of the agent itself: for load balancers, supervisors and Prometheus. */
export const systemRoutes = [
  route({
    method: 'get',
    path: '/healthz',
    least: 'public',
    summary: 'Alive: the process answers and the database can be read.',
    answer: { kind: 'json', schema: health },
    handle: async (_call, { query }) => {
      await query.isAnswering();
      return { ok: true as const };
    },
  }),
  route({
    method: 'get',
    path: '/readyz',
    least: 'public',
    summary: 'Ready: studies are received, analysed and shown. The text says what is missing, and what is alarming.',
    answer: { kind: 'json', schema: readiness },
    alsoAnswers: { 503: 'Not ready; the body is the same.' },
    handle: async ({ response }, { system, query, clock }) => {
      const totals = await query.totals().catch(() => null);
      const { missing, alarms } = judgeReadiness(await system(), totals, clock.now());
      response.status(missing.length === 0 ? 200 : 503);
      return { ready: missing.length === 0, missing, alarms };
    },
  }),
  route({
    method: 'get',
    path: '/metrics',
    least: 'service',
    summary: 'Prometheus metrics.',
    answer: { kind: 'other', contentType: METRICS_TYPE, description: 'Prometheus text format 0.0.4.' },
    handle: async ({ response }, { query, system, clock }) => {
      const text = await metricsText(await query.totals(), await system(), clock.now());
      response.type(METRICS_TYPE).send(text);
      return undefined;
    },
  }),
];
