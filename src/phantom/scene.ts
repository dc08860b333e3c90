import { drawRays } from './acquisition.ts';
import { boneOf, boneRangeZ, type Bone } from './boneRaster.ts';
import {
  bothBreakages,
  breakVertebra,
  healedLine,
  scaledBreakage,
  scaledCrack,
  type Breakage,
  type Crack,
} from './breaks.ts';
import { VERTEBRAE, type Vertebra } from '../case/vertebrae.ts';
import { parseFracture, type Fracture, type Grade } from './fractures.ts';
import { buildSurroundings } from './headAndShoulders.ts';
import type { PhantomParams } from './phantomParams.ts';
import { seededRandom, type Random } from '../base/random.ts';
import {
  capsule,
  column,
  ellipsoid,
  movedFrame,
  toWorld,
  turnedFrame,
  type Frame,
  type Solid,
  type Vec3,
} from './solids.ts';
import { layOutSpine, type SpineLayout } from './spine.ts';
import { buildVertebra, type VertebraMarks } from './vertebra.ts';

interface SceneFracture extends Fracture {
  readonly grade: Grade;
  /** In the scan's frame, like the slices. */
  readonly centreMm: Vec3;
}

/** Everything that is to be drawn, in the scan's frame: mm, x to the left, y to the back, z up, slices at constant z. */
export interface Scene {
  readonly params: PhantomParams;
  readonly bones: readonly {
    readonly bone: Bone;
    readonly level: Vertebra | null;
    readonly low: number;
    readonly high: number;
  }[];
  /** Middle of the bodies and of the canal by level, from above downwards: [level, z, bodyX, bodyY, canalX, canalY]. */
  readonly guide: readonly (readonly [number, number, number, number, number, number])[];
  /** Crowns and fillings, each with its pattern of streaks. */
  readonly metal: readonly { readonly at: Vec3; readonly rays: Float32Array }[];
  readonly fractures: readonly SceneFracture[];
  /** Prevertebral swelling: [level, mm]. */
  readonly swellings: readonly (readonly [number, number])[];
  readonly firstSliceZ: number;
  /** World position of the middle of the image. */
  readonly centreX: number;
  readonly centreY: number;
}

