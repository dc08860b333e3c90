import type { StoredImage } from '../case/case.ts';
import { positionAlongMm, superiorNormal } from '../dicom/geometry.ts';
import { compareText, orderSlices, SAME_POSITION_MM, STEP_TOLERANCE } from './sliceOrder.ts';

/** A pause of this length between two slices separates two passes. */
const PAUSE_SECONDS = 15;
/** If slices of two passes are closer than this share of a step, the passes overlap rather than continue one another. */
export const LEAST_SHARE_OF_STEP = 0.8;
/** Fewer slices between two turns of the image numbers are disorder, not a pass. */
const LEAST_OF_RUN = 5;
/** Slices that have more than this extent in common show one part of the body twice. */
const SAME_BODY_MM = 10;
/** A share of steps that are holes or uneven, above which slices are a selection of those of a pass rather than a pass. */
const MOST_UNEVEN = 0.25;
/** Slices of one pass that lie farther apart than this many thicknesses have gaps, which another run fills. */
const MOST_OF_THICKNESS = 1.5;

/** A slice with what may tell of which pass it is; `seconds` is null without a time of acquisition, `number` is negative without an image number. */
interface Placed {
  slice: StoredImage;
  seconds: number | null;
  number: number;
  positionMm: number;
}

/**
 * The passes of a series over the body: splits by AcquisitionNumber, by the stacks of multi-frame objects, by the acquisition times, and where the image
 * numbers begin anew.
 */
export function passesOf(slices: readonly StoredImage[]): StoredImage[][] {
  const normal = superiorNormal(slices[0]!.header.imageOrientationPatient!)!;
  const placed = slices.map((slice): Placed => {
    const { acquisitionDateTime, instanceNumber, imagePositionPatientMm } = slice.header;
    return {
      slice,
      seconds: secondsOf(acquisitionDateTime),
      number: slice.frameNumber === undefined ? (instanceNumber ?? -1) : -1,
      positionMm: positionAlongMm(imagePositionPatientMm!, normal),
    };
  });
  const passes = Map.groupBy(placed, ({ slice: { header } }) => `${header.acquisitionNumber} ${header.stackId ?? ''}`);
  return [...passes.values()]
    .flatMap(splitAtPauses)
    .flatMap(splitByTimes)
    .flatMap(splitByNumbers)
    .map((pass) => pass.map(({ slice }) => slice));
}

/** The slices in the order of their acquisition; null when one states no time. */
function inTimeOrder(slices: readonly Placed[]): (Placed & { seconds: number })[] | null {
  const timed = slices.filter((slice): slice is Placed & { seconds: number } => slice.seconds !== null);
  if (timed.length < slices.length) return null;
  return timed.sort(
    (a, b) => a.seconds - b.seconds || compareText(a.slice.header.sopInstanceUid, b.slice.header.sopInstanceUid),
  );
}

function splitAtPauses(slices: readonly Placed[]): Placed[][] {
  const timed = inTimeOrder(slices);
  if (timed === null) return [[...slices]];
  const passes: Placed[][] = [];
  for (const [index, slice] of timed.entries()) {
    const pause = index === 0 ? Infinity : slice.seconds - timed[index - 1]!.seconds;
    if (pause > PAUSE_SECONDS) passes.push([slice]);
    else passes.at(-1)!.push(slice);
  }
  return passes;
}

/**
 * Splits passes that follow one another within seconds: at the longest pause, where what was taken before and after it shows the same body, and what is
 * split off is evenly spaced by itself. Slices whose times are in disorder stay together.
 */
function splitByTimes(slices: readonly Placed[]): Placed[][] {
  const timed = inTimeOrder(slices);
  const cut = timed === null ? null : longestPause(timed);
  if (timed === null || cut === null) return [[...slices]];
  const [before, after] = [timed.slice(0, cut), timed.slice(cut)];
  // Few slices are no pass: to look on would only take time.
  if (Math.min(before.length, after.length) < LEAST_OF_RUN || !showSameBody(before, after)) return [[...slices]];
  const passes = [before, after].flatMap(splitByTimes);
  return passes.every(isPass) ? passes : [[...slices]];
}

/**
 * The index before which the longest pause lies, of several as long ones that where the table moved otherwise than it usually does; null when all were
 * taken at one time.
 */
function longestPause(timed: readonly (Placed & { seconds: number })[]): number | null {
  const pauses = timed.slice(1).map(({ seconds, positionMm }, index) => ({
    cut: index + 1,
    // Rounded, so that equal ones are equal.
    milliseconds: Math.round(1000 * (seconds - timed[index]!.seconds)),
    movedMm: Number(Math.abs(positionMm - timed[index]!.positionMm).toFixed(1)),
  }));
  const usualMm = pauses.map(({ movedMm }) => movedMm).sort((a, b) => a - b)[pauses.length >> 1] ?? 0;
  const oddity = ({ movedMm }: { movedMm: number }): number => Math.abs(movedMm - usualMm);
  const [longest] = pauses.sort((a, b) => b.milliseconds - a.milliseconds || oddity(b) - oddity(a));
  return longest === undefined || longest.milliseconds === 0 ? null : longest.cut;
}

