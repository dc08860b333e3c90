import { useState } from 'preact/hooks';
import { clockTime } from '../parts/format.ts';
import type { WorklistAnswer } from '../../answers/worklistAnswer.ts';
import { ask } from '../parts/session.ts';
import { alertWords as words } from './alertWords.ts';

/** Asks whether the reader is still reading what they claimed a while ago. Without an answer it goes back to the list. */
export function OldClaims({ claims, onAnswered }: { claims: WorklistAnswer['oldClaims']; onAnswered: () => void }) {
  const [problem, setProblem] = useState('');
  const nowMs = Date.now();
  const say = (caseRef: string, claimed: boolean) => () => {
    ask(`/api/cases/${caseRef}/claim`, 'PUT', { claimed }).then(
      () => {
        setProblem('');
        onAnswered();
      },
      () => setProblem(words.notSaved),
    );
  };
  return (
    <div role="status" class="old-claims">
      {claims.map(({ caseRef, claimedAtMs, returnsAtMs }) => (
        <p key={caseRef} class="kind-info">
          {words.stillReading(clockTime(claimedAtMs, nowMs), clockTime(returnsAtMs, nowMs))}{' '}
          <button type="button" onClick={say(caseRef, true)}>
            {words.yes}
          </button>{' '}
          <button type="button" onClick={say(caseRef, false)}>
            {words.giveBack}
          </button>{' '}
          <a href={`/case/${caseRef}`}>{words.openIt}</a>
        </p>
      ))}
      {problem !== '' && <p class="kind-fault">{problem}</p>}
    </div>
  );
}
