import type { CaseManifest, Coverage, EncodedSlice, Findings, KeySlice, VertebraScore } from '../case/case.ts';
import { imageKey, imageReference } from '../case/frames.ts';
import { VERTEBRAE, type Vertebra } from '../case/vertebrae.ts';
import { TriageError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { keepSlices } from './keepSlices.ts';
import { neckPart } from './neckPart.ts';
import type { Clock } from '../base/clock.ts';
import type { CaseScore, TriageModel } from '../case/triageModel.ts';
import type { Threshold } from '../case/threshold.ts';
import { SLICES_AT_ONCE } from './slicesAtOnce.ts';

export interface InferSeriesOptions {
  manifest: CaseManifest;
  model: TriageModel;
  /** Slices encoded before by this model, by `imageKey`. */
  cached: ReadonlyMap<string, EncodedSlice>;
  /** Where other nodes encode slices of this series too: what they have kept of one by now, by `imageKey`. */
  keptByOthers?: (imageKey: string) => Promise<EncodedSlice | undefined>;
  /** Absolute path of a path in the spool. */
  resolvePath: (spoolPath: string) => string;
  threshold: Pick<Threshold, 'value' | 'version'>;
  clock: Clock;
  /** Called with every newly encoded slice, so that it can be kept. */
  onEncoded?: (imageKey: string, slice: EncodedSlice) => void | Promise<void>;
  /** Share of the slices, 0..1, that may be missing or damaged. */
  maxMissingShare: number;
  /** Asks the network about every slice, also of a scan that shows more than a neck. */
  wholeScan?: boolean;
  /** Called between slices; an exception from it ends the analysis (a lost lease). */
  heartbeat?: () => void | Promise<void>;
}

/** Minimum distance between two key slices. */
const KEY_SLICE_DISTANCE_MM = 8;
const MOST_KEY_SLICES = 5;
/** A further key slice must score at least this share of the best one. */
const KEY_SLICE_SHARE = 0.5;

/** Errors caused by the slice, which recur at every attempt; any other error ends the attempt and the caller tries again. */
const SLICE_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'pixel-data-undecodable',
  'transfer-syntax-unsupported',
  'geometry-unusable',
  'dicom-unreadable',
]);

/** A further vertebra of a key slice must be at least this share as likely broken as the likeliest. */
const KEY_LEVEL_SHARE = 0.5;

/** The findings, and the manifest they refer to: without the slices that cannot be read. */
export interface SeriesInference {
  findings: Findings;
  manifest: CaseManifest;
}

/**
 * Analyses the chosen series: encodes what is not yet encoded, classifies the sequence, and decides by the threshold (suspected at or above it).
 * Slices that cannot be read count as missing; more of those than `maxMissingShare` make the case `not-analysed`, because a fracture may be on them. So
 * does a case outside the model's domain.
 *
 * @throws TriageError `inference-*`, to be tried again
 */
export async function inferStack(options: InferSeriesOptions): Promise<SeriesInference> {
  const { model, threshold, clock } = options;
  const startMs = clock.monotonicMs();
  const all = await encodeAll(options);
  await options.heartbeat?.();
  const isReadable =
    all.failures.length === 0 || missingShare(options.manifest, all.failures.length) <= options.maxMissingShare;
  const failures = isReadable ? [] : all.failures;
  const readable = isReadable ? withoutSlices(options.manifest, all.failures) : options.manifest;
  // Damaged slices leave holes, which `values` skips.
  const { manifest, encoded, notFound } =
    failures.length === 0 && options.wholeScan !== true
      ? neckPart(readable, Object.values(all.encoded))
      : { manifest: readable, encoded: isReadable ? Object.values(all.encoded) : all.encoded, notFound: null };
  const encodedMs = clock.monotonicMs();
  const common = {
    model: { ...model.identity },
    analysedAtMs: clock.now(),
    threshold: { value: threshold.value, version: threshold.version },
  };
  const seconds = (): Record<string, number> => ({
    encode: (encodedMs - startMs) / 1000,
    classify: (clock.monotonicMs() - encodedMs) / 1000,
    total: (clock.monotonicMs() - startMs) / 1000,
  });
  const notAnalysed = (
    reasonCode: string,
    reason: string,
    domain: { distance: number; limit: number } | null,
  ): SeriesInference => ({
    manifest,
    findings: {
      ...common,
      decision: 'not-analysed',
      reason,
      reasonCode,
      probability: null,
      domainDistance: domain?.distance ?? null,
      domainLimit: domain?.limit ?? null,
      slices: [],
      keySlices: [],
      provider: model.provider,
      seconds: seconds(),
    },
  });

  if (manifest.slices.length === 0)
    return notAnalysed('pixel-data', 'The series has no slices - not scored. Read as usual', null);
  if (failures.length > 0) return notAnalysed('pixel-data', describeFailures(failures, manifest.slices.length), null);

  const score = await model.classify(
    encoded,
    manifest.slices.map(({ positionMm }) => positionMm),
  );
  if (score.outsideDomain !== null) {
    const outside = [score.outsideDomain, notFound].filter((phrase) => phrase !== null).join('; ');
    return notAnalysed('outside-domain', `Outside tested range (${outside}) - not scored. Read as usual`, {
      distance: score.domainDistance,
      limit: score.domainLimit,
    });
  }
  if (
    !Number.isFinite(score.probability) ||
    score.sliceScores.length !== encoded.length ||
    score.sliceLevels.length !== encoded.length
  )
    throw new TriageError('inference-failed', 'The classifier did not score every slice.');
  const suspected = score.probability >= threshold.value;
  const partial = partOf(manifest, options.maxMissingShare);
  const findings: Findings = {
    ...common,
    decision: suspected ? 'suspected' : 'not-suspected',
    reason: partial,
    reasonCode: partial === null ? null : 'partial',
    coverage: coverageOf(manifest, score),
    probability: score.probability,
    domainDistance: score.domainDistance,
    domainLimit: score.domainLimit,
    slices: manifest.slices.map((slice, index) => ({
      ...imageReference(slice),
      score: score.sliceScores[index]!,
      imageProbability: (score.ofSlices ?? encoded)[index]!.imageProbability,
    })),
    ...(score.vertebrae === undefined ? {} : { vertebrae: score.vertebrae }),
    keySlices: suspected ? pickKeySlices(manifest, encoded, score) : [],
    provider: model.provider,
    seconds: seconds(),
  };
  return { findings, manifest };
}

