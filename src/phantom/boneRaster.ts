import type { Crack, Cut } from './breakage.ts';
import { textureAt, boneTexture, TEXTURE_EDGE } from './noiseTiles.ts';
import { distancesAlong, extentOf, type Frame, type Solid, type Vec3 } from './solids.ts';

/** One rigid piece of bone (or cartilage, or tooth), ready to be drawn; all in mm, patient's scale. */
export interface Bone {
  readonly frame: Frame;
  readonly solids: readonly Solid[];
  readonly cuts: readonly Cut[];
  readonly cracks: readonly Crack[];
  readonly cortexHu: number;
  readonly cancellousHu: number;
  readonly textureHu: number;
  readonly textureCellMm: number;
  /** Offset of this bone's texture, in cells. */
  readonly textureShift: number;
  /** World boxes of the solids, six numbers each: centre and half extents. */
  readonly boxes: Float64Array;
}

/** Adds the boxes that drawing needs to a bone. */
export function boneOf(parts: Omit<Bone, 'boxes'>): Bone {
  const boxes = new Float64Array(6 * parts.solids.length);
  parts.solids.forEach((solid, k) => boxes.set(worldBox(parts.frame, solid), 6 * k));
  return { ...parts, boxes };
}

/** Pixel grid of one slice: world position (mm) of the centre of pixel [0][0], and its spacing. */
export interface Grid {
  readonly rows: number;
  readonly columns: number;
  readonly spacingMm: number;
  readonly x0: number;
  readonly y0: number;
}

/** Bone drawn so far, shape [row][column]: sum of coverage and of coverage times HU; and the truth. */
export interface BoneLayer {
  readonly coverage: Float32Array;
  readonly weightedHu: Float32Array;
  readonly mask: Uint8Array;
  readonly distanceMm: Float32Array;
  readonly cortexMm: Float32Array;
  /** Rows that anything was drawn to. */
  firstRow: number;
  lastRow: number;
}

/** Distances along one row of pixels. */
let line = new Float64Array(0);

/** Neighbouring parts of one bone run into each other over this width. */
const BLEND_MM = 1.1;
/** The truth includes only what was well inside the intact bone. */
const MASK_DEPTH_MM = 0.1;

export function emptyBoneLayer(pixels: number): BoneLayer {
  return {
    coverage: new Float32Array(pixels),
    weightedHu: new Float32Array(pixels),
    mask: new Uint8Array(pixels),
    distanceMm: new Float32Array(pixels),
    cortexMm: new Float32Array(pixels),
    firstRow: Infinity,
    lastRow: -1,
  };
}

/** World box of a solid: [x, y, z] centre and half extents. */
function worldBox(frame: Frame, solid: Solid): [number, number, number, number, number, number] {
  const [cx, cy, cz, hx, hy, hz] = extentOf(solid);
  const { origin: o, x, y, z } = frame;
  const out: [number, number, number, number, number, number] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < 3; i++) {
    out[i] = o[i]! + cx * x[i]! + cy * y[i]! + cz * z[i]!;
    out[3 + i] = hx * Math.abs(x[i]!) + hy * Math.abs(y[i]!) + hz * Math.abs(z[i]!);
  }
  return out;
}

/** Lowest and highest world z of a bone, in mm. */
export function boneRangeZ(bone: Bone): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  bone.solids.forEach((solid, k) => {
    if (solid.hollow) return;
    low = Math.min(low, bone.boxes[6 * k + 2]! - bone.boxes[6 * k + 5]!);
    high = Math.max(high, bone.boxes[6 * k + 2]! + bone.boxes[6 * k + 5]!);
  });
  return [low, high];
}

