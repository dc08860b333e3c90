import type { Random } from '../base/random.ts';
import type { Breakage, Piece } from './breakage.ts';
import { openBreakSite, type BreakSite } from './breakSite.ts';
import type { Fracture, FractureType, Grade } from './fractures.ts';
import type { Vec3 } from './solids.ts';
import type { BodySize } from './spine.ts';
import type { VertebraMarks } from './vertebra.ts';

function dens1({ random, side, angle, plane, cut, still, piece, done }: BreakSite): Breakage {
  const at: Vec3 = [0, -1, random.between(17.5, 19.5)];
  const p = plane([side * random.between(0.4, 0.9), random.between(-0.2, 0.2), 1], at);
  return done([still(cut(p, -1)), piece([cut(p, 1)], [side, -0.3, 0.9], at, [angle * 0.5, angle, 0])], at);
}

function dens2({ random, side, angle, plane, cut, still, piece, done }: BreakSite): Breakage {
  const at: Vec3 = [0, -1, random.between(11, 12.2)];
  const p = plane([random.between(-0.12, 0.12), random.between(-0.25, 0.35), 1], at, 0.7);
  const back = random.chance(0.55) ? 1 : -1;
  return done([still(cut(p, -1)), piece([cut(p, 1)], [0.2 * side, back, 0.15], at, [-back * angle, 0, 0])], at);
}

function dens3({ random, side, angle, plane, cut, still, piece, done }: BreakSite): Breakage {
  const at: Vec3 = [0, 0, random.between(2, 5)];
  const p = plane([random.between(-0.15, 0.15), random.between(-0.55, -0.3), 1], at, 0.8);
  return done([still(cut(p, -1)), piece([cut(p, 1)], [0.1 * side, -1, 0.1], at, [angle * 0.7, 0, 0])], at);
}

function hangman({ random, side, angle, plane, cut, still, piece, done, body: { ry } }: BreakSite): Breakage {
  const at: Vec3 = [0, ry + random.between(1.5, 3.5), 0];
  const p = plane([random.between(-0.28, 0.28), 1, random.between(0, 0.4)], at, 0.7);
  return done(
    [still(cut(p, -1)), piece([cut(p, 1)], [0, 1, -0.15], at, [-angle * 0.6, 0, 0])],
    [15.5 * side, at[1], -0.5],
  );
}

function jefferson({ random, marks, side, moved, angle, plane, cut, crack, still, piece, done }: BreakSite): Breakage {
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

function burst({
  grade,
  random,
  marks,
  side,
  angle,
  plane,
  cut,
  borderOn,
  crack,
  still,
  piece,
  done,
  body: { rx, ry, h },
}: BreakSite): Breakage {
  const split = plane([1, random.between(-0.2, 0.2), random.between(-0.1, 0.1)], [random.between(-3, 3), 0, 0], 0.8);
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
  // With a high load the lower front part breaks once more.
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
      : [slight(piece([...bodyOnly, cut(split, -1), cut(retro, -1)], [-0.7, -0.7, 0], at, [0, -angle * 0.3, 0]), 0.5)];
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
      // The sagittal split often continues into a lamina.
      cracks: random.chance(0.5) ? [crack(plane([1, 0.15, 0], laminaAt, 0.4), laminaAt, 8)] : [],
    },
  );
}

function teardrop({
  fracture,
  grade,
  random,
  angle,
  plane,
  cut,
  borderOn,
  still,
  piece,
  done,
  body: { rx, ry, h },
}: BreakSite): Breakage {
  const size = grade === 'subtle' ? random.between(3.5, 5) : random.between(4.5, 7.5);
  const at: Vec3 = [0, -ry + size * 0.5, -h + size * 0.55 - (fracture.level === 'C2' ? 0.5 : 0)];
  const p = plane([random.between(-0.15, 0.15), -1, -random.between(0.6, 1.1)], at, 0.45);
  // Between the transverse processes, which extend as far forward.
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

function compression({ grade, random, gap, plane, crack, done, body: { rx, ry, h } }: BreakSite): Breakage {
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
      crack(line, at, rx * 1.25, grade === 'obvious' ? 2.8 : grade === 'middle' ? 2.2 : 1.6, random.between(260, 420)),
      crack(plane([0, -0.25, 1], front, 0.5), front, 7, gap),
    ],
  });
}

function facet({
  random,
  marks,
  side,
  moved,
  angle,
  plane,
  cut,
  borderOn,
  crack,
  still,
  piece,
  done,
}: BreakSite): Breakage {
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

function lamina({
  grade,
  random,
  marks,
  side,
  angle,
  plane,
  cut,
  border,
  crack,
  still,
  piece,
  done,
  body: { ry },
}: BreakSite): Breakage {
  const m = marks.lamina;
  const d = marks.laminaDirection;
  const along = random.between(-3, 3);
  const at: Vec3 = [side * (m[0] + d[0] * along), m[1] + d[1] * along, m[2]];
  const p = plane([side * d[0], d[1], random.between(-0.3, 0.3)], at, 0.45);
  if (grade !== 'obvious') return done([], at, { cracks: [crack(p, at, 9.5)] });
  const behindBody: Vec3 = [0, ry + 4, 0];
  const arch = border([0, 1, 0], behindBody, 1);
  // Both laminae break and the arch between them sinks in.
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

function spinous({ random, marks, side, angle, plane, cut, still, piece, done }: BreakSite): Breakage {
  const a = marks.spinousRoot;
  const b = marks.spinousTip;
  const t = random.between(0.3, 0.6);
  const at: Vec3 = [0, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];
  const p = plane([random.between(-3, 3), b[1] - a[1], (b[2] - a[2]) * 0.5], at, 0.5);
  return done([still(cut(p, -1)), piece([cut(p, 1)], [0.15 * side, 0.3, -1], at, [-angle, 0, 0])], at);
}

function transverse({ random, marks, side, angle, plane, cut, borderOn, still, piece, done }: BreakSite): Breakage {
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

const BREAKS: Readonly<Record<FractureType, (site: BreakSite) => Breakage>> = {
  'dens-1': dens1,
  'dens-2': dens2,
  'dens-3': dens3,
  hangman,
  jefferson,
  burst,
  teardrop,
  compression,
  facet,
  lamina,
  spinous,
  transverse,
};

/** Places a fracture in a vertebra. `mark`: 1-based index of the fracture. */
export function breakVertebra(
  fracture: Fracture,
  grade: Grade,
  mark: number,
  random: Random,
  marks: VertebraMarks,
  body: BodySize,
): Breakage {
  return BREAKS[fracture.type](openBreakSite(fracture, grade, mark, random, marks, body));
}
