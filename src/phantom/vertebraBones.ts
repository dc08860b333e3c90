import { seededRandom, type Random } from '../base/random.ts';
import type { Vertebra } from '../case/vertebrae.ts';
import type { Bone } from './boneRaster.ts';
import {
  bothBreakages,
  healedLine,
  scaledBreakage,
  scaledCrack,
  type Breakage,
  type Crack,
  type Piece,
} from './breakage.ts';
import { breakVertebra } from './breakVertebra.ts';
import { confounders } from './confounders.ts';
import { parseFracture, type Fracture, type Grade } from './fractures.ts';
import type { PhantomParams } from './phantomParams.ts';
import { column, movedFrame, scaledSolid, toWorld, type Solid, type Vec3 } from './solids.ts';
import type { SpineLayout } from './spine.ts';
import { buildVertebra, type VertebraMarks, type VertebraShape } from './vertebra.ts';

export interface SceneFracture extends Fracture {
  readonly grade: Grade;
  /** In the scan's frame, like the slices. */
  readonly centreMm: Vec3;
}

/** A bone before its boxes are known, and the vertebra that it is a piece of; null for discs and loose ossicles. */
export type ScenePart = readonly [bone: Omit<Bone, 'boxes'>, level: Vertebra | null];

/** What one vertebra adds to the scene. */
export interface VertebraParts {
  readonly parts: readonly ScenePart[];
  /** Its fractures by their index in the parameters. */
  readonly fractures: ReadonlyMap<number, SceneFracture>;
  /** Millimetres of prevertebral swelling, one value per fracture. */
  readonly swellingsMm: readonly number[];
}

const WHOLE: Piece = { cuts: [], shift: [0, 0, 0], pivot: [0, 0, 0], turn: [0, 0, 0] };

/** Builds a vertebra with its fractures, its confounders, and the disc above it. `healed`: a healed line runs through it. */
export function vertebraBones(
  params: PhantomParams,
  layout: SpineLayout,
  level: Vertebra,
  index: number,
  healed: boolean,
): VertebraParts {
  const s = params.spine.scale;
  const frame = layout.frames[index]!;
  const random = seededRandom('phantom', params.seed, 'vertebra', level);
  const shape: VertebraShape = {
    index,
    body: layout.bodies[index]!,
    pillarHalfHeight: layout.pillarHalfHeights[index]!,
    canalFactor: params.spine.canalFactor,
    bifid: params.spine.bifid[index]!,
    wedgeMm: 0,
    sinkMm: 0,
    cortexFactor: params.bone.cortexFactor,
  };
  const { marks } = buildVertebra(shape);
  const { breakage, ...broken } = breakagesOf(params, layout, level, index, marks);
  const { solids } = buildVertebra({ ...shape, wedgeMm: breakage?.wedgeMm ?? 0, sinkMm: breakage?.sinkMm ?? 0 });
  const extras = confounders(params, random, index, marks, layout);
  const own: Solid[] = [
    ...solids.filter((x) => !x.hollow),
    ...extras.added,
    ...solids.filter((x) => x.hollow),
    ...extras.hollows,
  ];
  const cracks: Crack[] = [
    ...(breakage?.cracks ?? []),
    ...(healed ? [scaledCrack(healedLine(random, shape.body), s)] : []),
  ];
  const material = {
    solids: own.map((solid) => scaledSolid(solid, s)),
    cortexHu: params.bone.cortexHu * random.normal(1, 0.02),
    cancellousHu: params.bone.cancellousHu * random.normal(1, 0.05),
    textureHu: params.bone.textureHu,
    textureCellMm: 0.42,
    textureShift: random.integer(0, 4000),
  };
  const pieces = (breakage?.pieces ?? [WHOLE]).map(({ shift, pivot, turn, cuts }): ScenePart => [
    { ...material, frame: movedFrame(frame, shift, pivot, turn), cuts, cracks },
    level,
  ]);
  const loose = extras.loose.map((solid): ScenePart => [
    { ...material, frame, solids: [scaledSolid(solid, s)], cuts: [], cracks: [] },
    null,
  ]);
  const discs: ScenePart[] = index >= 2 ? [[disc(layout, index, s, random, params), null]] : [];
  return { parts: [...pieces, ...loose, ...discs], ...broken };
}

/** All fractures of one vertebra, combined; the breakage is in the patient's scale. */
function breakagesOf(
  params: PhantomParams,
  layout: SpineLayout,
  level: Vertebra,
  index: number,
  marks: VertebraMarks,
): Omit<VertebraParts, 'parts'> & { breakage: Breakage | undefined } {
  const s = params.spine.scale;
  const fractures = new Map<number, SceneFracture>();
  const swellingsMm: number[] = [];
  let breakage: Breakage | undefined;
  params.fractures.forEach(({ name, grade }, i) => {
    const fracture = parseFracture(name);
    if (fracture.level !== level) return;
    const random = seededRandom('phantom', params.seed, 'fracture', name, grade);
    const own = breakVertebra(fracture, grade, i + 1, random, marks, layout.bodies[index]!);
    breakage = breakage ? bothBreakages(breakage, own) : own;
    const [x, y, z] = own.centre;
    fractures.set(i, { ...fracture, grade, centreMm: toWorld(layout.frames[index]!, [x * s, y * s, z * s]) });
    swellingsMm.push(own.swellingMm);
  });
  return { breakage: breakage && scaledBreakage(breakage, s), fractures, swellingsMm };
}

/** The disc above vertebra `index`, laid in the frame half way between the two. */
function disc(
  layout: SpineLayout,
  index: number,
  s: number,
  random: Random,
  params: PhantomParams,
): Omit<Bone, 'boxes'> {
  const below = layout.frames[index]!;
  const above = layout.frames[index - 1]!;
  const o: Vec3 = [0, 1, 2].map(
    (i) =>
      0.5 *
      (toWorld(below, [0, 0, layout.bodies[index]!.h * s])[i]! +
        toWorld(above, [0, 0, -layout.bodies[index - 1]!.h * s])[i]!),
  ) as unknown as Vec3;
  const body = layout.bodies[index]!;
  const height =
    Math.abs(toWorld(below, [0, 0, body.h * s])[2] - toWorld(above, [0, 0, -layout.bodies[index - 1]!.h * s])[2]) / 2;
  const bulge = 0.6 + params.confounders.degeneration * random.between(0, 1.4);
  const solid = column([0, 0, 0], body.rx * 0.93 * s, (body.ry + bulge) * s, height + 0.7, {
    squareness: 0.5,
    round: 0.8,
    cortexMm: 0,
  });
  return {
    frame: { ...below, origin: o },
    solids: [solid],
    cuts: [],
    cracks: [],
    cortexHu: 85,
    cancellousHu: 85,
    textureHu: 12,
    textureCellMm: 1.2,
    textureShift: random.integer(0, 4000),
  };
}
