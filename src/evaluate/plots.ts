/**
 * Charts as SVG elements without script or outer style sheet. Colours are the page's variables (`--ink`, `--grid`, `--positive`, `--negative`),
 * so that they follow its light and dark theme and its print style.
 */
export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Drawn in this order. */
  readonly marks: readonly Mark[];
}

/** Places are in data units, 0..1 on both axes. */
export type Mark =
  | { readonly kind: 'line'; readonly points: readonly Point[]; readonly dashed?: boolean }
  | { readonly kind: 'steps'; readonly points: readonly Point[] }
  | {
      readonly kind: 'dot';
      readonly at: Point;
      readonly note: string;
      readonly interval?: { readonly low: number; readonly high: number } | undefined;
    }
  /** Bars of two classes side by side over one interval, heights 0..1. */
  | {
      readonly kind: 'bars';
      readonly from: number;
      readonly to: number;
      readonly negative: number;
      readonly positive: number;
      readonly note: string;
    }
  | { readonly kind: 'upright'; readonly x: number; readonly note: string }
  | {
      readonly kind: 'text';
      readonly at: Point;
      readonly text: string;
      readonly colour: 'ink' | 'positive' | 'negative';
    };
type Point = readonly [number, number];

const SIDE = 280;
const LEFT = 48;
const TOP = 28;
const WIDTH = LEFT + SIDE + 16;
const HEIGHT = TOP + SIDE + 44;
const TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1];

/** Draws a chart with both axes from 0 to 1. */
export function svgChart({ title, xLabel, yLabel, marks }: Chart): string {
  return svg(title, WIDTH, HEIGHT, [
    `<text x="${LEFT + SIDE / 2}" y="16" text-anchor="middle" font-weight="600" font-size="13">${escapeHtml(title)}</text>`,
    ...TICKS.flatMap((tick) => [
      gridLine(x(tick), y(0), x(tick), y(1)),
      gridLine(x(0), y(tick), x(1), y(tick)),
      `<text x="${x(tick)}" y="${y(0) + 15}" text-anchor="middle">${tick}</text>`,
      `<text x="${x(0) - 6}" y="${y(tick) + 4}" text-anchor="end">${tick}</text>`,
    ]),
    `<text x="${x(0.5)}" y="${HEIGHT - 8}" text-anchor="middle">${escapeHtml(xLabel)}</text>`,
    `<text transform="translate(13 ${y(0.5)}) rotate(-90)" text-anchor="middle">${escapeHtml(yLabel)}</text>`,
    ...marks.map(svgMark),
  ]);
}

/** A share with its interval, one line of a forest plot; a line without a value is a heading. */
export interface ForestLine {
  readonly name: string;
  readonly share: { readonly value: number; readonly low: number; readonly high: number } | null;
  /** For example `12 of 14`. */
  readonly count: string;
}

const FOREST = { leastNames: 120, letter: 6.4, scale: 380, counts: 90, line: 20, top: 46 } as const;

