import { useEffect, useRef, useState } from 'preact/hooks';
import { accessWords } from './accessWords.ts';
import { Field, valueOf } from '../parts/field.tsx';
import { ask, Refused } from '../parts/session.ts';

/** Asks for the password of who is signed in. `onEnd`: true when the server has taken it, false when the person cancels. */
export function ConfirmDialog({ onEnd }: { onEnd: (ok: boolean) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState('');
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="confirm-title" onCancel={() => onEnd(false)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          ask('/api/session/confirm', 'POST', { password: valueOf(event.currentTarget, 'password') }).then(
            () => onEnd(true),
            (error: unknown) => setProblem(error instanceof Refused ? error.message : accessWords.failed),
          );
        }}
      >
        <h2 id="confirm-title">{accessWords.confirm}</h2>
        <p>{accessWords.confirmWhy}</p>
        <Field label={accessWords.password} name="password" type="password" autocomplete="current-password" />
        <p role="alert" class="kind-fault">
          {problem}
        </p>
        <button type="submit">{accessWords.confirmIt}</button>{' '}
        <button type="button" onClick={() => onEnd(false)}>
          {accessWords.cancel}
        </button>
      </form>
    </dialog>
  );
}
