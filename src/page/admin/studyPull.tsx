import { useState } from 'preact/hooks';
import type { PullRun, PullsAnswer } from '../../answers/pullAnswers.ts';
import { valueOf } from '../parts/field.tsx';
import { clockTime } from '../parts/format.ts';
import { PlainTable } from '../parts/plainTable.tsx';
import { ask, Refused } from '../parts/session.ts';
import { useLoaded } from '../parts/useLoaded.ts';
import { adminWords as words } from './adminWords.ts';

const LOOK_MS = 2_000;

/** Has an archive send studies to the agent, and shows what came of it. Nothing where no archive can be asked. */
export function StudyPull() {
  const { value, problem, reload } = useLoaded<PullsAnswer>('/api/pulls', LOOK_MS);
  const [refusal, setRefusal] = useState('');
  if (value === null || value.archives.length === 0) return problem === '' ? null : <p class="kind-fault">{problem}</p>;
  const begin = (form: HTMLFormElement) => {
    setRefusal('');
    const [archive, key, asked] = ['archive', 'key', 'value'].map((name) => valueOf(form, name));
    const allModalities = new FormData(form).has('allModalities');
    ask('/api/pulls', 'POST', { archive, key, value: asked, allModalities }).then(
      () => {
        form.reset();
        reload();
      },
      (error: unknown) => setRefusal(error instanceof Refused ? error.message : words.failed),
    );
  };
  return (
    <>
      <h2>{words.pull}</h2>
      <p>{words.pullWhat}</p>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          begin(event.currentTarget);
        }}
      >
        <label class="field">
          <span>{words.pullFrom}</span>
          <select name="archive">
            {value.archives.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>{words.pullBy}</span>
          <select name="key">
            {Object.entries(words.pullKeys).map(([key, label]) => (
              <option key={key} value={key}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>{words.pullValue}</span>
          <input name="value" maxLength={64} autocomplete="off" required />
        </label>
        <label>
          <input type="checkbox" name="allModalities" /> {words.pullAll}
        </label>
        <button type="submit">{words.pullBegin}</button>
      </form>
      <p role="alert" class="kind-fault">
        {refusal}
      </p>
      <PullRuns runs={value.runs} />
    </>
  );
}

function PullRuns({ runs }: { runs: readonly PullRun[] }) {
  const now = Date.now();
  return runs.length === 0 ? null : (
    <PlainTable name={words.pull} heads={[words.time, words.pullFrom, words.pullBy, words.pullCame]}>
      {runs.map((run) => (
        <tr key={run.id}>
          <td>
            {clockTime(run.startedAtMs, now)} <span class="muted">{run.requestedBy}</span>
          </td>
          <td>{run.archive}</td>
          <td>
            {words.pullKeys[run.key]} <bdi>{run.value}</bdi>
          </td>
          <td>
            <span role="status" class={run.isGood ? '' : 'kind-fault'}>
              <bdi>{run.says}</bdi>
            </span>
            {run.studies.map((study) => (
              <span key={study.studyInstanceUid} class={`reason ${study.problem === null ? 'muted' : 'kind-fault'}`}>
                {study.objects > 0 ? (
                  <a href={`/case/${study.caseRef}`}>{study.studyInstanceUid}</a>
                ) : (
                  study.studyInstanceUid
                )}
                {`: ${words.pullStates[study.state]}, ${words.pullObjects(study.objects, study.statedInstances)}`}
                {study.problem !== null && <bdi>{`: ${study.problem}`}</bdi>}
              </span>
            ))}
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}
