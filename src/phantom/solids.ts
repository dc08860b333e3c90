/** A point or direction in mm: x to the patient's left, y to the back, z up (LPS). */
export type Vec3 = readonly [number, number, number];

/** An orthonormal frame in the world: origin and the three axes, in mm. */
export interface Frame {
  readonly origin: Vec3;
  readonly x: Vec3;
  readonly y: Vec3;
  readonly z: Vec3;
}

type Shape = 'column' | 'bar' | 'capsule' | 'ellipsoid' | 'shell';

/**
 * One building block of a bone in its bone's frame (mm), with a signed distance that is exact or nearly so: the cortex
 * is laid by depth below the surface. One flat record for all shapes keeps the inner loops monomorphic.
 */
export interface Solid {
  readonly shape: Shape;
  /** Centre, or the start of a bar or capsule. */
  readonly ax: number;
  readonly ay: number;
  readonly az: number;
  /** End of a bar or capsule. */
  readonly bx: number;
  readonly by: number;
  readonly bz: number;
  /** Radii: of a column or ellipsoid in x and y, of a bar or capsule at its start and end. */
  readonly ra: number;
  readonly rb: number;
  /** Half heights along z: of a column or ellipsoid, of a bar at its start and end. */
  readonly ha: number;
  readonly hb: number;
  /** Radius of the rounded edges. */
  readonly round: number;
  /** Slope of a column's end faces (mm of z per mm). */
  readonly shearX: number;
  readonly shearY: number;
  /** 0 for an ellipse, 1 for a rounded box. */
  readonly squareness: number;
  /** Depth of the hollow in a column's end faces, and of its waist. */
  readonly dish: number;
  readonly waist: number;
  /** Height that the column's upper face has lost at its front and in its middle. */
  readonly wedge: number;
  readonly sink: number;
  /** mm of y by which a bar leans back for each mm that it goes down. */
  readonly lean: number;
  /** Subtracted rather than added. */
  readonly hollow: boolean;
  readonly cortexMm: number;
  /** Half thickness of a shell. */
  readonly wall: number;
}

const BLANK: Solid = {
  shape: 'ellipsoid',
  ax: 0,
  ay: 0,
  az: 0,
  bx: 0,
  by: 0,
  bz: 0,
  ra: 1,
  rb: 1,
  ha: 1,
  hb: 1,
  round: 0,
  shearX: 0,
  shearY: 0,
  squareness: 0,
  dish: 0,
  waist: 0,
  wedge: 0,
  sink: 0,
  lean: 0,
  hollow: false,
  cortexMm: 1.2,
  wall: 0,
};

type Extra = Partial<Omit<Solid, 'shape'>>;

/** An upright (super)elliptic cylinder: vertebral bodies, lateral masses, articular pillars. */
export function column(centre: Vec3, rx: number, ry: number, halfHeight: number, extra: Extra = {}): Solid {
  return {
    ...BLANK,
    shape: 'column',
    ax: centre[0],
    ay: centre[1],
    az: centre[2],
    ra: rx,
    rb: ry,
    ha: halfHeight,
    round: 1,
    ...extra,
  };
}

/** An upright plate along a line: arches, laminae, pedicles, processes. */
export function bar(
  a: Vec3,
  b: Vec3,
  radius: readonly [number, number],
  halfHeight: readonly [number, number],
  extra: Extra = {},
): Solid {
  const round = 0.8 * Math.min(radius[0], radius[1], halfHeight[0], halfHeight[1]);
  return {
    ...BLANK,
    shape: 'bar',
    ax: a[0],
    ay: a[1],
    az: a[2],
    bx: b[0],
    by: b[1],
    bz: b[2],
    ra: radius[0],
    rb: radius[1],
    ha: halfHeight[0],
    hb: halfHeight[1],
    round,
    ...extra,
  };
}

/** A round rod between two points: the dens, ribs, horns. */
export function capsule(a: Vec3, b: Vec3, ra: number, rb: number, extra: Extra = {}): Solid {
  return { ...BLANK, shape: 'capsule', ax: a[0], ay: a[1], az: a[2], bx: b[0], by: b[1], bz: b[2], ra, rb, ...extra };
}

export function ellipsoid(centre: Vec3, radii: Vec3, extra: Extra = {}): Solid {
  return {
    ...BLANK,
    shape: 'ellipsoid',
    ax: centre[0],
    ay: centre[1],
    az: centre[2],
    ra: radii[0],
    rb: radii[1],
    ha: radii[2],
    ...extra,
  };
}

/** A hollow ellipsoid with a wall of the given thickness: the skull. */
export function shell(centre: Vec3, radii: Vec3, thicknessMm: number, extra: Extra = {}): Solid {
  return { ...ellipsoid(centre, radii, extra), shape: 'shell', wall: thicknessMm / 2 };
}

