import { addMetalStreaks, addNoise, pointSpread, spreadImage } from './acquisition.ts';
import { drawBone, emptyBoneLayer, type BoneLayer, type Grid } from './boneRaster.ts';
import { VERTEBRAE, type Vertebra } from '../case/vertebrae.ts';
import { NOISE_EDGE, noiseTile } from './noiseTiles.ts';
import { seededRandom } from '../base/random.ts';
import type { Scene } from './scene.ts';
import { betweenKnots, OUTLINE, STRANDS, type Strand } from './softTissue.ts';

/** Scene position of a slice, mm. */
export function sliceZ(scene: Scene, sliceIndex: number): number {
  return scene.firstSliceZ - sliceIndex * scene.params.sliceSpacingMm;
}

/** The vertebrae that a slice crosses, from above downwards. */
export function levelsOfSlice(scene: Scene, sliceIndex: number): Vertebra[] {
  const z = sliceZ(scene, sliceIndex);
  return VERTEBRAE.filter((level) => scene.bones.some((b) => b.level === level && z >= b.low && z <= b.high));
}

/** The middle of the spine in a slice, between vertebral body and canal: [row, column] of the drawn image, pixels. Supine, head first, as stored. */
export function spineMiddle(scene: Scene, sliceIndex: number): [number, number] {
  const z = sliceZ(scene, sliceIndex);
  const { bodyX, bodyY, canalX, canalY } = anatomyAt(scene, z);
  const { x0, y0, spacingMm } = gridAt(scene, z);
  return [((bodyY + canalY) / 2 - y0) / spacingMm, ((bodyX + canalX) / 2 - x0) / spacingMm];
}

/** A crown causes streaks in slices up to this far from its middle. */
const METAL_REACH_MM = 4.5;

/** Working memory for the last image size: a phantom has hundreds of slices. */
let work: { pixels: number; image: Float32Array; layer: BoneLayer } | undefined;

/**
 * Draws one slice: HU into `out` and the truth into `mask` (0, or the 1-based index of the fracture), both of shape
 * [row][column] as the scan stores them. The same scene and index give the same bytes, in any order of slices.
 */
export function renderSlice(scene: Scene, sliceIndex: number, out: Int16Array, mask: Uint8Array): void {
  const { params } = scene;
  const { rows, columns, pixelSpacingMm: px } = params;
  const pixels = rows * columns;
  if (work?.pixels !== pixels) work = { pixels, image: new Float32Array(pixels), layer: emptyBoneLayer(pixels) };
  const { image, layer } = work;
  const random = seededRandom('phantom', params.seed, 'slice', sliceIndex);
  const z = sliceZ(scene, sliceIndex);
  const anatomy = anatomyAt(scene, z);
  const grid = gridAt(scene, z);

  drawBody(scene, grid, anatomy, image);
  for (const strand of STRANDS) drawStrand(scene, strand, grid, anatomy, image);

  layer.coverage.fill(0);
  layer.weightedHu.fill(0);
  layer.mask.fill(0);
  layer.firstRow = rows;
  layer.lastRow = -1;
  const thickness = params.sliceThicknessMm;
  const parts = thickness < 0.9 ? 1 : thickness < 2 ? 2 : 3;
  for (const { bone, level, low, high } of scene.bones) {
    if (z + thickness / 2 + 1 < low || z - thickness / 2 - 1 > high) continue;
    // The vertebrae need partial volume; their surroundings do not.
    const own = level === null ? 1 : parts;
    for (let k = 0; k < own; k++) drawBone(bone, grid, z + thickness * ((k + 0.5) / own - 0.5), 1 / own, layer);
  }
  const { coverage, weightedHu } = layer;
  for (let i = layer.firstRow * columns; i < (layer.lastRow + 1) * columns; i++) {
    const share = coverage[i]!;
    if (share > 0) image[i] = share >= 1 ? weightedHu[i]! / share : image[i]! * (1 - share) + weightedHu[i]!;
  }

  const { acquisition } = params;
  spreadImage(image, rows, columns, pointSpread(acquisition.kernel, px), layer.distanceMm);
  const nearMetal = scene.metal.filter((m) => Math.abs(m.at[2] - z) < METAL_REACH_MM + thickness / 2).slice(0, 2);
  for (const { at, rays } of nearMetal) {
    const share = Math.min(1, (METAL_REACH_MM + thickness / 2 - Math.abs(at[2] - z)) / 2);
    const source = { column: (at[0] - grid.x0) / px, row: (at[1] - grid.y0) / px, share, rays };
    addMetalStreaks(image, rows, columns, source, px, acquisition.dentalStreakHu);
  }
  const shoulder = Math.min(1, Math.max(0, (anatomy.level - 6 + params.tissue.shouldersRaisedMm / 20) / 1.8));
  const noiseHu = (acquisition.noiseHu * (1 + 0.9 * shoulder)) / Math.sqrt(Math.min(3, Math.max(0.6, thickness)));
  addNoise(
    image,
    rows,
    columns,
    { kernel: acquisition.kernel, noiseHu, streakHu: acquisition.shoulderStreakHu * shoulder },
    random,
  );

  const { flipRows, flipColumns } = flipsFor(params.position.patientPosition);
  for (let row = 0; row < rows; row++) {
    const to = (flipRows ? rows - 1 - row : row) * columns;
    const from = row * columns;
    for (let column = 0; column < columns; column++) {
      const i = to + (flipColumns ? columns - 1 - column : column);
      const value = image[from + column]!;
      out[i] = value < -1024 ? -1024 : value > 3071 ? 3071 : ((value + 1024.5) | 0) - 1024;
      mask[i] = layer.mask[from + column]!;
    }
  }
}

