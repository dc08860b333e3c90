import { assembleStudy } from '../assemble/assembleStudy.ts';
import { isGeometryWhole } from '../assemble/completeness.ts';
import type { SeriesRules } from '../assemble/seriesRules.ts';
import type { Clock } from '../base/clock.ts';
import { notAnalysed } from '../case/notAnalysed.ts';
import type { TriageModel } from '../case/triageModel.ts';
import type { Stage } from './pipeline.ts';

export interface AssembleStageOptions {
  rules: SeriesRules;
  /** How long a study that seems incomplete is given after its last object. */
  quietMs: number;
  /** False while objects that a crash left unrecorded are still being recorded at a start: until then a study may be incomplete. */
  isRecordWhole: () => boolean;
  /** The loaded network, named in "could not be analysed"; null when there is none. */
  model: () => Pick<TriageModel, 'identity' | 'provider'> | null;
  clock: Pick<Clock, 'now'>;
}

const RECORD_LOOK_MS = 250;

/** Chooses the series of a study to analyse, once the study seems complete or its quiet time is over. */
export function assembleStage({ rules, quietMs, isRecordWhole, model, clock }: AssembleStageOptions): Stage {
  // eslint-disable-next-line @typescript-eslint/require-await -- a stage answers with a promise; this one has nothing to wait for
  return async ({ record, instances }) => {
    if (!isRecordWhole()) return { type: 'notYet', untilMs: clock.now() + RECORD_LOOK_MS };
    const quietUntilMs = record.lastReceivedAtMs + quietMs;
    // The association has ended, but something seems to be missing: wait for the quiet time.
    if (clock.now() < quietUntilMs && !isGeometryWhole(instances, rules).whole)
      return { type: 'notYet', untilMs: quietUntilMs };
    const assembled = assembleStudy(instances, rules);
    if (assembled.type === 'seriesChosen') return assembled;
    const { reasonCode, reason, series } = assembled;
    const serving = model();
    return {
      type: 'notEligible',
      series,
      findings: notAnalysed(reasonCode, reason, serving?.identity, serving?.provider ?? 'none', clock.now()),
    };
  };
}
