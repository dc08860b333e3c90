import { useEffect, useState } from 'preact/hooks';
import type { SessionsAnswer } from '../../answers/accessAnswers.ts';
import { accessWords } from './accessWords.ts';
import { Field, valueOf } from '../parts/field.tsx';
import { clockTime } from '../parts/format.ts';
import { PlainTable } from '../parts/plainTable.tsx';
import { ask, read, Refused, session } from '../parts/session.ts';
import { below } from '../parts/basePath.ts';

/** The person's own sessions and password. */
export default function SessionsPage() {
  const [sessions, setSessions] = useState<SessionsAnswer['sessions'] | null>(null);
  const [local, setLocal] = useState(false);
  const [said, setSaid] = useState('');
  const [problem, setProblem] = useState('');
  const failed = (error: unknown) => setProblem(error instanceof Refused ? error.message : accessWords.failed);
  const load = () => {
    read<SessionsAnswer>('/api/sessions').then((answer) => setSessions(answer.sessions), failed);
  };
  useEffect(() => {
    load();
    session().then(({ signIn }) => setLocal(signIn === 'local'), failed);
  }, []);
  const now = Date.now();
  return (
    <section class="wide">
      <h1>{accessWords.sessions}</h1>
      <p role="alert" class="kind-fault">
        {problem}
      </p>
      {sessions === null ? (
        <p>{accessWords.loading}</p>
      ) : (
        <PlainTable
          name={accessWords.sessions}
          heads={[
            accessWords.since,
            accessWords.lastSeen,
            accessWords.address,
            accessWords.browser,
            accessWords.actions,
          ]}
        >
          {sessions.map((one) => (
            <tr key={one.id}>
              <td>{clockTime(one.signedInAtMs, now)}</td>
              <td>{clockTime(one.lastSeenAtMs, now)}</td>
              <td>{one.address}</td>
              <td>{one.userAgent}</td>
              <td>
                {one.current ? (
                  accessWords.thisOne
                ) : (
                  <button
                    type="button"
                    aria-label={accessWords.endOf(`${one.address}, ${clockTime(one.signedInAtMs, now)}`)}
                    onClick={() => {
                      ask(`/api/sessions/${encodeURIComponent(one.id)}`, 'DELETE').then(load, failed);
                    }}
                  >
                    {accessWords.end}
                  </button>
                )}
              </td>
            </tr>
          ))}
        </PlainTable>
      )}
      <p>
        <button
          type="button"
          onClick={() => {
            ask('/api/sessions', 'DELETE').then(() => location.assign(below('/sign-in')), failed);
          }}
        >
          {accessWords.everywhere}
        </button>
      </p>
      {local && (
        <form
          class="narrow"
          onSubmit={(event) => {
            event.preventDefault();
            const form = event.currentTarget;
            setProblem('');
            setSaid('');
            ask('/api/session/password', 'PUT', {
              current: valueOf(form, 'current'),
              next: valueOf(form, 'next'),
            }).then(() => {
              form.reset();
              setSaid(accessWords.changed);
              load();
            }, failed);
          }}
        >
          <h2>{accessWords.changePassword}</h2>
          <Field label={accessWords.current} name="current" type="password" autocomplete="current-password" />
          <Field label={accessWords.next} name="next" type="password" autocomplete="new-password" minLength={12} />
          <p class="muted">{accessWords.passwordRule}</p>
          <p role="status">{said}</p>
          <button type="submit">{accessWords.changePassword}</button>
        </form>
      )}
    </section>
  );
}
