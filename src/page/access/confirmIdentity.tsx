import { useEffect, useRef, useState } from 'preact/hooks';
import { accessWords } from './accessWords.ts';
import { Field, valueOf } from '../parts/field.tsx';
import { ask, Refused, session } from '../parts/session.ts';
import { below } from '../parts/basePath.ts';

/**
 * Runs an action that needs a recent sign-in; when the server asks for one, so does the dialog, and the action runs again. `dialog` must be rendered in the
 * page; `run` rejects with what went wrong, and does nothing when the person cancels.
 */
export function useConfirmed() {
  const [waiting, setWaiting] = useState<{ action: () => Promise<void>; done: (ok: boolean) => void } | null>(null);
  const run = async (action: () => Promise<void>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'sign-in-again') throw error;
      if ((await session()).signIn === 'oidc') {
        location.assign(below('/api/oidc/start?again=1'));
        return;
      }
      const confirmed = await new Promise<boolean>((done) => setWaiting({ action, done }));
      setWaiting(null);
      if (confirmed) await action();
    }
  };
  return { run, dialog: waiting && <ConfirmDialog onEnd={waiting.done} /> };
}

function ConfirmDialog({ onEnd }: { onEnd: (ok: boolean) => void }) {
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
