import type { Point } from '../case/keyPoint.ts';
import type { SourceSlice } from '../case/triageModel.ts';
import { drawOver, escapeXml, setGrey, type Picture } from './drawing.ts';

/** Standard bone window of the paper (2. Methods): W 1800, C 500. */
const DARKEST_HU = 500 - 1800 / 2;
const WIDTH_HU = 1800;

/** Pixels of every key image, whatever the matrix: what is kept, sent and shown has a known size. */
export const KEY_IMAGE = { rows: 440, columns: 928 } as const;
const GAP = 8;
const CAPTION = 26;
const PANE = { rows: KEY_IMAGE.rows - CAPTION, columns: (KEY_IMAGE.columns - GAP) / 2 } as const;
/** Names of levels beside the sagittal are at least this far apart. */
const LABEL_PX = 17;
/** Slices that are further apart than this many steps have a hole between them. */
const LARGEST_STEP = 1.5;

const COLOUR = { ground: '#0E1116', text: '#E6EAF0', muted: '#A3ADBA', slice: '#FDBF52', plane: '#84C8FF' } as const;

/** A level that the network names, at the position of the slice on which it does; greater is more superior. */
export interface LevelMark {
  positionMm: number;
  /** `C4-C6`; empty where none is named. */
  levels: string;
}

export interface KeyImageInput {
  /** The key slice, oriented: rows front to back, columns from the patient's right to left. */
  axial: SourceSlice;
  /** Between rows, between columns of the oriented slice. */
  pixelSpacingMm: readonly [number, number];
  /** Where the two planes cross. */
  point: Point;
  /** The column of `point` in each slice, front to back, with the slice's position; superior first. */
  sagittal: readonly { line: ArrayLike<number>; positionMm: number }[];
  /** Distance of the slices in `sagittal` where none is missing between them. */
  stepMm: number;
  /** How the PACS names the key slice. */
  name: string;
  /** The key slice first, then the other key slices. */
  marks: readonly [LevelMark, ...LevelMark[]];
}

/**
 * The key image: the key slice and the sagittal through the same point side by side, both at one scale in millimetres, in the bone window. A line on each shows
 * where the other one lies; the levels that the network names stand beside the line. Between slices the sagittal is interpolated; where slices are missing it is
 * left black. No heatmap, which is shown only when somebody asks for it, and no patient data.
 */
export function keyImage(input: KeyImageInput): Picture {
  const { rows, columns } = KEY_IMAGE;
  const picture = { rgb: new Uint8Array(rows * columns * 3), rows, columns };
  const scene = sceneOf(input);
  const { axial, sagittal, pixelSpacingMm } = input;
  const [between, along] = pixelSpacingMm;
  const axialLines = Array.from({ length: axial.rows }, (_, row) =>
    axial.hu.subarray(row * axial.columns, (row + 1) * axial.columns),
  );
  const rowsAt: LinesAt = (downMm) => neighbours(downMm / between - 0.5, axial.rows);
  drawLines(picture, scene.axial, axialLines, rowsAt, along);
  const sagittalLines = sagittal.map(({ line }) => line);
  drawLines(picture, scene.sagittal, sagittalLines, slicesAt(input, scene.topMm), between);
  drawOver(picture, keyImageElements(input));
  return picture;
}

/** Where a plane is drawn. `left`, `top`, `width`, `height` in pixels of the picture. */
interface Place {
  left: number;
  top: number;
  width: number;
  height: number;
  pxPerMm: number;
}

interface Scene {
  axial: Place;
  sagittal: Place;
  /** Position of the upper edge of the sagittal. */
  topMm: number;
}

/** Both planes at the largest common scale at which each fits into its half, in the middle of it. */
function sceneOf({ axial, pixelSpacingMm: [between, along], sagittal, stepMm }: KeyImageInput): Scene {
  const [depthMm, widthMm] = [axial.rows * between, axial.columns * along];
  const topMm = sagittal[0]!.positionMm + stepMm / 2;
  const heightMm = topMm - (sagittal.at(-1)!.positionMm - stepMm / 2);
  const pxPerMm = Math.min(PANE.columns / Math.max(widthMm, depthMm), PANE.rows / Math.max(depthMm, heightMm));
  const placeOf = (half: number, wideMm: number, highMm: number): Place => {
    const [width, height] = [Math.round(wideMm * pxPerMm), Math.round(highMm * pxPerMm)];
    const left = half * (PANE.columns + GAP) + Math.floor((PANE.columns - width) / 2);
    return { left, top: CAPTION + Math.floor((PANE.rows - height) / 2), width, height, pxPerMm };
  };
  return { axial: placeOf(0, widthMm, depthMm), sagittal: placeOf(1, depthMm, heightMm), topMm };
}

/** Lines of samples below one another, each at its height: those around a height, and the share of the second; null where there is none. */
type LinesAt = (downMm: number) => Neighbours | null;
/** Two samples by index, and the share of the second. */
type Neighbours = readonly [first: number, second: number, share: number];

