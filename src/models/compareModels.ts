import type { AgainstReaders, ModelComparison } from '../answers/modelAnswers.ts';
import { DECISIONS } from '../case/decision.ts';
import type { ModelIdentity } from '../case/triageModel.ts';
import { delongInterval, wilsonInterval } from '../statistics/intervals.ts';
import { median } from '../statistics/median.ts';
import type { ShadowScore } from '../worklist/models/shadowScores.ts';

/** Compares what was reported with what the shadow said of the same revisions. Only the newest revision of a case counts. */
export function compareModels(
  active: ModelIdentity,
  shadow: ModelIdentity,
  rows: readonly ShadowScore[],
): ModelComparison {
  const newest = new Map<string, ShadowScore>();
  for (const row of rows)
    if (row.revision > (newest.get(row.study_instance_uid)?.revision ?? 0)) newest.set(row.study_instance_uid, row);
  const all = [...newest.values()];
  const compared = all.filter((row) => row.active_model_sha256 === active.sha256);
  const judged = compared.filter((row) => row.failure === null);
  const both = judged.flatMap((row) =>
    row.probability === null || row.active_probability === null
      ? []
      : [{ row, active: row.active_probability, shadow: row.probability }],
  );
  const read = both.filter(({ row }) => row.fracture !== null);
  const agreeing = both.filter(({ row }) => row.decision === row.active_decision).length;
  const differences = both.map((pair) => pair.shadow - pair.active);
  const decisions = Object.fromEntries(
    DECISIONS.map((first) => [
      first,
      Object.fromEntries(
        DECISIONS.map((second) => [
          second,
          judged.filter((row) => row.active_decision === first && row.decision === second).length,
        ]),
      ),
    ]),
  ) as ModelComparison['decisions'];
  return {
    active,
    shadow,
    cases: compared.length,
    byEarlierPackages: all.length - compared.length,
    decisions,
    agreement: {
      cases: both.length,
      share: wilsonInterval(agreeing, both.length),
      kappa: kappa(both.map(({ row }) => [row.active_decision === 'suspected', row.decision === 'suspected'])),
    },
    flips: judged
      .filter((row) => row.decision !== row.active_decision)
      .map((row) => ({
        studyInstanceUid: row.study_instance_uid,
        revision: row.revision,
        active: { decision: row.active_decision, probability: row.active_probability },
        shadow: { decision: row.decision!, probability: row.probability },
      })),
    scores: {
      cases: both.length,
      pearson: pearson(
        both.map((pair) => pair.active),
        both.map((pair) => pair.shadow),
      ),
      spearman: pearson(ranks(both.map((pair) => pair.active)), ranks(both.map((pair) => pair.shadow))),
      meanDifference: mean(differences),
      standardDeviation: deviation(differences),
      largestDifference:
        differences.length === 0
          ? null
          : differences.reduce((most, one) => (Math.abs(one) > Math.abs(most) ? one : most)),
    },
    readers: {
      positives: read.filter(({ row }) => row.fracture === 'yes').length,
      negatives: read.filter(({ row }) => row.fracture === 'no').length,
      active: againstReaders(
        read.map(({ row, active: score }) => ({
          label: row.fracture === 'yes',
          score,
          flagged: row.active_decision === 'suspected',
        })),
      ),
      shadow: againstReaders(
        read.map(({ row, shadow: score }) => ({
          label: row.fracture === 'yes',
          score,
          flagged: row.decision === 'suspected',
        })),
      ),
    },
    notAnalysed: {
      active: reasons(compared, (row) => (row.active_decision === 'not-analysed' ? row.active_reason_code : null)),
      shadow: reasons(judged, (row) => (row.decision === 'not-analysed' ? row.reason_code : null)),
    },
    failures: compared.flatMap(({ study_instance_uid: studyInstanceUid, revision, failure }) =>
      failure === null ? [] : [{ studyInstanceUid, revision, failure }],
    ),
    secondsPerCase: {
      active: median(judged.flatMap((row) => row.active_seconds ?? [])),
      shadow: median(judged.flatMap((row) => row.seconds ?? [])),
    },
  };
}

function againstReaders(cases: readonly { label: boolean; score: number; flagged: boolean }[]): AgainstReaders {
  const [positives, negatives] = [cases.filter(({ label }) => label), cases.filter(({ label }) => !label)];
  return {
    sensitivity: wilsonInterval(positives.filter(({ flagged }) => flagged).length, positives.length),
    specificity: wilsonInterval(negatives.filter(({ flagged }) => !flagged).length, negatives.length),
    auc: delongInterval(cases),
  };
}

/** Cohen's kappa of two binary judgements. */
function kappa(pairs: readonly (readonly [boolean, boolean])[]): number | null {
  if (pairs.length === 0) return null;
  const share = (of: (pair: readonly [boolean, boolean]) => boolean) => pairs.filter(of).length / pairs.length;
  const [first, second] = [share(([a]) => a), share(([, b]) => b)];
  const byChance = first * second + (1 - first) * (1 - second);
  return byChance === 1 ? null : (share(([a, b]) => a === b) - byChance) / (1 - byChance);
}

function reasons(rows: readonly ShadowScore[], codeOf: (row: ShadowScore) => string | null): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const row of rows) {
    const code = codeOf(row);
    if (code !== null) counts[code] = (counts[code] ?? 0) + 1;
  }
  return counts;
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[]): number | null {
  const centre = mean(values);
  if (centre === null || values.length < 2) return null;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

/** Null where one of them does not vary. */
function pearson(a: readonly number[], b: readonly number[]): number | null {
  const [meanA, meanB] = [mean(a), mean(b)];
  if (meanA === null || meanB === null || a.length < 2) return null;
  let product = 0;
  let squareA = 0;
  let squareB = 0;
  for (const [index, value] of a.entries()) {
    product += (value - meanA) * (b[index]! - meanB);
    squareA += (value - meanA) ** 2;
    squareB += (b[index]! - meanB) ** 2;
  }
  return squareA === 0 || squareB === 0 ? null : product / Math.sqrt(squareA * squareB);
}

/** Ranks from 1; equal values share the mean of theirs. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).sort((a, b) => values[a]! - values[b]!);
  const ranked = new Array<number>(values.length);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let place = start; place < end; place++) ranked[order[place]!] = (start + 1 + end) / 2;
    start = end;
  }
  return ranked;
}
