import type { CaseManifest, SeriesVerdict } from '../case/case.ts';

/** The outcome of assembling a study: the series to analyse, or why there is none. */
export type AssembledStudy =
  | { type: 'seriesChosen'; manifest: CaseManifest }
  | { type: 'notEligible'; series: SeriesVerdict[]; reasonCode: string; reason: string };