/** Draws lines of samples that are `sampleMm` apart, linear along each line and between two of them. */
function drawLines(
  { rgb, columns }: Picture,
  { left, top, width, height, pxPerMm }: Place,
  lines: readonly ArrayLike<number>[],
  linesAt: LinesAt,
  sampleMm: number,
): void {
  const samples = Array.from({ length: width }, (_, column) =>
    neighbours((column + 0.5) / pxPerMm / sampleMm - 0.5, lines[0]!.length),
  );
  for (let row = 0; row < height; row++) {
    const found = linesAt((row + 0.5) / pxPerMm);
    if (found === null) continue;
    const [upper, lower, down] = [lines[found[0]]!, lines[found[1]]!, found[2]];
    for (let column = 0; column < width; column++) {
      const [first, second, share] = samples[column]!;
      const above = mix(upper[first]!, upper[second]!, share);
      const hu = mix(above, mix(lower[first]!, lower[second]!, share), down);
      const grey = Math.min(255, Math.max(0, Math.round(((hu - DARKEST_HU) / WIDTH_HU) * 255)));
      setGrey(rgb, (top + row) * columns + left + column, grey);
    }
  }
}

/** The slices around a height. One counts half a step beyond its position; over a hole nothing is interpolated. */
function slicesAt({ sagittal, stepMm }: KeyImageInput, topMm: number): LinesAt {
  return (downMm) => {
    const positionMm = topMm - downMm;
    const found = sagittal.findIndex((slice) => slice.positionMm <= positionMm);
    const lower = found === -1 ? sagittal.length : found;
    const farMm = (index: number): number => Math.abs((sagittal[index]?.positionMm ?? Infinity) - positionMm);
    const apartMm = farMm(lower - 1) + farMm(lower);
    if (apartMm <= LARGEST_STEP * stepMm) return [lower - 1, lower, farMm(lower - 1) / apartMm];
    const nearest = farMm(lower - 1) < farMm(lower) ? lower - 1 : lower;
    return farMm(nearest) <= stepMm / 2 ? [nearest, nearest, 0] : null;
  };
}

/** The two of `count` samples around a place, and the share of the second; constant beyond the ends. */
function neighbours(place: number, count: number): Neighbours {
  const within = Math.min(count - 1, Math.max(0, place));
  const first = Math.floor(within);
  return [first, Math.min(count - 1, first + 1), within - first];
}

function mix(one: number, other: number, share: number): number {
  return one + (other - one) * share;
}

/** What is drawn over the planes, as SVG elements. */
export function keyImageElements(input: KeyImageInput): string {
  const { axial, sagittal, topMm } = sceneOf(input);
  const { point, pixelSpacingMm, marks, name } = input;
  const planeX = Math.round(axial.left + (point.column + 0.5) * pixelSpacingMm[1] * axial.pxPerMm);
  const heightOf = ({ positionMm }: LevelMark): number => sagittal.top + (topMm - positionMm) * sagittal.pxPerMm;
  const [right, bottom] = [(place: Place) => place.left + place.width, (place: Place) => place.top + place.height];
  const keyY = heightOf(marks[0]);
  return [
    `<rect width="${KEY_IMAGE.columns}" height="${CAPTION}" fill="${COLOUR.ground}"/>`,
    label(PANE.columns / 2, 18, `Axial, ${name}`, { anchor: 'middle' }),
    label(PANE.columns + GAP + PANE.columns / 2, 18, 'Sagittal through it', { anchor: 'middle' }),
    // In the margins only: the line must not lie over what it points at.
    ...[axial.top, bottom(axial) - axial.height / 6].map(
      (y) =>
        `<rect x="${planeX - 1}" y="${y.toFixed(1)}" width="2" height="${(axial.height / 6).toFixed(1)}" fill="${COLOUR.plane}"/>`,
    ),
    `<rect x="${sagittal.left}" y="${(keyY - 0.75).toFixed(2)}" width="${sagittal.width}" height="1.5" fill="${COLOUR.slice}" fill-opacity="0.8"/>`,
    ...levelNames(marks, heightOf).map(({ y, levels, isKey }) =>
      label(right(sagittal) - 4, y - 4, levels, {
        anchor: 'end',
        colour: isKey ? COLOUR.slice : COLOUR.muted,
        bold: isKey,
      }),
    ),
    ...marks
      .slice(1)
      .map(
        (mark) =>
          `<rect x="${right(sagittal) - 14}" y="${(heightOf(mark) - 0.75).toFixed(2)}" width="14" height="1.5" fill="${COLOUR.muted}"/>`,
      ),
    label(axial.left + 4, axial.top + axial.height / 2, 'R', {}),
    label(right(axial) - 4, axial.top + axial.height / 2, 'L', { anchor: 'end' }),
    label(sagittal.left + 4, bottom(sagittal) - 6, 'A', {}),
    label(right(sagittal) - 4, bottom(sagittal) - 6, 'P', { anchor: 'end' }),
  ].join('');
}

/** The names that have room, the key slice's own first. */
function levelNames(marks: readonly LevelMark[], heightOf: (mark: LevelMark) => number) {
  const named: { y: number; levels: string; isKey: boolean }[] = [];
  for (const [index, mark] of marks.entries()) {
    const y = heightOf(mark);
    if (mark.levels === '' || named.some((other) => Math.abs(other.y - y) < LABEL_PX)) continue;
    named.push({ y, levels: mark.levels, isKey: index === 0 });
  }
  return named;
}

function label(
  x: number,
  y: number,
  words: string,
  {
    anchor = 'start',
    colour = COLOUR.text,
    bold = false,
  }: { anchor?: 'start' | 'middle' | 'end'; colour?: string; bold?: boolean },
): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="15" text-anchor="${anchor}" fill="${colour}" stroke="${COLOUR.ground}" stroke-width="3" paint-order="stroke"${bold ? ' font-weight="bold"' : ''}>${escapeXml(words)}</text>`;
}
