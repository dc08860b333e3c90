import type { HandOverAnswer } from '../../answers/handOverAnswer.ts';
import { useEffect, useState } from 'preact/hooks';
import { keepPreference, preference } from '../parts/preferences.ts';
import { read } from '../parts/session.ts';
import { handOverWords as words } from './handOverWords.ts';

/**
 * The first thing that a reader sees after signing in: what the shift before leaves. It goes when it was looked at or waved away, until the next sign-in.
 * `signInEndsAtMs` tells one sign-in from the next.
 */
export function HandOverLine({ signInEndsAtMs, atHandOver }: { signInEndsAtMs: number; atHandOver: boolean }) {
  const [answer, setAnswer] = useState<HandOverAnswer | null>(null);
  const [seen, setSeen] = useState(preference('handOverSeen') === String(signInEndsAtMs));
  const hours = preference('shiftHours');
  const done = () => {
    keepPreference('handOverSeen', String(signInEndsAtMs));
    setSeen(true);
  };
  useEffect(() => {
    if (atHandOver) done();
    // Without an answer the line says nothing: the list itself shows what is open.
    else if (!seen) read<HandOverAnswer>(`/api/hand-over?hours=${hours}`).then(setAnswer, () => undefined);
  }, [atHandOver]);
  // Nothing came and nothing is open: no line about nothing.
  if (seen || answer === null || answer.came + answer.open === 0) return null;
  return (
    <p role="status" class="hand-over-line kind-info">
      {words.line(Number(hours), answer.came, answer.flagged, answer.openFlagged, answer.open)}{' '}
      <a href="/hand-over">{words.look}</a>{' '}
      <button type="button" onClick={done}>
        {words.seen}
      </button>
    </p>
  );
}
