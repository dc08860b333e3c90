import type { ProofAnswer, ProofRun } from '../answers/adminAnswers.ts';
import type { ProofMeasures } from '../worklist/proof/proofRuns.ts';
import { scoreTexts } from '../case/scoreTexts.ts';
import type { CaseDetail } from '../worklist/list/worklistQuery.ts';

/** What a proof requires of the result: that the fracture is flagged; that the scan has a score; or that a report is written, whatever it says. */
export type ProofExpectation = ProofAnswer['expect'];

/** The same network must give the same phantom the same score; with a larger difference, something has changed unintentionally. */
const SAME_SCORE = 0.05;

/** A person's change of the threshold that is in force. */
export interface ChangeInForce {
  version: number;
  by: string;
  atMs: number;
  /** The threshold before; null without one. */
  from: number | null;
}

/** What is wrong with the case of a proof, as a sentence; null when nothing is. `before` is the last run that passed, `change` what a person has set. */
export function proofObjection(
  { row, findings, results, instances }: Pick<CaseDetail, 'row' | 'findings' | 'results' | 'instances'>,
  {
    sentSlices,
    expect,
    before,
    change = null,
  }: {
    sentSlices: number;
    expect: ProofExpectation;
    before: ProofMeasures | null;
    change?: ChangeInForce | null;
  },
): string | null {
  if (row.quarantineReason !== null) return `The study was held: ${row.quarantineReason}.`;
  if (instances.received !== sentSlices)
    return `${sentSlices} slices were sent, and ${instances.received} are on record.`;
  if (!results.some(({ kind }) => kind === 'sr')) return 'No structured report was written.';
  const refused = results.flatMap(({ deliveries }) => deliveries).find(({ status }) => status === 'refused');
  if (refused !== undefined)
    return `${refused.destination} refused a result: ${refused.lastError ?? 'no reason given'}`;
  // If the site has stopped its flags, it did so on purpose, and its screens say so.
  if (expect === 'reported' || row.reasonCode === 'flags-stopped') return null;
  if (row.decision === 'not-analysed' || row.probability === null)
    return `It was not analysed: ${row.reason ?? 'no reason given'}. If this network cannot know synthetic studies, set proofOfLife.expect: reported.`;
  if (
    before !== null &&
    before.model?.sha256 === findings?.model.sha256 &&
    before.probability !== null &&
    Math.abs(before.probability - row.probability) > SAME_SCORE
  )
    return `Its score is ${row.probability.toFixed(2)}; the same network gave the same study ${before.probability.toFixed(2)} before.`;
  if (expect === 'suspected' && row.decision !== 'suspected') {
    const shown = scoreTexts(row.probability, row.threshold?.value ?? 1);
    const what = `Its obvious fracture was not flagged: score ${shown.score}, flagged from ${shown.threshold}.`;
    return change === null
      ? `${what} If this network cannot know synthetic fractures, set proofOfLife.expect: analysed.`
      : `${what} ${change.by} set this threshold (${change.from === null ? 'none' : change.from.toFixed(2)} before) on ${minuteOf(change.atMs)}: take it back under Thresholds.`;
  }
  return null;
}

/** `2026-11-02 08:15 UTC` */
function minuteOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Why somebody must look, as a sentence; null when a run has passed recently and none has failed since. `sinceMs`: when runs could first be expected. */
export function proofAlarm(
  runs: { lastJudged: ProofRun | null; lastPassed: ProofRun | null },
  nowMs: number,
  { sinceMs, alarmAfterMs }: { sinceMs: number; alarmAfterMs: number | null },
): string | null {
  const { lastJudged, lastPassed } = runs;
  if (lastJudged?.outcome === 'failed') return `The proof of life failed: ${lastJudged.failure ?? 'no reason given'}`;
  if (alarmAfterMs === null) return null;
  const soundAtMs = lastPassed?.finishedAtMs ?? sinceMs;
  if (nowMs - soundAtMs <= alarmAfterMs) return null;
  const hours = Math.floor((nowMs - soundAtMs) / 3_600_000);
  return `The proof of life is overdue: none has passed for ${hours} h.`;
}

/** The change of threshold that made the last proof fail, as long as it is in force; null when the proof failed for another reason, or passed. */
export function changeToTakeBack(last: ProofRun | null, change: ChangeInForce | null): ChangeInForce | null {
  if (last?.outcome !== 'failed' || last.measures.decision !== 'not-suspected') return null;
  return change !== null && change.atMs <= last.startedAtMs ? change : null;
}
