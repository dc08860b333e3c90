import { useEffect, useRef, useState } from 'preact/hooks';
import type { SourceTrial } from '../../answers/adminAnswers.ts';
import { Field } from '../parts/field.tsx';
import { useKeptText } from '../parts/keptText.ts';
import { ask, Refused } from '../parts/session.ts';
import { adminWords as words } from './adminWords.ts';
import { destinationWords } from './destinationWords.ts';
import { ReasonField } from './reasonDialog.tsx';

/** A sender as the API takes it. */
export interface Sender {
  aeTitle: string;
  address: string;
  echo?: { host: string; port: number };
}

/** Asks who is to be let in and why, before it was ever turned away; what that would do is tried before it is set. */
export function SourceDialog({
  keptAs,
  onEnd,
}: {
  /** Name under which the reason is kept beyond the end of the session. */
  keptAs: string;
  onEnd: (change: { sender: Sender; reason: string } | null) => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState({ aeTitle: '', address: '', echoHost: '', echoPort: '104' });
  const [said, setSaid] = useState({ text: '', bad: false });
  const [reason, setReason] = useKeptText(keptAs);
  useEffect(() => dialog.current?.showModal(), []);
  const sender = (): Sender => ({
    aeTitle: typed.aeTitle.trim(),
    address: typed.address.trim(),
    ...(typed.echoHost.trim() !== '' && { echo: { host: typed.echoHost.trim(), port: Number(typed.echoPort) } }),
  });
  const text = (key: keyof typeof typed) => ({
    label: words.sourceFields[key],
    value: typed[key],
    autocomplete: 'off',
    onInput: (event: Event) => {
      setTyped({ ...typed, [key]: (event.currentTarget as HTMLInputElement).value });
      setSaid({ text: '', bad: false });
    },
  });
  const tryIt = async (): Promise<void> => {
    setSaid({ text: words.asking, bad: false });
    try {
      const { effect, echo } = (await (await ask('/api/settings/sources/try', 'POST', sender())).json()) as SourceTrial;
      setSaid({ text: words.sourceTried(effect, echo), bad: echo?.ok === false });
    } catch (error) {
      setSaid({ text: error instanceof Refused ? error.message : words.failed, bad: true });
    }
  };
  return (
    <dialog ref={dialog} class="wide-dialog" aria-labelledby="source-title" onCancel={() => onEnd(null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onEnd({ sender: sender(), reason });
        }}
      >
        <h2 id="source-title">{words.addSource}</h2>
        <div class="destination-fields">
          <Field {...text('aeTitle')} maxLength={16} />
          <Field {...text('address')} maxLength={64} />
          <Field {...text('echoHost')} required={false} maxLength={255} />
          <Field {...text('echoPort')} type="number" min={1} max={65_535} />
        </div>
        <p role="status" class={said.bad ? 'kind-fault' : 'kind-info'}>
          {said.text}
        </p>
        <ReasonField reason={reason} onType={setReason} />
        <button type="submit" class="weighty">
          {words.set}
        </button>{' '}
        <button type="button" onClick={() => void tryIt().catch(reportError)}>
          {destinationWords.test}
        </button>{' '}
        <button type="button" onClick={() => onEnd(null)}>
          {words.cancel}
        </button>
      </form>
    </dialog>
  );
}
