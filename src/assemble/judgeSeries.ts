import type { StoredImage, StoredInstance } from '../case/case.ts';
import { imagesOf } from '../case/frames.ts';
import { instanceRefusal, seriesRefusal } from './seriesRules.ts';
import type { Refusal, SeriesFacts, SeriesRules } from './seriesRules.ts';
import { compareText, orderSlices } from './sliceOrder.ts';
import { splitStacks } from './stacks.ts';

/** A series, or one stack of slices in it, with its judgement. */
export interface JudgedSeries {
  seriesInstanceUid: string;
  /** What distinguishes the stack from the others of its series; empty when it is the only one. */
  stackName: string;
  /** Every received image once, by SOP Instance UID and frame; images that are not slices count to the largest stack. */
  all: readonly StoredImage[];
  /** The slices that passed the per-image rules, and their geometry; empty when none did. */
  facts: SeriesFacts;
  /** Images that are not part of the stack. */
  refused: { instance: StoredImage; refusal: Refusal }[];
  /** Null when the series can be analysed. */
  refusal: Refusal | null;
  /** True when the series consists of axial slices: a refusal is then about the stack that they form. */
  isCandidate: boolean;
}

/** Groups the objects of a study by series and judges each stack of slices. Sorted by series number, then UID, whatever the order of arrival. */
export function judgeSeries(instances: readonly StoredInstance[], rules: SeriesRules): JudgedSeries[] {
  return [...Map.groupBy(distinct(instances).flatMap(imagesOf), ({ header }) => header.seriesInstanceUid)]
    .flatMap(([seriesInstanceUid, all]) => judge(seriesInstanceUid, all, rules))
    .sort((a, b) => numberOf(a) - numberOf(b) || compareText(a.seriesInstanceUid, b.seriesInstanceUid));
}

function judge(seriesInstanceUid: string, all: readonly StoredImage[], rules: SeriesRules): JudgedSeries[] {
  const refused: JudgedSeries['refused'] = [];
  const slices: StoredImage[] = [];
  for (const instance of all) {
    const refusal = instanceRefusal(instance.header, rules, all.length >= rules.minSlices);
    if (refusal === null) slices.push(instance);
    else refused.push({ instance, refusal });
  }
  const stacks = splitStacks(slices);
  if (stacks.length === 0) stacks.push({ slices: [], name: '' });
  return stacks.map(({ slices: instances, name }, index) => {
    const rest = index === 0 ? refused : [];
    const facts = { instances, stack: orderSlices(instances) };
    // A few usable images among many of another kind do not make it a series of slices.
    const isCandidate =
      instances.length > 0 && (instances.length >= rules.minSlices || instances.length >= refused.length);
    const refusal = isCandidate ? seriesRefusal(facts, rules) : mostFrequent(refused.map((entry) => entry.refusal));
    return {
      seriesInstanceUid,
      stackName: name,
      all: stacks.length === 1 ? all : [...instances, ...rest.map(({ instance }) => instance)],
      facts,
      refused: rest,
      refusal,
      isCandidate,
    };
  });
}

/** Sorted by UID; the same bytes under the same UID count once. */
function distinct(instances: readonly StoredInstance[]): StoredInstance[] {
  const sorted = [...instances].sort(
    (a, b) =>
      compareText(a.header.sopInstanceUid, b.header.sopInstanceUid) ||
      compareText(a.sha256, b.sha256) ||
      compareText(a.path, b.path),
  );
  return sorted.filter((instance, index) => {
    const before = sorted[index - 1];
    return before?.header.sopInstanceUid !== instance.header.sopInstanceUid || before.sha256 !== instance.sha256;
  });
}

function mostFrequent(refusals: readonly Refusal[]): Refusal {
  return [...Map.groupBy(refusals, ({ code }) => code).values()].reduce((most, group) =>
    group.length > most.length ? group : most,
  )[0]!;
}

function numberOf({ all }: JudgedSeries): number {
  return all[0]?.header.seriesNumber ?? Number.MAX_SAFE_INTEGER;
}
