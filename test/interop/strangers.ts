import type { Phantom } from '../../src/phantom/generatePhantom.ts';
import { writeCtSeries } from './ctSeries.ts';

/** A number generator of the test's own (mulberry32): 0 to 1. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Nothing but noise over the whole range of a CT. */
export function writeNoise(dir: string, seed: number): Promise<string[]> {
  const random = randomOf(seed);
  return writeCtSeries(dir, {
    key: `noise-${seed}`,
    slices: 40,
    rows: 256,
    columns: 256,
    spacingMm: [2.5, 0.7],
    hu: () => Int16Array.from({ length: 256 * 256 }, () => -1000 + Math.round(3000 * random())),
  });
}

/** A trunk: a vertebra and ribs in a wide ellipse of fat, muscle and organs, with gas here and there. */
export function writeAbdomen(dir: string, seed: number): Promise<string[]> {
  const random = randomOf(seed);
  const [rows, columns, mm] = [256, 256, 1.6];
  const [halfWidth, halfDepth] = [150 + 40 * random(), 100 + 30 * random()];
  const gas = Array.from({ length: 5 }, () => ({
    x: (random() - 0.5) * halfWidth,
    y: -random() * halfDepth * 0.6,
    radius: 8 + 14 * random(),
    phase: random() * 6,
  }));
  return writeCtSeries(dir, {
    key: `abdomen-${seed}`,
    slices: 48,
    rows,
    columns,
    spacingMm: [3, mm],
    hu: (index) => {
      const hu = new Int16Array(rows * columns);
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const [x, y] = [(column - columns / 2) * mm, (row - rows / 2) * mm];
          const inside = Math.hypot(x / halfWidth, y / halfDepth);
          let value = -1000;
          if (inside < 1) value = inside > 0.88 ? -100 : inside > 0.82 ? 55 : 45;
          // Liver and spleen.
          if (inside < 0.8 && Math.hypot((x + 0.45 * halfWidth) / (0.45 * halfWidth), (y + 5) / (0.6 * halfDepth)) < 1)
            value = 110;
          // Vertebral body with a dense rim, canal, spinous process.
          const body = Math.hypot(x / 24, (y - 0.45 * halfDepth) / 18);
          if (body < 1) value = body > 0.85 ? 600 : 230;
          if (Math.hypot(x / 9, (y - 0.45 * halfDepth - 25) / 8) < 1) value = 30;
          if (Math.abs(x) < 4 && y > 0.45 * halfDepth + 34 && y < 0.45 * halfDepth + 60 && inside < 0.95) value = 400;
          // Ribs come and go.
          const angle = Math.atan2(y / halfDepth, x / halfWidth);
          if (inside > 0.8 && inside < 0.86 && Math.sin(angle * 7 + index * 0.5) > 0.75) value = 700;
          for (const { x: gx, y: gy, radius, phase } of gas)
            if (inside < 0.78 && Math.hypot(x - gx, y - gy) < radius * (0.6 + 0.4 * Math.sin(phase + index * 0.4)))
              value = -850;
          hu[row * columns + column] = value + Math.round(30 * (random() + random() + random() - 1.5));
        }
      }
      return hu;
    },
  });
}

/** Sagittal planes of a phantom under tags that claim them to be axial. */
export function writeSagittalAsAxial(dir: string, phantom: Phantom): Promise<string[]> {
  const { rows, columns, slices, hu, pixelSpacingMm, sliceSpacingMm } = phantom;
  const side = Math.min(rows, columns);
  const inPlaneMm = pixelSpacingMm;
  const every = Math.max(1, Math.round(2 / pixelSpacingMm));
  const planes = Math.floor(columns / every);
  return writeCtSeries(dir, {
    key: 'sagittal',
    slices: planes,
    rows: side,
    columns: side,
    spacingMm: [every * pixelSpacingMm, inPlaneMm],
    hu: (index) => {
      const plane = new Int16Array(side * side).fill(-1000);
      for (let row = 0; row < side; row++) {
        const slice = Math.floor((row * inPlaneMm) / sliceSpacingMm);
        if (slice >= slices) break;
        for (let column = 0; column < side; column++)
          plane[row * side + column] = hu[(slice * rows + column) * columns + index * every]!;
      }
      return plane;
    },
  });
}

/** A phantom whose slices lie about where they are. */
export function writeShuffled(dir: string, phantom: Phantom, seed: number): Promise<string[]> {
  const { rows, columns, slices, hu, pixelSpacingMm, sliceSpacingMm } = phantom;
  const random = randomOf(seed);
  const places = Array.from({ length: slices }, (_, index) => index);
  for (let last = slices - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [places[last], places[other]] = [places[other]!, places[last]!];
  }
  const pixels = rows * columns;
  return writeCtSeries(dir, {
    key: `shuffled-${seed}`,
    slices,
    rows,
    columns,
    spacingMm: [sliceSpacingMm, pixelSpacingMm],
    hu: (index) => Int16Array.from(hu.subarray(index * pixels, (index + 1) * pixels)),
    place: (index) => places[index]!,
  });
}

/** A field of view with nobody in it. */
export function writeEmpty(dir: string): Promise<string[]> {
  return writeCtSeries(dir, {
    key: 'empty',
    slices: 40,
    rows: 256,
    columns: 256,
    spacingMm: [2.5, 0.7],
    hu: () => new Int16Array(256 * 256).fill(-1000),
  });
}
