import type { StoredImage } from '../case/case.ts';
import { positionAlongMm, superiorNormal } from '../dicom/geometry.ts';
import { compareText, orderSlices } from './sliceOrder.ts';

/** A pause of this length between two slices separates two passes. */
const PAUSE_SECONDS = 15;
/** If slices of two passes are closer than this share of a step, the passes overlap rather than continue one another. */
export const LEAST_SHARE_OF_STEP = 0.8;
/** Fewer slices between two turns of the image numbers are disorder, not a pass. */
const LEAST_OF_RUN = 5;
/** Runs of image numbers that have more than this in common show one part of the body twice. */
const SAME_BODY_MM = 10;
/** Slices of one pass that lie farther apart than this many thicknesses have gaps, which another run fills. */
const MOST_OF_THICKNESS = 1.5;

/** The passes of a series over the body: splits by AcquisitionNumber, by the stacks of multi-frame objects, where the acquisition times show a pause, and where the image numbers begin anew. */
export function passesOf(slices: readonly StoredImage[]): StoredImage[][] {
  const passes = Map.groupBy(
    slices,
    ({ header: { acquisitionNumber, stackId = '' } }) => `${acquisitionNumber} ${stackId}`,
  );
  return [...passes.values()].flatMap(splitAtPauses).flatMap(splitByNumbers);
}

function splitAtPauses(slices: readonly StoredImage[]): StoredImage[][] {
  const timed = slices.map((slice) => ({ slice, seconds: secondsOf(slice.header.acquisitionDateTime) }));
  if (timed.some(({ seconds }) => seconds === null)) return [[...slices]];
  timed.sort(
    (a, b) => a.seconds! - b.seconds! || compareText(a.slice.header.sopInstanceUid, b.slice.header.sopInstanceUid),
  );
  const passes: StoredImage[][] = [];
  for (const [index, { slice, seconds }] of timed.entries()) {
    const pause = index === 0 ? Infinity : seconds! - timed[index - 1]!.seconds!;
    if (pause > PAUSE_SECONDS) passes.push([slice]);
    else passes.at(-1)!.push(slice);
  }
  return passes;
}

/**
 * Splits passes that nothing but InstanceNumber tells apart: the numbers run through the body more than once, or each of them is given more than once.
 * Slices that only together cover the body (odd positions first, then even ones) stay one pass.
 */
function splitByNumbers(slices: readonly StoredImage[]): StoredImage[][] {
  const normal = superiorNormal(slices[0]!.header.imageOrientationPatient!)!;
  const numbered = slices.map((slice) => ({
    slice,
    number: slice.header.instanceNumber ?? -1,
    positionMm: positionAlongMm(slice.header.imagePositionPatientMm!, normal),
  }));
  if (numbered.some(({ number, slice }) => number < 0 || slice.frameNumber !== undefined)) return [[...slices]];
  numbered.sort((a, b) => a.number - b.number || b.positionMm - a.positionMm);
  const isShared = new Set(numbered.map(({ number }) => number)).size <= numbered.length / 2;
  const runs = isShared ? runsOfSharedNumbers(numbered) : runsOneWay(numbered);
  const isEachWhole = runs.every((run) => run.length >= LEAST_OF_RUN && isContiguous(run.map(({ slice }) => slice)));
  const isTwice = runs.some((run, index) => runs.slice(index + 1).some((other) => showSameBody(run, other)));
  return isTwice && isEachWhole ? runs.map((run) => run.map(({ slice }) => slice)) : [[...slices]];
}

interface Numbered {
  slice: StoredImage;
  number: number;
  positionMm: number;
}

/** Of slices that share their numbers: the uppermost of each, the next one, and so on. */
function runsOfSharedNumbers(numbered: readonly Numbered[]): Numbered[][] {
  const runs: Numbered[][] = [];
  let [number, rank] = [-1, 0];
  for (const one of numbered) {
    rank = one.number === number ? rank + 1 : 0;
    number = one.number;
    (runs[rank] ??= []).push(one);
  }
  return runs;
}

/** Slices in the order of their numbers, cut where the direction turns. */
function runsOneWay(numbered: readonly Numbered[]): Numbered[][] {
  const runs: Numbered[][] = [];
  for (const one of numbered) {
    const run = runs.at(-1);
    if (run === undefined || !goesOn(run, one)) runs.push([one]);
    else run.push(one);
  }
  return runs;
}

/** Whether the next slice lies a whole step further in the direction of the run: the way back may begin a part of a step beyond its end. */
function goesOn([first, second, ...rest]: readonly Numbered[], next: Numbered): boolean {
  const last = rest.at(-1) ?? second ?? first!;
  if (second === undefined) return next.positionMm !== last.positionMm;
  const step = second.positionMm - first!.positionMm;
  return (next.positionMm - last.positionMm) / step >= LEAST_SHARE_OF_STEP;
}

function showSameBody(one: readonly Numbered[], other: readonly Numbered[]): boolean {
  const [a, b] = [one, other].map((run) => run.map(({ positionMm }) => positionMm));
  return Math.min(Math.max(...a!), Math.max(...b!)) - Math.max(Math.min(...a!), Math.min(...b!)) > SAME_BODY_MM;
}

/** Whether the slices of a run leave no room between them for those of another one. */
function isContiguous(slices: readonly StoredImage[]): boolean {
  const thicknessMm = slices[0]!.header.sliceThicknessMm ?? 0;
  return thicknessMm <= 0 || orderSlices(slices).spacingMm <= MOST_OF_THICKNESS * thicknessMm;
}

function secondsOf(dateTime: string): number | null {
  const parts = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2}(?:\.\d+)?)/.exec(dateTime);
  if (parts === null) return null;
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(year, month - 1, day, hour, minute) / 1000 + second;
}
