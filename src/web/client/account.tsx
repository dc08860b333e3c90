import { useEffect, useState } from 'preact/hooks';
import { accessWords } from './words/access.ts';
import { ask, session, type SessionAnswer } from './session.ts';

/** Who is signed in, and where they may go. */
export function Account({ at = '' }: { at?: string }) {
  const [who, setWho] = useState<SessionAnswer | null>(null);
  useEffect(() => {
    session().then(setWho, () => undefined);
  }, []);
  if (who?.user == null) return null;
  const { name, role } = who.user;
  const screens = [
    ...(at === '' ? [] : [['/', accessWords.worklist]]),
    ...(who.signIn === 'off' ? [] : [['/sessions', accessWords.sessions]]),
    ...(role === 'admin' && who.signIn !== 'off' ? [['/users', accessWords.users]] : []),
    ...(role === 'admin' ? [['/audit', accessWords.audit]] : []),
  ] as [path: string, title: string][];
  return (
    <>
      <nav aria-label={accessWords.areas}>
        {screens.map(([path, title]) => (
          <a key={path} href={path} aria-current={path === at ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      {who.signIn !== 'off' && (
        <>
          <span class="muted">{accessWords.signedInAs(name)}</span>
          <button
            type="button"
            onClick={() => {
              const leave = () => location.assign('/sign-in');
              ask('/api/session', 'DELETE').then(leave, leave);
            }}
          >
            {accessWords.signOut}
          </button>
        </>
      )}
    </>
  );
}
