import type { SessionAnswer } from '../../answers/accessAnswers.ts';
import { withVisibleFormat } from './formatCharacters.ts';

/** A request that hangs must not keep the page from saying so. */
const ANSWER_WITHIN_MS = 10_000;
/** How often the page tells that somebody is there. */
const ACTIVITY_EVERY_MS = 60_000;

/** What the server said no with. */
export class Refused extends Error {
  readonly status: number;
  /** The word for programs, such as `sign-in-again`. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

let known: Promise<SessionAnswer> | null = null;

/** Who is signed in here, asked once a page. */
export function session(): Promise<SessionAnswer> {
  known ??= fetch('/api/session', { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) }).then(async (response) => {
    if (!response.ok) throw new Error(`/api/session answered ${response.status}`);
    return (await response.json()) as SessionAnswer;
  });
  known.catch(() => {
    known = null;
  });
  return known;
}

/** Asks the server, with JSON; see `send`. `withinMs` is for what takes its time there. @throws Refused */
export function ask(path: string, method = 'GET', body?: unknown, withinMs = ANSWER_WITHIN_MS): Promise<Response> {
  return send(
    path,
    method,
    body === undefined ? undefined : { type: 'application/json', content: JSON.stringify(body) },
    withinMs,
  );
}

/** Sends something to the server; what changes something carries the session's token. Whoever is not signed in any more is sent to sign in. @throws Refused */
export async function send(
  path: string,
  method: string,
  body?: { type: string; content: string | Blob },
  withinMs = ANSWER_WITHIN_MS,
): Promise<Response> {
  const attempt = async (): Promise<Response> => {
    const csrfToken = method === 'GET' ? null : (await session()).csrfToken;
    return fetch(path, {
      method,
      signal: AbortSignal.timeout(withinMs),
      headers: {
        ...(csrfToken === null ? {} : { 'X-CSRF-Token': csrfToken }),
        ...(body === undefined ? {} : { 'Content-Type': body.type }),
      },
      ...(body === undefined ? {} : { body: body.content }),
    });
  };
  let response = await attempt();
  if (response.ok) return response;
  let refusal = await refusalOf(response);
  if (refusal.code === 'csrf-token') {
    // Somebody has signed in anew in another tab.
    known = null;
    response = await attempt();
    if (response.ok) return response;
    refusal = await refusalOf(response);
  }
  if (refusal.code === 'not-signed-in') {
    noteSessionEnd();
    toSignIn();
  }
  throw refusal;
}

/** What the server answers, for showing: characters that would turn text round stand as signs. @throws Refused */
export async function read<T>(path: string): Promise<T> {
  return JSON.parse(withVisibleFormat(await (await ask(path)).text())) as T;
}

async function refusalOf(response: Response): Promise<Refused> {
  const { error = '', message = '' } = (await response.json().catch(() => ({}))) as {
    error?: string;
    message?: string;
  };
  return new Refused(response.status, error, message === '' ? `The server answered ${response.status}.` : message);
}

const ENDED = 'odontoid.sessionEnded';

/** For the sign-in, which says why it is asked for. The address does not: who sends it to somebody sends no such claim. */
function noteSessionEnd(): void {
  try {
    sessionStorage.setItem(ENDED, 'yes');
  } catch {
    // Storage is switched off: the sign-in says less.
  }
}

/** Whether somebody was here in this tab until their session ended; told once. */
export function sessionHasEnded(): boolean {
  try {
    const ended = sessionStorage.getItem(ENDED) !== null;
    sessionStorage.removeItem(ENDED);
    return ended;
  } catch {
    return false;
  }
}

/** Leaves for the sign-in, and comes back to the same screen afterwards. */
export function toSignIn(): void {
  const { pathname } = location;
  // Nobody signs in at a screen on a wall: it says that it is not admitted.
  if (pathname === '/sign-in' || pathname === '/set-up' || pathname === '/wall') return;
  location.assign(pathname === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(pathname)}`);
}

/** Tells the server while somebody is there: the page's own reading does not keep a session alive. */
export function reportActivity(): void {
  let toldMs = Date.now();
  const told = () => {
    if (Date.now() - toldMs < ACTIVITY_EVERY_MS) return;
    toldMs = Date.now();
    // What fails here fails again, visibly, with the next thing that is asked for.
    session()
      .then(({ csrfToken }) => (csrfToken === null ? undefined : ask('/api/session/activity', 'POST')))
      .catch(() => undefined);
  };
  for (const event of ['keydown', 'pointerdown', 'pointermove', 'wheel'])
    addEventListener(event, told, { passive: true });
}
