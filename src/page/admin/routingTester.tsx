import { useRef, useState } from 'preact/hooks';
import type { RoutingAnswer } from '../../answers/adminAnswers.ts';
import { valueOf } from '../parts/field.tsx';
import { PlainTable } from '../parts/plainTable.tsx';
import { Refused, send } from '../parts/session.ts';
import { adminWords as words } from './adminWords.ts';

/** Accepts a file and shows, step by step, what the agent would do with it. */
export function RoutingTester({
  calledAeTitle,
  sources,
}: {
  calledAeTitle: string;
  sources: readonly { aeTitle: string; addresses: readonly string[] }[];
}) {
  const form = useRef<HTMLFormElement>(null);
  const [over, setOver] = useState(false);
  const [state, setState] = useState<'idle' | 'testing' | { problem: string } | RoutingAnswer>('idle');
  const test = (file: File | undefined) => {
    if (file === undefined || form.current === null) return;
    setState('testing');
    const query = new URLSearchParams(
      ['callingAeTitle', 'calledAeTitle', 'address'].map((name) => [name, valueOf(form.current!, name)]),
    );
    send(`/api/routing-test?${query.toString()}`, 'POST', { type: 'application/dicom', content: file })
      .then((response) => response.json() as Promise<RoutingAnswer>)
      .then(setState, (error: unknown) =>
        setState({ problem: error instanceof Refused ? error.message : words.failed }),
      );
  };
  const [first] = sources;
  const answer = typeof state === 'object' && 'steps' in state ? state : null;
  return (
    <>
      <h2>{words.tester}</h2>
      <p>{words.testerWhat}</p>
      <form ref={form} class="filters" onSubmit={(event) => event.preventDefault()}>
        {(
          [
            ['callingAeTitle', words.callingAe, first?.aeTitle ?? ''],
            ['address', words.fromAddress, (first?.addresses[0] ?? '127.0.0.1').replace(/\/.*$/, '')],
            ['calledAeTitle', words.calledAe, calledAeTitle],
          ] as const
        ).map(([name, label, value]) => (
          <label key={name} class="field">
            <span>{label}</span>
            <input name={name} defaultValue={value} autocomplete="off" required />
          </label>
        ))}
      </form>
      <label
        class="drop"
        data-over={over}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          test(event.dataTransfer?.files[0]);
        }}
      >
        {words.dropHere}
        <input
          class="unseen"
          type="file"
          onChange={(event) => {
            test(event.currentTarget.files?.[0]);
            // Without this, choosing the same file again would not count as a change.
            event.currentTarget.value = '';
          }}
        />
      </label>
      <div role="status">
        {state === 'testing' && <p>{words.testing}</p>}
        {typeof state === 'object' && 'problem' in state && <p class="kind-fault">{state.problem}</p>}
        {answer !== null && (
          <p class={answer.accepted ? 'notice kind-info' : 'notice kind-fault'}>
            {answer.analysed
              ? words.verdicts.analysed
              : answer.accepted
                ? words.verdicts.kept
                : words.verdicts.rejected}
          </p>
        )}
      </div>
      {answer !== null && (
        <PlainTable name={words.tester} heads={[words.step, words.answer, words.why]}>
          {answer.steps.map(({ step, outcome, text }) => (
            <tr key={step}>
              <th scope="row">{words.steps[step]}</th>
              <td class={outcome === 'no' ? 'kind-fault' : ''}>{words.outcomes[outcome]}</td>
              <td>
                <bdi>{text}</bdi>
              </td>
            </tr>
          ))}
        </PlainTable>
      )}
    </>
  );
}
