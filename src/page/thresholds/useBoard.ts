import { useCallback, useEffect, useState } from 'preact/hooks';
import type { ThresholdBoardAnswer } from '../../answers/thresholdAnswers.ts';
import { useConfirmed } from '../access/confirmIdentity.tsx';
import { keepText, keptText } from '../parts/keptText.ts';
import { read } from '../parts/session.ts';
import { shownThreshold } from './choiceText.ts';
import type { Choice } from './thresholdChooser.tsx';
import type { Act } from './thresholdRequest.tsx';
import { refusalText, thresholdWords as words } from './thresholdsWords.ts';

/** How often the page checks whether a lost fracture was opened in another tab, and whether the proof of life has ended. */
const LOOK_MS = 4_000;
/** Name under which a choice is kept beyond the end of the session. */
const CHOICE = 'thresholds.choice';

/** What is in force and requested, the current choice, and the outcome of actions. */
export function useBoard() {
  const [board, setBoard] = useState<ThresholdBoardAnswer | null>(null);
  const [problem, setProblem] = useState('');
  const [said, setSaid] = useState('');
  const [choice, setChoice] = useState<Choice>({ source: '', value: null });
  const { run, dialog } = useConfirmed();

  /** Never rejects: the page shows what went wrong. */
  const load = useCallback(async (): Promise<void> => {
    try {
      const answer = await read<ThresholdBoardAnswer>('/api/thresholds');
      const kept = await keptText(CHOICE);
      setBoard((old) => {
        // An open request is shown until it is signed or withdrawn; afterwards, what is in force.
        if (answer.draft !== null) setChoice({ source: answer.draft.sourceAeTitle, value: answer.draft.value });
        else if (old === null && kept !== '') setChoice(JSON.parse(kept) as Choice);
        else if (old === null || old.history[0]?.version !== answer.history[0]?.version)
          setChoice(({ source }) => {
            keepText(CHOICE, '');
            return { source, value: shownThreshold(answer, source) };
          });
        return answer;
      });
    } catch (error) {
      setProblem(refusalText(error));
    }
  }, []);
  useEffect(() => {
    load().catch(reportError);
  }, [load]);
  const draft = board?.draft ?? null;
  useLookAgain(
    draft !== null &&
      (draft.lostFractures.some(({ present, openedByMe }) => present && !openedByMe) ||
        draft.proof?.state === 'running' ||
        draft.proof?.state === 'missing'),
    load,
  );

  const act: Act = (action, afterwards = '') => {
    setProblem('');
    setSaid('');
    run(async () => {
      const response = await action();
      const result = (response.status === 204 ? {} : await response.json()) as { kind?: string; version?: number };
      // Load first, so that the message and the figures match.
      await load();
      setSaid(
        result.version !== undefined
          ? words.request.activated(result.version)
          : result.kind === 'awaits-second-person'
            ? words.request.signed
            : afterwards,
      );
    }).catch(async (error: unknown) => {
      await load();
      setProblem(refusalText(error));
    });
  };
  const choose = (next: Choice) => {
    setChoice(next);
    keepText(CHOICE, JSON.stringify(next));
  };
  return { board, problem, setProblem, said, choice, choose, load, act, dialog };
}

/** Loads again when the person returns to this tab, and from time to time, while `isOpen`. */
function useLookAgain(isOpen: boolean, look: () => Promise<void>): void {
  useEffect(() => {
    if (!isOpen) return undefined;
    const again = () => {
      look().catch(reportError);
    };
    const timer = window.setInterval(again, LOOK_MS);
    window.addEventListener('focus', again);
    return () => {
      window.clearInterval(timer);
      window.removeEventListener('focus', again);
    };
  }, [isOpen, look]);
}
