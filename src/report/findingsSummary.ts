import { reasonPhrase } from '../case/reasonPhrase.ts';
import { scoreTexts } from '../case/scoreTexts.ts';
import type { Findings } from '../case/case.ts';

/** Burnt into every picture and included in every report. */
export const NOT_FOR_DIAGNOSTIC_USE = 'NOT FOR DIAGNOSTIC USE';

/** Under every heatmap: the map shows where the network looked, and nothing more. */
export const HEATMAP_CAPTION = 'Where the model responded. Not a fracture outline.';

/** On every report: automation bias starts when an unflagged scan is read as a cleared one. */
export const DISCLAIMER =
  'Research software. Not a diagnosis. A scan without a flag can still show a fracture: read every scan as usual.';

/** The sentence of state, in the fixed words of the screens: the same on the card, in the SR and in the worklist. */
export function stateSentence(findings: Findings): string {
  const partial = findings.reasonCode === 'partial' ? findings.reason : null;
  switch (findings.decision) {
    case 'suspected':
      return `AI flag: possible fracture. Review now. Not a diagnosis.${partial === null ? '' : ` Only ${partial}.`}`;
    case 'not-suspected':
      return partial === null
        ? 'AI did not flag this scan - read as usual'
        : `Not analysed whole: only ${partial}, no flag in them - read as usual`;
    case 'not-analysed': {
      const reason = reasonPhrase(findings.reason ?? 'reason unknown');
      return findings.reasonCode === 'outside-domain'
        ? `Outside tested range (${reason}) - not scored. Read as usual`
        : `Not analysed: ${reason} - read as usual`;
    }
  }
}

/** The findings in one plain line: the sentence of state, and for a scored case the score against its threshold. */
export function findingsSummary(findings: Findings): string {
  const score = scoreSentence(findings);
  return score === null ? stateSentence(findings) : `${stateSentence(findings).replace(/\.?$/, '.')} ${score}`;
}

/** How much of the neck was seen, in sentences; null for a case that was not scored. */
export function coverageSentence({ coverage }: Findings): string | null {
  if (coverage === undefined) return null;
  const { slices, extentMm, levels, remarks } = coverage;
  const named =
    levels.length === 0 ? '' : levels.length === 1 ? `, ${levels[0]!}` : `, ${levels[0]!} to ${levels.at(-1)!}`;
  const seen = `Seen: ${slices} slices over ${Math.round(extentMm)} mm${named}`;
  return [seen, ...remarks.map((remark) => remark.charAt(0).toUpperCase() + remark.slice(1))]
    .map((sentence) => `${sentence}.`)
    .join(' ');
}

/** Score and threshold of a case, or null when it was not scored. A case that was not analysed never shows a number. */
export function scoreSentence(findings: Findings): string | null {
  if (findings.decision === 'not-analysed' || findings.probability === null || findings.threshold === null) return null;
  const { score, threshold } = scoreTexts(findings.probability, findings.threshold.value);
  return `AI score ${score}; flagged from ${threshold} (threshold version ${findings.threshold.version}).`;
}
