import type { Random } from '../base/random.ts';
import { bar, capsule, column, ellipsoid, shell, type Solid, type Vec3 } from './solids.ts';

/** Solids of one kind of material around the column, in the frame of the head or of a level (mm, before the patient's scale). */
export interface Surrounding {
  readonly at: 'head' | 'hyoid' | 'larynx' | 'thorax';
  readonly solids: readonly Solid[];
  readonly material: 'bone' | 'airCells' | 'tooth' | 'metal' | 'cartilage';
  /** Keeps only what lies behind this y. */
  readonly behindY?: number;
}

const both = (make: (side: 1 | -1) => Solid[]): Solid[] => ([1, -1] as const).flatMap(make);

/** Skull base, jaws, teeth, hyoid, larynx, ribs and shoulder girdle. */
export function buildSurroundings(random: Random, metalTeeth: number, shouldersRaisedMm: number): Surrounding[] {
  const teeth: Solid[] = [];
  const metal: Solid[] = [];
  const places: { position: Vec3; down: number; radius: number }[] = [];
  for (const jaw of ['upper', 'lower'] as const) {
    for (const side of [1, -1]) {
      for (let i = 0; i < 7; i++) {
        const t = (i + 0.5) / 7.3;
        // The dental arch, from the middle to the last molar.
        const x = side * (27 * Math.sin((t * Math.PI) / 2.1));
        const y = -84 + 33 * (1 - Math.cos((t * Math.PI) / 2.1)) + (jaw === 'lower' ? 3 : 0);
        places.push({
          position: [x, y, jaw === 'upper' ? -3 : -13],
          down: jaw === 'upper' ? 1 : -1,
          radius: i < 3 ? 2.8 : 4.2,
        });
      }
    }
  }
  const crowned = new Set<number>();
  while (crowned.size < metalTeeth) crowned.add(random.integer(0, places.length - 1));
  places.forEach(({ position: [x, y, z], down, radius }, i) => {
    if (random.chance(0.07) && !crowned.has(i)) return;
    teeth.push(capsule([x, y, z], [x, y + 1, z + down * 13], radius, radius * 0.55, { cortexMm: 2 }));
    if (crowned.has(i)) metal.push(ellipsoid([x, y, z - down * 0.5], [radius + 0.3, radius + 0.3, 3.2]));
  });
  const r = shouldersRaisedMm;
  return [
    {
      at: 'head',
      material: 'bone',
      behindY: -16,
      solids: [
        shell([0, 10, 69], [66, 85, 54], 6, { cortexMm: 1.8 }),
        { ...column([0, 16, 17], 15, 18, 12), hollow: true },
      ],
    },
    {
      at: 'head',
      material: 'bone',
      solids: [
        ...[-6, 0, 6].map((x) => capsule([x, -6.5, 18], [x, -24, 42], 4.5, 7)),
        ...both((s) => [
          ellipsoid([s * 16.5, -1.5, 14.2], [6.3, 10.5, 5.6], { cortexMm: 1.5 }),
          capsule([s * 18, 1, 18], [s * 24, 4, 26], 6.5, 7),
          capsule([s * 20, -6, 27], [s * 50, -6, 31], 7, 8),
          bar([s * 13, -34, 8], [s * 12, -27, 8], [1.3, 1.2], [14, 13]),
          capsule([s * 30, -4, 22], [s * 25, -14, -4], 1.7, 1.2, { cortexMm: 3 }),
          bar([s * 27, -50, 4], [s * 21, -68, 4], [4.5, 4.5], [9, 9]),
          bar([s * 21, -68, 4], [0, -82, 4], [4.5, 4.5], [9, 9]),
        ]),
        column([0, -58, 10], 24, 24, 1.8),
      ],
    },
    {
      at: 'head',
      material: 'airCells',
      solids: both((s) => [ellipsoid([s * 50, 2, 20], [10.5, 15, 20], { cortexMm: 1.8 })]),
    },
    {
      at: 'head',
      material: 'bone',
      solids: both((s) => [
        bar([s * 47, -19, 3], [s * 45, -40, -4], [3.6, 4], [25, 24], { cortexMm: 2 }),
        capsule([s * 46, -18, 29], [s * 53, -17, 29], 5, 5),
        bar([s * 44.5, -38, -26], [s * 30, -66, -29], [5, 5.6], [12, 13], { cortexMm: 2.4 }),
        bar([s * 30, -66, -29], [s * 12, -84, -31], [5.6, 6], [13, 14], { cortexMm: 2.4 }),
        bar([s * 12, -84, -31], [0, -87, -31], [6, 6.4], [14, 14], { cortexMm: 2.4 }),
      ]),
    },
    { at: 'head', material: 'tooth', solids: teeth },
    ...(metal.length > 0 ? [{ at: 'head' as const, material: 'metal' as const, solids: metal }] : []),
    {
      at: 'hyoid',
      material: 'bone',
      solids: both((s) => [
        bar([0, -48, 0], [s * 13, -44, 0], [2, 2], [4.5, 4]),
        bar([s * 13, -44, 0], [s * 21, -24, 4], [1.6, 1.2], [2.4, 1.8]),
        ellipsoid([s * 21, -23, 4.5], [1.8, 1.8, 1.8]),
      ]),
    },
    {
      at: 'larynx',
      material: 'cartilage',
      solids: [
        ...both((s) => [
          bar([0, -50, 0], [s * 19, -25, 1], [1.4, 1.6], [9, 13]),
          capsule([s * 19, -24, 10], [s * 20, -22, 22], 1.3, 1.1),
          bar([0, -44.5, -19], [s * 9, -40, -19], [1.7, 1.7], [3, 3.5]),
          bar([s * 9, -40, -19], [s * 10.5, -32, -18], [1.7, 1.7], [3.5, 5]),
          bar([s * 10.5, -32, -18], [0, -24, -15], [1.8, 2.2], [5, 9]),
        ]),
      ],
    },
    {
      at: 'thorax',
      material: 'bone',
      solids: both((s) => [
        capsule([s * 12, -56, -16 + r], [s * 58, -48, 0 + r], 8, 5.5, { cortexMm: 2 }),
        capsule([s * 58, -48, 0 + r], [s * 112, -16, 14 + r], 5.5, 6, { cortexMm: 2 }),
        capsule([s * 16, 8, 4], [s * 38, 12, 0], 3.6, 3.8),
        capsule([s * 38, 12, 0], [s * 54, -6, -8], 3.8, 4.2),
        capsule([s * 54, -6, -8], [s * 46, -32, -18], 4.2, 4.5),
        bar([s * 74, 46, -22 + r], [s * 112, 30, -8 + r], [2.2, 3], [8, 10]),
        capsule([s * 112, 30, 8 + r], [s * 138, 12, 8 + r], 6, 8),
        ellipsoid([s * 142, 4, -14 + r], [23, 23, 22], { cortexMm: 2 }),
      ]),
    },
  ];
}
