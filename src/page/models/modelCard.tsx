import type { ModelCardAnswer } from '../../answers/modelAnswers.ts';
import { FigureTable } from '../parts/figureTable.tsx';
import { PlainTable } from '../parts/plainTable.tsx';
import { useLoaded } from '../parts/useLoaded.ts';
import { modelWords as words } from './modelsWords.ts';

/** What a package says about itself. */
export function ModelCard({ sha256, name, onClose }: { sha256: string; name: string; onClose: () => void }) {
  const { value, problem } = useLoaded<ModelCardAnswer>(`/api/models/${sha256}/card`);
  return (
    <section class="card model-card" id="model-card" aria-label={words.cardOf(name)}>
      <h2>{words.cardOf(name)}</h2>
      {value === null ? <p role="status">{problem === '' ? words.loading : problem}</p> : <Content card={value} />}
      <button type="button" onClick={onClose}>
        {words.close}
      </button>
    </section>
  );
}

function Content({ card }: { card: ModelCardAnswer }) {
  const { domain } = card;
  return (
    <>
      <dl class="system-facts">
        <dt>{words.use}</dt>
        <dd>{card.intendedUse}</dd>
        <dt>{words.digest}</dt>
        <dd class="digest">{card.model.sha256}</dd>
        <dt>{words.kind}</dt>
        <dd>{card.kind}</dd>
        <dt>{words.files}</dt>
        <dd>{words.size((card.sizeBytes / 1e6).toFixed(1))}</dd>
        <dt>{words.calibration}</dt>
        <dd>{card.calibrationMethod}</dd>
        <dt>{words.licence}</dt>
        <dd>{card.licence}</dd>
      </dl>
      <h3>{words.training}</h3>
      <p>{card.trainingStatement}</p>
      {card.trainingHistory !== null && <p class="muted">{card.trainingHistory}</p>}
      <h3>{words.deviations}</h3>
      {card.deviations.length === 0 ? (
        <p>{words.noDeviations}</p>
      ) : (
        <dl class="deviations">
          {card.deviations.map(({ name, why }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{why}</dd>
            </div>
          ))}
        </dl>
      )}
      <h3>{words.points}</h3>
      <PlainTable name={words.points} heads={words.pointHeads}>
        {card.operatingPoints.map((point) => (
          <tr key={point.name}>
            <td>{point.name}</td>
            <td>{point.threshold.toFixed(4)}</td>
            <td>{point.sensitivity.toFixed(3)}</td>
            <td>{point.specificity.toFixed(3)}</td>
          </tr>
        ))}
      </PlainTable>
      <h3>{words.figures}</h3>
      {card.figuresStatement !== null && <p>{card.figuresStatement}</p>}
      {card.figures.length === 0 ? <p>{words.noFigures}</p> : <Figures figures={card.figures} />}
      <h3>{words.domain}</h3>
      <p>
        {words.domainText(domain.statistic, domain.output, domain.limit.toFixed(3), domain.unit)} {domain.statement}{' '}
        {domain.anatomy} {domain.texture}
      </p>
    </>
  );
}

/** Each figure is a row of the table and a line of the plot, all on one scale. */
function Figures({ figures }: { figures: ModelCardAnswer['figures'] }) {
  const heads = words.figureHeads;
  return (
    <FigureTable
      name={words.figures}
      heads={[heads.figure, heads.of, heads.cases, heads.value, heads.interval, words.figureScale]}
    >
      {figures.map(({ name, of, value, low, high, positives, negatives }, index) => (
        <tr key={index}>
          <th scope="row">{words.figureNames[name] ?? name}</th>
          <td>{of}</td>
          <td>
            {positives ?? '-'} / {negatives ?? '-'}
          </td>
          <td>{value?.toFixed(3) ?? '-'}</td>
          <td>{low === null || high === null ? '-' : `${low.toFixed(3)}-${high.toFixed(3)}`}</td>
          <td class="picture">{value !== null && <FigureLine value={value} low={low} high={high} />}</td>
        </tr>
      ))}
    </FigureTable>
  );
}

const WIDTH = 180;
const MARGIN = 6;
const MIDDLE = 9;
const TICKS = [0, 0.25, 0.5, 0.75, 1];

function FigureLine({ value, low, high }: { value: number; low: number | null; high: number | null }) {
  const x = (at: number) => MARGIN + (WIDTH - 2 * MARGIN) * Math.min(1, Math.max(0, at));
  return (
    <svg class="figure-line" viewBox={`0 0 ${WIDTH} ${2 * MIDDLE}`} aria-hidden="true">
      {TICKS.map((tick) => (
        <line key={tick} class="tick" x1={x(tick)} x2={x(tick)} y1={0} y2={2 * MIDDLE} />
      ))}
      {low !== null && high !== null && <line class="range" x1={x(low)} x2={x(high)} y1={MIDDLE} y2={MIDDLE} />}
      <circle cx={x(value)} cy={MIDDLE} r={4} />
    </svg>
  );
}
