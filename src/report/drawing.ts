import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { Resvg } from '@resvg/resvg-js';
import { messageOf, TriageError } from '../base/errors.ts';

const require = createRequire(import.meta.url);
/** Bundled fonts, so that a picture is the same on every machine. */
const FONT_NAMES = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'] as const;
const FONT_FAMILY = 'DejaVu Sans';
/** Mean advance of a DejaVu Sans character, in em: wide enough that a wrapped line fits. */
const MEAN_ADVANCE_EM = 0.58;

/** RGB, 8 bits: `[row][column][channel]`. */
export interface Picture {
  rgb: Uint8Array;
  rows: number;
  columns: number;
}

/** Paths of the fonts for pictures. @throws TriageError `report-failed` when one is missing: the renderer would silently leave text out. */
export function fontFiles(): string[] {
  return FONT_NAMES.map((name) => {
    try {
      const path = require.resolve(`dejavu-fonts-ttf/ttf/${name}`);
      accessSync(path, constants.R_OK);
      return path;
    } catch (error) {
      throw new TriageError(
        'report-failed',
        `The font ${name} cannot be read, so pictures would have no text: ${messageOf(error)} Install the packages again (npm ci).`,
        { cause: error },
      );
    }
  });
}

/** Draws SVG elements over `picture`, in its pixels. */
export function drawOver(picture: Picture, elements: string): void {
  const { rgb, rows, columns } = picture;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${columns}" height="${rows}" font-family="${FONT_FAMILY}">${elements}</svg>`;
  const rendered = new Resvg(svg, {
    font: { loadSystemFonts: false, fontFiles: fontFiles(), defaultFontFamily: FONT_FAMILY },
  }).render();
  // Colours are already multiplied by alpha.
  const over = rendered.pixels;
  for (let from = 0, at = 0; from < over.length; from += 4, at += 3) {
    const alpha = over[from + 3]!;
    // Most of a picture is not drawn over at all, or covered.
    if (alpha === 0) continue;
    if (alpha === 255) {
      rgb[at] = over[from]!;
      rgb[at + 1] = over[from + 1]!;
      rgb[at + 2] = over[from + 2]!;
      continue;
    }
    const under = 255 - alpha;
    rgb[at] = over[from]! + Math.round((rgb[at]! * under) / 255);
    rgb[at + 1] = over[from + 1]! + Math.round((rgb[at + 1]! * under) / 255);
    rgb[at + 2] = over[from + 2]! + Math.round((rgb[at + 2]! * under) / 255);
  }
}

/** Sets the pixel at index `at` of `rgb` to a grey. */
export function setGrey(rgb: Uint8Array, at: number, grey: number): void {
  rgb[at * 3] = grey;
  rgb[at * 3 + 1] = grey;
  rgb[at * 3 + 2] = grey;
}

/** Text escaped for SVG; control characters are dropped. */
export function escapeXml(value: string): string {
  return value
    .replace(/[\u0000-\u001f\u007f]/g, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Breaks a sentence into lines that fit `widthPx`; the last of `most` lines ends in an ellipsis when there is more. */
export function wrapText(sentence: string, widthPx: number, fontSizePx: number, most: number): string[] {
  const perLine = Math.max(8, Math.floor(widthPx / (fontSizePx * MEAN_ADVANCE_EM)));
  const lines: string[] = [];
  let line = '';
  for (const word of sentence.split(/\s+/).flatMap((whole) => whole.match(new RegExp(`.{1,${perLine}}`, 'gu')) ?? [])) {
    if (line !== '' && line.length + 1 + word.length > perLine) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.length <= most
    ? lines
    : [...lines.slice(0, most - 1), `${lines[most - 1]!.slice(0, perLine - 1)}\u2026`];
}
