import type { ThresholdRule } from '../answers/thresholdAnswers.ts';

/** One scan of the site with its stored score and, where a reader has confirmed it, the truth. Nothing here names a patient. */
export interface ScoredScan {
  studyInstanceUid: string;
  /** 0..1, as stored when the scan was analysed. */
  score: number;
  /** Confirmed by a reader's verdict; null while there is none, or the reader was unsure. */
  fracture: boolean | null;
  /** The agent's decision when it was analysed, by the threshold of that day: readers verify mostly what was flagged. Null where an earlier release removed the case. */
  wasFlagged: boolean | null;
  /** The same number for scans of the same patient; tells nothing else. */
  patient: number;
  sourceAeTitle: string;
  /** Manufacturer and model; empty when the headers do not say. */
  scanner: string;
  arrivedAtMs: number;
  /** `YYYY-MM-DD` and hour 0..23 of the arrival in the site's local time. */
  localDay: string;
  localHour: number;
}

/** The operating point for scans from a source. */
export function thresholdFor(rule: ThresholdRule, sourceAeTitle: string): number | null {
  if (rule.site === null) return null;
  return Object.hasOwn(rule.bySource, sourceAeTitle) ? (rule.bySource[sourceAeTitle] ?? null) : rule.site;
}

/** The agent's decision: flagged at or above the threshold. */
export function isFlagged(rule: ThresholdRule, scan: { score: number; sourceAeTitle: string }): boolean {
  const threshold = thresholdFor(rule, scan.sourceAeTitle);
  return threshold !== null && scan.score >= threshold;
}
