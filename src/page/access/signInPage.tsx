import type { SessionAnswer } from '../../answers/accessAnswers.ts';
import { useEffect, useState } from 'preact/hooks';
import { accessWords } from './accessWords.ts';
import { afterSignIn } from './afterSignIn.ts';
import { Field, valueOf } from '../parts/field.tsx';
import { ask, Refused, session, sessionHasEnded } from '../parts/session.ts';
import { below } from '../parts/basePath.ts';

function failureOf(search: string): string {
  const failed = new URLSearchParams(search).get('failed');
  return failed === 'no-role' ? accessWords.noRole : failed === null ? '' : accessWords.providerFailed;
}

/** Name and password, or a link to the identity provider. */
export default function SignInPage() {
  const [how, setHow] = useState<SessionAnswer['signIn'] | null>(null);
  const [problem, setProblem] = useState(failureOf(location.search));
  const [ended] = useState(sessionHasEnded);
  const enter = () => location.assign(below(afterSignIn(location.search)));
  useEffect(() => {
    session().then(
      ({ signIn, user }) => {
        if (user !== null && signIn !== 'off') enter();
        else setHow(signIn);
      },
      () => setProblem(accessWords.failed),
    );
  }, []);
  return (
    <section class="narrow">
      <h1>{accessWords.signIn}</h1>
      {ended && (
        <p role="status" class="kind-stale">
          {accessWords.sessionEnded}
        </p>
      )}
      <p role="alert" class="kind-fault">
        {problem}
      </p>
      {how === 'off' && (
        <p>
          {accessWords.signInOff} <a href="/">{accessWords.worklist}</a>
        </p>
      )}
      {how === 'oidc' && (
        <p>
          <a class="button" href="/api/oidc/start">
            {accessWords.atProvider}
          </a>
        </p>
      )}
      {how === 'local' && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const form = event.currentTarget;
            setProblem('');
            ask('/api/session', 'POST', { name: valueOf(form, 'name'), password: valueOf(form, 'password') }).then(
              enter,
              (error: unknown) => setProblem(error instanceof Refused ? error.message : accessWords.failed),
            );
          }}
        >
          <Field label={accessWords.name} name="name" autocomplete="username" autocapitalize="off" autofocus />
          <Field label={accessWords.password} name="password" type="password" autocomplete="current-password" />
          <button type="submit">{accessWords.signIn}</button>
        </form>
      )}
      <p class="muted">{accessWords.pacsMeanwhile}</p>
    </section>
  );
}