/** Where the pixels of a slice lie in the scene. */
function gridAt({ params, centreX, centreY }: Scene, z: number): Grid {
  const { rows, columns, pixelSpacingMm: px } = params;
  const motionX = params.acquisition.motionMm * Math.sin(z / 5 + params.seed);
  return {
    rows,
    columns,
    spacingMm: px,
    x0: centreX + motionX - ((columns - 1) / 2) * px,
    y0: centreY - ((rows - 1) / 2) * px,
  };
}

/** How the stored pixels of a patient lying so run against supine, head first. */
export function flipsFor(position: Scene['params']['position']['patientPosition']): {
  flipRows: boolean;
  flipColumns: boolean;
} {
  switch (position) {
    case 'HFS':
      return { flipRows: false, flipColumns: false };
    case 'HFP':
      return { flipRows: true, flipColumns: true };
    case 'FFS':
      return { flipRows: false, flipColumns: true };
    case 'FFP':
      return { flipRows: true, flipColumns: false };
  }
}

interface Anatomy {
  readonly level: number;
  readonly bodyX: number;
  readonly bodyY: number;
  readonly canalX: number;
  readonly canalY: number;
  readonly swellingMm: number;
}

function anatomyAt(scene: Scene, z: number): Anatomy {
  const { guide } = scene;
  let k = 0;
  while (k < guide.length - 2 && guide[k + 1]![1] > z) k++;
  const a = guide[k]!;
  const b = guide[k + 1]!;
  const t = (z - a[1]) / (b[1] - a[1]);
  const mix = (i: number): number => a[i]! + (b[i]! - a[i]!) * t;
  const level = mix(0);
  let swellingMm = 0;
  for (const [at, mm] of scene.swellings) swellingMm += mm * Math.exp(-0.5 * ((level - at) / 1.1) ** 2);
  return { level, bodyX: mix(2), bodyY: mix(3), canalX: mix(4), canalY: mix(5), swellingMm };
}

/** Fat around a muscle. */
const SHEATH_MM = 0.8;
const SHEATH_HU = -55;

const values = new Float64Array(4);

function drawBody(scene: Scene, grid: Grid, anatomy: Anatomy, image: Float32Array): void {
  const { rows, columns, spacingMm: px, x0, y0 } = grid;
  const { tissue, spine, seed } = scene.params;
  betweenKnots(OUTLINE, Math.max(-1.5, Math.min(9.5, anatomy.level + tissue.shouldersRaisedMm / 40)), values);
  const k = spine.scale * tissue.girth;
  const halfWidth = values[0]! * k + tissue.fatMm * 0.5;
  const front = anatomy.bodyY + values[1]! * k - tissue.fatMm * 0.4 - anatomy.swellingMm * 0.3;
  const back = anatomy.bodyY + values[2]! * k + tissue.fatMm * 0.8;
  const centreY = (front + back) / 2;
  const halfDepth = (back - front) / 2;
  const mean = Math.sqrt(halfWidth * halfDepth);
  const fat = tissue.fatMm;
  const tableY = couchY(scene);
  const blotch = noiseTile('blotch');
  const wrap = NOISE_EDGE - 1;
  const drift = Math.round(sliceDrift(anatomy.level, seed));
  // Squared bounds beyond which a pixel is certainly in the air, or certainly below the fat.
  const air4 = (1 + px / mean) ** 4;
  for (let row = 0; row < rows; row++) {
    const y = y0 + row * px;
    const v = ((y - centreY) / halfDepth) ** 2;
    const tile = ((row + drift) & wrap) * NOISE_EDGE;
    // Fat is thickest at the back of the neck.
    const deep = 2 + fat * (0.6 + 0.4 * Math.max(0, (y - centreY) / halfDepth));
    const inner2 = Math.max(0, 1 - (deep + 1.5) / mean) ** 2;
    let i = row * columns;
    for (let column = 0; column < columns; column++, i++) {
      const x = x0 + column * px - anatomy.bodyX;
      const u = (x / halfWidth) ** 2;
      const texture = blotch[tile + ((column + drift) & wrap)]!;
      if (u + v < inner2) {
        // Between the muscles: fat with strands of connective tissue.
        image[i] = -70 + 22 * texture;
        continue;
      }
      if (u * u + v * v > air4) {
        const below = y - tableY - (x * x) / 900;
        image[i] = below < 0 || below > 34 ? -1000 : below < 2.2 ? -180 : below < 32 ? -930 : -250;
        continue;
      }
      const d = (0.72 * Math.sqrt(u + v) + 0.28 * Math.sqrt(Math.sqrt(u * u + v * v)) - 1) * mean;
      if (d > px) image[i] = -1000;
      else if (d > -px) image[i] = -1000 + (1030 * (px - d)) / (2 * px);
      else if (d > -1.6) image[i] = 30;
      else image[i] = -104 + 8 * texture + Math.min(1, Math.max(0, (-d - deep) / 1.5)) * (34 + 14 * texture);
    }
  }
}

