import { useEffect, useRef, useState } from 'preact/hooks';
import type { ThresholdBoardAnswer, WhatIfAnswer } from '../../answers/thresholdAnswers.ts';
import { read, Refused } from '../parts/session.ts';
import type { Choice } from './thresholdChooser.tsx';
import { refusalText } from './thresholdsWords.ts';

/** Figures that did not come in time are asked for again after this. */
const AGAIN_AFTER_MS = 5_000;

/**
 * Consequences of a choice, requested one at a time: if the choice moves on during a request, the newest one is requested next. `whatIf.of` is the choice that
 * the figures belong to.
 */
export function useWhatIf(board: ThresholdBoardAnswer | null, choice: Choice, onProblem: (problem: string) => void) {
  const [whatIf, setWhatIf] = useState<(WhatIfAnswer & { of: Choice & { version: number } }) | null>(null);
  const version = board?.model == null ? null : (board.history[0]?.version ?? 0);
  const wanted = useRef<(Choice & { version: number }) | null>(null);
  const isAsking = useRef(false);
  const hasFailed = useRef(false);
  const again = useRef(0);
  const [attempt, setAttempt] = useState(0);
  wanted.current = version === null ? null : { ...choice, version };
  useEffect(() => {
    const next = async () => {
      isAsking.current = true;
      window.clearTimeout(again.current);
      try {
        for (let asked = wanted.current; asked !== null;) {
          const query = new URLSearchParams({
            source: asked.source,
            ...(asked.value === null ? {} : { value: String(asked.value) }),
          });
          const answer = await read<WhatIfAnswer>(`/api/thresholds/what-if?${query}`);
          setWhatIf({ ...answer, of: asked });
          if (hasFailed.current) onProblem('');
          hasFailed.current = false;
          if (isSame(asked, wanted.current)) return;
          asked = wanted.current;
        }
      } catch (error) {
        onProblem(refusalText(error));
        hasFailed.current = true;
        const isFinal = error instanceof Refused && error.status < 500;
        if (!isFinal) again.current = window.setTimeout(() => setAttempt((count) => count + 1), AGAIN_AFTER_MS);
      } finally {
        isAsking.current = false;
      }
    };
    if (!isAsking.current) next().catch(reportError);
  }, [choice.source, choice.value, version, attempt]);
  useEffect(() => () => window.clearTimeout(again.current), []);
  return { whatIf, isCurrent: whatIf !== null && isSame(whatIf.of, wanted.current) };
}

function isSame(one: Choice & { version: number }, other: (Choice & { version: number }) | null): boolean {
  return other !== null && one.source === other.source && one.value === other.value && one.version === other.version;
}
