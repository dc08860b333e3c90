// Draws the pictures of the phantom in docs/pictures: npx tsx scripts/phantomPictures.ts
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { generatePhantom } from '../src/phantom/generatePhantom.ts';
import { drawPhantomParams } from '../src/phantom/phantomParams.ts';
import { encodePng } from '../src/base/png.ts';
import { renderSlice } from '../src/phantom/renderSlice.ts';
import { composeScene } from '../src/phantom/scene.ts';

const folder = fileURLToPath(new URL('../docs/pictures/', import.meta.url));
mkdirSync(folder, { recursive: true });
const HEIGHT = 400;

/** Bone window: width 2000, centre 450; in 52 steps, so that noise costs fewer bytes. */
function grey(hu: number): number {
  return Math.round(Math.max(0, Math.min(51, ((hu - 450) / 2000 + 0.5) * 51))) * 5;
}

/** One phantom without a fracture: axial through C5, sagittal through the middle, coronal through the dens. */
function normal(): void {
  const size = 400;
  const phantom = generatePhantom(
    drawPhantomParams(58, {
      fractures: 'none',
      rows: size,
      fieldOfViewMm: 180,
      sliceSpacingMm: 0.6,
      kernel: 'bone',
      ageYears: 34,
    }),
  );
  const { hu, slices, pixelSpacingMm: px, sliceSpacingMm } = phantom;
  const perRow = px / sliceSpacingMm;
  const height = Math.min(HEIGHT, Math.floor(slices / perRow));
  const at = (slice: number, row: number, column: number): number => grey(hu[(slice * size + row) * size + column]!);
  const c5 = phantom.levelsBySlice.findIndex((levels) => levels.length === 1 && levels[0] === 'C5');
  const scene = composeScene(phantom.params);
  const dens = scene.guide[2]!;
  const column = Math.round((dens[2] - scene.centreX) / px + size / 2);
  const row = Math.round((dens[3] - scene.centreY) / px + size / 2);
  const out = new Uint8Array(height * size * 3);
  for (let r = 0; r < height; r++) {
    const slice = Math.min(slices - 1, Math.round(r * perRow));
    for (let c = 0; c < size; c++) {
      out[r * 3 * size + c] = r < size ? at(c5, r, c) : 0;
      out[r * 3 * size + size + c] = at(slice, c, column);
      out[r * 3 * size + 2 * size + c] = at(slice, row, c);
    }
  }
  writeFileSync(`${folder}phantom-normal.png`, encodePng(out, height, 3 * size, 1));
}

/** Side of a tile, pixels, and what it shows of the neck. */
const TILE = 120;
const TILE_MM = 66;
const COLUMNS = 7;

/**
 * Every kind of fracture, obvious, a row each: axial (the same neck intact, broken, and broken with the truth tinted), then sagittal and coronal, intact and
 * broken, through the middle of the truth.
 */
function fractures(): void {
  const shown = [
    'jefferson@C1',
    'dens-1@C2',
    'dens-2@C2',
    'dens-3@C2',
    'hangman@C2',
    'teardrop@C4',
    'burst@C5',
    'compression@C5',
    'facet@C6',
    'lamina@C5',
    'spinous@C6',
    'transverse@C6',
  ];
  const out = new Uint8Array(shown.length * TILE * COLUMNS * TILE * 3);
  shown.forEach((fracture, row) => {
    const wish = { rows: TILE, fieldOfViewMm: TILE_MM, sliceSpacingMm: 1, kernel: 'bone' as const };
    const params = drawPhantomParams(81 + row, { ...wish, fractures: [{ fracture, grade: 'obvious' }] });
    const intact = drawPhantomParams(81 + row, { ...wish, fractures: 'none' });
    const { centreMm } = composeScene(params).fractures[0]!;
    const near = (of: typeof params) => ({
      ...composeScene({ ...of, position: { ...of.position, offsetXMm: 0, offsetYMm: 0 } }),
      centreX: centreMm[0],
      centreY: centreMm[1] + 8,
    });
    const [broken, whole] = [near(params), near(intact)];
    const first = Math.round(broken.firstSliceZ - centreMm[2] - TILE_MM / 2);
    const pixels = TILE * TILE;
    const volumes = [whole, broken].map((scene) => {
      const hu = new Int16Array(TILE_MM * pixels).fill(-1000);
      const mask = new Uint8Array(TILE_MM * pixels);
      for (let slice = 0; slice < TILE_MM; slice++) {
        const index = first + slice;
        if (index >= 0 && index < scene.params.slices)
          renderSlice(
            scene,
            index,
            hu.subarray(slice * pixels, (slice + 1) * pixels),
            mask.subarray(slice * pixels, (slice + 1) * pixels),
          );
      }
      return { hu, mask };
    }) as [Volume, Volume];
    const { mask } = volumes[1];
    const at = [0, 1, 2].map((axis) => fullest(mask, axis)) as [number, number, number];
    const tile = (
      column: number,
      view: 'axial' | 'sagittal' | 'coronal',
      { hu, mask: truth }: Volume,
      tint: boolean,
    ): void => {
      for (let r = 0; r < TILE; r++) {
        for (let c = 0; c < TILE; c++) {
          const slice = view === 'axial' ? at[0] : Math.floor((r * TILE_MM) / TILE);
          const voxel =
            slice * pixels +
            (view === 'axial' ? r * TILE + c : view === 'sagittal' ? c * TILE + at[2] : at[1] * TILE + c);
          const g = grey(hu[voxel]!);
          const to = ((row * TILE + r) * COLUMNS * TILE + column * TILE + c) * 3;
          if (tint && truth[voxel]! > 0) out.set([255, Math.round(g * 0.5), Math.round(g * 0.5)], to);
          else out.fill(g, to, to + 3);
        }
      }
    };
    tile(0, 'axial', volumes[0], false);
    tile(1, 'axial', volumes[1], false);
    tile(2, 'axial', volumes[1], true);
    for (const [k, view] of (['sagittal', 'coronal'] as const).entries()) {
      tile(3 + 2 * k, view, volumes[0], false);
      tile(4 + 2 * k, view, volumes[1], false);
    }
  });
  writeFileSync(`${folder}phantom-fractures.png`, encodePng(out, shown.length * TILE, COLUMNS * TILE, 3));
}

/** `[slice][row][column]`. */
interface Volume {
  hu: Int16Array;
  mask: Uint8Array;
}

/** Where along an axis (0 slices, 1 rows, 2 columns) the truth is greatest. */
function fullest(mask: Uint8Array, axis: number): number {
  const counts = new Float64Array(axis === 0 ? TILE_MM : TILE);
  mask.forEach((value, voxel) => {
    if (value > 0)
      counts[
        axis === 0 ? Math.floor(voxel / (TILE * TILE)) : axis === 1 ? Math.floor(voxel / TILE) % TILE : voxel % TILE
      ]! += 1;
  });
  return counts.indexOf(Math.max(...counts));
}

normal();
fractures();