/** The findings of {@link inferStack} for exactly the slices of the manifest, none of which may be damaged. */
export async function inferSeries(options: Omit<InferSeriesOptions, 'maxMissingShare'>): Promise<Findings> {
  return (await inferStack({ ...options, maxMissingShare: 0, wholeScan: true })).findings;
}

function gapSlices({ gaps }: CaseManifest): number {
  return gaps.reduce((sum, { missingSlices }) => sum + missingSlices, 0);
}

/** As a share of the slices that a series without gaps would have, 0..1. */
function missingShare(manifest: CaseManifest, damaged: number): number {
  const holes = gapSlices(manifest);
  return (holes + damaged) / (manifest.slices.length + holes);
}

/** The manifest of the readable slices: damaged ones become holes. */
function withoutSlices(manifest: CaseManifest, damaged: readonly SliceFailure[]): CaseManifest {
  if (damaged.length === 0) return manifest;
  const isDamaged = new Set(damaged.map(({ sliceIndex }) => sliceIndex));
  return {
    ...keepSlices(
      manifest,
      manifest.slices.flatMap((_, index) => (isDamaged.has(index) ? [] : [index])),
    ),
    unreadSlices: damaged.map(({ sliceIndex, error }) => ({
      ...imageReference(manifest.slices[sliceIndex]!),
      reason: error.message,
    })),
  };
}

/** What is missing from the scan, if it is more than is allowed; otherwise null. */
function partOf({ cutShort, brokenOff, slices }: CaseManifest, maxMissingShare: number): string | null {
  if (brokenOff === true) return `${slices.length} slices came before the sender’s connection broke off`;
  if (cutShort === undefined || cutShort.came >= cutShort.stated * (1 - maxMissingShare)) return null;
  return whatCame(cutShort);
}

function whatCame({ came, stated, of }: NonNullable<CaseManifest['cutShort']>): string {
  if (of === 'placed') return `${came} of ${stated} slices say where they lie, and the others were left out`;
  return of === 'parts' ? `${came} of ${stated} parts of the image came` : `${came} of ${stated} slices came`;
}

function coverageOf(manifest: CaseManifest, { sliceLevels }: CaseScore): Coverage {
  const { cutShort, cutTo, gantryTiltDegrees, unreadSlices = [] } = manifest;
  const holes = gapSlices(manifest) - unreadSlices.length;
  const remarks = [
    cutShort === undefined ? '' : whatCame(cutShort),
    cutTo ?? '',
    gantryTiltDegrees === undefined
      ? ''
      : `the gantry was tilted by ${gantryTiltDegrees} degrees, and the slices were judged as they lie`,
    holes > 0 ? `${holes} ${holes === 1 ? 'slice is' : 'slices are'} missing between others` : '',
    unreadSlices.length === 0
      ? ''
      : `${unreadSlices.length} of ${manifest.slices.length + unreadSlices.length} slices cannot be read and ${unreadSlices.length === 1 ? 'was' : 'were'} left out (${unreadSlices[0]!.reason.replace(/\.$/, '')})`,
  ];
  const seen = new Set(sliceLevels.flat());
  return {
    slices: manifest.slices.length,
    extentMm: manifest.coverageMm,
    levels: VERTEBRAE.filter((vertebra) => seen.has(vertebra)),
    remarks: remarks.filter((remark) => remark !== ''),
  };
}

interface SliceFailure {
  sliceIndex: number;
  error: TriageError;
}

