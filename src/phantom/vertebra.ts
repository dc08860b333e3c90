import { bar, capsule, column, ellipsoid, type Solid, type Vec3 } from './solids.ts';
import type { BodySize } from './spine.ts';

/** What one vertebra is made from; millimetres before the patient's scale. */
export interface VertebraShape {
  /** 0 is C1, 7 is T1. */
  readonly index: number;
  readonly body: BodySize;
  readonly pillarHalfHeight: number;
  readonly canalFactor: number;
  readonly bifid: number;
  /** Loss of height of the body's upper face at its front and in its middle (compression, burst). */
  readonly wedgeMm: number;
  readonly sinkMm: number;
  readonly cortexFactor: number;
}

/** Landmarks of a vertebra where fractures and confounders are placed, in its frame before the patient's scale; right side by x -> -x. */
export interface VertebraMarks {
  readonly pillar: Vec3;
  /** Where the pillar begins, from the midline. */
  readonly pillarInnerX: number;
  readonly lamina: Vec3;
  /** Unit direction of the left lamina in the axial plane, towards the midline. */
  readonly laminaDirection: Vec3;
  readonly transverse: Vec3;
  readonly spinousRoot: Vec3;
  readonly spinousTip: Vec3;
}

interface Built {
  readonly solids: readonly Solid[];
  readonly marks: VertebraMarks;
}

/** Builds the solids of one vertebra in its own frame (mm, before the patient's scale). */
export function buildVertebra(shape: VertebraShape): Built {
  const built = shape.index === 0 ? atlas(shape) : shape.index === 1 ? axis(shape) : subaxial(shape);
  const solids = built.solids.map((solid) => ({ ...solid, cortexMm: solid.cortexMm * shape.cortexFactor }));
  // Hollows are cut last, whatever the order in which the parts are listed.
  return { solids: [...solids.filter((s) => !s.hollow), ...solids.filter((s) => s.hollow)], marks: built.marks };
}

const SIDES = [1, -1] as const;
const both = (make: (side: 1 | -1) => Solid[]): Solid[] => SIDES.flatMap(make);
const THIN = { cortexMm: 1.3 };

function atlas(shape: VertebraShape): Built {
  const k = shape.canalFactor;
  const back = 30.5 * k;
  const solids = [
    bar([-9, -9.6, 0.5], [0, -10.8, 0.5], [2.9, 3.1], [5, 5.6], THIN),
    bar([9, -9.6, 0.5], [0, -10.8, 0.5], [2.9, 3.1], [5, 5.6], THIN),
    capsule([0, -13.3, 0], [0, -13, -1.5], 1.6, 1.4, THIN),
    ellipsoid([0, back + 1.5, -0.5], [3, 3.2, 3.4], THIN),
    ...both((s) => [
      column([s * 16.5, 0.5, 0], 7, 9.2, 7.4, { shearX: s * 0.28, round: 2, squareness: 0.25, cortexMm: 1.5 }),
      bar([s * 15, -6, 0.5], [s * 9, -9.6, 0.5], [3.6, 2.9], [5.2, 5], THIN),
      ellipsoid([s * 10.2, -1.5, -0.5], [2.4, 3, 3]),
      // Transverse process around its foramen.
      bar([s * 21, -3.5, 0], [s * 30, -2.6, -0.5], [2.4, 2], [4.5, 3.6], THIN),
      bar([s * 30, -2.6, -0.5], [s * 34.5, 2.5, -1], [2.2, 3.4], [3.6, 4.2], THIN),
      bar([s * 34.5, 2.5, -1], [s * 22, 7, 0], [3.2, 2.6], [4.2, 3.6], THIN),
      // Posterior arch, lower where the vertebral artery crosses it.
      bar([s * 20.5, 7.5, -1], [s * 18.5, 15.5 * k, -1], [3.2, 2.5], [4, 3], THIN),
      bar([s * 18.5, 15.5 * k, -1], [s * 13, 24.5 * k, -0.5], [2.5, 2.7], [3, 3.8], THIN),
      bar([s * 13, 24.5 * k, -0.5], [s * 6, 29.2 * k, -0.5], [2.7, 2.8], [3.8, 4.2], THIN),
      bar([s * 6, 29.2 * k, -0.5], [0, back, -0.5], [2.8, 3], [4.2, 4.4], THIN),
    ]),
  ];
  return {
    solids,
    marks: {
      pillar: [16.5, 0, 0],
      pillarInnerX: 9.5,
      lamina: [16, 20 * k, 0],
      laminaDirection: [-0.5, 0.866, 0],
      transverse: [29, 0, 0],
      spinousRoot: [0, back - 2, 0],
      spinousTip: [0, back + 4, 0],
    },
  };
}

