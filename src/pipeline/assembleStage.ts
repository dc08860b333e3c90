import { accountForArrival } from '../assemble/arrival.ts';
import { assembleStudy } from '../assemble/assembleStudy.ts';
import type { AssembledStudy } from '../assemble/assembledStudy.ts';
import { isGeometryWhole } from '../assemble/completeness.ts';
import type { SeriesRules } from '../assemble/seriesRules.ts';
import type { Clock } from '../base/clock.ts';
import type { SeriesVerdict, StoredInstance } from '../case/case.ts';
import type { CaseRecord } from '../case/caseRecord.ts';
import { ruleFor, type SelectionRule } from '../case/selection.ts';
import { notAnalysed } from '../case/notAnalysed.ts';
import { isPrior, newestScanDate } from '../case/scanAge.ts';
import type { TriageModel } from '../case/triageModel.ts';
import { dayText } from '../dicom/dateTimes.ts';
import { CT_SOP_CLASSES } from '../dicom/sopClasses.ts';
import type { Stage, StageOutcome } from './pipeline.ts';

export interface AssembleStageOptions {
  rules: SeriesRules;
  /** How long a study that seems incomplete is given after its last object. */
  quietMs: number;
  /** A scan that was older than this when it came is a prior; null for never. */
  maxAgeMs: number | null;
  /** Whether priors are only kept, or analysed too. */
  priors: 'keep' | 'analyse';
  /** The first rule that a study meets says what is done with it. */
  selection: readonly SelectionRule[];
  /** False while objects of the study are acknowledged and not on record, after a crash or behind a locked database: it may look complete without them. */
  isRecordWhole: (studyInstanceUid: string) => boolean;
  /** The loaded network, named in "could not be analysed"; null when there is none. */
  model: () => Pick<TriageModel, 'identity' | 'provider'> | null;
  clock: Pick<Clock, 'now'>;
}

const RECORD_LOOK_MS = 250;

/** Chooses the series of a study to analyse, once the study seems complete or its quiet time is over. A prior that is only kept has none. */
export function assembleStage(options: AssembleStageOptions): Stage {
  const { rules, quietMs, isRecordWhole, clock } = options;
  // eslint-disable-next-line @typescript-eslint/require-await -- a stage answers with a promise; this one has nothing to wait for
  return async ({ record, instances, refused = null }) => {
    if (!isRecordWhole(record.studyInstanceUid)) return { type: 'notYet', untilMs: clock.now() + RECORD_LOOK_MS };
    const arrival = { refused, isBrokenOff: record.isBrokenOff === true };
    const quietUntilMs = record.lastReceivedAtMs + quietMs;
    // The association has ended, but something seems to be missing, or may be sent again: wait for the quiet time.
    if (
      clock.now() < quietUntilMs &&
      (refused !== null || arrival.isBrokenOff || !isGeometryWhole(instances, rules).whole)
    )
      return { type: 'notYet', untilMs: quietUntilMs };
    const assembled = accountForArrival(assembleStudy(instances, rules), instances, arrival);
    const rule = ruleOf(options, record, instances);
    if (rule !== null && rule.do !== 'accept') return { ...leftOut(options, rule, assembled), rule };
    const isOld = isOldScan(options, record, instances);
    if (isOld && options.priors === 'keep') return { ...keptPrior(options, instances, assembled), rule };
    const outcome = assembled.type === 'seriesChosen' ? assembled : notEligible(options, assembled);
    return { ...outcome, ...(isOld ? { isPrior: true } : {}), ...(rule === null ? {} : { rule }) };
  };
}

/** A study that a person has taken as new stays new. */
function isOldScan(
  { maxAgeMs }: AssembleStageOptions,
  { recency, firstReceivedAtMs }: CaseRecord,
  instances: readonly StoredInstance[],
): boolean {
  if (maxAgeMs === null || recency === 'taken-as-new') return false;
  const headers = instances.filter(({ header }) => CT_SOP_CLASSES.has(header.sopClassUid)).map(({ header }) => header);
  return isPrior(headers, firstReceivedAtMs, maxAgeMs);
}

/** The rule that takes a study; none for a synthetic study. */
function ruleOf(
  { selection }: AssembleStageOptions,
  { recency, isProof, sourceAeTitle, calledAeTitle = '', firstReceivedAtMs }: CaseRecord,
  instances: readonly StoredInstance[],
): SelectionRule | null {
  if (isProof === true) return null;
  // What a person has had analysed is not left out again.
  const open = recency === 'taken-as-new' ? selection.filter((rule) => rule.do === 'accept') : selection;
  const headers = instances.map(({ header }) => header);
  return ruleFor(open, { headers, sourceAeTitle, calledAeTitle, arrivedAtMs: firstReceivedAtMs });
}

function leftOut(options: AssembleStageOptions, rule: SelectionRule, assembled: AssembledStudy) {
  const [reasonCode, what] = rule.do === 'keep' ? ['kept-by-rule', 'only keeps it'] : ['ignored-by-rule', 'ignores it'];
  const reason = `The selection rule ${rule.name} ${what}`;
  return notEligible(options, {
    series: withoutChoice(assembled, 'but a selection rule leaves the study out'),
    reasonCode,
    reason,
  });
}

function keptPrior(options: AssembleStageOptions, instances: readonly StoredInstance[], assembled: AssembledStudy) {
  const reason = `Prior of ${dayText(newestScanDate(instances.map(({ header }) => header)))}, kept for comparison`;
  const series = withoutChoice(assembled, 'but the scan is a prior');
  return {
    ...notEligible(options, { series, reasonCode: 'prior', reason }),
    // Not analysed, but shown beside the patient's newer scan.
    ...(assembled.type === 'seriesChosen' ? { manifest: assembled.manifest } : {}),
    isPrior: true,
  };
}

/** The series as they were judged, so that whoever has the study analysed all the same knows what would be taken. */
function withoutChoice(assembled: AssembledStudy, why: string): SeriesVerdict[] {
  const series = assembled.type === 'seriesChosen' ? assembled.manifest.series : assembled.series;
  return series.map((one) =>
    one.chosen ? { ...one, chosen: false, code: 'eligible', reason: `Eligible, ${why}` } : one,
  );
}

function notEligible(
  { model, clock }: AssembleStageOptions,
  { series, reasonCode, reason }: { series: SeriesVerdict[]; reasonCode: string; reason: string },
): Extract<StageOutcome, { type: 'notEligible' }> {
  const serving = model();
  const findings = notAnalysed(reasonCode, reason, serving?.identity, serving?.provider ?? 'none', clock.now());
  return { type: 'notEligible', series, findings };
}
