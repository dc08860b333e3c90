import { useEffect, useRef } from 'preact/hooks';
import { useKeptText } from '../parts/keptText.ts';
import { adminWords as words } from './adminWords.ts';

/** Asks why something is done; null when the person cancels. What was typed is kept under `keptAs` beyond the end of a session. */
export function ReasonDialog({
  title,
  what = '',
  keptAs,
  onEnd,
}: {
  title: string;
  /** What it does, where the title does not say it. */
  what?: string;
  keptAs: string;
  onEnd: (reason: string | null) => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useKeptText(keptAs);
  const cancel = () => {
    setReason('');
    onEnd(null);
  };
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="reason-title" onCancel={cancel}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onEnd(reason);
        }}
      >
        <h2 id="reason-title">{title}</h2>
        {what !== '' && <p>{what}</p>}
        <ReasonField reason={reason} onType={setReason} />
        <button type="submit">{words.doIt}</button>{' '}
        <button type="button" onClick={cancel}>
          {words.cancel}
        </button>
      </form>
    </dialog>
  );
}

/** Where the reason of an administrative act is typed. */
export function ReasonField({ reason, onType }: { reason: string; onType: (reason: string) => void }) {
  return (
    <label class="field">
      <span>{words.reason}</span>
      <textarea
        required
        minLength={3}
        maxLength={500}
        value={reason}
        onInput={(event) => onType(event.currentTarget.value)}
      />
    </label>
  );
}
