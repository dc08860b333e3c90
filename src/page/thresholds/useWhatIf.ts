import { useEffect, useRef, useState } from 'preact/hooks';
import type { ThresholdBoardAnswer, WhatIfAnswer } from '../../answers/thresholdAnswers.ts';
import { read } from '../parts/session.ts';
import type { Choice } from './thresholdChooser.tsx';
import { refusalText } from './thresholdsWords.ts';

/**
 * Consequences of a choice, requested one at a time: if the choice moves on during a request, the newest one is requested next. `whatIf.of` is the choice that
 * the figures belong to.
 */
export function useWhatIf(board: ThresholdBoardAnswer | null, choice: Choice, onProblem: (problem: string) => void) {
  const [whatIf, setWhatIf] = useState<(WhatIfAnswer & { of: Choice & { version: number } }) | null>(null);
  const version = board?.model == null ? null : (board.history[0]?.version ?? 0);
  const wanted = useRef<(Choice & { version: number }) | null>(null);
  const isAsking = useRef(false);
  wanted.current = version === null ? null : { ...choice, version };
  useEffect(() => {
    const next = async () => {
      isAsking.current = true;
      try {
        for (let asked = wanted.current; asked !== null;) {
          const query = new URLSearchParams({
            source: asked.source,
            ...(asked.value === null ? {} : { value: String(asked.value) }),
          });
          const answer = await read<WhatIfAnswer>(`/api/thresholds/what-if?${query}`);
          setWhatIf({ ...answer, of: asked });
          if (isSame(asked, wanted.current)) return;
          asked = wanted.current;
        }
      } catch (error) {
        onProblem(refusalText(error));
      } finally {
        isAsking.current = false;
      }
    };
    if (!isAsking.current) next().catch(reportError);
  }, [choice.source, choice.value, version]);
  return { whatIf, isCurrent: whatIf !== null && isSame(whatIf.of, wanted.current) };
}

function isSame(one: Choice & { version: number }, other: (Choice & { version: number }) | null): boolean {
  return other !== null && one.source === other.source && one.value === other.value && one.version === other.version;
}
