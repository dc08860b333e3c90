import type { SessionAnswer } from '../../answers/accessAnswers.ts';
import { forgetTexts } from '../parts/keptText.ts';
import { accessWords } from './accessWords.ts';
import { ask } from '../parts/session.ts';
import { below } from '../parts/basePath.ts';

/** Who is signed in, with the sign-out button. */
export function Account({ who }: { who: SessionAnswer | null }) {
  if (who?.user == null || who.signIn === 'off') return null;
  return (
    <>
      <a class="who" href="/sessions">
        {accessWords.signedInAs(who.user.name)}
      </a>
      <button
        type="button"
        onClick={() => {
          const leave = () => location.assign(below('/sign-in'));
          forgetTexts();
          ask('/api/session', 'DELETE').then(leave, leave);
        }}
      >
        {accessWords.signOut}
      </button>
    </>
  );
}
