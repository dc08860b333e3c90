import { useState } from 'preact/hooks';
import { useConfirmed } from '../access/confirmIdentity.tsx';
import { keepText } from '../parts/keptText.ts';
import { Refused } from '../parts/session.ts';
import { adminWords as words } from './adminWords.ts';

/**
 * Changes something for a reason that was typed, under a confirmed identity; the reason is forgotten once it has served. `said` is what came of the last change,
 * `dialog` must be rendered. A change resolves with what to say of it.
 */
export function useReasonedChange(keptAs: string, onChanged: () => void) {
  const [said, setSaid] = useState({ text: '', bad: false });
  const { run, dialog } = useConfirmed();
  const perform = (change: () => Promise<string>): void => {
    run(async () => {
      setSaid({ text: await change(), bad: false });
      keepText(keptAs, '');
      onChanged();
    }).catch((error: unknown) => setSaid({ text: error instanceof Refused ? error.message : words.failed, bad: true }));
  };
  return { said, perform, dialog };
}
