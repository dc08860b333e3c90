import { useEffect, useState } from 'preact/hooks';
import { session } from './session.ts';

const PREFIX = 'odontoid.typed.';

interface Kept {
  user: string | null;
  text: string;
}

/** Text that this user has typed in this tab and not sent yet: a session may end while somebody is writing. */
export async function keptText(name: string): Promise<string> {
  const user = await userName();
  try {
    const kept = JSON.parse(sessionStorage.getItem(PREFIX + name) ?? 'null') as Kept | null;
    return kept !== null && kept.user === user ? kept.text : '';
  } catch {
    return '';
  }
}

/** Keeps it until the tab is closed; an empty text forgets it. */
export function keepText(name: string, text: string): void {
  if (text === '') {
    try {
      sessionStorage.removeItem(PREFIX + name);
    } catch {
      // Storage is disabled: nothing was kept.
    }
    return;
  }
  userName().then(
    (user) => sessionStorage.setItem(PREFIX + name, JSON.stringify({ user, text } satisfies Kept)),
    () => undefined,
  );
}

/** Signing out deletes what was kept. */
export function forgetTexts(): void {
  try {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
  } catch {
    // Storage is disabled.
  }
}

/** Like `useState('')`, for typed text: it is restored after the session has ended and the person has signed in again. Set it to '' once it is sent. */
export function useKeptText(name: string): [string, (text: string) => void] {
  const [text, setText] = useState('');
  useEffect(() => {
    let current = true;
    keptText(name).then(
      (kept) => {
        if (current && kept !== '') setText((typed) => (typed === '' ? kept : typed));
      },
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [name]);
  const set = (next: string) => {
    setText(next);
    keepText(name, next);
  };
  return [text, set];
}

async function userName(): Promise<string | null> {
  return (await session()).user?.name ?? null;
}