function axis(shape: VertebraShape): Built {
  const { rx, ry, h } = shape.body;
  const k = shape.canalFactor;
  const back = ry + 18.5 * k;
  const solids = [
    column([0, 0, -1], rx, ry, h - 1, { squareness: 0.4, waist: 0.7, dish: 0.4, round: 1.6, cortexMm: 1 }),
    // A neck, then the head of the dens.
    capsule([0, -1.3, 5], [0, -1.2, 14], 5.6, 4.5, { cortexMm: 1.6 }),
    capsule([0, -1.2, 14], [0, -0.2, 20.5], 4.6, 4.4, { cortexMm: 1.7 }),
    bar([0, back, -4.5], [0, back + 9, -7], [3.6, 3.4], [6, 5], THIN),
    ...both((s) => [
      column([s * 14.5, 0.3, 5], 7.4, 8.4, 4.2, { shearX: s * 0.3, round: 1.5, squareness: 0.2, cortexMm: 1.4 }),
      bar([s * 5, 0, 3], [s * 13, 0.5, 2], [6.5, 6], [5.5, 5], { cortexMm: 1.1 }),
      bar([s * 13.5, 4.5, 1.5], [s * 18.5, 11.5, -3.5], [4.6, 4.6], [5.5, 5.5], THIN),
      column([s * 18.8, 12.5, -4.4], 5.6, 6, 6, { shearY: 0.75, round: 1.4, squareness: 0.2, cortexMm: 1.3 }),
      // Transverse process: small, one tubercle, foramen slanting outwards.
      bar([s * 9, -3.5, 0], [s * 19.5, -3.6, -4], [2.2, 2], [3.2, 2.8], THIN),
      bar([s * 19.5, -3.6, -4], [s * 23.8, 3.5, -6], [2, 2.4], [2.8, 3], THIN),
      bar([s * 23.8, 3.5, -6], [s * 20, 9, -4], [2.2, 2.4], [3, 3.4], THIN),
      bar([s * 17.5, 15, -4], [s * 2.2, back - 0.4, -4.5], [3, 3.4], [6, 6.6], { lean: 0.3, ...THIN }),
      capsule([s * 1.6, back + 8, -7.5], [s * (2 + 3.6 * shape.bifid), back + 12.5, -9], 3, 2.8, THIN),
    ]),
  ];
  return {
    solids,
    marks: {
      pillar: [18.8, 12.5, -4.4],
      pillarInnerX: 13.4,
      lamina: [10, 7.5 + back / 2, -4.5],
      laminaDirection: [-0.8, 0.6, 0],
      transverse: [20.5, 0, -4],
      spinousRoot: [0, back, -4.5],
      spinousTip: [0, back + 12, -8.5],
    },
  };
}

/** Of the spinous process beyond the laminae: length, fall, radius, half height; and of the transverse process: reach. C3..T1. */
const PROCESSES = [
  { length: 11, fall: 4, radius: 2.4, half: 4, reach: 22, forked: true },
  { length: 12, fall: 4.5, radius: 2.3, half: 4, reach: 22.5, forked: true },
  { length: 14, fall: 5.5, radius: 2.4, half: 4, reach: 23.5, forked: true },
  { length: 19, fall: 8, radius: 2.5, half: 4.4, reach: 25, forked: true },
  { length: 28, fall: 12, radius: 2.9, half: 4.8, reach: 29.5, forked: false },
  { length: 30, fall: 18, radius: 3, half: 5, reach: 35, forked: false },
];

