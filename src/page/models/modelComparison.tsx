import type { ComparisonAnswer } from '../../answers/modelAnswers.ts';
import { DECISIONS } from '../../case/decision.ts';
import { FigureTable } from '../parts/figureTable.tsx';
import { IntervalPicture } from '../parts/intervalPicture.tsx';
import { useLoaded } from '../parts/useLoaded.ts';
import { modelWords as words } from './modelsWords.ts';

type Estimate = ComparisonAnswer['agreement']['share'];

const number = (value: number | null, digits = 3): string => value?.toFixed(digits) ?? '-';
const reasons = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([code, count]) => `${count} ${code}`)
    .join(', ') || words.none;
const share = (found: Estimate): string => (found === null ? '-' : words.percent(found.value, found.low, found.high));

/** The shadow and the active package on the site's own cases. Loaded on request only, because it reads every score. */
export function ModelComparison() {
  const { value, problem, reload } = useLoaded<ComparisonAnswer>('/api/models/comparison');
  return (
    <section aria-labelledby="comparison-title">
      <h2 id="comparison-title">{words.comparison}</h2>
      <p class="muted">{words.notTruth}</p>
      {value === null ? <p role="status">{problem === '' ? words.loading : problem}</p> : <Content found={value} />}
      <button type="button" onClick={reload}>
        {words.readAgain}
      </button>
    </section>
  );
}

function Content({ found }: { found: ComparisonAnswer }) {
  if (found.cases === 0) return <p>{words.nothingCompared}</p>;
  const { agreement, readers, scores, notAnalysed, secondsPerCase } = found;
  return (
    <>
      <p>
        {words.compared(found.cases, found.byEarlierPackages)} {words.agreement}: {share(agreement.share)},{' '}
        {words.kappa(number(agreement.kappa))}.
      </p>
      <FigureTable
        name={words.decisionTable}
        heads={[words.activeSays, ...DECISIONS.map((decision) => words.decisions[decision])]}
      >
        {DECISIONS.map((first) => (
          <tr key={first}>
            <th scope="row">{words.decisions[first]}</th>
            {DECISIONS.map((second) => (
              <td key={second} class={first === second ? '' : 'differs'}>
                {found.decisions[first][second]}
              </td>
            ))}
          </tr>
        ))}
      </FigureTable>
      <h3>{words.against}</h3>
      {readers.positives + readers.negatives === 0 ? (
        <p>{words.noVerdicts}</p>
      ) : (
        <>
          <p>{words.readersOf(readers.positives, readers.negatives)}</p>
          <FigureTable name={words.against} heads={[...words.againstHeads, words.figureScale]}>
            {(['sensitivity', 'specificity', 'auc'] as const).map((figure) => {
              const [active, shadow] = [readers.active[figure], readers.shadow[figure]];
              const text = (one: Estimate) =>
                one === null || figure !== 'auc' ? share(one) : words.number(one.value, one.low, one.high);
              return (
                <tr key={figure}>
                  <th scope="row">{words[figure]}</th>
                  <td>{text(active)}</td>
                  <td>{text(shadow)}</td>
                  <td class="picture">
                    <IntervalPicture now={active} proposed={shadow} most={1} />
                  </td>
                </tr>
              );
            })}
          </FigureTable>
        </>
      )}
      <p>
        {words.scores(
          number(scores.pearson),
          number(scores.spearman),
          number(scores.meanDifference),
          number(scores.standardDeviation),
        )}
      </p>
      <p>
        {words.refused(reasons(notAnalysed.active), reasons(notAnalysed.shadow))}{' '}
        {words.seconds(number(secondsPerCase.active, 1), number(secondsPerCase.shadow, 1))}
      </p>
      <h3>{words.flips}</h3>
      {found.flips.length === 0 ? (
        <p>{words.noFlips}</p>
      ) : (
        <>
          <FigureTable name={words.flips} heads={words.flipHeads}>
            {found.flips.map((flip) => (
              <tr key={flip.caseRef}>
                <th scope="row">
                  <CaseName {...flip} />
                </th>
                <td>{words.decisions[flip.active.decision]}</td>
                <td>{number(flip.active.probability)}</td>
                <td>{words.decisions[flip.shadow.decision]}</td>
                <td>{number(flip.shadow.probability)}</td>
              </tr>
            ))}
          </FigureTable>
          {found.flipsTotal > found.flips.length && <p>{words.someFlips(found.flips.length, found.flipsTotal)}</p>}
        </>
      )}
      {found.failures.length > 0 && (
        <>
          <h3>{words.failures}</h3>
          <FigureTable name={words.failures} heads={words.failureHeads}>
            {found.failures.map((one) => (
              <tr key={one.caseRef}>
                <th scope="row">
                  <CaseName {...one} />
                </th>
                <td class="reason-text">{one.failure}</td>
              </tr>
            ))}
          </FigureTable>
          {found.failuresTotal > found.failures.length && (
            <p>{words.someFlips(found.failures.length, found.failuresTotal)}</p>
          )}
        </>
      )}
    </>
  );
}

/** Opens in a new tab, because readers go through the list of differences one by one. */
function CaseName({ caseRef, present }: { caseRef: string; present: boolean }) {
  const name = words.caseNamed(caseRef.slice(0, 6));
  if (!present) return <span class="muted">{`${name}, ${words.removed}`}</span>;
  return (
    <a href={`/case/${caseRef}`} target="_blank" rel="noreferrer" aria-label={`${name}, ${words.newTab}`}>
      {name}
    </a>
  );
}
