import type { Random } from '../base/random.ts';
import { dot, unit, type Vec3 } from './solids.ts';
import type { BodySize } from './spine.ts';

/** A rough plane n·p = offset in a bone's frame (mm). */
export interface RoughPlane {
  readonly normal: Vec3;
  readonly offset: number;
  readonly roughMm: number;
  readonly roughCellMm: number;
  readonly roughOffset: Vec3;
}

/** One side of a plane that a fragment keeps. */
export interface Cut extends RoughPlane {
  /** The side that is kept: 1 is where n·p is greater. */
  readonly keep: 1 | -1;
  readonly halfGapMm: number;
  /** How far beyond the fracture surface the truth extends, in mm; 0 for a plane that only selects a part. */
  readonly reachMm: number;
  /** 1-based index of the fracture. */
  readonly mark: number;
}

/** A break without displacement: a thin gap, or a dense line, that ends within a ball. */
export interface Crack extends RoughPlane {
  readonly centre: Vec3;
  readonly radiusMm: number;
  readonly gapMm: number;
  /** 0 for an open gap; otherwise HU added along the line (impacted or healed bone). */
  readonly denseHu: number;
  /** 1-based index of the fracture, 0 for a confounder. */
  readonly mark: number;
}

/** A part of a broken vertebra and its displacement. */
export interface Piece {
  readonly cuts: readonly Cut[];
  readonly shift: Vec3;
  readonly pivot: Vec3;
  readonly turn: Vec3;
}

/** A broken vertebra: its pieces and cracks; millimetres before the patient's scale. */
export interface Breakage {
  readonly pieces: readonly Piece[];
  readonly cracks: readonly Crack[];
  readonly wedgeMm: number;
  readonly sinkMm: number;
  readonly centre: Vec3;
  readonly swellingMm: number;
}

/** A single fracture line that has healed: dense, closed, not part of any truth. */
export function healedLine(random: Random, body: BodySize): Crack {
  const at: Vec3 = [0, random.between(-body.ry * 0.4, body.ry * 0.4), random.between(-body.h * 0.4, body.h * 0.4)];
  const normal = unit([random.normal(0, 0.4), random.normal(0, 0.4), 1]);
  return {
    normal,
    offset: dot(normal, at),
    roughMm: 0.5,
    roughCellMm: 2,
    roughOffset: [random.between(0, 64), random.between(0, 64), random.between(0, 64)],
    centre: at,
    radiusMm: random.between(8, 13),
    gapMm: random.between(0.8, 1.8),
    denseHu: random.between(150, 380),
    mark: 0,
  };
}

/** The same breakage in a patient of another size. */
export function scaledBreakage(breakage: Breakage, s: number): Breakage {
  const times = (v: Vec3): Vec3 => [v[0] * s, v[1] * s, v[2] * s];
  return {
    ...breakage,
    centre: times(breakage.centre),
    cracks: breakage.cracks.map((c) => scaledCrack(c, s)),
    // Gap and displacement depend on the injury, not on the patient's size.
    pieces: breakage.pieces.map((p) => ({
      ...p,
      pivot: times(p.pivot),
      cuts: p.cuts.map((c) => ({ ...c, offset: c.offset * s })),
    })),
  };
}

export function scaledCrack(crack: Crack, s: number): Crack {
  const c = crack.centre;
  return { ...crack, offset: crack.offset * s, radiusMm: crack.radiusMm * s, centre: [c[0] * s, c[1] * s, c[2] * s] };
}

/** Combines two breakages of one vertebra: every piece of one is cut by the other. */
export function bothBreakages(a: Breakage, b: Breakage): Breakage {
  return {
    pieces: a.pieces.flatMap((p) =>
      b.pieces.map((q) => ({
        cuts: [...p.cuts, ...q.cuts],
        shift: [p.shift[0] + q.shift[0], p.shift[1] + q.shift[1], p.shift[2] + q.shift[2]] as Vec3,
        pivot: p.turn.some((t) => t !== 0) ? p.pivot : q.pivot,
        turn: [p.turn[0] + q.turn[0], p.turn[1] + q.turn[1], p.turn[2] + q.turn[2]] as Vec3,
      })),
    ),
    cracks: [...a.cracks, ...b.cracks],
    wedgeMm: a.wedgeMm + b.wedgeMm,
    sinkMm: a.sinkMm + b.sinkMm,
    centre: a.centre,
    swellingMm: Math.max(a.swellingMm, b.swellingMm),
  };
}
