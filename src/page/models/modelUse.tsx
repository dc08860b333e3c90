import type { ModelUse as Use } from '../../answers/modelAnswers.ts';
import { clockTime, dayText } from '../parts/format.ts';
import { FigureTable } from '../parts/figureTable.tsx';
import { useLoaded } from '../parts/useLoaded.ts';
import { modelWords as words } from './modelsWords.ts';

type Group = Use['weeks'][number]['byScanner'][number];

/** What the active package makes of this site's scans, week by week, and what has drifted. Loaded once, because it reads every scan. */
export function ModelUse() {
  const { value, problem, reload } = useLoaded<Use>('/api/models/use');
  return (
    <section aria-labelledby="use-title">
      <h2 id="use-title">{words.weekByWeek}</h2>
      {value === null ? <p role="status">{problem === '' ? words.loading : problem}</p> : <Content found={value} />}
      <button type="button" onClick={reload}>
        {words.readWeeksAgain}
      </button>
    </section>
  );
}

function Content({ found: { sinceMs, weeks, drift } }: { found: Use }) {
  if (weeks.length === 0) return <p>{words.noUse}</p>;
  const count = ({ hits, of }: { hits: number; of: number }) => words.hitsOf(hits, of);
  return (
    <>
      <p class="muted">{words.useSince(sinceMs === null ? null : clockTime(sinceMs, Date.now()))}</p>
      <div role="alert">
        {drift.map(({ share, reference, recent, p }) => (
          <p key={share} class="kind-fault">
            {words.drift(words.driftShares[share], count(reference), count(recent), p.toPrecision(1))}
          </p>
        ))}
      </div>
      <FigureTable name={words.weeks} heads={words.useHeads}>
        {weeks.toReversed().flatMap((week) => [
          <Row key={week.startsAtMs} startsAtMs={week.startsAtMs} of={{ ...week, scanner: words.allScanners }} />,
          // One scanner alone is the whole week.
          ...(week.byScanner.length === 1 ? [] : week.byScanner).map((of) => (
            <Row key={`${week.startsAtMs} ${of.scanner}`} startsAtMs={null} of={of} />
          )),
        ])}
      </FigureTable>
    </>
  );
}

/** A week, or one scanner's part of the week above. */
function Row({ startsAtMs, of }: { startsAtMs: number | null; of: Group }) {
  const { scans, notAnalysed, flagged, scores, agreeing, confirmed } = of;
  return (
    <tr>
      <th scope="row">{startsAtMs === null ? '' : dayText(new Date(startsAtMs))}</th>
      <td>{of.scanner === '' ? words.noScanner : of.scanner}</td>
      <td>{scans}</td>
      <td>{words.shareOf(notAnalysed, scans)}</td>
      <td>{words.shareOf(flagged, scans - notAnalysed)}</td>
      <td>
        {scores === null ? '-' : [scores.lower, scores.median, scores.upper].map((one) => one.toFixed(2)).join(' / ')}
      </td>
      <td>{confirmed === 0 ? '-' : words.hitsOf(agreeing, confirmed)}</td>
    </tr>
  );
}
