/**
 * A structure that runs down the neck: knots of [level, dx, dy, rx, ry], level 0 the foramen magnum, 1 the atlas .. 8 T1;
 * offsets from the column's middle (or the canal's) and radii in mm, before the patient's scale.
 */
export interface Strand {
  readonly knots: readonly (readonly [number, number, number, number, number])[];
  readonly hu: number;
  readonly anchor: 'body' | 'canal';
  /** Drawn on both sides. */
  readonly paired: boolean;
  readonly angleDegrees: number;
  /** Vessels that contrast medium fills. */
  readonly vessel: boolean;
  /** A muscle in its fat. */
  readonly sheath: boolean;
  /** Edge of the pharynx and larynx: pushed forward by prevertebral swelling. */
  readonly prevertebral: boolean;
}

const strand = (hu: number, knots: Strand['knots'], extra: Partial<Strand> = {}): Strand => ({
  hu,
  knots,
  anchor: 'body',
  paired: false,
  angleDegrees: 0,
  vessel: false,
  sheath: false,
  prevertebral: false,
  ...extra,
});
const pair = { paired: true };
const muscle = { paired: true, sheath: true };

/** Outline of the body: [level, half width, front, back] in mm from the column's middle. */
export const OUTLINE: readonly (readonly [number, number, number, number])[] = [
  [-1.5, 78, -98, 92],
  [0, 77, -104, 80],
  [1, 74, -104, 68],
  [2, 71, -98, 62],
  [3, 64, -92, 60],
  [3.7, 60, -74, 60],
  [4.5, 58, -60, 61],
  [5.5, 60, -55, 63],
  [6.3, 72, -54, 65],
  [7, 118, -56, 68],
  [7.6, 165, -62, 72],
  [8.2, 196, -72, 78],
  [9.5, 215, -88, 88],
];

