// Draws the pictures of the phantom in docs/pictures: npx tsx scripts/phantomPictures.ts
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { generatePhantom } from '../src/phantom/generatePhantom.ts';
import { drawPhantomParams } from '../src/phantom/phantomParams.ts';
import { encodePng } from '../src/phantom/png.ts';
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

/** Axial cuts through eight obvious fractures; in the lower of each pair of rows the truth is tinted. */
function fractures(): void {
  const shown = [
    'jefferson@C1',
    'dens-1@C2',
    'hangman@C2',
    'burst@C5',
    'teardrop@C4',
    'facet@C6',
    'lamina@C5',
    'transverse@C7',
  ];
  const size = 176;
  const across = 4;
  const out = new Uint8Array(4 * size * across * size * 3);
  shown.forEach((fracture, k) => {
    const params = drawPhantomParams(81 + k, {
      fractures: [{ fracture, grade: 'obvious' }],
      rows: size,
      fieldOfViewMm: 96,
      sliceSpacingMm: 1,
      kernel: 'bone',
    });
    const scene = composeScene({ ...params, position: { ...params.position, offsetXMm: 0, offsetYMm: 0 } });
    const { centreMm, level } = scene.fractures[0]!;
    const middle = Math.round(scene.firstSliceZ - centreMm[2]);
    const at = scene.guide.find((g) => g[0] === ['C1', 'C2', 'C3', 'C4', 'C5', 'C6', 'C7'].indexOf(level) + 1)!;
    const near = { ...scene, centreX: at[2], centreY: at[3] + 12 };
    const hu = new Int16Array(size * size);
    const mask = new Uint8Array(size * size);
    // The slice with about half the most truth: within a level gap there is no bone to see.
    const marked = Array.from({ length: 9 }, (_, i) => {
      renderSlice(near, middle - 4 + i, hu, mask);
      return mask.reduce((n, value) => n + (value > 0 ? 1 : 0), 0);
    });
    const half = Math.max(...marked) / 2;
    const off = marked.map((n) => Math.abs(n - half));
    renderSlice(near, middle - 4 + off.indexOf(Math.min(...off)), hu, mask);
    const top = Math.floor(k / across) * 2 * size;
    const left = (k % across) * size;
    for (let r = 0; r < size; r++) {
      for (let c = 0; c < size; c++) {
        const g = grey(hu[r * size + c]!);
        const plain = ((top + r) * across * size + left + c) * 3;
        const tinted = plain + size * across * size * 3;
        out.fill(g, plain, plain + 3);
        out.fill(g, tinted, tinted + 3);
        if (mask[r * size + c]! > 0) out.set([255, Math.round(g * 0.5), Math.round(g * 0.5)], tinted);
      }
    }
  });
  writeFileSync(`${folder}phantom-fractures.png`, encodePng(out, 4 * size, across * size, 3));
}

normal();
fractures();
