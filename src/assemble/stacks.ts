import type { InstanceHeader, StoredImage } from '../case/case.ts';
import { orientationDifferenceDegrees, positionAlongMm, superiorNormal } from '../dicom/geometry.ts';
import { LEAST_SHARE_OF_STEP, passesOf } from './passes.ts';
import { compareImages, compareText, orderSlices } from './sliceOrder.ts';
import { strays } from './strays.ts';

/** Slices of one series that may form one volume. */
export interface Stack {
  slices: StoredImage[];
  /** What distinguishes it from the other stacks of its series, for people; empty when there is no other. */
  name: string;
}

/** Tolerance for orientations within one stack: they differ only by the digits that they are written with. */
const SAME_ORIENTATION_DEGREES = 1;
const SAME_SIZE = 0.01;
/** Passes farther apart than this many steps are two volumes with a hole between them. */
const MOST_STEPS_APART = 3;
/** An attribute that is the same in all slices of a volume: `same` compares two slices that both state it. */
interface Trait {
  valueOf: (header: InstanceHeader) => unknown;
  name: (header: InstanceHeader) => string;
  isStated: (header: InstanceHeader) => boolean;
  same: (a: InstanceHeader, b: InstanceHeader) => boolean;
}

function textTrait(label: string, read: (header: InstanceHeader) => string): Trait {
  const value = (header: InstanceHeader): string => read(header).trim().toUpperCase();
  return {
    valueOf: value,
    name: (header) => `${label} ${read(header).trim()}`,
    isStated: (header) => value(header) !== '',
    same: (a, b) => value(a) === value(b),
  };
}

function numberTrait(label: string, unit: string, read: (header: InstanceHeader) => number | null): Trait {
  return {
    valueOf: read,
    name: (header) => `${label} ${Number(read(header)!.toFixed(2))}${unit}`,
    isStated: (header) => (read(header) ?? 0) > 0,
    same: (a, b) => Math.abs(read(a)! / read(b)! - 1) <= SAME_SIZE,
  };
}

/** Slices that differ in one of these never form one volume. */
const GEOMETRY: readonly Trait[] = [
  {
    valueOf: ({ imageOrientationPatient }) => imageOrientationPatient,
    name: () => 'another orientation',
    isStated: ({ imageOrientationPatient }) => imageOrientationPatient !== null,
    same: (a, b) =>
      orientationDifferenceDegrees(a.imageOrientationPatient!, b.imageOrientationPatient!) <= SAME_ORIENTATION_DEGREES,
  },
  numberTrait('rows', '', ({ rows }) => rows),
  numberTrait('columns', '', ({ columns }) => columns),
  numberTrait('pixels of', ' mm', ({ pixelSpacingMm }) => pixelSpacingMm?.[0] ?? null),
  numberTrait('pixels of', ' mm', ({ pixelSpacingMm }) => pixelSpacingMm?.[1] ?? null),
];
/** PS3.3 C.7.4.1, C.7.6.2 and C.8.2.1. Slices with different values of one of these belong to different volumes. */
const TRAITS: readonly Trait[] = [
  textTrait('frame of reference', ({ frameOfReferenceUid }) => frameOfReferenceUid),
  ...GEOMETRY,
  textTrait('kernel', ({ convolutionKernel }) => convolutionKernel),
  numberTrait('thickness', ' mm', ({ sliceThicknessMm }) => sliceThicknessMm),
  textTrait('image type', ({ imageType }) => imageType.slice(2).join('\\')),
  numberTrait('reconstruction diameter', ' mm', ({ reconstructionDiameterMm }) => reconstructionDiameterMm),
  numberTrait('tube voltage', ' kV', ({ kilovoltPeak }) => kilovoltPeak),
  numberTrait('energy', ' keV', ({ kiloElectronvolt }) => kiloElectronvolt),
  textTrait('rescale type', ({ rescaleType }) => rescaleType),
  {
    valueOf: ({ temporalPosition }) => temporalPosition,
    name: ({ temporalPosition }) => `temporal position ${temporalPosition}`,
    isStated: ({ temporalPosition }) => temporalPosition !== null,
    same: (a, b) => a.temporalPosition === b.temporalPosition,
  },
];
/** Fewer slices with a value of their own may be as many stacks. */
const LEAST_OF_THEIR_OWN = 5;