/** The parts of a bone that a plane crosses, and the pixels that they may cover. */
interface PlaneMeeting {
  /** Five numbers each: index of the solid, first and last row, first and last column. */
  readonly parts: readonly number[];
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/**
 * Draws the cut of a bone with the plane z (world, mm) into the layer with the given weight: the distance of each part in its
 * own box only, then HU by depth below the surface, without what the cuts and cracks took away.
 */
export function drawBone(bone: Bone, grid: Grid, z: number, weight: number, layer: BoneLayer): void {
  const meeting = meetingOf(bone, grid, z);
  if (meeting.right < meeting.left) return;
  layer.firstRow = Math.min(layer.firstRow, meeting.top);
  layer.lastRow = Math.max(layer.lastRow, meeting.bottom);
  measureDistances(bone, grid, z, meeting, layer);
  paintBone(bone, grid, z, weight, meeting, layer);
}

function meetingOf({ boxes, solids }: Bone, { rows, columns, spacingMm: px, x0, y0 }: Grid, z: number): PlaneMeeting {
  const margin = BLEND_MM + px;
  const parts: number[] = [];
  let top = rows;
  let bottom = -1;
  let left = columns;
  let right = -1;
  for (let k = 0, at = 0; k < solids.length; k++, at += 6) {
    if (Math.abs(z - boxes[at + 2]!) > boxes[at + 5]! + margin) continue;
    const reachX = boxes[at + 3]! + margin;
    const reachY = boxes[at + 4]! + margin;
    const c0 = Math.max(0, Math.ceil((boxes[at]! - reachX - x0) / px));
    const c1 = Math.min(columns - 1, Math.floor((boxes[at]! + reachX - x0) / px));
    const r0 = Math.max(0, Math.ceil((boxes[at + 1]! - reachY - y0) / px));
    const r1 = Math.min(rows - 1, Math.floor((boxes[at + 1]! + reachY - y0) / px));
    if (c1 < c0 || r1 < r0) continue;
    parts.push(k, r0, r1, c0, c1);
    if (solids[k]!.hollow) continue;
    top = Math.min(top, r0);
    bottom = Math.max(bottom, r1);
    left = Math.min(left, c0);
    right = Math.max(right, c1);
  }
  return { parts, top, bottom, left, right };
}

/** Writes the signed distance to the bone's surface, negative inside, and the cortex thickness of the nearest part. */
function measureDistances(bone: Bone, grid: Grid, z: number, meeting: PlaneMeeting, layer: BoneLayer): void {
  const { columns, spacingMm: px, x0, y0 } = grid;
  const margin = BLEND_MM + px;
  const [ox, oy, oz] = bone.frame.origin;
  const [xx, xy, xz] = bone.frame.x;
  const [yx, yy, yz] = bone.frame.y;
  const [zx, zy, zz] = bone.frame.z;
  const { distanceMm: sdf, cortexMm } = layer;
  const { parts, top, bottom, left, right } = meeting;
  for (let row = top; row <= bottom; row++) sdf.fill(9, row * columns + left, row * columns + right + 1);

  const dz = z - oz;
  const step: Vec3 = [px * xx, px * yx, px * zx];
  if (line.length < columns) line = new Float64Array(columns);
  for (let p = 0; p < parts.length; p += 5) {
    const solid = bone.solids[parts[p]!]!;
    const r0 = Math.max(top, parts[p + 1]!);
    const r1 = Math.min(bottom, parts[p + 2]!);
    const c0 = Math.max(left, parts[p + 3]!);
    const c1 = Math.min(right, parts[p + 4]!);
    for (let row = r0; row <= r1; row++) {
      const dy = y0 + row * px - oy;
      const bx = dy * xy + dz * xz;
      const by = dy * yy + dz * yz;
      const bz = dy * zy + dz * zz;
      let i = row * columns + c0;
      const dx = x0 + c0 * px - ox;
      const count = c1 - c0 + 1;
      distancesAlong(solid, [bx + dx * xx, by + dx * yx, bz + dx * zx], step, count, line);
      for (let k = 0; k < count; k++, i++) {
        const d = line[k]!;
        if (d > margin) continue;
        const before = sdf[i]!;
        if (solid.hollow) {
          if (-d > before) {
            sdf[i] = -d;
            cortexMm[i] = solid.cortexMm;
          }
        } else {
          if (d < before) cortexMm[i] = solid.cortexMm;
          const apart = d > before ? d - before : before - d;
          const least = d < before ? d : before;
          sdf[i] = apart < BLEND_MM ? least - ((BLEND_MM - apart) * (BLEND_MM - apart)) / (4 * BLEND_MM) : least;
        }
      }
    }
  }
}

/** Adds coverage and HU by depth below the surface, and marks the truth. */
function paintBone(
  bone: Bone,
  grid: Grid,
  z: number,
  weight: number,
  { top, bottom, left, right }: PlaneMeeting,
  layer: BoneLayer,
): void {
  const { columns, spacingMm: px, x0, y0 } = grid;
  const [ox, oy, oz] = bone.frame.origin;
  const [xx, xy, xz] = bone.frame.x;
  const [yx, yy, yz] = bone.frame.y;
  const [zx, zy, zz] = bone.frame.z;
  const { distanceMm: sdf, cortexMm, coverage, weightedHu, mask } = layer;
  const dz = z - oz;
  const field = boneTexture();
  const perCell = 1 / bone.textureCellMm;
  const wrap = TEXTURE_EDGE - 1;
  const shift = 4096 + bone.textureShift;
  const half = px * 0.5;
  const broken = bone.cuts.length > 0 || bone.cracks.length > 0;
  const state: BreakState = { removed: -9, denseHu: 0, mark: 0 };
  for (let row = top; row <= bottom; row++) {
    const dy = y0 + row * px - oy;
    const bx = dy * xy + dz * xz;
    const by = dy * yy + dz * yz;
    const bz = dy * zy + dz * zz;
    let i = row * columns + left;
    for (let column = left; column <= right; column++, i++) {
      const d = sdf[i]!;
      if (d >= half) continue;
      const dx = x0 + column * px - ox;
      const lx = bx + dx * xx;
      const ly = by + dx * yx;
      const lz = bz + dx * zx;
      let edge = d;
      let extraHu = 0;
      if (broken) {
        applyBreaks(bone, field, lx, ly, lz, state);
        if (state.removed > edge) edge = state.removed;
        extraHu = state.denseHu;
        if (state.mark !== 0 && d < -MASK_DEPTH_MM) mask[i] = state.mark;
        if (edge >= half) continue;
      }
      const share = edge <= -half ? weight : weight * (0.5 - edge / px);
      const t = cortexMm[i]!;
      const depth = -d;
      const cell =
        field[
          ((((lz * perCell + shift) | 0) & wrap) << 12) |
            ((((ly * perCell + shift) | 0) & wrap) << 6) |
            (((lx * perCell + shift) | 0) & wrap)
        ]!;
      let hu: number;
      if (depth <= t) hu = bone.cortexHu + 0.5 * bone.textureHu * cell;
      else {
        const inner = bone.cancellousHu + bone.textureHu * cell;
        // Trabeculae get thicker towards the cortex.
        hu = depth >= t + 0.8 ? inner : inner + (bone.cortexHu - inner) * (1 - (depth - t) / 0.8);
      }
      coverage[i] = coverage[i]! + share;
      weightedHu[i] = weightedHu[i]! + share * (hu + extraHu);
    }
  }
}

interface BreakState {
  /** Signed distance to what was removed: positive where there is no bone. */
  removed: number;
  denseHu: number;
  mark: number;
}

function applyBreaks(bone: Bone, field: Float32Array, x: number, y: number, z: number, state: BreakState): void {
  let removed = -9;
  let denseHu = 0;
  let mark = 0;
  for (const cut of bone.cuts) {
    const n = cut.normal;
    let s = n[0] * x + n[1] * y + n[2] * z - cut.offset;
    if (s < 4 && s > -4 && cut.roughMm > 0) s += roughness(cut, field, x, y, z);
    const beyond = cut.halfGapMm - cut.keep * s;
    if (beyond > removed) removed = beyond;
    if (cut.mark !== 0 && beyond > -0.45 && beyond < cut.reachMm) mark = cut.mark;
  }
  // The truth belongs to the border of this piece, not to where a plane continues through its neighbours.
  if (mark !== 0 && removed > 0) {
    for (const cut of bone.cuts) {
      const n = cut.normal;
      const beyond = -cut.keep * (n[0] * x + n[1] * y + n[2] * z - cut.offset);
      if (beyond > Math.max(0.3, cut.reachMm) + cut.roughMm) mark = 0;
    }
  }
  for (const crack of bone.cracks) {
    const n = crack.normal;
    let s = n[0] * x + n[1] * y + n[2] * z - crack.offset;
    if (s > 5 || s < -5) continue;
    const c = crack.centre;
    const ux = x - c[0];
    const uy = y - c[1];
    const uz = z - c[2];
    const far = (ux * ux + uy * uy + uz * uz) / (crack.radiusMm * crack.radiusMm);
    if (far >= 1) continue;
    s += roughness(crack, field, x, y, z);
    // Full width through most of the ball, then closing.
    const open = far < 0.5 ? 1 : 2 * (1 - far);
    const halfGap = 0.5 * crack.gapMm * open;
    const beyond = halfGap - (s < 0 ? -s : s);
    if (crack.denseHu === 0) {
      if (beyond > removed) removed = beyond;
    } else if (beyond > 0) denseHu = Math.max(denseHu, crack.denseHu * Math.min(1, beyond / 0.4));
    if (crack.mark !== 0 && open > 0.3 && beyond > -0.4) mark = crack.mark;
  }
  state.removed = removed;
  state.denseHu = denseHu;
  state.mark = mark;
}

function roughness(plane: Cut | Crack, field: Float32Array, x: number, y: number, z: number): number {
  const k = 1 / plane.roughCellMm;
  const o = plane.roughOffset;
  return plane.roughMm * textureAt(field, x * k + o[0], y * k + o[1], z * k + o[2]);
}
