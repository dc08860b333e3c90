import { seededRandom, type Random } from '../base/random.ts';
import { VERTEBRAE, type Vertebra } from '../case/vertebrae.ts';
import { drawRays } from './acquisition.ts';
import { boneOf, boneRangeZ, type Bone } from './boneRaster.ts';
import type { Cut } from './breakage.ts';
import { buildSurroundings } from './headAndShoulders.ts';
import type { PhantomParams } from './phantomParams.ts';
import { scaledSolid, toWorld, turnedFrame, type Frame, type Vec3 } from './solids.ts';
import { layOutSpine, type SpineLayout } from './spine.ts';
import { vertebraBones, type SceneFracture, type ScenePart } from './vertebraBones.ts';

type GuidePoint = readonly [level: number, z: number, bodyX: number, bodyY: number, canalX: number, canalY: number];

/** Everything to be drawn, in the scan's frame: mm, x to the left, y to the back, z up, slices at constant z. */
export interface Scene {
  readonly params: PhantomParams;
  readonly bones: readonly {
    readonly bone: Bone;
    readonly level: Vertebra | null;
    readonly low: number;
    readonly high: number;
  }[];
  /** Middle of the bodies and of the canal by level, from above downwards: [level, z, bodyX, bodyY, canalX, canalY]. */
  readonly guide: readonly GuidePoint[];
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

/** Builds the patient described by the parameters. Takes milliseconds; drawing is per slice. */
export function composeScene(params: PhantomParams): Scene {
  const layout = tilted(layOutSpine(params.spine), params.position.tiltDegrees);
  const detail = seededRandom('phantom', params.seed, 'detail');
  const healedAt = params.confounders.healedFractures > 0 ? detail.integer(2, 6) : -1;
  const parts: ScenePart[] = [];
  const fractures: SceneFracture[] = [];
  const swellings: [number, number][] = [];
  if (params.tissue.swellingMm > 0) swellings.push([params.tissue.swellingLevel, params.tissue.swellingMm]);
  VERTEBRAE.forEach((level, index) => {
    const vertebra = vertebraBones(params, layout, level, index, index === healedAt);
    parts.push(...vertebra.parts);
    for (const [at, fracture] of vertebra.fractures) fractures[at] = fracture;
    for (const mm of vertebra.swellingsMm) swellings.push([index + 1, mm]);
  });
  const guide = guideOf(params, layout);
  const surroundings = surroundingParts(params, layout, guide, detail);
  parts.push(...surroundings.parts);

  const top = layout.topZ;
  const phase = phaseFor(params, layout.coverageMm, top, fractures[0]?.centreMm[2], detail);
  const middle = guide[4]!;
  const mean = (guide[2]![3] + guide[9]![3]) / 2;
  return {
    params,
    bones: parts.map(([part, level]) => {
      const bone = boneOf(part);
      const [low, high] = boneRangeZ(bone);
      return { bone, level, low, high };
    }),
    guide,
    metal: surroundings.metal,
    fractures,
    swellings,
    firstSliceZ: top - phase,
    centreX: middle[2] + params.position.offsetXMm,
    centreY: mean + 6 + params.position.offsetYMm,
  };
}

/** Middle of the bodies and of the canal, from the skull base to below T1. */
function guideOf({ spine }: PhantomParams, { head, frames, bodies }: SpineLayout): GuidePoint[] {
  const at = (frame: Frame, y: number, z: number): Vec3 => toWorld(frame, [0, y * spine.scale, z * spine.scale]);
  const point = (level: number, body: Vec3, canal: Vec3): GuidePoint => [
    level,
    body[2],
    body[0],
    body[1],
    canal[0],
    canal[1],
  ];
  const t1 = frames[7]!;
  return [
    point(-1.5, at(head, -2, 50), at(head, 14, 50)),
    point(0, at(head, -2, 17), at(head, 15, 17)),
    ...VERTEBRAE.map((_, index) => {
      const canalY = index === 0 ? 15 : bodies[index]!.ry + 7.6 * spine.canalFactor;
      return point(index + 1, at(frames[index]!, 0, 0), at(frames[index]!, canalY, 0));
    }),
    point(9.5, at(t1, 0, -33), at(t1, 16, -33)),
  ];
}

/** Skull base, jaw and teeth, hyoid, larynx, ribs and shoulders, and the streaks of dental metal. */
function surroundingParts(
  params: PhantomParams,
  layout: SpineLayout,
  guide: readonly GuidePoint[],
  detail: Random,
): { parts: ScenePart[]; metal: Scene['metal'] } {
  const s = params.spine.scale;
  const upright = (level: number): Frame => {
    const k = guide.findIndex((g) => g[0] >= level);
    const b = guide[k]!;
    const a = guide[k - 1] ?? b;
    const t = b[0] === a[0] ? 0 : (level - a[0]) / (b[0] - a[0]);
    const origin: Vec3 = [a[2] + (b[2] - a[2]) * t, a[3] + (b[3] - a[3]) * t, a[1] + (b[1] - a[1]) * t];
    return turnedFrame(origin, params.position.tiltDegrees, 0, 0);
  };
  const frames = { head: layout.head, hyoid: upright(3.9), larynx: upright(4.9), thorax: upright(8) };
  const metal: Scene['metal'][number][] = [];
  const parts: ScenePart[] = [];
  for (const part of buildSurroundings(detail, params.acquisition.metalTeeth, params.tissue.shouldersRaisedMm)) {
    const frame = frames[part.at];
    if (part.material === 'metal')
      for (const m of part.solids)
        metal.push({ at: toWorld(frame, [m.ax * s, m.ay * s, m.az * s]), rays: drawRays(detail) });
    const bone = {
      frame,
      solids: part.solids.map((solid) => scaledSolid(solid, s)),
      cuts: part.behindY === undefined ? [] : [behind(part.behindY * s)],
      cracks: [],
      ...materialOf(part.material, params),
      textureCellMm: part.material === 'airCells' ? 1.5 : 0.6,
      textureShift: detail.integer(0, 4000),
    };
    parts.push([bone, null]);
  }
  return { parts, metal };
}

/** Keeps what lies behind `y`, with a smooth border and no truth. */
function behind(y: number): Cut {
  return {
    normal: [0, 1, 0],
    offset: y,
    roughMm: 0,
    roughCellMm: 1,
    roughOffset: [0, 0, 0],
    keep: 1,
    halfGapMm: 0,
    reachMm: 0,
    mark: 0,
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