/** Builds the patient that the parameters describe. Costs milliseconds; drawing is per slice. */
export function composeScene(params: PhantomParams): Scene {
  const layout = tilted(layOutSpine(params.spine), params.position.tiltDegrees);
  const s = params.spine.scale;
  const bones: Bone[] = [];
  const levels: (Vertebra | null)[] = [];
  const add = (bone: Omit<Bone, 'boxes'>, level: Vertebra | null): void => {
    bones.push(boneOf(bone));
    levels.push(level);
  };
  const fractures: SceneFracture[] = [];
  const swellings: [number, number][] = [];
  if (params.tissue.swellingMm > 0) swellings.push([params.tissue.swellingLevel, params.tissue.swellingMm]);

  const detail = seededRandom('phantom', params.seed, 'detail');
  const healedAt = params.confounders.healedFractures > 0 ? detail.integer(2, 6) : -1;
  const guide: [number, number, number, number, number, number][] = [];
  const point = (level: number, body: Vec3, canal: Vec3): void => {
    guide.push([level, body[2], body[0], body[1], canal[0], canal[1]]);
  };
  const at = (frame: Frame, x: number, y: number, z: number): Vec3 => toWorld(frame, [x * s, y * s, z * s]);
  point(-1.5, at(layout.head, 0, -2, 50), at(layout.head, 0, 14, 50));
  point(0, at(layout.head, 0, -2, 17), at(layout.head, 0, 15, 17));

  VERTEBRAE.forEach((level, index) => {
    const frame = layout.frames[index]!;
    const random = seededRandom('phantom', params.seed, 'vertebra', level);
    const shape = {
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
    let breakage: Breakage | undefined;
    params.fractures.forEach(({ name, grade }, i) => {
      const fracture = parseFracture(name);
      if (fracture.level !== level) return;
      const own = breakVertebra(
        fracture,
        grade,
        i + 1,
        seededRandom('phantom', params.seed, 'fracture', name, grade),
        marks,
        shape.body,
      );
      breakage = breakage ? bothBreakages(breakage, own) : own;
      fractures[i] = { ...fracture, grade, centreMm: at(frame, ...own.centre) };
      swellings.push([index + 1, own.swellingMm]);
    });
    const broken = breakage ? scaledBreakage(breakage, s) : undefined;
    const solids = buildVertebra({ ...shape, wedgeMm: broken?.wedgeMm ?? 0, sinkMm: broken?.sinkMm ?? 0 }).solids;
    const extras = confounders(params, random, index, marks, layout);
    const own: Solid[] = [
      ...solids.filter((x) => !x.hollow),
      ...extras.added,
      ...solids.filter((x) => x.hollow),
      ...extras.hollows,
    ];
    const cracks: Crack[] = [
      ...(broken?.cracks ?? []),
      ...(index === healedAt ? [scaledCrack(healedLine(random, shape.body), s)] : []),
    ];
    const material = {
      solids: own.map((solid) => scaled(solid, s)),
      cortexHu: params.bone.cortexHu * random.normal(1, 0.02),
      cancellousHu: params.bone.cancellousHu * random.normal(1, 0.05),
      textureHu: params.bone.textureHu,
      textureCellMm: 0.42,
      textureShift: random.integer(0, 4000),
    };
    for (const piece of broken?.pieces ?? [
      { cuts: [], shift: [0, 0, 0] as Vec3, pivot: [0, 0, 0] as Vec3, turn: [0, 0, 0] as Vec3 },
    ]) {
      add(
        { ...material, frame: movedFrame(frame, piece.shift, piece.pivot, piece.turn), cuts: piece.cuts, cracks },
        level,
      );
    }
    for (const loose of extras.loose)
      add({ ...material, frame, solids: [scaled(loose, s)], cuts: [], cracks: [] }, null);
    if (index >= 2) add(disc(layout, index, s, random, params), null);
    const canalY = index === 0 ? 15 : shape.body.ry + 7.6 * params.spine.canalFactor;
    point(index + 1, at(frame, 0, 0, 0), at(frame, 0, canalY, 0));
  });
  const t1 = layout.frames[7]!;
  point(9.5, at(t1, 0, 0, -33), at(t1, 0, 16, -33));

  const metal: Scene['metal'][number][] = [];
  const upright = (level: number, dy = 0): Frame => {
    const k = guide.findIndex((g) => g[0] >= level);
    const b = guide[k]!;
    const a = guide[k - 1] ?? b;
    const t = b[0] === a[0] ? 0 : (level - a[0]) / (b[0] - a[0]);
    return turnedFrame(
      [a[2] + (b[2] - a[2]) * t, a[3] + (b[3] - a[3]) * t + dy, a[1] + (b[1] - a[1]) * t],
      params.position.tiltDegrees,
      0,
      0,
    );
  };
  const frames = { head: layout.head, hyoid: upright(3.9), larynx: upright(4.9), thorax: upright(8) };
  for (const part of buildSurroundings(detail, params.acquisition.metalTeeth, params.tissue.shouldersRaisedMm)) {
    const frame = frames[part.at];
    if (part.material === 'metal')
      for (const m of part.solids) metal.push({ at: at(frame, m.ax, m.ay, m.az), rays: drawRays(detail) });
    add(
      {
        frame,
        solids: part.solids.map((solid) => scaled(solid, s)),
        cuts:
          part.behindY === undefined
            ? []
            : [
                {
                  normal: [0, 1, 0],
                  offset: part.behindY * s,
                  roughMm: 0,
                  roughCellMm: 1,
                  roughOffset: [0, 0, 0],
                  keep: 1,
                  halfGapMm: 0,
                  reachMm: 0,
                  mark: 0,
                },
              ],
        cracks: [],
        ...materialOf(part.material, params),
        textureCellMm: part.material === 'airCells' ? 1.5 : 0.6,
        textureShift: detail.integer(0, 4000),
      },
      null,
    );
  }

  const top = layout.topZ;
  const phase = phaseFor(params, layout.coverageMm, top, fractures[0]?.centreMm[2], detail);
  const middle = guide[4]!;
  const mean = (guide[2]![3] + guide[9]![3]) / 2;
  return {
    params,
    bones: bones.map((bone, i) => {
      const [low, high] = boneRangeZ(bone);
      return { bone, level: levels[i]!, low, high };
    }),
    guide,
    metal,
    fractures,
    swellings,
    firstSliceZ: top - phase,
    centreX: middle[2] + params.position.offsetXMm,
    centreY: mean + 6 + params.position.offsetYMm,
  };
}

/**
 * Where the first slice lies below the top, mm. Widely spaced slices are laid so that one meets the first fracture's middle; a scan of too few slices for the
 * whole coverage lies around that fracture, or in the middle.
 */
function phaseFor(
  params: PhantomParams,
  coverageMm: number,
  top: number,
  fractureZ: number | undefined,
  random: Random,
): number {
  const drawn = random.between(0, 1) * Math.min(params.sliceSpacingMm, 4);
  const spanMm = params.slices * params.sliceSpacingMm;
  const slackMm = coverageMm - spanMm > params.sliceSpacingMm ? coverageMm - spanMm : 0;
  if (fractureZ === undefined) return slackMm / 2 + drawn;
  const startMm = Math.min(slackMm, Math.max(0, top - fractureZ - spanMm / 2));
  if (params.sliceSpacingMm <= 1.5) return startMm + drawn;
  const below = top - fractureZ - startMm;
  return startMm + below - Math.floor(below / params.sliceSpacingMm) * params.sliceSpacingMm;
}

function materialOf(
  material: 'bone' | 'airCells' | 'tooth' | 'metal' | 'cartilage',
  params: PhantomParams,
): Pick<Bone, 'cortexHu' | 'cancellousHu' | 'textureHu'> {
  switch (material) {
    case 'bone':
      return {
        cortexHu: params.bone.cortexHu * 1.08,
        cancellousHu: params.bone.cancellousHu * 1.1,
        textureHu: params.bone.textureHu,
      };
    case 'airCells':
      return { cortexHu: params.bone.cortexHu * 0.9, cancellousHu: -260, textureHu: 420 };
    case 'tooth':
      return { cortexHu: 2100, cancellousHu: 1500, textureHu: 40 };
    case 'metal':
      return { cortexHu: 6000, cancellousHu: 6000, textureHu: 0 };
    case 'cartilage': {
      const ossified = Math.min(1, Math.max(0, (params.patient.ageYears - 25) / 45));
      return { cortexHu: 140 + 420 * ossified, cancellousHu: 90, textureHu: 40 + 120 * ossified };
    }
  }
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

interface Confounders {
  readonly added: Solid[];
  readonly hollows: Solid[];
  readonly loose: Solid[];
}

/** What looks like a fracture and is none. */
function confounders(
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

function scaled(solid: Solid, s: number): Solid {
  return {
    ...solid,
    ax: solid.ax * s,
    ay: solid.ay * s,
    az: solid.az * s,
    bx: solid.bx * s,
    by: solid.by * s,
    bz: solid.bz * s,
    ra: solid.ra * s,
    rb: solid.rb * s,
    ha: solid.ha * s,
    hb: solid.hb * s,
    round: solid.round * s,
    dish: solid.dish * s,
    waist: solid.waist * s,
    wedge: solid.wedge * s,
    sink: solid.sink * s,
    wall: solid.wall * s,
  };
}

/** The patient as a scan with a tilted slice plane sees it: turned the other way about x. */
function tilted(layout: SpineLayout, degrees: number): SpineLayout {
  if (degrees === 0) return layout;
  const turn = turnedFrame([0, 0, 0], -degrees, 0, 0);
  const carry = (f: Frame): Frame => ({
    origin: toWorld(turn, f.origin),
    x: toWorld(turn, f.x),
    y: toWorld(turn, f.y),
    z: toWorld(turn, f.z),
  });
  const frames = layout.frames.map(carry);
  const topZ = frames[0]!.origin[2] + (layout.topZ - layout.frames[0]!.origin[2]);
  return { ...layout, frames, head: carry(layout.head), topZ, bottomZ: topZ - layout.coverageMm };
}