/** Draws shares with their intervals below each other, on one scale from `from` to 100 %. */
export function forestChart(title: string, lines: readonly ForestLine[], from: 0 | 0.5 = 0): string {
  const { leastNames, letter, scale, counts, line, top } = FOREST;
  const names = Math.ceil(Math.max(leastNames, 20 + letter * Math.max(...lines.map(({ name }) => name.length))));
  const width = names + scale + counts;
  const height = top + lines.length * line + 8;
  const at = (share: number): number => round(names + ((Math.max(from, share) - from) / (1 - from)) * scale);
  return svg(title, width, height, [
    `<text x="${names + scale / 2}" y="16" text-anchor="middle" font-weight="600" font-size="13">${escapeHtml(title)}</text>`,
    ...TICKS.map((tick) => from + tick * (1 - from)).flatMap((tick) => [
      gridLine(at(tick), top - 6, at(tick), height - 4),
      `<text x="${at(tick)}" y="${top - 12}" text-anchor="middle">${round(tick * 100)}</text>`,
    ]),
    ...lines.flatMap(({ name, share, count }, i) => {
      const middle = top + i * line + line / 2;
      const text = `<text x="${names - 10}" y="${middle + 4}" text-anchor="end"${share === null ? ' font-weight="600"' : ''}>${escapeHtml(name)}</text>`;
      if (share === null) return [text];
      return [
        text,
        `<line x1="${at(share.low)}" y1="${middle}" x2="${at(share.high)}" y2="${middle}" stroke="var(--positive)" stroke-width="2" stroke-opacity="0.55"/>`,
        `<circle cx="${at(share.value)}" cy="${middle}" r="4.5" fill="var(--positive)"><title>${(share.value * 100).toFixed(1)} % (${(share.low * 100).toFixed(1)} to ${(share.high * 100).toFixed(1)})</title></circle>`,
        `<text x="${width - 4}" y="${middle + 4}" text-anchor="end">${escapeHtml(count)}</text>`,
      ];
    }),
  ]);
}

function svg(title: string, width: number, height: number, parts: readonly string[]): string {
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeHtml(title)}" font-size="11.5" fill="var(--ink)">${parts.join('')}</svg>`;
}

function gridLine(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="var(--grid)"/>`;
}

function svgMark(mark: Mark): string {
  switch (mark.kind) {
    case 'line':
      return mark.dashed === true
        ? `<polyline points="${polyline(mark.points)}" fill="none" stroke="var(--ink)" stroke-dasharray="4 4" stroke-opacity="0.5"/>`
        : `<polyline points="${polyline(mark.points)}" fill="none" stroke="var(--positive)" stroke-width="2"/>`;
    case 'steps':
      return svgMark({
        kind: 'line',
        points: mark.points.flatMap(([px, py], i) =>
          i === 0 ? [[px, py] as const] : [[px, mark.points[i - 1]![1]] as const, [px, py] as const],
        ),
      });
    case 'dot': {
      const whisker =
        mark.interval === undefined
          ? ''
          : `<line x1="${x(mark.at[0])}" y1="${y(mark.interval.low)}" x2="${x(mark.at[0])}" y2="${y(mark.interval.high)}" stroke="var(--positive)" stroke-width="2" stroke-opacity="0.55"/>`;
      return `${whisker}<circle cx="${x(mark.at[0])}" cy="${y(mark.at[1])}" r="4.5" fill="var(--positive)" stroke="var(--page)"><title>${escapeHtml(mark.note)}</title></circle>`;
    }
    case 'bars': {
      const width = (x(mark.to) - x(mark.from)) / 2 - 1;
      const bar = (left: number, height: number, colour: string): string =>
        `<rect x="${round(left)}" y="${y(height)}" width="${round(width)}" height="${round(y(0) - y(height))}" fill="var(--${colour})"/>`;
      return `<g><title>${escapeHtml(mark.note)}</title>${bar(x(mark.from) + 0.5, mark.negative, 'negative')}${bar(x(mark.from) + 0.5 + width, mark.positive, 'positive')}</g>`;
    }
    case 'upright':
      return `<line x1="${x(mark.x)}" y1="${y(0)}" x2="${x(mark.x)}" y2="${y(1)}" stroke="var(--ink)" stroke-dasharray="2 3"><title>${escapeHtml(mark.note)}</title></line>`;
    case 'text':
      return `<text x="${x(mark.at[0])}" y="${y(mark.at[1])}" text-anchor="end" fill="var(--${mark.colour})" font-weight="600">${escapeHtml(mark.text)}</text>`;
  }
}

function polyline(points: readonly Point[]): string {
  return points.map(([px, py]) => `${x(px)},${y(py)}`).join(' ');
}

function x(value: number): number {
  return round(LEFT + value * SIDE);
}

function y(value: number): number {
  return round(TOP + (1 - value) * SIDE);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