/**
 * The traits that can tell stacks of these slices apart. A value that each slice has for itself (anonymisers give each its own frame of reference) cannot.
 */
function tellingTraits(slices: readonly StoredImage[]): Trait[] {
  return TRAITS.filter((trait) => {
    if (GEOMETRY.includes(trait)) return true;
    const values = slices.flatMap(({ header }) => (trait.isStated(header) ? [trait.valueOf(header)] : []));
    return values.length < LEAST_OF_THEIR_OWN || new Set(values).size < values.length;
  });
}

/**
 * Splits the axial slices of one series into stacks that each may be a volume. A series is what the scanner's operator sees as one; two passes,
 * two kernels or two energies in it, half a step apart, would make one smooth but false stack. Passes that continue one another form one stack. The
 * order of the input does not matter; the largest stack comes first.
 */
export function splitStacks(slices: readonly StoredImage[]): Stack[] {
  const sorted = [...slices].sort(compareImages);
  const traits = tellingTraits(sorted);
  const alike = joinSilent(grouped(sorted, traits), traits);
  const stacks = alike.flatMap((group) => {
    const astray = strays(group);
    const rest = group.filter((slice) => !astray.includes(slice));
    return [...joinPasses(passesOf(rest)), ...(astray.length === 0 ? [] : [astray])];
  });
  stacks.sort((a, b) => b.length - a.length || passNumber(a) - passNumber(b) || compareText(uidOf(a), uidOf(b)));
  return stacks.map((stack) => ({ slices: stack, name: stacks.length === 1 ? '' : nameOf(stack, stacks, traits) }));
}

/** Groups whose slices state the same value for every trait; not stating one counts as a value of its own here. */
function grouped(slices: readonly StoredImage[], traits: readonly Trait[]): StoredImage[][] {
  const groups: StoredImage[][] = [];
  for (const slice of slices) {
    const group = groups.find(([first]) =>
      traits.every(({ isStated, same }) => {
        const stated = isStated(slice.header);
        return stated === isStated(first!.header) && (!stated || same(slice.header, first!.header));
      }),
    );
    if (group === undefined) groups.push([slice]);
    else group.push(slice);
  }
  return groups;
}

/** A missing value contradicts nothing: the slice joins the largest group that it agrees with. */
function joinSilent(groups: StoredImage[][], traits: readonly Trait[]): StoredImage[][] {
  const bySize = [...groups].sort((a, b) => b.length - a.length || compareText(uidOf(a), uidOf(b)));
  const joined: { slices: StoredImage[]; headers: InstanceHeader[] }[] = [];
  for (const group of bySize) {
    const { header } = group[0]!;
    const host = joined.find(({ headers }) => headers.every((other) => agrees(header, other, traits)));
    if (host === undefined) {
      joined.push({ slices: [...group], headers: [header] });
    } else {
      host.slices.push(...group);
      host.headers.push(header);
    }
  }
  return joined.map(({ slices }) => slices);
}

function agrees(a: InstanceHeader, b: InstanceHeader, traits: readonly Trait[]): boolean {
  return traits.every(({ isStated, same }) => !isStated(a) || !isStated(b) || same(a, b));
}

/** Slices of one pass, or of several that continue one another; positions along the normal, falling. `stepMm` is 0 while there is one slice. */
interface Run {
  slices: StoredImage[];
  positionsMm: number[];
  stepMm: number;
}

