import { useMemo } from 'preact/hooks';
import type { ThresholdBoardAnswer, WhatIfAnswer } from '../../answers/thresholdAnswers.ts';
import { Plot } from '../parts/plot.tsx';
import type { PlotData, PlotMark } from '../parts/plot.tsx';
import { thresholdText } from '../parts/format.ts';
import { thresholdWords } from './thresholdsWords.ts';

type Proportion = WhatIfAnswer['now']['sensitivity'];
type Curves = ThresholdBoardAnswer['curves'];

const words = thresholdWords.plots;
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

const shareText = ({ hits, total, estimate }: Proportion): string =>
  `${thresholdWords.figures.counts(hits, total)}${estimate === null ? '' : `, ${thresholdWords.figures.interval(estimate.low, estimate.high)}`}`;
/** The last step needs an end. */
const closed = (values: readonly number[]): number[] => [...values, values.at(-1) ?? 0];

interface ChoiceProps {
  curves: Curves;
  /** Null: stopped, or the source follows the site. */
  now: number | null;
  proposed: number | null;
  onPick: ((threshold: number) => void) | undefined;
}

/** Scores, and what each threshold makes of them; a click on either plot chooses a threshold. */
export function ChoicePlots({ curves, now, proposed, onPick }: ChoiceProps) {
  const scores = useMemo(() => scoresOf(curves), [curves]);
  const rates = useMemo(() => ratesOf(curves), [curves]);
  const marks = useMemo(
    (): PlotMark[] => [
      ...(now === null ? [] : [{ label: words.now(thresholdText(now)), x: now, token: 'text' as const, dashed: true }]),
      ...(proposed === null || proposed === now
        ? []
        : [{ label: words.proposed(thresholdText(proposed)), x: proposed, token: 'text' as const }]),
    ],
    [now, proposed],
  );
  return (
    <>
      <Plot data={scores} marks={marks} onPick={onPick} />
      {rates === null ? <TooFew title={words.rates} /> : <Plot data={rates} marks={marks} onPick={onPick} />}
    </>
  );
}

/** Curves over all thresholds with the positions of both rules, and when flags come. */
export function CurvePlots({ curves, whatIf }: { curves: Curves; whatIf: WhatIfAnswer }) {
  const roc = useMemo(() => rocOf(curves), [curves]);
  const precision = useMemo(() => precisionOf(curves), [curves]);
  const hours = useMemo(() => hoursOf(whatIf), [whatIf]);
  const marks = useMemo(() => standing(whatIf), [whatIf]);
  return (
    <>
      {roc === null ? <TooFew title={words.roc} /> : <Plot data={roc} marks={marks.roc} />}
      {precision === null ? <TooFew title={words.pr} /> : <Plot data={precision} marks={marks.precision} />}
      {hours !== null && <Plot data={hours} />}
    </>
  );
}

function TooFew({ title }: { title: string }) {
  return (
    <figure class="plot">
      <figcaption>{title}</figcaption>
      <p>
        <span class="uncertain">{words.noCurve}</span>
      </p>
    </figure>
  );
}

function scoresOf({ histogram, fractureScores }: Curves): PlotData {
  const starts = histogram.fracture.map((_, bin) => bin * histogram.binWidth);
  return {
    title: words.scores,
    xLabel: words.score,
    yLabel: words.scans,
    x: [...starts, 1],
    xRange: [0, 1],
    yCounts: true,
    series: [
      { label: words.without, token: 'info', values: closed(histogram.withoutFracture), shape: 'steps' },
      { label: words.unconfirmed, token: 'muted', values: closed(histogram.unconfirmed), shape: 'steps', dashed: true },
      { label: words.fracture, token: 'flag', values: closed(histogram.fracture), shape: 'steps' },
    ],
    ticks: fractureScores,
    table: {
      head: [words.score, words.fracture, words.without, words.unconfirmed],
      rows: starts.map((start, bin) => [
        `${start.toFixed(3)}-${(start + histogram.binWidth).toFixed(3)}`,
        String(histogram.fracture[bin]),
        String(histogram.withoutFracture[bin]),
        String(histogram.unconfirmed[bin]),
      ]),
    },
  };
}