function subaxial(shape: VertebraShape): Built {
  const { rx, ry, h } = shape.body;
  const process = PROCESSES[shape.index - 2]!;
  const thoracic = shape.index === 7;
  const canal = 15 * shape.canalFactor;
  const back = ry + canal + 2.6;
  const px = rx + 10.4;
  const py = ry + 3.2;
  const ph = shape.pillarHalfHeight;
  const forx = rx + 5.2;
  const tip: Vec3 = [0, back + process.length, -1.5 - process.fall];
  const solids = [
    column([0, 0, 0], rx, ry, h, {
      squareness: 0.55,
      waist: 0.9,
      dish: 0.5,
      round: 1.2,
      cortexMm: 0.8,
      wedge: shape.wedgeMm,
      sink: shape.sinkMm,
    }),
    bar([0, back - 1, -1], tip, [process.radius + 0.7, process.radius], [5.6, process.half], THIN),
    ...both((s) => [
      bar([s * (rx - 2), ry - 3, 0.6], [s * (px - 3), py - 2, 0.6], [2.9, 3], [3.6, 4], THIN),
      column([s * px, py, 0], 5.9, 6.4, ph, { shearY: 0.8, round: 1.3, squareness: 0.25, cortexMm: 1.2 }),
      bar([s * (px - 2), py + 3, 0], [s * 2, back - 0.6, -1.5], [2.5, 2.7], [5.2, 6.2], { lean: 0.35, ...THIN }),
      ...(thoracic
        ? [
            bar([s * (px - 2), py + 1, 1], [s * process.reach, py + 8, 2], [4, 4], [4.5, 4.5], THIN),
            bar([s * (rx - 3), 2, 3], [s * (rx + 4), 5, 2], [4, 3.5], [4, 4], THIN),
          ]
        : [
            // Uncinate process along the upper side of the body.
            bar([s * (rx - 1.5), -ry * 0.45, h + 1], [s * (rx - 1), ry * 0.6, h + 2], [1.8, 2.1], [2.4, 3.2], {
              cortexMm: 0.9,
            }),
            // Transverse process: two bars, two tubercles and the plate that joins them round the foramen.
            bar([s * (rx - 2), -2.6, -1], [s * (forx + 3), -5, -2.2], [1.9, 2.1], [2.8, 2.6], THIN),
            bar([s * (forx + 3), -5, -2.2], [s * (process.reach - 2), 1.8, -3.4], [1.9, 1.8], [2.2, 1.9], THIN),
            bar([s * (process.reach - 2), 1.8, -3.4], [s * (px - 1), py - 4, -1], [2.4, 2.4], [2.8, 3], THIN),
            capsule([s * (process.reach - 1.6), 1.6, -3.4], [s * process.reach, 2.6, -4.2], 2.4, 2.2, THIN),
            {
              ...column([s * forx, 0.9, 0], shape.index === 6 ? 1.9 : 2.9, shape.index === 6 ? 1.8 : 2.6, 14),
              hollow: true,
            },
          ]),
      ...(process.forked
        ? [
            capsule(
              [s, tip[1] - 1.5, tip[2]],
              [s * (1.8 + 3.4 * shape.bifid), tip[1] + 2.6, tip[2] - 1.2],
              2.5,
              2.3,
              THIN,
            ),
          ]
        : []),
    ]),
    ...(process.forked ? [] : [ellipsoid([0, tip[1], tip[2]], [3.9, 3.2, 5], THIN)]),
  ];
  const run = Math.hypot(px - 4, back - 3.6 - py);
  return {
    solids,
    marks: {
      pillar: [px, py, 0],
      pillarInnerX: px - 5.8,
      lamina: [px / 2, (py + 3 + back) / 2, -0.8],
      laminaDirection: [-(px - 4) / run, (back - 3.6 - py) / run, 0],
      transverse: [forx + 2, -1, -2],
      spinousRoot: [0, back, -1],
      spinousTip: tip,
    },
  };
}
