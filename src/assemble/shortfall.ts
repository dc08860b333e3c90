import type { CaseManifest, InstanceHeader } from '../case/case.ts';
import { missingParts } from './concatenation.ts';
import type { JudgedSeries } from './judgeSeries.ts';

/** How many images of the series, or of its acquisition, the sender states, when fewer arrived; otherwise null. */
export function shortfall(
  one: JudgedSeries,
  judged: readonly JudgedSeries[],
): NonNullable<CaseManifest['cutShort']> | null {
  const { header } = one.facts.instances[0]!;
  const statedOfSeries = most(one, ({ numberOfSeriesRelatedInstances }) => numberOfSeriesRelatedInstances);
  const ofSeries = countIn(judged, ({ seriesInstanceUid }) => seriesInstanceUid === header.seriesInstanceUid);
  if (ofSeries < statedOfSeries) return { came: ofSeries, stated: statedOfSeries };
  const statedOfAcquisition = most(one, ({ imagesInAcquisition }) => imagesInAcquisition);
  const came = cameOfAcquisition(header, judged, statedOfAcquisition);
  if (came < statedOfAcquisition) return { came, stated: statedOfAcquisition };
  return missingParts(one.facts.instances) ?? withoutPosition(one);
}

/** How many of the slices have a position, when others that are like them have none. */
function withoutPosition({ facts, refused }: JudgedSeries): NonNullable<CaseManifest['cutShort']> | null {
  const kindOf = ({ rows, columns, imageType, convolutionKernel, sliceThicknessMm }: InstanceHeader): string =>
    JSON.stringify([rows, columns, imageType.slice(2), convolutionKernel, sliceThicknessMm]);
  const kind = kindOf(facts.instances[0]!.header);
  const unplaced = refused.filter(
    ({ instance: { header }, refusal }) =>
      refusal.code === 'no-geometry' && header.imagePositionPatientMm === null && kindOf(header) === kind,
  );
  const came = facts.stack.slices.length;
  return unplaced.length === 0 ? null : { came, stated: came + unplaced.length, of: 'placed' };
}

/**
 * One acquisition may be reconstructed more than once. Some makers count the images of all its series, others those of each: where another of its series
 * has just as many as are stated, each is meant to.
 */
function cameOfAcquisition(header: InstanceHeader, judged: readonly JudgedSeries[], stated: number): number {
  const isOfAcquisition = (other: InstanceHeader): boolean =>
    other.acquisitionNumber === header.acquisitionNumber && other.sopClassUid === header.sopClassUid;
  const ofEach = [...new Set(judged.map(({ seriesInstanceUid }) => seriesInstanceUid))].map((seriesInstanceUid) => ({
    seriesInstanceUid,
    came: countIn(judged, (other) => isOfAcquisition(other) && other.seriesInstanceUid === seriesInstanceUid),
  }));
  const own = ofEach.find(({ seriesInstanceUid }) => seriesInstanceUid === header.seriesInstanceUid)?.came ?? 0;
  return ofEach.some(({ came }) => came === stated) ? own : ofEach.reduce((sum, { came }) => sum + came, 0);
}

/** Objects, each counted once: only in a series of single images is an object a slice. */
function countIn(judged: readonly JudgedSeries[], isCounted: (header: InstanceHeader) => boolean): number {
  const uids = judged.flatMap(({ all }) =>
    all.flatMap(({ header }) => (isCounted(header) ? [header.sopInstanceUid] : [])),
  );
  return new Set(uids).size;
}

function most({ facts }: JudgedSeries, read: (header: InstanceHeader) => number | null): number {
  return facts.instances.reduce((greatest, { header }) => Math.max(greatest, read(header) ?? 0), 0);
}
