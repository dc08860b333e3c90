import { createHash } from 'node:crypto';
import type { CaseManifest, InstanceHeader, PatientIdentity, SeriesVerdict, StoredInstance } from '../case/case.ts';
import { imageKey, imageReference } from '../case/frames.ts';
import { identityDifferences } from '../case/patientIdentity.ts';
import { shearDegrees, superiorNormal } from '../dicom/geometry.ts';
import { TriageError } from '../base/errors.ts';
import { accountForArrival, type Arrival } from './arrival.ts';
import type { AssembledStudy } from './assembledStudy.ts';
import { judgeSeries } from './judgeSeries.ts';
import type { JudgedSeries } from './judgeSeries.ts';
import { advantageOf, hasBoneKernel, rankSeries } from './seriesRank.ts';
import { count, mm } from './seriesRules.ts';
import { shortfall } from './shortfall.ts';
import { missingSlices, type SliceStack } from './sliceOrder.ts';
import type { Refusal, SeriesRules } from './seriesRules.ts';

/** A smaller angle is the rounding of the positions. */
const LEAST_TILT_DEGREES = 1;
/** Maximum number of kinds of series that a summary names. */
const NAMED_KINDS = 3;

/**
 * Judges every series of a study and chooses the one to analyse. Depends on the objects alone: their order does not matter, and the same objects
 * give the same manifest. `reason` completes the sentence "Not analysed: ...". `tried`: inputs (`inputSha256`) that could not be analysed, with the reason.
 *
 * @throws TriageError `identity-mismatch` for objects of more than one study, which can only be a bug.
 */
export function assembleStudy(
  instances: readonly StoredInstance[],
  rules: SeriesRules,
  tried: ReadonlyMap<string, string> = new Map(),
): AssembledStudy {
  const [first] = instances;
  if (first === undefined) return notEligible([], { code: 'no-images', reason: 'no images received' });
  if (instances.some(({ header }) => header.studyInstanceUid !== first.header.studyInstanceUid)) {
    throw new TriageError('identity-mismatch', 'Objects of more than one study were brought together.');
  }
  const judged = judgeSeries(instances, rules).map((series) => {
    const reason = series.refusal === null ? tried.get(inputSha256(series)) : undefined;
    return reason === undefined
      ? series
      : { ...series, refusal: { code: 'not-readable', reason: `chosen first, but ${reason}` } };
  });

  if (hasIdentityConflict(instances.map(({ header }) => header))) {
    const conflict: Refusal = { code: 'identity-conflict', reason: 'images of different patients in one study' };
    return notEligible(
      judged.map((series) => verdict(series, conflict)),
      conflict,
    );
  }

  const ranked = rankSeries(judged.filter(({ refusal }) => refusal === null).map(({ facts }) => facts));
  const best = judged.find(({ facts }) => facts === ranked[0]);
  if (best === undefined)
    return notEligible(
      judged.map((series) => verdict(series, series.refusal)),
      summary(judged, rules),
    );
  const cutShort = shortfall(best, judged);
  const series = judged.map((one) => {
    if (one === best)
      return { ...verdict(one, { code: 'chosen', reason: describe(one) }), eligible: true, chosen: true };
    if (one.refusal !== null) return verdict(one, one.refusal);
    const isSameSeries = one.seriesInstanceUid === best.seriesInstanceUid;
    const reason = `eligible, but ${isSameSeries ? best.stackName : nameOf(best)} is better: ${advantageOf(best.facts, one.facts)}`;
    return { ...verdict(one, { code: 'eligible', reason }), eligible: true };
  });
  return {
    type: 'seriesChosen',
    manifest: {
      ...manifestOf(best, series),
      ...(cutShort === null ? {} : { cutShort }),
      ...(tried.size === 0 ? {} : { tried: Object.fromEntries(tried) }),
    },
  };
}

/** The next series to analyse when those tried could not be; null when there is none. */
export function nextBest(
  instances: readonly StoredInstance[],
  rules: SeriesRules,
  tried: ReadonlyMap<string, string>,
  arrival: Arrival = { refused: null, isBrokenOff: false },
): CaseManifest | null {
  const assembled = accountForArrival(assembleStudy(instances, rules, tried), instances, arrival);
  return assembled.type === 'seriesChosen' ? assembled.manifest : null;
}

function notEligible(series: SeriesVerdict[], { code, reason }: Refusal): AssembledStudy {
  return { type: 'notEligible', series, reasonCode: code, reason: sentence(reason) };
}

function manifestOf(best: JudgedSeries, series: SeriesVerdict[]): CaseManifest {
  const { stack } = best.facts;
  const slices = stack.slices.map(({ instance, positionMm }) => ({
    ...imageReference({ ...instance, sopInstanceUid: instance.header.sopInstanceUid }),
    instanceNumber: instance.header.instanceNumber,
    sopClassUid: instance.header.sopClassUid,
    path: instance.path,
    sha256: instance.sha256,
    positionMm,
  }));
  return {
    seriesInstanceUid: best.seriesInstanceUid,
    slices,
    sliceSpacingMm: stack.spacingMm,
    coverageMm: stack.coverageMm,
    ...(tiltOf(stack) === null ? {} : { gantryTiltDegrees: tiltOf(stack)! }),
    gaps: stack.gaps,
    duplicateSopInstanceUids: stack.duplicates.map(({ header }) => header.sopInstanceUid),
    series,
    inputSha256: inputSha256(best),
  };
}