function ratesOf({ byThreshold }: Curves): PlotData | null {
  const line = (
    label: string,
    token: 'flag' | 'info' | 'domain',
    of: (point: Curves['byThreshold'][number]) => Proportion,
  ) => ({
    label,
    token,
    values: byThreshold.map((point) => of(point).estimate?.value ?? null),
    low: byThreshold.map((point) => of(point).estimate?.low ?? null),
    high: byThreshold.map((point) => of(point).estimate?.high ?? null),
  });
  const { figures } = thresholdWords;
  const series = [
    line(figures.sensitivity, 'flag', (point) => point.sensitivity),
    line(figures.specificity, 'info', (point) => point.specificity),
    line(figures.ppv, 'domain', (point) => point.ppv),
  ].filter(({ values }) => values.some((value) => value !== null));
  if (series.length === 0) return null;
  return {
    title: words.rates,
    xLabel: words.threshold,
    yLabel: words.share,
    x: byThreshold.map((point) => point.threshold),
    xRange: [0, 1],
    yRange: [0, 1],
    series,
    table: {
      head: [words.threshold, figures.sensitivity, figures.specificity, figures.ppv],
      rows: byThreshold
        .filter((_, index) => index % 5 === 0)
        .map((point) => [
          thresholdText(point.threshold),
          shareText(point.sensitivity),
          shareText(point.specificity),
          shareText(point.ppv),
        ]),
    },
  };
}

function hoursOf({ now, proposed }: WhatIfAnswer): PlotData | null {
  if (now.load === null || proposed.load === null) return null;
  const before = now.load.byHour;
  const after = proposed.load.byHour;
  const { figures } = thresholdWords;
  return {
    title: words.hours,
    xLabel: words.hour,
    yLabel: words.flags,
    x: [...HOURS, 24],
    xRange: [0, 24],
    xEvery: 3,
    series: [
      { label: figures.proposed, token: 'info', values: closed(after), shape: 'steps' },
      { label: figures.now, token: 'text', values: closed(before), shape: 'steps', dashed: true },
    ],
    table: {
      head: [words.hour, figures.now, figures.proposed],
      rows: HOURS.map((hour) => [`${hour}-${hour + 1}`, before[hour]!.toFixed(2), after[hour]!.toFixed(2)]),
    },
  };
}

function curve(
  title: string,
  xLabel: string,
  yLabel: string,
  points: Curves['roc'],
  token: 'flag' | 'domain',
): PlotData | null {
  if (points.length === 0) return null;
  const sorted = [...points].sort((a, b) => b.threshold - a.threshold);
  return {
    title,
    xLabel,
    yLabel,
    x: sorted.map((point) => point.x),
    xRange: [0, 1],
    yRange: [0, 1],
    series: [
      {
        label: words.interval,
        token,
        values: sorted.map((point) => point.y),
        low: sorted.map((point) => point.band.low),
        high: sorted.map((point) => point.band.high),
      },
    ],
    table: {
      head: [words.threshold, xLabel, yLabel],
      rows: sorted.map(({ threshold, x, y, band }) => [
        thresholdText(Number(threshold.toFixed(3))),
        x.toFixed(3),
        `${y.toFixed(3)}, ${thresholdWords.figures.interval(band.low, band.high)}`,
      ]),
    },
  };
}

function rocOf({ roc: points, rocAuc }: Curves): PlotData | null {
  const title =
    rocAuc === null ? words.roc : words.rocAuc(rocAuc.value.toFixed(3), rocAuc.low.toFixed(3), rocAuc.high.toFixed(3));
  return curve(title, words.falseRate, thresholdWords.figures.sensitivity, points, 'flag');
}

function precisionOf({ precisionRecall }: Curves): PlotData | null {
  return curve(words.pr, thresholdWords.figures.sensitivity, thresholdWords.figures.ppv, precisionRecall, 'domain');
}

/** The positions of the two rules on the curves. */
function standing({ now, proposed }: WhatIfAnswer): { roc: PlotMark[]; precision: PlotMark[] } {
  const { figures } = thresholdWords;
  const rules = [
    { label: figures.now, of: now, dashed: true },
    { label: figures.proposed, of: proposed, dashed: false },
  ];
  const marks = (x: (of: typeof now) => number | undefined, y: (of: typeof now) => number | undefined): PlotMark[] =>
    rules.flatMap(({ label, of, dashed }) => {
      const at = { x: x(of), y: y(of) };
      return at.x === undefined || at.y === undefined ? [] : [{ label, x: at.x, y: at.y, token: 'text', dashed }];
    });
  const sensitivity = (of: typeof now) => of.sensitivity.estimate?.value;
  return {
    roc: marks((of) => (of.specificity.estimate === null ? undefined : 1 - of.specificity.estimate.value), sensitivity),
    precision: marks(sensitivity, (of) => of.ppv.estimate?.value),
  };
}
