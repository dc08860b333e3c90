import './interval.css';

interface Interval {
  value: number;
  low: number;
  high: number;
}

const WIDTH = 200;
const ROW = 14;
const MARGIN = 6;

/** Two estimates with their intervals on one scale from 0 to `most`: the present one hollow, the proposed one filled. The table beside it has the figures. */
export function IntervalPicture({
  now,
  proposed,
  most,
}: {
  now: Interval | null;
  proposed: Interval | null;
  most: number;
}) {
  const x = (value: number) => MARGIN + (WIDTH - 2 * MARGIN) * Math.min(1, value / most);
  const row = (interval: Interval | null, y: number, token: string) =>
    interval !== null && (
      <g class={token}>
        <line x1={x(interval.low)} x2={x(interval.high)} y1={y} y2={y} />
        <circle cx={x(interval.value)} cy={y} r={4.5} />
      </g>
    );
  return (
    <svg class="interval" viewBox={`0 0 ${WIDTH} ${2 * ROW + 4}`} aria-hidden="true">
      <line class="axis" x1={MARGIN} x2={WIDTH - MARGIN} y1={ROW + 2} y2={ROW + 2} />
      {row(now, ROW / 2, 'now')}
      {row(proposed, 1.5 * ROW + 4, 'proposed')}
    </svg>
  );
}