/** Tissue texture drifts slowly from slice to slice. */
function sliceDrift(level: number, seed: number): number {
  return (seed % 512) + level * 37;
}

function couchY(scene: Scene): number {
  const { tissue, spine } = scene.params;
  const t1 = scene.guide[8]!;
  const head = scene.guide[1]!;
  const k = spine.scale * tissue.girth;
  return Math.max(t1[3] + 80 * k, head[3] + 84 * k) + tissue.fatMm * 0.8 + 6;
}

function drawStrand(scene: Scene, strand: Strand, grid: Grid, anatomy: Anatomy, image: Float32Array): void {
  if (!betweenKnots(strand.knots, anatomy.level, values)) return;
  const s = scene.params.spine.scale;
  // The canal's contents follow the bones; the rest follows the girth too.
  const k = strand.anchor === 'canal' ? s : s * (0.4 + 0.6 * scene.params.tissue.girth);
  const baseX = strand.anchor === 'canal' ? anatomy.canalX : anatomy.bodyX;
  const baseY =
    (strand.anchor === 'canal' ? anatomy.canalY : anatomy.bodyY) - (strand.prevertebral ? anatomy.swellingMm * 0.8 : 0);
  const hu = strand.hu + (strand.vessel ? scene.params.tissue.contrastHu : 0);
  const [dx, dy, rx, ry] = [values[0]! * k, values[1]! * k, values[2]! * k, values[3]! * k];
  for (const side of strand.paired ? [1, -1] : [1]) {
    const angle = side * strand.angleDegrees;
    if (strand.sheath)
      drawEllipse(grid, baseX + side * dx, baseY + dy, rx + SHEATH_MM, ry + SHEATH_MM, angle, SHEATH_HU, image);
    drawEllipse(grid, baseX + side * dx, baseY + dy, rx, ry, angle, hu, image);
  }
}

function drawEllipse(
  grid: Grid,
  cx: number,
  cy: number,
  rx: number,
  ry: number,
  angleDegrees: number,
  hu: number,
  image: Float32Array,
): void {
  const { rows, columns, spacingMm: px, x0, y0 } = grid;
  const cos = Math.cos((angleDegrees * Math.PI) / 180);
  const sin = Math.sin((angleDegrees * Math.PI) / 180);
  const hx = Math.hypot(rx * cos, ry * sin) + px;
  const hy = Math.hypot(rx * sin, ry * cos) + px;
  const r0 = Math.max(0, Math.ceil((cy - hy - y0) / px));
  const r1 = Math.min(rows - 1, Math.floor((cy + hy - y0) / px));
  const c0 = Math.max(0, Math.ceil((cx - hx - x0) / px));
  const c1 = Math.min(columns - 1, Math.floor((cx + hx - x0) / px));
  const least = Math.min(rx, ry);
  for (let row = r0; row <= r1; row++) {
    const y = y0 + row * px - cy;
    for (let column = c0; column <= c1; column++) {
      const x = x0 + column * px - cx;
      const u = (x * cos + y * sin) / rx;
      const v = (y * cos - x * sin) / ry;
      const d = (Math.sqrt(u * u + v * v) - 1) * least;
      if (d >= px * 0.5) continue;
      const i = row * columns + column;
      image[i] = d <= -px * 0.5 ? hu : image[i]! + (hu - image[i]!) * (0.5 - d / px);
    }
  }
}
