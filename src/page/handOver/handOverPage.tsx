import './handOver.css';
import type { HandOverAnswer } from '../../answers/handOverAnswer.ts';
import type { WorklistRow } from '../../answers/worklistAnswer.ts';
import { useState } from 'preact/hooks';
import { clockTime, personName, zonedTime } from '../parts/format.ts';
import { PlainTable } from '../parts/plainTable.tsx';
import { keepPreference, preference } from '../parts/preferences.ts';
import { shellWords } from '../parts/shellWords.ts';
import { useLoaded } from '../parts/useLoaded.ts';
import { handOverWords as words } from './handOverWords.ts';

const LOOK_MS = 15_000;
const SHIFTS_HOURS = [4, 8, 12, 24] as const;

/** What one shift tells the next: what is open first, because somebody has to read it. */
export default function HandOverPage() {
  const [hours, setHours] = useState(preference('shiftHours'));
  const { value, problem } = useLoaded<HandOverAnswer>(`/api/hand-over?hours=${hours}`, LOOK_MS);
  return (
    <div class="page hand-over">
      <h1>{words.title}</h1>
      <div class="choices shift">
        <label>
          {words.since}{' '}
          <select
            value={hours}
            onChange={(event) => {
              const chosen = event.currentTarget.value;
              keepPreference('shiftHours', chosen);
              setHours(chosen);
            }}
          >
            {SHIFTS_HOURS.map((choice) => (
              <option key={choice} value={String(choice)}>
                {words.hours(choice)}
              </option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => window.print()}>
          {words.print}
        </button>
      </div>
      <p role="alert" class="kind-fault">
        {problem}
      </p>
      {value === null ? problem === '' && <p class="muted">{shellWords.loading}</p> : <Sheet answer={value} />}
    </div>
  );
}

function Sheet({ answer }: { answer: HandOverAnswer }) {
  const { sinceMs, nowMs } = answer;
  return (
    <>
      <p>{words.from(zonedTime(sinceMs), zonedTime(nowMs))}</p>
      <dl class="counts">
        {Object.entries(words.counts).map(([name, text]) => (
          <div key={name}>
            <dt>{text}</dt>
            <dd>{answer[name as keyof typeof words.counts]}</dd>
          </div>
        ))}
      </dl>
      <Scans title={words.openTitle} rows={answer.openRows} count={answer.open} answer={answer} />
      <Scans title={words.flaggedTitle} rows={answer.flaggedRows} count={answer.flagged} answer={answer} />
      <Scans title={words.disagreedTitle} rows={answer.disagreedRows} count={answer.disagreed} answer={answer} />
      <p class="muted">{words.ways}</p>
    </>
  );
}

function Scans({
  title,
  rows,
  count,
  answer: { nowMs, masked },
}: {
  title: string;
  rows: readonly WorklistRow[];
  count: number;
  answer: HandOverAnswer;
}) {
  const { heads } = words;
  return (
    <section>
      <h2>{title}</h2>
      {rows.length === 0 ? (
        <p class="muted">{words.none}</p>
      ) : (
        <PlainTable name={title} heads={[heads.scan, heads.state, heads.came, heads.reading]}>
          {rows.map((row) => (
            <tr key={row.caseRef}>
              <th scope="row">
                <a href={`/case/${row.caseRef}`}>
                  <bdi>{masked ? words.masked(row.accessionNumber) : personName(row.patientName)}</bdi>
                </a>
                {!masked && (
                  <span class="muted"> {[row.patientId, row.accessionNumber].filter(Boolean).join(' · ')}</span>
                )}
              </th>
              <td class={row.status === 'flagged' ? 'kind-flag' : undefined}>
                {row.stateText}
                {row.finding !== null && <strong class="finding"> {row.finding}</strong>}
              </td>
              <td>{clockTime(row.arrivedAtMs, nowMs)}</td>
              <td>{readingOf(row, nowMs)}</td>
            </tr>
          ))}
        </PlainTable>
      )}
      {rows.length < count && <p class="muted">{words.more(rows.length, count)}</p>}
    </section>
  );
}

function readingOf({ readAtMs, readBy, claimedBy, verdict }: WorklistRow, nowMs: number): string {
  const reading =
    readAtMs !== null
      ? words.readBy(readBy ?? '', clockTime(readAtMs, nowMs))
      : claimedBy === null
        ? words.unread
        : words.beingRead(claimedBy);
  return verdict === null ? reading : `${reading}; ${words.verdictBy(words.verdict[verdict.verdict], verdict.by)}`;
}
