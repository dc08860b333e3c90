import path from 'node:path';
import type { ModelValidation } from '../answers/modelAnswers.ts';
import { systemClock } from '../base/clock.ts';
import { TriageError } from '../base/errors.ts';
import { caseRef } from '../case/caseRef.ts';
import type { CohortJudgement } from '../cohort/evaluateCohort.ts';
import { databasePlace, dataPaths } from '../compose/places.ts';
import type { Config } from '../config/config.ts';
import type { LabelledCase, Problem } from '../dataset/dataset.ts';
import { loadModelPackage } from '../infer/modelCard.ts';
import type { ScoredScan } from '../thresholds/scoredScan.ts';
import { verifiedRates, type VerifiedRates } from '../thresholds/verifiedRates.ts';
import { placeText } from '../worklist/db/database.ts';
import { noteProblems } from './datasetProblems.ts';
import { judgeCases, judgeDataset, nameOf, type JudgeOptions } from './judgeDataset.ts';
import { onDatabase } from './modelDatabase.ts';

/** Cases with their truth, wherever they come from, as a package has judged them. */
export interface JudgedHere {
  readonly dataset: string;
  readonly kind: ModelValidation['kind'];
  readonly cases: readonly LabelledCase[];
  readonly judgement: CohortJudgement;
  readonly problems: readonly Problem[];
  /** Of the site's own cases: every scan that was scored, verified or not, oldest first. */
  readonly scans: readonly ScoredScan[] | null;
}

const DAY_MS = 86_400_000;

/** The cases of a labelled folder. @throws TriageError `dataset-invalid`, `not-found`, `model-*` */
export async function judgeFolder(folder: string, config: Config, options: JudgeOptions): Promise<JudgedHere> {
  const { dataset, ...judged } = await judgeDataset(folder, config, options);
  return { dataset: nameOf(folder, options), kind: dataset.kind, ...judged, scans: null };
}

/**
 * The site's past cases: what the readers' verdicts agree on is the truth, and the images come from the spool. `configuredDir`: the package that is active
 * until somebody activates another.
 *
 * @throws TriageError `dataset-invalid` without any such case, `not-found`, `model-*`
 */
export async function judgeSite(
  config: Config,
  configuredDir: string,
  { days, cache }: { days: number; cache?: string },
): Promise<JudgedHere> {
  const { spool } = dataPaths(config);
  const { scans, cases: known } = await onDatabase(
    config,
    async (store) => {
      const active =
        (await store.modelInForce('active')).wanted?.model?.sha256 ??
        (await loadModelPackage(configuredDir)).identity.sha256;
      return store.siteCases(active, systemClock.now() - days * DAY_MS);
    },
    () =>
      Promise.reject(
        new TriageError(
          'not-found',
          `There is no database at ${placeText(databasePlace(config))}: no case was ever received.`,
        ),
      ),
  );
  if (known.length === 0)
    throw new TriageError(
      'dataset-invalid',
      'No case of the active package has both a verdict that readers agree on and its images. Give verdicts on the cases’ pages first, or validate a folder.',
    );
  const cases = known.map(({ studyInstanceUid, fracture, folder, patientKey, sex }): LabelledCase => ({
    id: caseRef(studyInstanceUid),
    patientKey,
    folder: path.join(spool, folder),
    label: fracture,
    sex,
    ageYears: null,
    levels: [],
    types: [],
    grade: null,
    imageLabels: new Map(),
    boxes: new Map(),
    masks: [],
    unmarkedIsIntact: !fracture,
  }));
  const judgement = await judgeCases(cases, config, cache ?? path.join(config.dataDir, 'validation'));
  noteProblems(judgement.problems);
  return {
    dataset: `cases of the last ${days} days with verdicts`,
    kind: 'site',
    cases,
    judgement,
    problems: judgement.problems,
    scans,
  };
}

/**
 * Sensitivity and specificity at a threshold as they would be if every scan had been verified: readers verify nearly every flagged scan and few of the others.
 * Scans that the package has judged anew count with their new score.
 */
export function verifiedRatesHere(
  scans: readonly ScoredScan[],
  judgement: CohortJudgement,
  threshold: number,
): VerifiedRates['rules'][number] {
  const anew = new Map(judgement.cases.map(({ id, probability }) => [id, probability]));
  const counted = scans.map((scan) => {
    const score = anew.get(caseRef(scan.studyInstanceUid)) ?? null;
    return score === null ? { ...scan, score: 0, fracture: null } : { ...scan, score };
  });
  return verifiedRates(counted, 1, ({ score }) => (score >= threshold ? 1 : 0)).rules[0]!;
}
