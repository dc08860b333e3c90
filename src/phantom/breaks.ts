import type { Fracture, Grade } from './fractures.ts';
import type { Random } from '../base/random.ts';
import type { Vec3 } from './solids.ts';
import type { BodySize } from './spine.ts';
import type { VertebraMarks } from './vertebra.ts';

/** A rough plane n·p = offset in a bone's frame (mm). */
interface RoughPlane {
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
  /** How far beyond the fracture surface the truth reaches, in mm; 0 for a plane that only says which part is meant. */
  readonly reachMm: number;
  /** 1-based index of the fracture. */
  readonly mark: number;
}

/** A break that moves nothing: a thin gap, or a dense line, that ends within a ball. */
export interface Crack extends RoughPlane {
  readonly centre: Vec3;
  readonly radiusMm: number;
  readonly gapMm: number;
  /** 0 for an open gap; else HU added along the line (impacted or healed bone). */
  readonly denseHu: number;
  /** 1-based index of the fracture, 0 for a confounder. */
  readonly mark: number;
}

/** A part of a broken vertebra and how it moved. */
interface Piece {
  readonly cuts: readonly Cut[];
  readonly shift: Vec3;
  readonly pivot: Vec3;
  readonly turn: Vec3;
}

/** A broken vertebra: into which pieces and by which cracks; millimetres before the patient's scale. */
export interface Breakage {
  readonly pieces: readonly Piece[];
  readonly cracks: readonly Crack[];
  readonly wedgeMm: number;
  readonly sinkMm: number;
  readonly centre: Vec3;
  readonly swellingMm: number;
}

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