/**
 * Signed distances in mm, negative inside, of `count` points along a line in the bone's frame: from `start` on in steps of
 * `step`. Per line rather than per point: a call per point would box every number.
 */
export function distancesAlong(s: Solid, start: Vec3, step: Vec3, count: number, out: Float64Array): void {
  const x0 = start[0] - s.ax;
  const y0 = start[1] - s.ay;
  const z0 = start[2] - s.az;
  const [sx, sy, sz] = step;
  switch (s.shape) {
    case 'column': {
      const { ra, rb, ha, round, shearX, shearY, squareness, dish, waist, wedge, sink } = s;
      const ua = 1 / (ra * ra);
      const vb = 1 / (rb * rb);
      const least = -Math.min(ra, rb);
      const incline = 1 / Math.sqrt(1 + shearX * shearX + shearY * shearY);
      for (let i = 0; i < count; i++) {
        const x = x0 + i * sx;
        const y = y0 + i * sy;
        const z = z0 + i * sz;
        const xx = x * x;
        const yy = y * y;
        const u = xx * ua;
        const v = yy * vb;
        const r2 = Math.sqrt(u + v);
        const r = squareness === 0 ? r2 : r2 + squareness * (Math.sqrt(Math.sqrt(u * u + v * v)) - r2);
        const length = Math.sqrt(xx + yy);
        let side = r < 1e-4 ? least : length - length / r;
        const zs = z + shearX * x + shearY * y;
        const hollow = r < 1 ? 1 - r * r : 0;
        let face: number;
        if (zs > 0) {
          face = zs - ha + (dish + sink) * hollow;
          if (wedge !== 0) {
            const front = 0.5 - (0.5 * y) / rb;
            face += wedge * (front < 0 ? 0 : front > 1 ? 1 : front);
          }
        } else face = -zs - ha + dish * hollow;
        if (waist !== 0) {
          const h = zs / ha;
          if (h * h < 1) side += waist * (1 - h * h);
        }
        out[i] = rounded(side, face * incline, round);
      }
      return;
    }
    case 'bar': {
      const { ra, ha, round, lean } = s;
      const ex = s.bx - s.ax;
      const ey = s.by - s.ay;
      const ez = s.bz - s.az;
      const l2 = ex * ex + ey * ey;
      const perLength = l2 === 0 ? 0 : 1 / l2;
      const dr = s.rb - ra;
      const dh = s.hb - ha;
      for (let i = 0; i < count; i++) {
        const x = x0 + i * sx;
        let y = y0 + i * sy;
        const z = z0 + i * sz;
        let t = clamp01((x * ex + y * ey) * perLength);
        if (lean !== 0) {
          // The lean shifts the plate along y by the height above its middle.
          y += lean * (z - ez * t);
          t = clamp01((x * ex + y * ey) * perLength);
        }
        const dx = x - t * ex;
        const dy = y - t * ey;
        const dz = z - ez * t;
        out[i] = rounded(Math.sqrt(dx * dx + dy * dy) - (ra + dr * t), (dz < 0 ? -dz : dz) - (ha + dh * t), round);
      }
      return;
    }
    case 'capsule': {
      const ex = s.bx - s.ax;
      const ey = s.by - s.ay;
      const ez = s.bz - s.az;
      const l2 = ex * ex + ey * ey + ez * ez;
      const perLength = l2 === 0 ? 0 : 1 / l2;
      for (let i = 0; i < count; i++) {
        const x = x0 + i * sx;
        const y = y0 + i * sy;
        const z = z0 + i * sz;
        const t = clamp01((x * ex + y * ey + z * ez) * perLength);
        const dx = x - t * ex;
        const dy = y - t * ey;
        const dz = z - t * ez;
        out[i] = Math.sqrt(dx * dx + dy * dy + dz * dz) - (s.ra + (s.rb - s.ra) * t);
      }
      return;
    }
    case 'ellipsoid':
    case 'shell': {
      const { ra, rb, ha, wall } = s;
      const hollowed = s.shape === 'shell';
      const least = -Math.min(ra, rb, ha);
      for (let i = 0; i < count; i++) {
        const qx = (x0 + i * sx) / ra;
        const qy = (y0 + i * sy) / rb;
        const qz = (z0 + i * sz) / ha;
        const k0 = Math.sqrt(qx * qx + qy * qy + qz * qz);
        const gx = qx / ra;
        const gy = qy / rb;
        const gz = qz / ha;
        const k1 = Math.sqrt(gx * gx + gy * gy + gz * gz);
        const d = k1 < 1e-6 ? least : (k0 * (k0 - 1)) / k1;
        out[i] = hollowed ? (d < 0 ? -d : d) - wall : d;
      }
      return;
    }
  }
}

