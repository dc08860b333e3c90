import { useState } from 'preact/hooks';
import type { ProofAnswer, ProofRun } from '../../answers/adminAnswers.ts';
import './admin.css';
import { scoreBeside, scoreTexts } from '../../case/scoreTexts.ts';
import { clockTime } from '../parts/format.ts';
import { PlainTable } from '../parts/plainTable.tsx';
import { ask, Refused } from '../parts/session.ts';
import { useConfirmed } from '../access/confirmIdentity.tsx';
import { useLoaded } from '../parts/useLoaded.ts';
import { Waterfall } from './waterfall.tsx';
import { adminWords as words } from './adminWords.ts';

const LOOK_MS = 2_000;

/** Proofs of life: the last run, all runs, and a button for the next. */
export default function ProofPage() {
  const { value, problem, reload } = useLoaded<ProofAnswer>('/api/proof-of-life', LOOK_MS);
  const [refused, setRefused] = useState('');
  const now = Date.now();
  const begin = () => {
    setRefused('');
    ask('/api/proof-of-life/runs', 'POST').then(reload, (error: unknown) =>
      setRefused(error instanceof Refused ? error.message : words.failed),
    );
  };
  const { run: runConfirmed, dialog } = useConfirmed();
  const takeBack = (version: number) => {
    setRefused('');
    runConfirmed(async () => {
      await ask('/api/thresholds/revert', 'POST', { version });
      // The alarm ends with a proof that passes.
      await ask('/api/proof-of-life/runs', 'POST');
      reload();
    }).catch((error: unknown) => setRefused(error instanceof Refused ? error.message : words.failed));
  };
  const last = value?.runs.find(({ finishedAtMs }) => finishedAtMs !== null) ?? null;
  return (
    <section class="wide admin">
      <h1>{words.titles.proof}</h1>
      <p>{words.proofWhat}</p>
      <p role="alert" class="kind-fault">
        {refused || problem}
      </p>
      {value === null ? (
        <p>{words.loading}</p>
      ) : (
        <>
          {value.alarm !== null && (
            <p class="notice kind-fault">
              {value.alarm}{' '}
              {value.takeBack !== null && (
                <button type="button" onClick={() => takeBack(value.takeBack!.version)}>
                  {words.takeBackThreshold(value.takeBack.version)}
                </button>
              )}
            </p>
          )}
          <p>
            {words.schedule(value.schedule, value.nextAtMs === null ? null : clockTime(value.nextAtMs, now))}{' '}
            {value.lastPassedAtMs === null ? words.neverPassed : words.lastPassed(clockTime(value.lastPassedAtMs, now))}
            {value.sendTo.length > 0 && ` ${words.sentTo(value.sendTo.join(', '))}`}
          </p>
          <p role="status">{value.running === null ? '' : words.running(clockTime(value.running.startedAtMs, now))}</p>
          <p>
            <button type="button" class="weighty" disabled={value.running !== null} onClick={begin}>
              {words.runNow}
            </button>
          </p>
          {last !== null && <LastRun run={last} now={now} />}
          <h2>{words.runs}</h2>
          <PlainTable
            name={words.runs}
            heads={[words.began, words.by, words.result, words.total, words.score, words.what]}
          >
            {value.runs.map((run) => (
              <tr key={run.id}>
                <td>{clockTime(run.startedAtMs, now)}</td>
                <td>
                  <bdi>{run.cause === 'person' ? run.requestedBy : words.causes.schedule}</bdi>
                </td>
                <td class={run.outcome === 'failed' ? 'kind-fault' : ''}>{words.outcome[run.outcome ?? 'running']}</td>
                <td>{words.seconds(run.measures.totalMs === null ? null : run.measures.totalMs / 1000)}</td>
                <td>{scoreOf(run)}</td>
                <td>{run.failure ?? ''}</td>
              </tr>
            ))}
          </PlainTable>
        </>
      )}
      {dialog}
    </section>
  );
}

function scoreOf({ measures: { probability, threshold } }: ProofRun): string {
  return probability === null ? '-' : scoreBeside(probability, threshold === null ? [] : [threshold]);
}

function LastRun({ run, now }: { run: ProofRun; now: number }) {
  const { stageMs, totalMs, probability, threshold, model, destinations } = run.measures;
  return (
    <div class="card">
      <h2>
        {words.lastRun(clockTime(run.startedAtMs, now))}:{' '}
        <span class={run.outcome === 'failed' ? 'kind-fault' : 'kind-plain'}>
          {words.outcome[run.outcome ?? 'running']}
        </span>
      </h2>
      {run.failure !== null && <p class="kind-fault">{run.failure}</p>}
      <Waterfall
        name={words.waterfall}
        parts={Object.entries(words.stages).flatMap(([stage, title]) => {
          const ms = stageMs[stage as keyof typeof words.stages];
          return ms === undefined ? [] : [{ title, ms }];
        })}
      />
      <dl class="system-facts">
        <dt>{words.total}</dt>
        <dd>{words.seconds(totalMs === null ? null : totalMs / 1000)}</dd>
        {probability !== null && (
          <>
            <dt>{words.score}</dt>
            <dd>
              {words.scoreOf(scoreOf(run), threshold === null ? '-' : scoreTexts(probability, threshold).threshold)}
              {model !== null && `, ${model.name} ${model.version}`}
            </dd>
          </>
        )}
        {destinations.map(({ name, ms, error }) => (
          <>
            <dt key={name}>{name}</dt>
            <dd class={error === null ? '' : 'kind-fault'}>{error ?? `${ms ?? 0} ms`}</dd>
          </>
        ))}
      </dl>
    </div>
  );
}
