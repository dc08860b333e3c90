import { useEffect, useState } from 'preact/hooks';
import { accessWords } from './accessWords.ts';
import { Field, valueOf } from '../parts/field.tsx';
import { ask, Refused } from '../parts/session.ts';
import { below } from '../parts/basePath.ts';

/** A one-time link: its secret is in the URL fragment, which no server and no log sees. */
export default function SetUpPage() {
  const [secret] = useState(() => location.hash.slice(1));
  const [account, setAccount] = useState<{ name: string | null } | null>(null);
  const [problem, setProblem] = useState(secret === '' ? accessWords.noLink : '');
  const failed = (error: unknown) => setProblem(error instanceof Refused ? error.message : accessWords.failed);
  useEffect(() => {
    if (secret === '') return;
    // Remove it from the address bar at once, so that nobody reads it over a shoulder and the history does not keep it.
    history.replaceState(null, '', below('/set-up'));
    ask('/api/set-up/link', 'POST', { secret }).then(
      async (response) => setAccount({ name: ((await response.json()) as { account: string | null }).account }),
      (error: unknown) =>
        setProblem(
          !(error instanceof Refused)
            ? accessWords.failed
            : error.code === 'link-invalid'
              ? accessWords.usedLink
              : error.status === 400
                ? accessWords.noLink
                : error.message,
        ),
    );
  }, [secret]);
  return (
    <section class="narrow">
      <h1>{accessWords.setUp}</h1>
      {account !== null && <p>{account.name === null ? accessWords.firstAdmin : accessWords.setUpOf(account.name)}</p>}
      <p role="alert" class="kind-fault">
        {problem}
      </p>
      {account !== null && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const form = event.currentTarget;
            const password = valueOf(form, 'password');
            if (password !== valueOf(form, 'repeat')) {
              setProblem(accessWords.notTheSame);
              return;
            }
            setProblem('');
            const name = account.name === null ? { name: valueOf(form, 'name') } : {};
            ask('/api/set-up', 'POST', { secret, password, ...name }).then(() => location.assign(below('/')), failed);
          }}
        >
          {account.name === null && (
            <Field label={accessWords.name} name="name" autocomplete="username" autocapitalize="off" />
          )}
          <Field
            label={accessWords.password}
            name="password"
            type="password"
            autocomplete="new-password"
            minLength={12}
          />
          <p class="muted">{accessWords.passwordRule}</p>
          <Field label={accessWords.repeat} name="repeat" type="password" autocomplete="new-password" />
          <button type="submit">{accessWords.choose}</button>
        </form>
      )}
    </section>
  );
}