/** Degrees to a tenth, from the positions of the slices; null where they lie along their normal. */
function tiltOf({ slices }: SliceStack): number | null {
  const [first, last] = [slices[0]?.instance.header, slices.at(-1)?.instance.header];
  const normal = first?.imageOrientationPatient == null ? null : superiorNormal(first.imageOrientationPatient);
  if (normal === null || first?.imagePositionPatientMm == null || last?.imagePositionPatientMm == null) return null;
  const tilt = shearDegrees(normal, first.imagePositionPatientMm, last.imagePositionPatientMm);
  return tilt < LEAST_TILT_DEGREES ? null : Number(tilt.toFixed(1));
}

function inputSha256({ facts }: JudgedSeries): string {
  const digest = createHash('sha256');
  for (const { instance } of facts.stack.slices) digest.update(`${imageKey(instance)}\n`);
  return digest.digest('hex');
}

function verdict(series: JudgedSeries, refusal: Refusal | null): SeriesVerdict {
  const { header } = series.all[0]!;
  return {
    seriesInstanceUid: series.seriesInstanceUid,
    seriesNumber: header.seriesNumber,
    seriesDescription: header.seriesDescription,
    modality: header.modality,
    instances: series.all.length,
    eligible: refusal === null,
    chosen: false,
    code: refusal?.code ?? 'eligible',
    reason: sentence([series.stackName, refusal?.reason ?? ''].filter((part) => part !== '').join(': ')),
  };
}

/** The chosen series in one phrase, including everything of it that is not analysed. */
function describe({ facts, refused }: JudgedSeries): string {
  const { stack } = facts;
  const missing = missingSlices(stack);
  const parts = [
    `chosen: ${stack.slices.length} slices, ${mm(stack.spacingMm)} mm apart, over ${mm(stack.coverageMm)} mm`,
    hasBoneKernel(facts.instances[0]!.header) ? 'bone kernel' : '',
    tiltOf(stack) === null ? '' : `gantry tilted by ${tiltOf(stack)} degrees`,
    missing === 0 ? '' : `${count(missing, 'slice')} missing`,
    stack.duplicates.length === 0 ? '' : `${count(stack.duplicates.length, 'duplicate')} left out`,
    refused.length === 0
      ? ''
      : `${count(refused.length, 'image')} left out (${[...new Set(refused.map(({ refusal }) => refusal.reason))].join('; ')})`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

/** The one reason for a study without an eligible series: that of the largest stack of slices, or what the study holds instead of one. */
function summary(judged: readonly JudgedSeries[], rules: SeriesRules): Refusal {
  const stacks = judged.filter(({ isCandidate, facts }) => isCandidate && facts.stack.slices.length >= rules.minSlices);
  stacks.sort((a, b) => b.facts.stack.slices.length - a.facts.stack.slices.length);
  if (stacks[0] !== undefined) return stacks[0].refusal!;
  const scattered = scatteredSlices(judged, rules);
  if (scattered !== null) return scattered;
  // Objects that are not CT at all are mentioned only when there is nothing else.
  const refusals = judged.map(({ refusal }) => refusal!);
  const ct = refusals.filter(({ code }) => code !== 'not-ct' && code !== 'secondary-capture');
  const named = ct.length === 0 ? refusals : ct;
  const kinds = [...new Set(named.map(({ reason }) => reason))];
  const shown = kinds.length > NAMED_KINDS ? [...kinds.slice(0, NAMED_KINDS), 'others'] : kinds;
  const list = shown.length === 1 ? shown[0]! : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)!}`;
  const sameCode = named.every(({ code }) => code === named[0]!.code);
  return {
    code: sameCode ? named[0]!.code : 'no-eligible-series',
    reason: `only ${list}: no thin axial CT series of the neck`,
  };
}

/** The reason for slices that would be enough for a scan, but came in series or stacks that are each too small. */
function scatteredSlices(judged: readonly JudgedSeries[], rules: SeriesRules): Refusal | null {
  const small = judged.filter(({ isCandidate }) => isCandidate);
  const slices = small.reduce((sum, { facts }) => sum + facts.stack.slices.length, 0);
  if (small.length < 2 || slices < rules.minSlices) return null;
  const series = new Set(small.map(({ seriesInstanceUid }) => seriesInstanceUid)).size;
  const where = series > 1 ? `${series} series` : `${small.length} stacks of one series`;
  return {
    code: 'too-few-slices',
    reason: `${slices} axial slices in ${where}, none with the ${rules.minSlices} slices that one scan needs`,
  };
}

function nameOf({ all, seriesInstanceUid }: JudgedSeries): string {
  const { seriesNumber, seriesDescription } = all[0]!.header;
  const number = seriesNumber === null ? `series ${seriesInstanceUid}` : `series ${seriesNumber}`;
  return seriesDescription === '' ? number : `${number} (${seriesDescription})`;
}

/** Uses the shared rule of who is the same patient; an image without a name is compared by its other identifying attributes. */
function hasIdentityConflict(headers: readonly InstanceHeader[]): boolean {
  const distinct = new Map<string, PatientIdentity>();
  for (const { patientId, issuerOfPatientId, patientName, patientBirthDate, patientSex } of headers) {
    const identity = { patientId, issuerOfPatientId, patientName, patientBirthDate, patientSex };
    distinct.set(JSON.stringify(identity), identity);
  }
  const identities = [...distinct.values()];
  return identities.some((one, index) =>
    identities.slice(index + 1).some((other) => {
      const named = one.patientName !== '' && other.patientName !== '';
      return identityDifferences(one, other).some((difference) => difference !== 'name' || named);
    }),
  );
}

function sentence(phrase: string): string {
  return phrase.charAt(0).toUpperCase() + phrase.slice(1);
}
