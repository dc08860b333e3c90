import { PlainTable } from '../parts/plainTable.tsx';
import { adminWords } from './adminWords.ts';

interface Step {
  label: string;
  /** One value for each series; null where nothing was measured. */
  values: readonly (number | null)[];
}

const WIDTH = 520;
const HEIGHT = 190;
const LEFT = 44;
const BOTTOM = 24;
const TOP = 12;
const LABELS = 6;

/** Figures over time, as bars or as up to two lines, and the same as a table. */
export function StepPlot({
  kind,
  name,
  steps,
  series,
}: {
  kind: 'bars' | 'lines';
  name: string;
  steps: readonly Step[];
  series: readonly string[];
}) {
  const most = Math.max(0, ...steps.flatMap(({ values }) => values.filter((value) => value !== null)));
  const top = roundUp(most);
  const stepWidth = (WIDTH - LEFT) / Math.max(1, steps.length);
  const x = (index: number) => LEFT + (index + 0.5) * stepWidth;
  const y = (value: number) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const every = Math.ceil(steps.length / LABELS);
  return (
    <div class="step-plot">
      <figure>
        <h2>
          {name}
          {series.length > 1 && (
            <span class="muted">
              {' '}
              ({series.map((title, index) => `${title} ${index === 0 ? '—' : '- -'}`).join(', ')})
            </span>
          )}
        </h2>
        <svg role="img" aria-label={`${name}: ${adminWords.asTable}`} viewBox={`0 0 ${WIDTH} ${HEIGHT}`}>
          {[0, 0.5, 1].map((share) => (
            <g key={share}>
              <line x1={LEFT} x2={WIDTH} y1={y(share * top)} y2={y(share * top)} />
              <text x={LEFT - 6} y={y(share * top) + 4} text-anchor="end">
                {share * top}
              </text>
            </g>
          ))}
          {steps.map(({ label }, index) =>
            index % every === 0 ? (
              <text key={label} x={x(index)} y={HEIGHT - 6} text-anchor={index === 0 ? 'start' : 'middle'}>
                {label}
              </text>
            ) : null,
          )}
          {kind === 'bars'
            ? steps.map(({ label, values }, index) => (
                <rect
                  key={label}
                  x={x(index) - stepWidth * 0.4}
                  width={stepWidth * 0.8}
                  y={y(values[0] ?? 0)}
                  height={y(0) - y(values[0] ?? 0)}
                />
              ))
            : series.map((title, at) => (
                <g key={title}>
                  {runsOf(steps.map(({ values }) => values[at] ?? null)).map((run) => (
                    <polyline
                      key={run[0]!.index}
                      class={at === 0 ? '' : 'second-line'}
                      points={run.map(({ index, value }) => `${x(index)},${y(value)}`).join(' ')}
                    />
                  ))}
                  {steps.map(({ values }, index) =>
                    values[at] == null ? null : (
                      <circle
                        key={index}
                        class={at === 0 ? '' : 'second-line'}
                        cx={x(index)}
                        cy={y(values[at])}
                        r={2.5}
                      />
                    ),
                  )}
                </g>
              ))}
        </svg>
      </figure>
      <details>
        <summary>{adminWords.asTable}</summary>
        <PlainTable name={name} heads={[adminWords.from, ...series]}>
          {steps.map(({ label, values }) => (
            <tr key={label}>
              <td>{label}</td>
              {values.map((value, index) => (
                <td key={index}>{value === null ? '-' : Number(value.toFixed(1))}</td>
              ))}
            </tr>
          ))}
        </PlainTable>
      </details>
    </div>
  );
}

/** Stretches without a gap: a line does not cross what was not measured. */
function runsOf(values: readonly (number | null)[]): { index: number; value: number }[][] {
  const runs: { index: number; value: number }[][] = [];
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    if (index > 0 && values[index - 1] !== null && runs.length > 0) runs.at(-1)!.push({ index, value });
    else runs.push([{ index, value }]);
  }
  return runs;
}

/** Upper end of a scale: a number that can be halved evenly. */
function roundUp(value: number): number {
  if (value <= 2) return 2;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 6, 8, 10].map((factor) => factor * power).find((bound) => bound >= value) ?? value;
}
