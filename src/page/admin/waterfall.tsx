import { adminWords } from './adminWords.ts';

const WIDTH = 720;
const LABEL = 150;
const VALUE = 70;
const ROW = 24;

/** Stages one after the other, each as a bar at its place in the whole time. */
export function Waterfall({ name, parts }: { name: string; parts: readonly { title: string; ms: number }[] }) {
  const totalMs = Math.max(
    1,
    parts.reduce((sum, { ms }) => sum + ms, 0),
  );
  const scale = (WIDTH - LABEL - VALUE) / totalMs;
  let beforeMs = 0;
  return (
    <svg
      class="waterfall"
      role="img"
      aria-label={`${name}: ${parts.map(({ title, ms }) => `${title} ${adminWords.seconds(ms / 1000)}`).join(', ')}`}
      viewBox={`0 0 ${WIDTH} ${parts.length * ROW}`}
    >
      {parts.map(({ title, ms }, index) => {
        const x = LABEL + beforeMs * scale;
        beforeMs += ms;
        const width = Math.max(2, ms * scale);
        return (
          <g key={title}>
            <text x={0} y={index * ROW + 16}>
              {title}
            </text>
            <rect x={x} y={index * ROW + 5} width={width} height={14} rx={2} />
            <text x={x + width + 6} y={index * ROW + 16}>
              {adminWords.seconds(ms / 1000)}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
