import type { InstanceHeader } from '../case/case.ts';
import { headersOfImages } from '../case/frames.ts';
import type { LateImages } from '../case/lateImages.ts';
import { assembleStudy } from './assembleStudy.ts';
import { preferSeries } from './seriesRank.ts';
import { instanceRefusal, type SeriesRules } from './seriesRules.ts';

/** Why a study was not analysed for another reason than what its images are: any slice may change that. */
const NOT_BY_GEOMETRY: ReadonlySet<string> = new Set(['prior', 'kept-by-rule', 'ignored-by-rule']);

/** Whether one of an object's images can be a slice of an analysed series. */
function isAnalysable(header: InstanceHeader, rules: SeriesRules): boolean {
  return headersOfImages(header).some((image) => instanceRefusal(image, rules, true) === null);
}

/**
 * Whether late images change what is analysed, or what the report says of its completeness. Thick series, reformats and further reconstructions come
 * minutes after the result, every day: a report that says the same again, and takes the reader's mark, would be noise.
 */
export async function changesAnalysis(images: LateImages, rules: SeriesRules): Promise<boolean> {
  const { late, manifest, findings, analysed, goneSeries, all } = images;
  const slices = late.filter((header) => isAnalysable(header, rules));
  if (slices.length === 0) return false;
  if (goneSeries !== null) return isBetterThanGone(slices, goneSeries, images, rules);
  if (NOT_BY_GEOMETRY.has(findings?.reasonCode ?? '')) return true;
  if (manifest === null && findings?.reason != null) {
    const study = assembleStudy(await all(), rules);
    return study.type === 'seriesChosen' || study.reason !== findings.reason;
  }
  if (manifest === null || analysed === null) return true;
  const tried = new Map(Object.entries(manifest.tried ?? {}));
  if (findings?.decision === 'not-analysed') {
    // The chosen series could not be analysed: what came counts where it completes that one, or is another to try.
    const rest = assembleStudy(await all(), rules, tried.set(manifest.assembledSha256 ?? manifest.inputSha256, ''));
    return rest.type === 'seriesChosen';
  }
  const isWorse = (header: InstanceHeader): boolean =>
    header.seriesInstanceUid !== manifest.seriesInstanceUid && preferSeries(analysed, header) < 0;
  if (manifest.cutShort === undefined && slices.every(isWorse)) return false;
  const assembled = assembleStudy(await all(), rules, tried);
  return (
    assembled.type === 'notEligible' ||
    assembled.manifest.inputSha256 !== (manifest.assembledSha256 ?? manifest.inputSha256) ||
    JSON.stringify(assembled.manifest.cutShort) !== JSON.stringify(manifest.cutShort)
  );
}

/**
 * What was judged is not here any more, so that its series cannot be completed or compared slice by slice: sent again, or in part, they change nothing. Only
 * another series counts, whose headers say that it is better than what was analysed, and that can be analysed by itself.
 */
async function isBetterThanGone(
  slices: readonly InstanceHeader[],
  goneSeries: ReadonlySet<string>,
  { findings, analysed, all }: LateImages,
  rules: SeriesRules,
): Promise<boolean> {
  const isNewAndBetter = (header: InstanceHeader): boolean =>
    !goneSeries.has(header.seriesInstanceUid) &&
    (analysed === null || findings?.decision === 'not-analysed' || preferSeries(analysed, header) > 0);
  if (!slices.some(isNewAndBetter)) return false;
  const others = (await all()).filter(({ header }) => isNewAndBetter(header));
  return assembleStudy(others, rules).type === 'seriesChosen';
}
