import { createHash } from 'node:crypto';
import type { Decision } from '../../case/decision.ts';
import { reasonPhrase } from '../../case/reasonPhrase.ts';
import { dayText } from '../../dicom/dateTimes.ts';
import type { CaseState } from '../../case/caseState.ts';

/** What a reader is told of a case. The only word for an unflagged scan is "did not flag". */
export type CaseStatusKind =
  'flagged' | 'unflagged' | 'running' | 'delayed' | 'not-analysed' | 'outside-domain' | 'failed' | 'held';

export interface CaseStatus {
  kind: CaseStatusKind;
  /** The fixed words. */
  text: string;
}

export interface StatusFacts {
  studyInstanceUid: string;
  revision: number;
  state: CaseState;
  decision: Decision | null;
  reason: string | null;
  reasonCode: string | null;
  quarantineReason: string | null;
  /** When a prior was scanned, DICOM DA or DT; null for a scan that was new when it came. */
  priorOf: string | null;
  /** Time since the last slice. */
  elapsedMs: number;
}

const MINUTE_MS = 60_000;
/** An analysis is called delayed when it takes more than twice the usual time, but never before this. */
const DELAYED_AFTER_MS = 2 * MINUTE_MS;
/** Used when there is no analysis to compare with. */
const DELAYED_WITHOUT_USUAL_MS = 10 * MINUTE_MS;

/** A duration as the worklist shows it: `under 1 min`, `4 min`, `1 h 5 min`. */
export function durationText(ms: number): string {
  const minutes = Math.floor(ms / MINUTE_MS);
  if (minutes < 1) return 'under 1 min';
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const phrase = (reason: string | null): string => reasonPhrase(reason ?? 'no reason given');

/** Four characters by which a reader and an operator can refer to the same failure. */
function failureRef(studyInstanceUid: string, revision: number): string {
  return createHash('sha256').update(`${studyInstanceUid}#${revision}`).digest('hex').slice(0, 4).toUpperCase();
}

/** What the network found in a scored case; null for a case that it has not scored. */
function resultText({ decision, reasonCode, reason }: StatusFacts): CaseStatus | null {
  const partial = reasonCode === 'partial' ? phrase(reason) : null;
  if (decision === 'suspected')
    return {
      kind: 'flagged',
      text: `AI flag: possible fracture. Review now. Not a diagnosis.${partial === null ? '' : ` Only ${partial}.`}`,
    };
  if (decision !== 'not-suspected') return null;
  return partial === null
    ? { kind: 'unflagged', text: 'AI did not flag this scan - read as usual' }
    : { kind: 'not-analysed', text: `Not analysed whole: only ${partial}, no flag in them - read as usual` };
}

/** The state of a case in fixed words. `usualMs` is how long an analysis takes after the last slice, null when not known. */
export function caseStatus(facts: StatusFacts, usualMs: number | null): CaseStatus {
  if (facts.priorOf === null) return statusOfScan(facts, usualMs);
  const prior = `Prior of ${dayText(facts.priorOf)}`;
  if (facts.quarantineReason === null && (facts.reasonCode === 'prior' || facts.state === 'receiving'))
    return { kind: 'not-analysed', text: `${prior}: kept for comparison, not analysed` };
  const { kind, text } = statusOfScan(facts, usualMs);
  return { kind, text: `${prior}. ${text.replace(' Review now.', '')}` };
}

function statusOfScan(facts: StatusFacts, usualMs: number | null): CaseStatus {
  const result = resultText(facts);
  if (facts.quarantineReason !== null) {
    const why = phrase(facts.quarantineReason);
    // Findings made before the object that is held still stand.
    return result === null
      ? { kind: 'held', text: `Not analysed: held for checking, ${why} - read as usual` }
      : { kind: 'held', text: `${result.text.replace(/\.?$/, '.')} Held for checking: ${why}` };
  }
  if (result !== null) return result;
  if (facts.state === 'failed') {
    return {
      kind: 'failed',
      text: `AI failed - not analysed. Read as usual. Ref ${failureRef(facts.studyInstanceUid, facts.revision)}`,
    };
  }
  if (facts.decision === 'not-analysed') {
    if (facts.reasonCode === 'outside-domain')
      return {
        kind: 'outside-domain',
        text: `Outside tested range (${phrase(facts.reason)}) - not scored. Read as usual`,
      };
    return { kind: 'not-analysed', text: `Not analysed: ${phrase(facts.reason)} - read as usual` };
  }
  if (
    usualMs === null
      ? facts.elapsedMs > DELAYED_WITHOUT_USUAL_MS
      : facts.elapsedMs > Math.max(2 * usualMs, DELAYED_AFTER_MS)
  ) {
    const usual = usualMs === null ? '' : `, usually ${durationText(usualMs)}`;
    return { kind: 'delayed', text: `AI delayed: ${durationText(facts.elapsedMs)}${usual} - read as usual` };
  }
  return { kind: 'running', text: `AI running, ${durationText(facts.elapsedMs)} - do not wait for it` };
}
