import { useState } from 'preact/hooks';
import { below } from '../parts/basePath.ts';
import { Refused, session } from '../parts/session.ts';
import type { ConfirmDialog } from './confirmDialog.tsx';

interface Waiting {
  Dialog: typeof ConfirmDialog;
  done: (ok: boolean) => void;
}

/**
 * Runs an action that needs a recent sign-in; when the server asks for one, so does a dialog, and the action runs again. `dialog` must be rendered in the
 * page; `run` rejects with what went wrong, and does nothing when the person cancels.
 */
export function useConfirmed() {
  const [waiting, setWaiting] = useState<Waiting | null>(null);
  const run = async (action: () => Promise<void>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'sign-in-again') throw error;
      if ((await session()).signIn === 'oidc') {
        location.assign(below('/api/oidc/start?again=1'));
        return;
      }
      const { ConfirmDialog: Dialog } = await import('./confirmDialog.tsx');
      const confirmed = await new Promise<boolean>((done) => setWaiting({ Dialog, done }));
      setWaiting(null);
      if (confirmed) await action();
    }
  };
  return { run, dialog: waiting && <waiting.Dialog onEnd={waiting.done} /> };
}
