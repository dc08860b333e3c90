import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import './plot.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import { FigureTable } from './figureTable.tsx';
import { shellWords } from './shellWords.ts';

type Token = 'flag' | 'info' | 'muted' | 'domain' | 'text';

interface PlotSeries {
  label: string;
  token: Token;
  values: readonly (number | null)[];
  shape?: 'line' | 'steps';
  dashed?: boolean;
  /** A band around the line. */
  low?: readonly (number | null)[];
  high?: readonly (number | null)[];
}

/** A vertical line, or with `y` a point. */
export interface PlotMark {
  label: string;
  x: number;
  y?: number;
  token: Token;
  dashed?: boolean;
}

/** What does not change while somebody moves a threshold. Memoise it (`useMemo`): a new object redraws the plot. */
export interface PlotData {
  title: string;
  xLabel: string;
  yLabel: string;
  x: readonly number[];
  series: readonly PlotSeries[];
  /** Short ticks along the x axis. */
  ticks?: readonly number[];
  xRange: readonly [number, number];
  /** Distance of the labels along x. */
  xEvery?: number;
  yRange?: readonly [number, number];
  /** Counts from single scans to thousands: small ones stay visible. */
  yCounts?: boolean;
  /** What the plot shows, for people who cannot see it. */
  table: { head: readonly string[]; rows: readonly (readonly string[])[] };
}

interface PlotProps {
  data: PlotData;
  marks?: readonly PlotMark[];
  /** Called with an x when somebody points at the plot. */
  onPick?: ((x: number) => void) | undefined;
}

