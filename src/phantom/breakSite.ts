import type { Random } from '../base/random.ts';
import type { Breakage, Crack, Cut, Piece, RoughPlane } from './breakage.ts';
import type { Fracture, Grade } from './fractures.ts';
import { dot, unit, type Vec3 } from './solids.ts';
import type { BodySize } from './spine.ts';
import type { VertebraMarks } from './vertebra.ts';

const GAP_MM: Readonly<Record<Grade, readonly [number, number]>> = {
  subtle: [0.55, 0.9],
  middle: [1.05, 1.8],
  obvious: [2, 3.2],
};
const SHIFT_MM: Readonly<Record<Grade, readonly [number, number]>> = {
  subtle: [0, 0],
  middle: [0.2, 0.9],
  obvious: [1.5, 4],
};
const SWELLING_MM: Readonly<Record<Grade, readonly [number, number]>> = {
  subtle: [0, 1],
  middle: [0, 4],
  obvious: [2, 8],
};

/** The vertebra that breaks, the parameters shared by all kinds of fracture, and the functions that place one; mm before the patient's scale. */
export interface BreakSite {
  readonly fracture: Fracture;
  readonly grade: Grade;
  readonly random: Random;
  readonly marks: VertebraMarks;
  readonly body: BodySize;
  readonly gap: number;
  /** The patient's left (1) or right (-1). */
  readonly side: 1 | -1;
  /** Whether the fragments are displaced at all. */
  readonly moved: boolean;
  /** How far fragments are turned, degrees. */
  readonly angle: number;
  readonly plane: (normal: Vec3, through: Vec3, roughMm?: number) => RoughPlane;
  readonly cut: (on: RoughPlane, keep: 1 | -1) => Cut;
  /** A boundary without a gap: only selects the part of the bone that is meant. */
  readonly borderOn: (on: RoughPlane, keep: 1 | -1) => Cut;
  readonly border: (normal: Vec3, through: Vec3, keep: 1 | -1) => Cut;
  readonly crack: (on: RoughPlane, centre: Vec3, radiusMm: number, gapMm?: number, denseHu?: number) => Crack;
  /** A piece that stays in place. */
  readonly still: (...cuts: Cut[]) => Piece;
  /** A piece that moves by the grade's displacement along `direction`, and turns. */
  readonly piece: (cuts: Cut[], direction: Vec3, pivot: Vec3, turn?: Vec3) => Piece;
  readonly done: (pieces: Piece[], centre: Vec3, rest?: Partial<Breakage>) => Breakage;
}

/** Draws what all fractures have in common. `mark`: 1-based index of the fracture. */
export function openBreakSite(
  fracture: Fracture,
  grade: Grade,
  mark: number,
  random: Random,
  marks: VertebraMarks,
  body: BodySize,
): BreakSite {
  // The order of the random draws defines the phantom: another order is another patient.
  const gap = random.between(...GAP_MM[grade]);
  const shift = random.between(...SHIFT_MM[grade]);
  const side = random.chance(0.5) ? 1 : -1;
  const swellingMm = random.between(...SWELLING_MM[grade]);
  const moved = grade !== 'subtle';

  const plane = (normal: Vec3, through: Vec3, roughMm = 0.55): RoughPlane => {
    const n = unit(normal);
    return {
      normal: n,
      offset: dot(n, through),
      roughMm,
      roughCellMm: random.between(1.2, 2.2),
      roughOffset: [random.between(0, 64), random.between(0, 64), random.between(0, 64)],
    };
  };
  const cut = (on: RoughPlane, keep: 1 | -1): Cut => ({
    ...on,
    keep,
    halfGapMm: gap / 2,
    reachMm: gap / 2 + shift * 0.5 + 0.35,
    mark,
  });
  const borderOn = (on: RoughPlane, keep: 1 | -1): Cut => ({ ...on, keep, halfGapMm: 0, reachMm: 0, mark: 0 });
  const border = (normal: Vec3, through: Vec3, keep: 1 | -1): Cut => borderOn(plane(normal, through, 0), keep);
  const crack = (on: RoughPlane, centre: Vec3, radiusMm: number, gapMm = gap, denseHu = 0): Crack => ({
    ...on,
    centre,
    radiusMm,
    gapMm,
    denseHu,
    mark,
  });
  const still = (...cuts: Cut[]): Piece => ({ cuts, shift: [0, 0, 0], pivot: [0, 0, 0], turn: [0, 0, 0] });
  const piece = (cuts: Cut[], direction: Vec3, pivot: Vec3, turn: Vec3 = [0, 0, 0]): Piece => {
    const u = unit(direction);
    return {
      cuts,
      shift: [u[0] * shift, u[1] * shift, u[2] * shift],
      pivot,
      turn: moved ? turn : [0, 0, 0],
    };
  };
  const angle = grade === 'obvious' ? random.between(4, 14) : random.between(0, 3);
  const done = (pieces: Piece[], centre: Vec3, rest: Partial<Breakage> = {}): Breakage => ({
    pieces: pieces.length === 0 ? [still()] : pieces,
    cracks: [],
    wedgeMm: 0,
    sinkMm: 0,
    swellingMm,
    ...rest,
    centre,
  });
  return {
    fracture,
    grade,
    random,
    marks,
    body,
    gap,
    side,
    moved,
    angle,
    plane,
    cut,
    borderOn,
    border,
    crack,
    still,
    piece,
    done,
  };
}
