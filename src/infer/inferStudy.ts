import type { CaseManifest } from '../case/case.ts';
import { inferStack, type InferSeriesOptions, type SeriesInference } from './inferSeries.ts';

/** Maximum number of series that are tried before the study counts as one that cannot be analysed. */
const MOST_TRIED = 4;

export interface InferStudyOptions extends InferSeriesOptions {
  /** The series to analyse when those tried cannot be, by `inputSha256` with the reason; null when there is none. */
  next: (tried: ReadonlyMap<string, string>) => CaseManifest | null | Promise<CaseManifest | null>;
}

/**
 * Analyses the chosen series of a study. If it cannot be read or shows no neck, tries the next best one, and the findings say so. When none can be
 * analysed, the answer is that for the first.
 *
 * @throws TriageError `inference-*`, to be tried again
 */
export async function inferStudy({ next, ...options }: InferStudyOptions): Promise<SeriesInference> {
  const tried = new Map<string, string>();
  let first: SeriesInference | null = null;
  let manifest: CaseManifest | null = options.manifest;
  while (manifest !== null && tried.size < MOST_TRIED) {
    const inference = await inferStack({ ...options, manifest });
    const { decision, reason } = inference.findings;
    if (decision !== 'not-analysed') return tried.size === 0 ? inference : withRemarks(inference, [...tried.values()]);
    first ??= inference;
    tried.set(manifest.inputSha256, (reason ?? '').replace(/ - not scored\. Read as usual$/, ''));
    manifest = await next(tried);
  }
  return first!;
}

/** The findings with the reasons why better series were not analysed. */
function withRemarks({ findings, manifest }: SeriesInference, reasons: readonly string[]): SeriesInference {
  const remarks = reasons.map((reason) => `another series was chosen first and could not be analysed: ${reason}`);
  const { coverage } = findings;
  if (coverage === undefined) return { findings, manifest };
  return { findings: { ...findings, coverage: { ...coverage, remarks: [...coverage.remarks, ...remarks] } }, manifest };
}