const HEIGHT = 240;
/** `uPlot.Scale.Distr.ArcSinh`, which exists as a type only. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- a const enum of a declaration file has no values to import
const ARC_SINH = 4 as uPlot.Scale.Distr;
const NO_MARKS: readonly PlotMark[] = [];

/** A plot on a canvas, its legend, and the same figures as a table. */
export function Plot({ data, marks = NO_MARKS, onPick }: PlotProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const live = useRef({ marks, onPick });
  live.current = { marks, onPick };
  const theme = useTheme();
  useEffect(() => {
    const box = holder.current;
    if (box === null) return;
    const made = new uPlot(
      optionsOf(data, box.clientWidth, () => live.current.marks),
      dataOf(data),
      box,
    );
    plot.current = made;
    const sized = new ResizeObserver(() => made.setSize({ width: box.clientWidth, height: HEIGHT * zoom() }));
    sized.observe(box);
    const picked = (event: PointerEvent) => {
      if (event.buttons !== 1) return;
      const [least, most] = data.xRange;
      live.current.onPick?.(
        Math.min(most, Math.max(least, made.posToVal(event.clientX - made.over.getBoundingClientRect().left, 'x'))),
      );
    };
    made.over.addEventListener('pointerdown', picked);
    made.over.addEventListener('pointermove', picked);
    return () => {
      sized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [data, theme]);
  useEffect(() => plot.current?.redraw(false), [marks]);
  return (
    <figure class={onPick === undefined ? 'plot' : 'plot picks'}>
      <figcaption>{data.title}</figcaption>
      <div ref={holder} role="img" aria-label={shellWords.plot.image(data.title)} />
      <ul class="legend">
        {data.series.map(({ label, token, dashed }) => (
          <li key={label}>
            <span class={`swatch token-${token}${dashed === true ? ' dashed' : ''}`} aria-hidden="true" />
            {label}
          </li>
        ))}
        {marks.map(({ label, token, dashed, y }) => (
          <li key={label}>
            <span
              class={`${y === undefined ? 'line' : 'dot'} token-${token}${dashed === true ? ' dashed' : ''}`}
              aria-hidden="true"
            />
            {label}
          </li>
        ))}
      </ul>
      <details>
        <summary>{shellWords.plot.table}</summary>
        <FigureTable name={data.title} heads={data.table.head}>
          {data.table.rows.map((row) => (
            <tr key={row.join('|')}>
              {row.map((cell, index) =>
                index === 0 ? (
                  <th key={0} scope="row">
                    {cell}
                  </th>
                ) : (
                  <td key={index}>{cell}</td>
                ),
              )}
            </tr>
          ))}
        </FigureTable>
      </details>
    </figure>
  );
}

/** Changes when the colours do. */
function useTheme(): string {
  const read = () => document.documentElement.dataset['theme'] ?? '';
  const [theme, setTheme] = useState(read);
  useEffect(() => {
    const watcher = new MutationObserver(() => setTheme(read()));
    watcher.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    return () => watcher.disconnect();
  }, []);
  return theme;
}

/** By how much the page is larger than on a desk. */
const zoom = (): number => Number(getComputedStyle(document.documentElement).getPropertyValue('--zoom')) || 1;

const colour = (token: Token | 'border' | 'raised'): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${token}`).trim();

function dataOf({ x, series }: PlotData): uPlot.AlignedData {
  return [
    [...x],
    ...series.flatMap(({ values, low, high }) => [[...values], ...(low && high ? [[...high], [...low]] : [])]),
  ] as uPlot.AlignedData;
}

function optionsOf(
  { series, ticks = [], xRange, xEvery, yRange, yCounts, xLabel, yLabel }: PlotData,
  width: number,
  marks: () => readonly PlotMark[],
): uPlot.Options {
  const lines: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  for (const { token, shape = 'line', dashed, low, high } of series) {
    lines.push({
      stroke: colour(token),
      width: 2,
      ...(dashed === true ? { dash: [6, 4] } : {}),
      points: { show: false },
      ...(shape === 'steps'
        ? { paths: uPlot.paths.stepped!({ align: 1 }), ...(dashed === true ? {} : { fill: `${colour(token)}22` }) }
        : {}),
    });
    if (low && high) {
      bands.push({ series: [lines.length, lines.length + 1], fill: `${colour(token)}33` });
      lines.push({ points: { show: false } }, { points: { show: false } });
    }
  }
  const larger = zoom();
  const font = `${12 * larger}px ${getComputedStyle(document.body).fontFamily}`;
  const axis = {
    stroke: colour('muted'),
    grid: { stroke: `${colour('border')}44`, width: 1 },
    ticks: { stroke: `${colour('border')}88`, width: 1 },
    font,
    labelFont: font,
    labelGap: 0,
    labelSize: 20 * larger,
  };
  return {
    width,
    height: HEIGHT * larger,
    padding: [10, 10, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    series: lines,
    bands,
    scales: {
      x: { time: false, range: [...xRange] },
      y: {
        range: yRange ? [...yRange] : (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1],
        ...(yCounts === true ? { distr: ARC_SINH, asinh: 1 } : {}),
      },
    },
    axes: [
      { ...axis, label: xLabel, size: 30 * larger, ...(xEvery === undefined ? {} : { incrs: [xEvery, 2 * xEvery] }) },
      {
        ...axis,
        label: yLabel,
        size: 44 * larger,
        ...(yCounts === true
          ? {
              splits: countSplits,
              filter: (_plot: uPlot, splits: number[]) => splits,
              values: (_plot: uPlot, splits: number[]) => splits.map(String),
            }
          : {}),
      },
    ],
    hooks: { draw: [(plot) => drawMarks(plot, marks()), (plot) => drawTicks(plot, ticks)] },
  };
}

/** 0, 1, 3, 10, 30, ... up to the highest count. */
const countSplits = (_plot: uPlot, _axis: number, _low: number, high: number): number[] =>
  [0, 1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000].filter((count) => count <= high);

function drawMarks(plot: uPlot, marks: readonly PlotMark[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.lineWidth = 2 * devicePixelRatio;
  for (const { x, y, token, dashed } of marks) {
    const left = plot.valToPos(x, 'x', true);
    ctx.strokeStyle = colour(token);
    ctx.fillStyle = dashed === true ? colour('raised') : colour(token);
    ctx.setLineDash(dashed === true && y === undefined ? [6 * devicePixelRatio, 4 * devicePixelRatio] : []);
    ctx.beginPath();
    if (y === undefined) {
      ctx.moveTo(left, bbox.top);
      ctx.lineTo(left, bbox.top + bbox.height);
    } else {
      ctx.arc(left, plot.valToPos(y, 'y', true), 5 * devicePixelRatio, 0, 2 * Math.PI);
      ctx.fill();
    }
    ctx.stroke();
  }
  ctx.restore();
}

function drawTicks(plot: uPlot, ticks: readonly number[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colour('flag');
  ctx.lineWidth = devicePixelRatio;
  for (const tick of ticks) {
    const left = plot.valToPos(tick, 'x', true);
    ctx.beginPath();
    ctx.moveTo(left, bbox.top + bbox.height);
    ctx.lineTo(left, bbox.top + bbox.height - 10 * devicePixelRatio);
    ctx.stroke();
  }
  ctx.restore();
}
