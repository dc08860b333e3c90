import { toWorld, turnedFrame, type Frame, type Vec3 } from './solids.ts';

/** Shape of one patient's cervical column; lists run C1..T1 unless said otherwise. */
export interface SpineShape {
  /** 1 is an average man. */
  readonly scale: number;
  readonly t1SlopeDegrees: number;
  /** From C2 to T1; negative is kyphotic. */
  readonly lordosisDegrees: number;
  readonly headPitchDegrees: number;
  readonly headRotationDegrees: number;
  readonly lateralTiltDegrees: number;
  /** Heights of the discs C2/C3 .. C7/T1 relative to young ones. */
  readonly discFactors: readonly number[];
  readonly heightFactors: readonly number[];
  readonly widthFactors: readonly number[];
  readonly jitterDegrees: readonly number[];
  readonly canalFactor: number;
  /** How far the spinous process is split. */
  readonly bifid: readonly number[];
}

/** Size of one vertebral body before the patient's scale, in mm. */
export interface BodySize {
  readonly rx: number;
  readonly ry: number;
  /** Half height. */
  readonly h: number;
}

export interface SpineLayout {
  /** Frames of C1..T1 (index 0..7): origin in the middle of the body, at the dens for C1; z along the column. */
  readonly frames: readonly Frame[];
  readonly head: Frame;
  readonly bodies: readonly BodySize[];
  /** Half height of the articular pillars, before the scale. */
  readonly pillarHalfHeights: readonly number[];
  readonly topZ: number;
  readonly bottomZ: number;
  /** From above the foramen magnum to the middle of T1. */
  readonly coverageMm: number;
}

const BODIES: readonly BodySize[] = [
  { rx: 9, ry: 8, h: 9 },
  { rx: 8.5, ry: 7.6, h: 9 },
  { rx: 9.6, ry: 7.9, h: 6.9 },
  { rx: 10, ry: 8, h: 6.8 },
  { rx: 10.6, ry: 8.1, h: 6.7 },
  { rx: 11.5, ry: 8.4, h: 6.9 },
  { rx: 12.8, ry: 8.6, h: 7.5 },
  { rx: 14.2, ry: 8.8, h: 8.4 },
];
const DISCS = [4.2, 4.4, 4.5, 4.6, 4.8, 4.4];
/** Height of the atlas above the middle of the axis' body. */
const ATLAS_ABOVE_AXIS = 18;

/** Stacks the vertebrae from T1 upwards along a lordotic curve; world origin at T1. */
export function layOutSpine(shape: SpineShape): SpineLayout {
  const s = shape.scale;
  const bodies = BODIES.map((body, i) => ({
    rx: body.rx * shape.widthFactors[i]!,
    ry: body.ry * (0.5 + 0.5 * shape.widthFactors[i]!),
    h: i < 2 ? body.h : body.h * shape.heightFactors[i]!,
  }));
  const pitch = (i: number): number =>
    shape.t1SlopeDegrees - (shape.lordosisDegrees * (7 - i)) / 6 + shape.jitterDegrees[i]!;
  const yaw = (i: number): number => shape.headRotationDegrees * (i === 0 ? 0.95 : (0.65 * (7 - i)) / 6);
  const roll = (i: number): number => shape.lateralTiltDegrees * (1 - i / 7);

  const frames: Frame[] = new Array<Frame>(8);
  frames[7] = turnedFrame([0, 0, 0], pitch(7), roll(7), yaw(7));
  const spacing = new Array<number>(8).fill(0);
  for (let i = 6; i >= 1; i--) {
    const below = frames[i + 1]!;
    const step = bodies[i]!.h + bodies[i + 1]!.h + DISCS[i - 1]! * shape.discFactors[i - 1]!;
    spacing[i] = step;
    const direction = turnedFrame([0, 0, 0], (pitch(i) + pitch(i + 1)) / 2, (roll(i) + roll(i + 1)) / 2, 0).z;
    const o = below.origin;
    frames[i] = turnedFrame(
      [o[0] + direction[0] * step * s, o[1] + direction[1] * step * s, o[2] + direction[2] * step * s],
      pitch(i),
      roll(i),
      yaw(i),
    );
  }
  const atlasOrigin: Vec3 = toWorld(frames[1]!, [0, -1 * s, ATLAS_ABOVE_AXIS * s]);
  const headPitch = shape.headPitchDegrees;
  frames[0] = turnedFrame(atlasOrigin, 0.6 * pitch(1) + 0.4 * headPitch, roll(0), yaw(0));
  const head = turnedFrame(atlasOrigin, 0.3 * pitch(1) + 0.7 * headPitch, roll(0), shape.headRotationDegrees);

  const pillarHalfHeights = bodies.map((_, i) => {
    if (i < 2 || i > 6) return 7.5;
    // Behind the bodies the column is shorter, by the lordosis between neighbours.
    const closing = (11.5 * Math.PI) / 180;
    const above = (i === 2 ? spacing[2]! : (spacing[i]! + spacing[i - 1]!) / 2) || 17;
    return (above - closing * Math.max(0, pitch(i + 1) - pitch(i))) / 2 - 0.95;
  });
  const topZ = frames[0].origin[2] + 34 * s;
  const bottomZ = -10 * s;
  return { frames, head, bodies, pillarHalfHeights, topZ, bottomZ, coverageMm: topZ - bottomZ };
}