/** Lays a fracture through a vertebra. */
export function breakVertebra(
  fracture: Fracture,
  grade: Grade,
  mark: number,
  random: Random,
  marks: VertebraMarks,
  body: BodySize,
): Breakage {
  const gap = random.between(...GAP_MM[grade]);
  const shift = random.between(...SHIFT_MM[grade]);
  const side = random.chance(0.5) ? 1 : -1;
  const swellingMm = random.between(...SWELLING_MM[grade]);
  const moved = grade !== 'subtle';
  const { rx, ry, h } = body;

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
  /** A border without a gap: says which part of the bone is meant. */
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

  switch (fracture.type) {
    case 'dens-1': {
      const at: Vec3 = [0, -1, random.between(17.5, 19.5)];
      const p = plane([side * random.between(0.4, 0.9), random.between(-0.2, 0.2), 1], at);
      return done([still(cut(p, -1)), piece([cut(p, 1)], [side, -0.3, 0.9], at, [angle * 0.5, angle, 0])], at);
    }
    case 'dens-2': {
      const at: Vec3 = [0, -1, random.between(11, 12.2)];
      const p = plane([random.between(-0.12, 0.12), random.between(-0.25, 0.35), 1], at, 0.7);
      const back = random.chance(0.55) ? 1 : -1;
      return done([still(cut(p, -1)), piece([cut(p, 1)], [0.2 * side, back, 0.15], at, [-back * angle, 0, 0])], at);
    }
    case 'dens-3': {
      const at: Vec3 = [0, 0, random.between(2, 5)];
      const p = plane([random.between(-0.15, 0.15), random.between(-0.55, -0.3), 1], at, 0.8);
      return done([still(cut(p, -1)), piece([cut(p, 1)], [0.1 * side, -1, 0.1], at, [angle * 0.7, 0, 0])], at);
    }
    case 'hangman': {
      const at: Vec3 = [0, ry + random.between(1.5, 3.5), 0];
      const p = plane([random.between(-0.28, 0.28), 1, random.between(0, 0.4)], at, 0.7);
      return done(
        [still(cut(p, -1)), piece([cut(p, 1)], [0, 1, -0.15], at, [-angle * 0.6, 0, 0])],
        [15.5 * side, at[1], -0.5],
      );
    }
    case 'jefferson': {
      const front = -10.5;
      const backY = marks.spinousRoot[1];
      if (!moved) {
        const posterior = random.chance(0.6);
        const at: Vec3 = posterior ? [side * 12, 25, -0.5] : [side * 6, -10.3, 0.5];
        const p = plane(posterior ? [0.85, -0.4 * side, 0.1] : [1, 0.25 * side, 0.15], at, 0.4);
        return done([], at, { cracks: [crack(p, at, 11)] });
      }
      const xl = random.between(3, 8);
      const xr = random.between(3, 8);
      const left = plane([1, random.between(-0.18, 0.05), 0.1], [xl, front, 0], 0.5);
      const right = plane([1, random.between(-0.05, 0.18), -0.1], [-xr, front, 0], 0.5);
      return done(
        [
          piece([cut(left, 1)], [1, 0, 0], [xl, 10, 0], [0, 0, -angle * 0.4]),
          piece([cut(right, -1)], [-1, 0, 0], [-xr, 10, 0], [0, 0, angle * 0.4]),
          still(cut(left, -1), cut(right, 1)),
        ],
        [0, (front + backY) / 2, 0],
      );
    }
    case 'burst': {
      const split = plane(
        [1, random.between(-0.2, 0.2), random.between(-0.1, 0.1)],
        [random.between(-3, 3), 0, 0],
        0.8,
      );
      const retro = plane([0, 0.75, 0.65], [0, ry * 0.45, h * 0.35], 0.7);
      const back = plane([0, 1, 0], [0, ry + 1.2, 0], 0);
      const leftSide = plane([1, 0, 0], [rx + 1.6, 0, 0], 0);
      const rightSide = plane([1, 0, 0], [-rx - 1.6, 0, 0], 0);
      const bodyOnly = [borderOn(back, -1), borderOn(leftSide, -1), borderOn(rightSide, 1)];
      const at: Vec3 = [0, 0, h * 0.2];
      const laminaAt: Vec3 = [side * 2.2, marks.spinousRoot[1] - 1, -1];
      const slight = (p: Piece, k: number): Piece => ({
        ...p,
        shift: [p.shift[0] * k, p.shift[1] * k, p.shift[2] * k],
      });
      const level = plane([random.between(-0.3, 0.3), 0.3, 1], [0, 0, random.between(-h * 0.3, h * 0.2)], 0.8);
      // The lower front part breaks once more when the load was great.
      const right =
        grade === 'obvious'
          ? [
              slight(
                piece([...bodyOnly, cut(split, -1), cut(retro, -1), cut(level, 1)], [-0.7, -0.4, -0.2], at, [
                  0,
                  -angle * 0.3,
                  0,
                ]),
                0.4,
              ),
              slight(piece([...bodyOnly, cut(split, -1), cut(retro, -1), cut(level, -1)], [-0.3, -0.9, 0], at), 0.5),
            ]
          : [
              slight(
                piece([...bodyOnly, cut(split, -1), cut(retro, -1)], [-0.7, -0.7, 0], at, [0, -angle * 0.3, 0]),
                0.5,
              ),
            ];
      return done(
        [
          still(borderOn(back, 1)),
          still(borderOn(back, -1), borderOn(leftSide, 1)),
          still(borderOn(back, -1), borderOn(rightSide, -1)),
          slight(piece([...bodyOnly, cut(split, 1), cut(retro, -1)], [0.7, -0.5, 0], at, [0, angle * 0.3, 0]), 0.4),
          ...right,
          piece([...bodyOnly, cut(retro, 1)], [0, 1, 0.1], [0, ry, h], [-angle * 0.5, 0, 0]),
        ],
        at,
        {
          wedgeMm: grade === 'obvious' ? random.between(1.5, 3.5) : grade === 'middle' ? random.between(0.5, 1.5) : 0,
          sinkMm: grade === 'obvious' ? random.between(1.5, 3) : grade === 'middle' ? random.between(0.5, 1.5) : 0.3,
          // The sagittal split often runs on into a lamina.
          cracks: random.chance(0.5) ? [crack(plane([1, 0.15, 0], laminaAt, 0.4), laminaAt, 8)] : [],
        },
      );
    }
    case 'teardrop': {
      const size = grade === 'subtle' ? random.between(3.5, 5) : random.between(4.5, 7.5);
      const at: Vec3 = [0, -ry + size * 0.5, -h + size * 0.55 - (fracture.level === 'C2' ? 0.5 : 0)];
      const p = plane([random.between(-0.15, 0.15), -1, -random.between(0.6, 1.1)], at, 0.45);
      // Between the transverse processes, which reach as far forward.
      const left = plane([1, 0, 0], [rx - 0.6, 0, 0], 0.7);
      const right = plane([1, 0, 0], [-rx + 0.6, 0, 0], 0.7);
      return done(
        [
          still(cut(p, -1), borderOn(left, -1), borderOn(right, 1)),
          still(borderOn(left, 1)),
          still(borderOn(right, -1)),
          piece([cut(p, 1), borderOn(left, -1), borderOn(right, 1)], [0, -1, -0.35], [0, -ry, -h], [angle, 0, 0]),
        ],
        at,
      );
    }
    case 'compression': {
      const wedgeMm =
        grade === 'obvious'
          ? random.between(3.5, 6)
          : grade === 'middle'
            ? random.between(1.8, 3.2)
            : random.between(0.8, 1.6);
      const at: Vec3 = [0, -ry * 0.35, h - wedgeMm * 0.75 - 1.9];
      const tilt = wedgeMm / (2 * ry);
      const line = plane([random.between(-0.06, 0.06), -tilt, 1], at, 0.6);
      const front: Vec3 = [0, -ry + 0.5, at[2] - 0.8];
      return done([], at, {
        wedgeMm,
        sinkMm: wedgeMm * 0.15,
        cracks: [
          // Impacted trabeculae, and the buckled cortex in front of them.
          crack(
            line,
            at,
            rx * 1.25,
            grade === 'obvious' ? 2.8 : grade === 'middle' ? 2.2 : 1.6,
            random.between(260, 420),
          ),
          crack(plane([0, -0.25, 1], front, 0.5), front, 7, gap),
        ],
      });
    }
    case 'facet': {
      const c = marks.pillar;
      const at: Vec3 = [side * c[0], c[1] - 0.5, c[2] + random.between(0, 2)];
      const p = plane([side * random.between(-0.25, 0.25), random.between(-0.1, 0.35), 1], at, 0.5);
      if (!moved) return done([], at, { cracks: [crack(p, at, 13)] });
      const neck = plane([1, 0.25 * side, 0], [side * marks.pillarInnerX, c[1], 0], 0.9);
      const inner = borderOn(neck, side);
      const other = borderOn(neck, side === 1 ? -1 : 1);
      return done(
        [still(other), still(inner, cut(p, -1)), piece([inner, cut(p, 1)], [0.3 * side, -1, 0.4], at, [angle, 0, 0])],
        at,
      );
    }
    case 'lamina': {
      const m = marks.lamina;
      const d = marks.laminaDirection;
      const along = random.between(-3, 3);
      const at: Vec3 = [side * (m[0] + d[0] * along), m[1] + d[1] * along, m[2]];
      const p = plane([side * d[0], d[1], random.between(-0.3, 0.3)], at, 0.45);
      if (grade !== 'obvious') return done([], at, { cracks: [crack(p, at, 9.5)] });
      const behindBody: Vec3 = [0, ry + 4, 0];
      const arch = border([0, 1, 0], behindBody, 1);
      // Both laminae give way and the arch between them sinks in.
      const q = plane([-side * d[0], d[1], random.between(-0.3, 0.3)], [-side * m[0], m[1], m[2]], 0.45);
      return done(
        [
          still(border([0, 1, 0], behindBody, -1)),
          still(arch, cut(p, -1), border([1, 0, 0], [0, 0, 0], side)),
          still(arch, cut(q, -1), border([1, 0, 0], [0, 0, 0], side === 1 ? -1 : 1)),
          piece([arch, cut(p, 1), cut(q, 1)], [0.3 * side, -0.6, -0.4], at, [0, 0, side * angle * 0.4]),
        ],
        at,
      );
    }
    case 'spinous': {
      const a = marks.spinousRoot;
      const b = marks.spinousTip;
      const t = random.between(0.3, 0.6);
      const at: Vec3 = [0, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];
      const p = plane([random.between(-3, 3), b[1] - a[1], (b[2] - a[2]) * 0.5], at, 0.5);
      return done([still(cut(p, -1)), piece([cut(p, 1)], [0.15 * side, 0.3, -1], at, [-angle, 0, 0])], at);
    }
    case 'transverse': {
      const m = marks.transverse;
      const at: Vec3 = [side * (m[0] - 0.5), m[1] - 3, m[2]];
      const behind: Vec3 = [0, m[1] + random.between(3.2, 4.2), 0];
      const p = plane([side, random.between(-0.3, 0.3), random.between(-0.25, 0.25)], at, 0.4);
      const q = plane([side * 0.25, -1, 0.1], [side * (m[0] + 4), behind[1], m[2]], 0.4);
      return done(
        [
          still(cut(p, -1), borderOn(q, 1)),
          still(borderOn(p, -1), borderOn(q, -1)),
          still(borderOn(p, 1), cut(q, -1)),
          piece([cut(p, 1), cut(q, 1)], [side, -0.3, -0.5], at, [0, 0, side * angle]),
        ],
        at,
      );
    }
  }
}

/** A single fracture line that has healed: dense, closed, part of no truth. */
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
    // Gap and displacement are the injury's, not the patient's size.
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

/** Two breakages of one vertebra at once: every piece of the one is cut by the other. */
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

function dot(a: Vec3, b: Vec3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function unit(v: Vec3): Vec3 {
  const l = Math.hypot(v[0], v[1], v[2]);
  return [v[0] / l, v[1] / l, v[2] / l];
}
