import './locked.css';
import { useEffect, useState } from 'preact/hooks';
import type { SessionAnswer } from '../../answers/accessAnswers.ts';
import { Field, valueOf } from '../parts/field.tsx';
import { ask, forgetSession, Refused, session } from '../parts/session.ts';
import { accessWords } from '../access/accessWords.ts';
import { WallList } from './wallPage.tsx';

/** Letters of the list for a reader who sits 60 cm from a desk monitor, px. */
const DESK_FONT_PX = 18;
/** How often to look whether another tab has unlocked the session. */
const LOOK_EVERY_MS = 5_000;

/** In place of a page in which nobody was active: the masked list, which still rings, and one field that brings the page back. */
export default function LockedPage({ who, onUnlocked }: { who: SessionAnswer; onUnlocked: () => void }) {
  const [problem, setProblem] = useState('');
  useEffect(() => {
    const timer = window.setInterval(() => {
      forgetSession();
      session().then(
        // Unlocked in another tab, or ended: the shell says which.
        ({ lockedFor }) => lockedFor === null && onUnlocked(),
        () => undefined,
      );
    }, LOOK_EVERY_MS);
    return () => window.clearInterval(timer);
  }, [onUnlocked]);
  return (
    <div class="locked">
      <section class="locked-head" aria-labelledby="locked-title">
        <h1 id="locked-title">{accessWords.locked(who.lockedFor ?? '')}</h1>
        <p class="muted">{accessWords.lockedWhat}</p>
        {who.signIn === 'oidc' ? (
          <a class="button" href="/api/oidc/start?again=1">
            {accessWords.atProvider}
          </a>
        ) : (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              setProblem('');
              ask('/api/session/confirm', 'POST', { password: valueOf(event.currentTarget, 'password') }).then(
                onUnlocked,
                (error: unknown) => setProblem(error instanceof Refused ? error.message : accessWords.failed),
              );
            }}
          >
            <Field
              label={accessWords.password}
              name="password"
              type="password"
              autocomplete="current-password"
              autofocus
            />
            <button type="submit">{accessWords.unlock}</button>
          </form>
        )}
        <a href="/sign-in">{accessWords.somebodyElse}</a>
        <p role="alert" class="kind-fault">
          {problem}
        </p>
      </section>
      <WallList fontPx={DESK_FONT_PX} onRefused={onUnlocked} />
    </div>
  );
}