/** Painted in this order, later over earlier. */
export const STRANDS: readonly Strand[] = [
  // Tissue close to the column: without it broken bone would show fat.
  strand(45, [
    [-0.3, 0, 4, 22, 10],
    [1, 0, 4, 34, 20],
    [2, 0, 8, 30, 24],
    [5, 0, 9, 30, 25],
    [8, 0, 9, 34, 27],
    [9.5, 0, 9, 36, 28],
  ]),
  // The muscles of the back fill their space; the fat is in the septa.
  strand(
    50,
    [
      [0, 24, 32, 24, 22],
      [1, 22, 40, 26, 22],
      [3, 21, 38, 26, 22],
      [5, 22, 38, 28, 22],
      [7, 28, 40, 36, 22],
      [9.5, 36, 42, 44, 24],
    ],
    pair,
  ),
  // From the deep layer outwards.
  strand(
    58,
    [
      [0.2, 20, 30, 2, 2],
      [1, 16, 34, 9, 7],
      [2, 13, 38, 10, 9],
    ],
    muscle,
  ),
  strand(
    56,
    [
      [1.6, 10, 34, 2, 2],
      [2.4, 11, 37, 8, 8],
      [4, 11.5, 35, 9, 9],
      [6, 12, 37, 10, 10],
      [9, 14, 40, 11, 11],
    ],
    muscle,
  ),
  strand(
    58,
    [
      [0, 14, 46, 5, 5],
      [1, 13, 48, 9, 6.5],
      [3, 13.5, 49, 11, 5.5],
      [5, 15, 51, 12, 5.5],
      [8, 19, 54, 12, 5],
    ],
    muscle,
  ),
  strand(
    57,
    [
      [-0.1, 40, 24, 5, 4],
      [1, 33, 36, 10, 6],
      [3, 30, 41, 10, 8],
      [5, 26, 46, 11, 6],
      [8, 18, 58, 12, 3.5],
    ],
    { ...muscle, angleDegrees: -38 },
  ),
  strand(
    57,
    [
      [0.8, 38, 10, 3, 4],
      [2, 38, 16, 6, 8],
      [4, 38, 22, 7, 10],
      [6, 40, 28, 8, 11],
      [8, 48, 36, 9, 11],
    ],
    muscle,
  ),
  strand(
    55,
    [
      [0, 8, 58, 3, 2],
      [3, 20, 56, 14, 3],
      [5, 30, 53, 24, 4.5],
      [6.5, 42, 48, 36, 6],
      [8, 64, 46, 60, 9],
      [9.5, 78, 50, 70, 10],
    ],
    { ...muscle, angleDegrees: -16 },
  ),
  strand(
    60,
    [
      [0, 53, 6, 6, 10],
      [2, 52, -2, 8, 15],
      [4, 47, -16, 9, 16],
      [6, 36, -32, 10, 12],
      [8, 20, -46, 10, 7],
    ],
    { ...muscle, angleDegrees: 25 },
  ),
  strand(
    55,
    [
      [2.6, 24, -4, 2, 2],
      [4, 27, -3, 6, 7],
      [6, 31, -3, 9, 10],
      [8, 38, -6, 11, 11],
    ],
    muscle,
  ),
  strand(
    54,
    [
      [0.6, 8, -14, 5, 4],
      [2, 8, -12, 6, 4],
      [5, 9, -11.5, 7, 4.5],
      [8, 9, -12, 6, 4.5],
    ],
    muscle,
  ),
  // Face and mouth.
  strand(
    58,
    [
      [-0.6, 40, -40, 9, 12],
      [0.5, 38, -40, 9, 14],
      [2, 36, -40, 7, 12],
      [2.6, 35, -40, 2, 3],
    ],
    pair,
  ),
  strand(
    60,
    [
      [-0.2, 56, -38, 5, 14],
      [1, 54, -40, 6, 15],
      [2.4, 52, -42, 4, 10],
    ],
    pair,
  ),
  strand(
    5,
    [
      [-0.1, 56, -14, 6, 10],
      [1, 55, -14, 9, 14],
      [2.4, 52, -14, 6, 10],
    ],
    pair,
  ),
  strand(62, [
    [0.3, 0, -58, 18, 16],
    [1.2, 0, -58, 23, 25],
    [2.4, 0, -58, 22, 26],
    [3.2, 0, -58, 18, 20],
    [3.7, 0, -54, 12, 12],
  ]),
  strand(
    55,
    [
      [2.6, 26, -44, 6, 6],
      [3.2, 27, -42, 9, 12],
      [4, 24, -38, 4, 5],
    ],
    pair,
  ),
  // Pharynx, larynx, trachea and oesophagus.
  strand(
    55,
    [
      [-0.6, 0, -28, 20, 10],
      [1, 0, -24, 22, 9],
      [3, 0, -27, 21, 11],
      [4.3, 0, -29, 20, 13],
      [5.5, 0, -30, 17, 15],
      [6.3, 0, -31, 13, 13],
    ],
    { prevertebral: true },
  ),
  strand(
    -990,
    [
      [-0.8, 0, -31, 13, 9],
      [0.6, 0, -27, 12, 5],
      [1.8, 0, -24, 13, 4],
      [2.8, 0, -25, 13, 5.5],
      [3.7, 0, -29, 12, 6],
      [4.3, 0, -32, 9, 6.5],
      [4.9, 0, -34, 4, 8],
      [5.3, 0, -35, 4, 8.5],
      [5.8, 0, -34, 7, 9],
      [7, 0, -33, 8.5, 8.5],
      [9.5, 0, -31, 9, 8.5],
    ],
    { prevertebral: true },
  ),
  strand(
    -985,
    [
      [3.4, 11, -27, 1, 1],
      [4, 12.5, -25, 4.5, 3.2],
      [4.6, 11, -23, 1.5, 1.2],
    ],
    { ...pair, prevertebral: true },
  ),
  strand(
    38,
    [
      [5.6, 0, -19, 9, 3.2],
      [6.5, -2, -18.5, 8, 4],
      [9.5, -3, -17, 8, 5],
    ],
    { prevertebral: true },
  ),
  strand(
    95,
    [
      [5.3, 19, -31, 3, 4],
      [6.2, 17.5, -31, 7, 10],
      [7, 16, -33, 7.5, 10],
      [7.8, 14, -36, 4, 4],
    ],
    pair,
  ),
  // Vessels.
  strand(
    46,
    [
      [-0.2, 24, -12, 2.6, 2.6],
      [1.5, 26, -14, 2.8, 2.8],
      [3.5, 25, -20, 4, 4],
      [6, 23, -24, 3.6, 3.6],
      [9.5, 17, -25, 4, 4],
    ],
    { ...pair, vessel: true },
  ),
  strand(
    44,
    [
      [-0.1, 29, -6, 4, 3.5],
      [2, 33, -12, 5.5, 4.5],
      [4, 33, -20, 6.5, 5],
      [6.5, 30, -25, 7, 5.5],
      [9, 24, -30, 7, 6],
    ],
    { ...pair, vessel: true },
  ),
  strand(
    46,
    [
      [1.5, 19, 1, 1.7, 1.7],
      [3, 14.2, 1, 1.7, 1.7],
      [6, 15.6, 1, 1.7, 1.7],
      [7, 18, -6, 1.8, 1.8],
    ],
    { ...pair, vessel: true },
  ),
  // Lung tops.
  strand(
    -840,
    [
      [8.4, 40, 0, 3, 3],
      [9, 42, -4, 18, 20],
      [9.8, 46, -6, 28, 32],
    ],
    pair,
  ),
  // Brain and brain stem, dural sac and cord.
  strand(34, [
    [-1.5, 0, 12, 58, 76],
    [-0.82, 0, 12, 47, 62],
    [-0.36, 0, 14, 33, 43],
    [0, 0, 15, 15, 18],
  ]),
  strand(
    -40,
    [
      [0, 0, 0, 14, 14],
      [1, 0, 0, 13.5, 12.5],
      [2, 0, 0, 11, 8.8],
      [5, 0, 0, 11.5, 7.8],
      [9.5, 0, 0, 11, 8],
    ],
    { anchor: 'canal' },
  ),
  strand(
    12,
    [
      [-0.2, 0, 0, 13, 13],
      [1, 0, -0.5, 11.5, 10],
      [2, 0, 0, 9.8, 7.7],
      [5, 0, 0, 10, 6.7],
      [9.5, 0, 0, 9, 7],
    ],
    { anchor: 'canal' },
  ),
  strand(
    40,
    [
      [-0.4, 0, -2, 9, 8],
      [1, 0, -1.5, 5.6, 4.4],
      [3, 0, 0, 6, 3.9],
      [5.5, 0, 0, 6.9, 3.9],
      [8, 0, 0, 5.4, 3.8],
      [9.5, 0, 0, 5, 3.8],
    ],
    { anchor: 'canal' },
  ),
];

/** Values between the knots of a table whose first column is the level; false outside its range. */
export function betweenKnots(knots: readonly (readonly number[])[], level: number, out: Float64Array): boolean {
  const last = knots.length - 1;
  if (level < knots[0]![0]! || level > knots[last]![0]!) return false;
  let k = 0;
  while (k < last - 1 && knots[k + 1]![0]! < level) k++;
  const a = knots[k]!;
  const b = knots[k + 1]!;
  const t = (level - a[0]!) / (b[0]! - a[0]!);
  for (let i = 1; i < a.length; i++) out[i - 1] = a[i]! + (b[i]! - a[i]!) * t;
  return true;
}
