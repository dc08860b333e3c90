import type { Random } from '../base/random.ts';
import type { PhantomParams } from './phantomParams.ts';
import { capsule, column, ellipsoid, type Solid, type Vec3 } from './solids.ts';
import type { SpineLayout } from './spine.ts';
import type { VertebraMarks } from './vertebra.ts';

/** Parts of a vertebra that look broken. */
export interface Confounders {
  readonly added: Solid[];
  readonly hollows: Solid[];
  readonly loose: Solid[];
}

/** Structures that look like a fracture but are none. */
export function confounders(
  params: PhantomParams,
  random: Random,
  index: number,
  marks: VertebraMarks,
  layout: SpineLayout,
): Confounders {
  const { degeneration, nutrientChannels, ossicles, ligamentCalcifications, atlasCleft } = params.confounders;
  const { rx, ry, h } = layout.bodies[index]!;
  const added: Solid[] = [];
  const hollows: Solid[] = [];
  const loose: Solid[] = [];
  if (index >= 1) {
    // The basivertebral vein, and finer vessels anywhere in the body.
    hollows.push({
      ...capsule(
        [0, ry + 1, random.normal(0, 0.6)],
        [random.normal(0, 1), ry * random.between(-0.1, 0.4), random.normal(0, 0.8)],
        random.between(0.4, 0.95),
        0.3,
      ),
      cortexMm: 0.15,
      hollow: true,
    });
    const channels = random.integer(0, Math.ceil(nutrientChannels / 2));
    for (let i = 0; i < channels; i++) {
      const a: Vec3 = [random.between(-rx, rx), random.pick([-1, 1]) * ry, random.between(-h * 0.7, h * 0.7)];
      const b: Vec3 = [a[0] * random.between(0.2, 0.8), a[1] * random.between(0, 0.6), a[2] + random.normal(0, 2)];
      hollows.push({ ...capsule(a, b, random.between(0.25, 0.6), 0.25), cortexMm: 0.3, hollow: true });
    }
    if (random.chance(0.35)) {
      // A vessel through a lamina.
      const m = marks.lamina;
      const side = random.pick([-1, 1]);
      hollows.push({
        ...capsule(
          [side * (m[0] + 2.5), m[1] + 2.5, m[2]],
          [side * (m[0] - 2.5), m[1] - 2.5, m[2] + random.normal(0, 1)],
          0.45,
          0.35,
        ),
        cortexMm: 0.5,
        hollow: true,
      });
    }
  }
  if (index >= 2 && degeneration > 0.1) {
    const spurs = random.integer(0, Math.round(6 * degeneration));
    for (let i = 0; i < spurs; i++) {
      const angle = random.between(0, 2 * Math.PI);
      const up = random.pick([-1, 1]);
      const size = random.between(0.8, 1 + 2.6 * degeneration);
      const x = Math.cos(angle) * rx;
      const y = Math.sin(angle) * ry;
      added.push(
        capsule(
          [x * 0.9, y * 0.9, up * (h - 1)],
          [x * (1 + size / 14), y * (1 + size / 10), up * (h + random.between(-0.3, 1))],
          1.3 + 0.4 * size,
          0.8,
          { cortexMm: 1 },
        ),
      );
    }
    if (random.chance(degeneration * 0.7)) {
      const side = random.pick([-1, 1]);
      const p = marks.pillar;
      added.push(
        ellipsoid(
          [side * (p[0] + 1.5), p[1] + random.between(-5, 2), p[2] + random.between(-6, 6)],
          [5.5, 4.5, random.between(2, 4)],
        ),
      );
    }
  }
  if (index >= 2 && ossicles > 0 && random.chance(0.3)) {
    // Rounded, with a rim of its own: unlike a fragment.
    loose.push(
      random.chance(0.5)
        ? ellipsoid(
            [random.normal(0, 3), -ry - random.between(2, 3.2), random.pick([-1, 1]) * h],
            [random.between(1.5, 3), 1.5, random.between(1.2, 2.4)],
            { cortexMm: 0.9 },
          )
        : ellipsoid(
            [random.normal(0, 1), marks.spinousTip[1] + random.between(5, 8), marks.spinousTip[2]],
            [1.6, 1.4, random.between(2, 5)],
            { cortexMm: 0.9 },
          ),
    );
  }
  if (index >= 2 && ligamentCalcifications > 0 && random.chance(0.3)) {
    const front = random.chance(0.6);
    loose.push(
      capsule(
        [random.normal(0, 2), front ? -ry - 1.8 : ry + 1.3, h + 4],
        [random.normal(0, 2), front ? -ry - 1.6 : ry + 1.3, -h - 1],
        random.between(0.6, 1.3),
        0.5,
        { cortexMm: 2 },
      ),
    );
  }
  if (index === 0 && atlasCleft) {
    const x = random.normal(0, 1);
    hollows.push({
      ...column([x, marks.spinousRoot[1] + 2, 0], random.between(0.7, 1.8), 9, 12),
      cortexMm: 1.3,
      hollow: true,
    });
  }
  return { added, hollows, loose };
}