/** Whether the slices are those of one pass, and not a selection of them or of several. */
function isPass(slices: readonly Placed[]): boolean {
  const { gaps, irregularSteps, duplicates } = orderSlices(slices.map(({ slice }) => slice));
  const uneven = gaps.length + irregularSteps + duplicates.length;
  return slices.length >= LEAST_OF_RUN && isContiguous(slices) && uneven <= MOST_UNEVEN * slices.length;
}

/**
 * Splits passes that nothing but InstanceNumber tells apart: the numbers run through the body more than once, or are given more than once. Slices that only
 * together cover the body (odd positions first, then even ones) stay one pass.
 */
function splitByNumbers(slices: readonly Placed[]): Placed[][] {
  if (slices.some(({ number }) => number < 0)) return [[...slices]];
  const runs = runsOfNumbers(slices);
  const isTwice = runs?.some((run, index) => runs.slice(index + 1).some((other) => showSameBody(run, other)));
  return runs !== null && isTwice === true && runs.every((run) => isPass(run) && beginsEvenly(run))
    ? runs
    : [[...slices]];
}

/**
 * The slices in the order of their numbers, each in the run whose steps it continues, otherwise in a new one. Null where that is not certain: slices that are
 * numbered together lie at one place, or the numbers are in disorder.
 */
function runsOfNumbers(slices: readonly Placed[]): Placed[][] | null {
  const numbered = [...slices].sort((a, b) => a.number - b.number || b.positionMm - a.positionMm);
  const beside = numbered.slice(1).filter((slice, index) => isSamePlace(slice, numbered[index]!));
  // Where a scanner turns to go back, two slices of following numbers lie at one place.
  if (beside.length > 1 || hasTwins(numbered)) return null;
  /** The one that was continued last comes first. */
  let runs: Placed[][] = [];
  for (const group of Map.groupBy(numbered, ({ number }) => number).values()) {
    runs = continueRuns(runs, group);
    if (runs.length > Math.max(1, slices.length / LEAST_OF_RUN)) return null;
  }
  return runs;
}

/** Adds the slices of one number, from the head, to the runs that they continue: a run gets one at the most. */
function continueRuns(runs: readonly Placed[][], group: readonly Placed[]): Placed[][] {
  const rest = new Set(group);
  const waiting = new Set(runs);
  const fits = runs
    .filter((run) => run.length > 1)
    .flatMap((run) => group.map((slice) => ({ run, slice, steps: stepsOn(run, slice) })))
    .filter(({ steps }) => steps >= LEAST_SHARE_OF_STEP)
    .sort((a, b) => Math.abs(a.steps - 1) - Math.abs(b.steps - 1));
  const continued: Placed[][] = [];
  const add = (run: Placed[], slice: Placed): void => {
    waiting.delete(run);
    rest.delete(slice);
    run.push(slice);
    continued.push(run);
  };
  for (const { run, slice } of fits) if (waiting.has(run) && rest.has(slice)) add(run, slice);
  // Of the runs that have no direction yet, the uppermost gets the uppermost slice.
  const single = [...waiting].filter((run) => run.length === 1).sort((a, b) => b[0]!.positionMm - a[0]!.positionMm);
  for (const slice of [...rest]) {
    const run = single.shift();
    add(run === undefined || isSamePlace(run[0]!, slice) ? [] : run, slice);
  }
  return [...continued, ...waiting];
}

/** Whether two slices of one number lie at one place; the slices are sorted by number and place. */
function hasTwins(numbered: readonly Placed[]): boolean {
  return numbered.some((slice, index) => {
    const next = numbered[index + 1];
    return next?.number === slice.number && isSamePlace(slice, next);
  });
}

function isSamePlace(one: Placed, other: Placed): boolean {
  return Math.abs(one.positionMm - other.positionMm) < SAME_POSITION_MM;
}

/** Whether the first step, by which a run was continued, is that of the others: otherwise its first slice is one of another run. */
function beginsEvenly(run: readonly Placed[]): boolean {
  const { spacingMm } = orderSlices(run.map(({ slice }) => slice));
  return Math.abs(Math.abs(run[1]!.positionMm - run[0]!.positionMm) - spacingMm) <= STEP_TOLERANCE * spacingMm;
}

/** How many of its own steps further than its last slice a slice lies, in the direction of the run: the way back may begin a part of a step beyond its end. */
function stepsOn(run: readonly Placed[], { positionMm }: Placed): number {
  return (positionMm - run.at(-1)!.positionMm) / (run[1]!.positionMm - run[0]!.positionMm);
}

function showSameBody(one: readonly Placed[], other: readonly Placed[]): boolean {
  const [a, b] = [extentOf(one), extentOf(other)];
  return Math.min(a.topMm, b.topMm) - Math.max(a.bottomMm, b.bottomMm) > SAME_BODY_MM;
}

function extentOf(slices: readonly Placed[]): { topMm: number; bottomMm: number } {
  return slices.reduce(
    ({ topMm, bottomMm }, { positionMm }) => ({
      topMm: Math.max(topMm, positionMm),
      bottomMm: Math.min(bottomMm, positionMm),
    }),
    { topMm: -Infinity, bottomMm: Infinity },
  );
}

/** Whether the slices of a run leave no room between them for those of another one. */
function isContiguous(slices: readonly Placed[]): boolean {
  const thicknessMm = slices[0]!.slice.header.sliceThicknessMm ?? 0;
  return thicknessMm <= 0 || orderSlices(slices.map(({ slice }) => slice)).spacingMm <= MOST_OF_THICKNESS * thicknessMm;
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