/** Step-and-shoot scans number every table position, and long scans are taken in parts: passes that continue one another form one stack. */
function joinPasses(passes: readonly StoredImage[][]): StoredImage[][] {
  if (passes.length === 1) return [...passes];
  const normal = superiorNormal(passes[0]![0]!.header.imageOrientationPatient!)!;
  const runs = passes.map((slices): Run => ({
    slices: [...slices],
    positionsMm: slices
      .map(({ header }) => positionAlongMm(header.imagePositionPatientMm!, normal))
      .sort((a, b) => b - a),
    stepMm: orderSlices(slices).spacingMm,
  }));
  runs.sort(
    (a, b) =>
      b.positionsMm[0]! - a.positionsMm[0]! ||
      b.slices.length - a.slices.length ||
      passNumber(a.slices) - passNumber(b.slices) ||
      compareText(uidOf(a.slices), uidOf(b.slices)),
  );
  const stacks: Run[] = [];
  for (const run of runs) {
    const above = stacks.find((stack) => continues(stack, run));
    if (above === undefined) {
      stacks.push(run);
      continue;
    }
    if (above.stepMm === 0) above.stepMm = run.stepMm || distanceMm(above, run);
    above.slices.push(...run.slices);
    above.positionsMm = [...above.positionsMm, ...run.positionsMm].sort((a, b) => b - a);
  }
  return stacks.map(({ slices }) => slices);
}

function continues(above: Run, below: Run): boolean {
  const steps = [above.stepMm, below.stepMm].filter((step) => step > 0);
  const distance = distanceMm(above, below);
  // With two single slices only their distance is known.
  if (steps.length === 0) return distance > 0;
  return (
    distance >= LEAST_SHARE_OF_STEP * Math.min(...steps) &&
    above.positionsMm.at(-1)! - below.positionsMm[0]! <= MOST_STEPS_APART * Math.max(...steps)
  );
}

/** The distance between the nearest slices of two runs; `above` begins higher. */
function distanceMm(above: Run, below: Run): number {
  const bottom = above.positionsMm.at(-1)!;
  if (bottom >= below.positionsMm[0]!) return bottom - below.positionsMm[0]!;
  const near = above.positionsMm.filter((position) => position <= below.positionsMm[0]! + (above.stepMm || Infinity));
  // A loop: the pairs of two long passes are too many for the arguments of one call.
  let nearestMm = Infinity;
  for (const position of below.positionsMm)
    for (const other of near) nearestMm = Math.min(nearestMm, Math.abs(position - other));
  return nearestMm;
}

function passNumber([first]: readonly StoredImage[]): number {
  return first?.header.acquisitionNumber ?? Number.MAX_SAFE_INTEGER;
}

function uidOf([first]: readonly StoredImage[]): string {
  return first!.header.sopInstanceUid;
}

/** The traits in which the stack differs from the others of its series, otherwise its pass. */
function nameOf(stack: readonly StoredImage[], stacks: readonly StoredImage[][], traits: readonly Trait[]): string {
  const { header } = stack[0]!;
  const others = stacks.filter((other) => other !== stack).map((other) => other[0]!.header);
  const names = traits
    .filter(({ isStated, same }) => isStated(header) && others.some((other) => isStated(other) && !same(header, other)))
    .map(({ name }) => name(header));
  if (others.some((other) => other.acquisitionNumber !== header.acquisitionNumber) && header.acquisitionNumber !== null)
    names.push(`acquisition ${header.acquisitionNumber}`);
  if (others.some((other) => (other.stackId ?? '') !== (header.stackId ?? '')) && (header.stackId ?? '') !== '')
    names.push(`stack ${header.stackId}`);
  if (names.length === 0 && header.acquisitionDateTime !== '')
    names.push(
      `acquired at ${header.acquisitionDateTime.slice(8, 10)}:${header.acquisitionDateTime.slice(10, 12)}:${header.acquisitionDateTime.slice(12, 14)}`,
    );
  if (names.length === 0) names.push(numbersOf(stack));
  return [...new Set(names)].join(', ');
}

function numbersOf(stack: readonly StoredImage[]): string {
  const numbers = stack.map(({ header }) => header.instanceNumber ?? 0);
  return `images ${Math.min(...numbers)} to ${Math.max(...numbers)}`;
}