async function encodeAll(options: InferSeriesOptions): Promise<{ encoded: EncodedSlice[]; failures: SliceFailure[] }> {
  const { manifest, model, cached, keptByOthers, resolvePath, onEncoded, heartbeat } = options;
  const encoded: EncodedSlice[] = [];
  const failures: SliceFailure[] = [];
  // The others begin with what came first.
  const order = readingOrder(manifest, keptByOthers !== undefined);
  let next = 0;
  let isStopped = false;
  const worker = async (): Promise<void> => {
    while (!isStopped && next < order.length) {
      const sliceIndex = order[next++]!;
      const slice = manifest.slices[sliceIndex]!;
      try {
        const known = cached.get(imageKey(slice)) ?? (await keptByOthers?.(imageKey(slice)));
        if (known !== undefined) {
          encoded[sliceIndex] = known;
          continue;
        }
        await heartbeat?.();
        const result = await model.encodeSlice(resolvePath(slice.path), slice.frameNumber);
        encoded[sliceIndex] = result;
        await onEncoded?.(imageKey(slice), result);
      } catch (error) {
        if (!(error instanceof TriageError && SLICE_ERRORS.has(error.code))) {
          isStopped = true;
          throw error;
        }
        failures.push({ sliceIndex, error });
      }
    }
  };
  // Waits for all of them, so that nothing of this attempt goes on running in the background.
  const outcomes = await Promise.allSettled(Array.from({ length: SLICES_AT_ONCE }, worker));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return { encoded, failures: failures.sort((a, b) => a.sliceIndex - b.sliceIndex) };
}

/** Slice by slice from the head, or from its end; the frames of one object in their own order, because a deflated object can only be read forwards. */
function readingOrder({ slices }: CaseManifest, fromEnd: boolean): number[] {
  return slices
    .map((_, index) => index)
    .sort((a, b) => {
      const [one, other] = [slices[a]!, slices[b]!];
      return one.path === other.path ? (one.frameNumber ?? 0) - (other.frameNumber ?? 0) : fromEnd ? b - a : a - b;
    });
}

/** Says how many slices, which ones (counted from the top), and why the first of them. */
function describeFailures(failures: readonly SliceFailure[], total: number): string {
  const shown = failures.slice(0, 8).map((failure) => failure.sliceIndex + 1);
  const more = failures.length > shown.length ? '...' : '';
  const which = failures.length === 1 ? `slice ${shown[0]}` : `slices ${shown.join(', ')}${more}`;
  return `${failures.length} of ${total} slices cannot be read (${which} from the top: ${failures[0]!.error.message}) - not scored. Read as usual`;
}

/** Peaks of the slice scores, best first, apart by {@link KEY_SLICE_DISTANCE_MM} at least. */
function pickKeySlices(
  manifest: CaseManifest,
  encoded: readonly EncodedSlice[],
  { sliceScores: scores, sliceLevels, ofSlices, vertebrae = [], sliceSides }: CaseScore,
): KeySlice[] {
  const positions = manifest.slices.map((slice) => slice.positionMm);
  const isPeak = (index: number): boolean =>
    scores[index]! >= (scores[index - 1] ?? -Infinity) && scores[index]! >= (scores[index + 1] ?? -Infinity);
  const peaks = scores
    .map((_, index) => index)
    .filter(isPeak)
    .sort((a, b) => scores[b]! - scores[a]! || a - b);
  const chosen: number[] = [];
  for (const index of peaks) {
    if (chosen.length === MOST_KEY_SLICES || scores[index]! < scores[peaks[0]!]! * KEY_SLICE_SHARE) break;
    if (chosen.every((other) => Math.abs(positions[index]! - positions[other]!) >= KEY_SLICE_DISTANCE_MM))
      chosen.push(index);
  }
  const seriesNumber = manifest.series.find((series) => series.chosen)?.seriesNumber ?? null;
  return chosen.map((sliceIndex) => {
    const slice = manifest.slices[sliceIndex]!;
    const { camRows, camColumns, crop } = encoded[sliceIndex]!;
    const { cam } = (ofSlices ?? encoded)[sliceIndex]!;
    const side = sliceSides?.[sliceIndex] ?? null;
    return {
      ...imageReference(slice),
      sliceIndex,
      seriesNumber,
      instanceNumber: slice.instanceNumber ?? null,
      score: scores[sliceIndex]!,
      levels: suspectedOf(sliceLevels[sliceIndex]!, vertebrae),
      ...(side === null ? {} : { side }),
      cam: Array.from(cam),
      camRows,
      camColumns,
      crop,
    };
  });
}

/** Of the vertebrae that a slice cuts those that the network suspects most; all where it does not judge single vertebrae. */
function suspectedOf(cut: readonly Vertebra[], vertebrae: readonly VertebraScore[]): Vertebra[] {
  const probabilityOf = new Map(vertebrae.map(({ level, probability }) => [level, probability]));
  const most = Math.max(...cut.map((level) => probabilityOf.get(level) ?? 0));
  return cut.filter((level) => (probabilityOf.get(level) ?? 0) >= most * KEY_LEVEL_SHARE);
}