function rounded(side: number, face: number, round: number): number {
  const a = side + round;
  const b = face + round;
  if (a <= 0 || b <= 0) return (a > b ? a : b) - round;
  return Math.sqrt(a * a + b * b) - round;
}

function clamp01(t: number): number {
  return t < 0 ? 0 : t > 1 ? 1 : t;
}

/** Half extents and centre of the solid's box in its bone's frame, in mm: [cx, cy, cz, hx, hy, hz]. */
export function extentOf(s: Solid): readonly [number, number, number, number, number, number] {
  switch (s.shape) {
    case 'column': {
      const hz = s.ha + Math.abs(s.shearX) * s.ra + Math.abs(s.shearY) * s.rb;
      return [s.ax, s.ay, s.az, s.ra, s.rb, hz];
    }
    case 'bar': {
      const r = Math.max(s.ra, s.rb);
      const h = Math.max(s.ha, s.hb);
      return [
        (s.ax + s.bx) / 2,
        (s.ay + s.by) / 2,
        (s.az + s.bz) / 2,
        Math.abs(s.ax - s.bx) / 2 + r,
        Math.abs(s.ay - s.by) / 2 + r + Math.abs(s.lean) * h,
        Math.abs(s.az - s.bz) / 2 + h,
      ];
    }
    case 'capsule': {
      const r = Math.max(s.ra, s.rb);
      return [
        (s.ax + s.bx) / 2,
        (s.ay + s.by) / 2,
        (s.az + s.bz) / 2,
        Math.abs(s.ax - s.bx) / 2 + r,
        Math.abs(s.ay - s.by) / 2 + r,
        Math.abs(s.az - s.bz) / 2 + r,
      ];
    }
    case 'ellipsoid':
    case 'shell':
      return [s.ax, s.ay, s.az, s.ra + s.wall, s.rb + s.wall, s.ha + s.wall];
  }
}

/** Transforms a point of the frame to the world. */
export function toWorld(frame: Frame, p: Vec3): Vec3 {
  const { origin: o, x, y, z } = frame;
  return [
    o[0] + p[0] * x[0] + p[1] * y[0] + p[2] * z[0],
    o[1] + p[0] * x[1] + p[1] * y[1] + p[2] * z[1],
    o[2] + p[0] * x[2] + p[1] * y[2] + p[2] * z[2],
  ];
}

/** A frame at `origin` turned by pitch about x (positive leans the top forward), roll about y and yaw about z, in degrees. */
export function turnedFrame(origin: Vec3, pitchDegrees: number, rollDegrees: number, yawDegrees: number): Frame {
  const p = (pitchDegrees * Math.PI) / 180;
  const r = (rollDegrees * Math.PI) / 180;
  const w = (yawDegrees * Math.PI) / 180;
  const turn = (v: Vec3): Vec3 => {
    const [x, y, z] = v;
    const y1 = y * Math.cos(p) - z * Math.sin(p);
    const z1 = y * Math.sin(p) + z * Math.cos(p);
    const x2 = x * Math.cos(r) + z1 * Math.sin(r);
    const z2 = -x * Math.sin(r) + z1 * Math.cos(r);
    return [x2 * Math.cos(w) - y1 * Math.sin(w), x2 * Math.sin(w) + y1 * Math.cos(w), z2];
  };
  return { origin, x: turn([1, 0, 0]), y: turn([0, 1, 0]), z: turn([0, 0, 1]) };
}

/** The frame moved within itself: shifted by `shift` (mm) and turned about `pivot` by small angles in degrees. */
export function movedFrame(frame: Frame, shift: Vec3, pivot: Vec3, turn: Vec3): Frame {
  const inner = turnedFrame([0, 0, 0], turn[0], turn[1], turn[2]);
  const carry = (v: Vec3): Vec3 => [
    v[0] * frame.x[0] + v[1] * frame.y[0] + v[2] * frame.z[0],
    v[0] * frame.x[1] + v[1] * frame.y[1] + v[2] * frame.z[1],
    v[0] * frame.x[2] + v[1] * frame.y[2] + v[2] * frame.z[2],
  ];
  const turnedPivot = toWorld(inner, pivot);
  const origin = toWorld(frame, [
    pivot[0] + shift[0] - turnedPivot[0],
    pivot[1] + shift[1] - turnedPivot[1],
    pivot[2] + shift[2] - turnedPivot[2],
  ]);
  return { origin, x: carry(inner.x), y: carry(inner.y), z: carry(inner.z) };
}

/** Dot product. */
export function dot(a: Vec3, b: Vec3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** The same direction with length 1. */
export function unit(v: Vec3): Vec3 {
  const l = Math.hypot(v[0], v[1], v[2]);
  return [v[0] / l, v[1] / l, v[2] / l];
}

/** The same solid in a patient of another size. */
export function scaledSolid(solid: Solid, s: number): Solid {
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
