import type { KeySlice } from '../case/case.ts';
import { inferno } from '../case/responseColour.ts';
import type { SourceSlice } from '../case/triageModel.ts';
import { TriageError } from '../base/errors.ts';
import { drawOver, setGrey, wrapText, type Picture } from './drawing.ts';
import { HEATMAP_CAPTION, NOT_FOR_DIAGNOSTIC_USE } from './findingsSummary.ts';
import { drawResponse, responseOnSource } from './heatmap.ts';

/** Standard bone window of the paper (2. Methods): W 1800, C 500. */
const WINDOW_CENTER_HU = 500;
const WINDOW_WIDTH_HU = 1800;

/** The slice in a bone window at its own matrix, with the network's response over it, a legend and the caption. @throws TriageError `report-failed` when map and slice disagree */
export function keySlicePicture(source: SourceSlice, keySlice: KeySlice): Picture {
  const { hu, rows, columns } = source;
  const { crop } = keySlice;
  if (crop.rows !== rows || crop.columns !== columns || hu.length !== rows * columns) {
    throw new TriageError(
      'report-failed',
      `The slice is ${rows} x ${columns}, its heatmap was made for ${crop.rows} x ${crop.columns}.`,
    );
  }
  const rgb = new Uint8Array(rows * columns * 3);
  const darkest = WINDOW_CENTER_HU - WINDOW_WIDTH_HU / 2;
  for (let at = 0; at < hu.length; at++) {
    const grey = Math.min(255, Math.max(0, Math.round(((hu[at]! - darkest) / WINDOW_WIDTH_HU) * 255)));
    setGrey(rgb, at, grey);
  }
  drawResponse(rgb, responseOnSource(keySlice.cam, keySlice.camRows, keySlice.camColumns, crop), rows, columns);
  const picture = { rgb, rows, columns };
  drawOver(picture, captions(rows, columns));
  return picture;
}

/** Sizes follow the matrix, so that the text stays readable from 256 to 1024 pixels. */
function captions(rows: number, columns: number): string {
  const size = Math.max(9, Math.round(Math.min(rows, columns) / 34));
  const pad = Math.round(size * 0.5);
  const line = (y: number, words: string, colour: string, bold: boolean): string =>
    `<text x="${columns / 2}" y="${y}" font-size="${size}" text-anchor="middle" fill="${colour}"${bold ? ' font-weight="bold"' : ''}>${words}</text>`;
  const caption = wrapText(HEATMAP_CAPTION, columns - 2 * pad, size, 2);
  const bandHeight = Math.round(size * 1.35 * caption.length + pad);
  const legend = {
    width: Math.round(size * 0.6),
    height: Math.round(rows * 0.3),
    x: columns - Math.round(size * 1.4),
    y: Math.round(rows * 0.35),
  };
  const stops = Array.from(
    { length: 11 },
    (_, index) => `<stop offset="${index * 10}%" stop-color="rgb(${inferno(1 - index / 10).join(',')})"/>`,
  ).join('');
  const small = (y: number, words: string): string =>
    `<text x="${legend.x + legend.width}" y="${y}" font-size="${Math.round(size * 0.8)}" text-anchor="end" fill="#E6EAF0">${words}</text>`;
  return [
    `<rect width="${columns}" height="${Math.round(size * 1.8)}" fill="#0E1116" fill-opacity="0.75"/>`,
    line(Math.round(size * 1.3), NOT_FOR_DIAGNOSTIC_USE, '#FDBF52', true),
    `<rect y="${rows - bandHeight}" width="${columns}" height="${bandHeight}" fill="#0E1116" fill-opacity="0.75"/>`,
    ...caption.map((words, index) =>
      line(Math.round(rows - bandHeight + size * 1.15 + index * size * 1.35), words, '#E6EAF0', false),
    ),
    `<defs><linearGradient id="legend" x1="0" y1="0" x2="0" y2="1">${stops}</linearGradient></defs>`,
    `<rect x="${legend.x}" y="${legend.y}" width="${legend.width}" height="${legend.height}" fill="url(#legend)" stroke="#E6EAF0" stroke-width="1"/>`,
    small(legend.y - pad, 'strong'),
    small(legend.y + legend.height + size, 'weak'),
  ].join('');
}
