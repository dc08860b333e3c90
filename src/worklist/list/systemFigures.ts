import type { SystemFigures } from '../../answers/adminAnswers.ts';
import { onCurrentRevision } from '../cases/currentAnalysis.ts';
import type { WorklistDatabase } from '../db/database.ts';

/** At most this many studies are counted, the newest. */
const MOST_STUDIES = 50_000;

/** How fast patients' studies were processed, from the times on record. Removed and synthetic studies are not included. */
export async function systemFigures(
  { reads: db }: WorklistDatabase,
  range: { fromMs: number; toMs: number; stepMs: number },
): Promise<SystemFigures> {
  const { fromMs, toMs, stepMs } = range;
  const rows = await db
    .selectFrom('cases')
    .leftJoin('analyses', onCurrentRevision)
    .select(['cases.first_received_at', 'cases.last_slice_at', 'analyses.analysed_at'])
    .select((row) => [
      row
        .selectFrom('case_events')
        .select(({ fn }) => fn.max('case_events.at').as('at'))
        .whereRef('case_events.study_instance_uid', '=', 'cases.study_instance_uid')
        .whereRef('case_events.revision', '=', 'cases.revision')
        .where('case_events.type', '=', 'seriesChosen')
        .as('chosen_at'),
      row
        .selectFrom('case_events')
        .select(({ fn }) => fn.max('case_events.at').as('at'))
        .whereRef('case_events.study_instance_uid', '=', 'cases.study_instance_uid')
        .whereRef('case_events.revision', '=', 'cases.revision')
        .where('case_events.type', '=', 'inferred')
        .as('inferred_at'),
      row
        .selectFrom('case_events')
        .select(({ fn }) => fn.max('case_events.at').as('at'))
        .whereRef('case_events.study_instance_uid', '=', 'cases.study_instance_uid')
        .whereRef('case_events.revision', '=', 'cases.revision')
        .where('case_events.type', '=', 'reported')
        .as('reported_at'),
      row
        .selectFrom('result_objects')
        .innerJoin('deliveries', 'deliveries.sop_instance_uid', 'result_objects.sop_instance_uid')
        .select(({ fn }) => fn.min('deliveries.confirmed_at').as('at'))
        .whereRef('result_objects.study_instance_uid', '=', 'cases.study_instance_uid')
        .whereRef('result_objects.revision', '=', 'cases.revision')
        .where('result_objects.kind', '=', 'sr')
        .as('confirmed_at'),
    ])
    .where('cases.proof', '=', 0)
    .where('cases.removing', '=', 0)
    .where('cases.first_received_at', '>=', fromMs)
    .where('cases.first_received_at', '<', toMs)
    .orderBy('cases.first_received_at', 'desc')
    .limit(MOST_STUDIES)
    .execute();

  const between = (from: number | null, to: number | null): number[] =>
    from === null || to === null || to < from ? [] : [(to - from) / 1000];
  const latency = {
    assemble: percentilesOf(rows.flatMap((row) => between(row.last_slice_at, row.chosen_at))),
    infer: percentilesOf(rows.flatMap((row) => between(row.chosen_at, row.inferred_at))),
    report: percentilesOf(rows.flatMap((row) => between(row.inferred_at, row.reported_at))),
    deliver: percentilesOf(rows.flatMap((row) => between(row.reported_at, row.confirmed_at))),
    total: percentilesOf(rows.flatMap((row) => between(row.last_slice_at, row.confirmed_at))),
  };
  const steps = Array.from({ length: Math.ceil((toMs - fromMs) / stepMs) }, (_, index) => {
    const atMs = fromMs + index * stepMs;
    const inStep = rows.filter((row) => row.first_received_at >= atMs && row.first_received_at < atMs + stepMs);
    const { count, p50, p95 } = percentilesOf(inStep.flatMap((row) => between(row.last_slice_at, row.analysed_at)));
    return { atMs, received: inStep.length, analysed: count, p50, p95 };
  });
  return { ...range, latency, steps };
}

function percentilesOf(seconds: number[]): SystemFigures['latency']['total'] {
  const sorted = seconds.sort((a, b) => a - b);
  const at = (share: number): number | null => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p95: at(0.95), max: sorted.at(-1) ?? null };
}
