import type { SessionAnswer } from '../../answers/accessAnswers.ts';
import { below, withoutBase } from './basePath.ts';
import { withVisibleFormat } from './formatCharacters.ts';

/** Timeout of requests, so that the page can report one that hangs. */
const ANSWER_WITHIN_MS = 10_000;
/** How often the page reports that a person is active. */
const ACTIVITY_EVERY_MS = 60_000;

/** A refusal by the server. */
export class Refused extends Error {
  readonly status: number;
  /** The machine-readable code, such as `sign-in-again`. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

let known: Promise<SessionAnswer> | null = null;

/** Who is signed in here, requested once for each page load. */
export function session(): Promise<SessionAnswer> {
  known ??= fetch(below('/api/session'), { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) }).then(async (response) => {
    if (!response.ok) throw new Error(`/api/session answered ${response.status}`);
    return (await response.json()) as SessionAnswer;
  });
  known.catch(() => {
    known = null;
  });
  return known;
}

/** Asks the server anew the next time: somebody has unlocked the session, or may have. */
export function forgetSession(): void {
  known = null;
}

let onLocked: () => void = () => undefined;

/** Calls `then` when the server says that the session is locked, because nobody was active for too long. */
export function whenLocked(then: () => void): void {
  onLocked = then;
}

/** Sends a request with JSON; see `send`. `withinMs` is for requests that take the server long. @throws Refused */
export function ask(path: string, method = 'GET', body?: unknown, withinMs = ANSWER_WITHIN_MS): Promise<Response> {
  return send(
    path,
    method,
    body === undefined ? undefined : { type: 'application/json', content: JSON.stringify(body) },
    withinMs,
  );
}

/** Sends a request; one that changes something carries the session's token. A person who is no longer signed in is sent to the sign-in. @throws Refused */
export async function send(
  path: string,
  method: string,
  body?: { type: string; content: string | Blob },
  withinMs = ANSWER_WITHIN_MS,
): Promise<Response> {
  const attempt = async (): Promise<Response> => {
    const csrfToken = method === 'GET' ? null : (await session()).csrfToken;
    return fetch(below(path), {
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
    // Somebody has signed in again in another tab.
    known = null;
    response = await attempt();
    if (response.ok) return response;
    refusal = await refusalOf(response);
  }
  if (refusal.code === 'session-locked') {
    known = null;
    onLocked();
  }
  if (refusal.code === 'not-signed-in') {
    noteSessionEnd();
    toSignIn();
  }
  throw refusal;
}

/** The response of the server, for display: characters that would reorder text are replaced by signs. @throws Refused */
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

/** Tells the sign-in screen why it is shown. It is not in the address, so that a shared link makes no such claim. */
function noteSessionEnd(): void {
  try {
    sessionStorage.setItem(ENDED, 'yes');
  } catch {
    // Storage is disabled: the sign-in screen says less.
  }
}

/** Whether somebody was signed in here in this tab until their session ended; returned once. */
export function sessionHasEnded(): boolean {
  try {
    const ended = sessionStorage.getItem(ENDED) !== null;
    sessionStorage.removeItem(ENDED);
    return ended;
  } catch {
    return false;
  }
}

/** Goes to the sign-in, which leads back to the same screen afterwards. */
export function toSignIn(): void {
  const pathname = withoutBase(location.pathname);
  // Nobody signs in at a wall screen: it says that it is not admitted.
  if (pathname === '/sign-in' || pathname === '/set-up' || pathname === '/wall') return;
  location.assign(below(pathname === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(pathname)}`));
}

/** Reports activity to the server while a person is active: polling by the page does not keep a session alive. */
export function reportActivity(): void {
  let toldMs = Date.now();
  const told = () => {
    if (Date.now() - toldMs < ACTIVITY_EVERY_MS) return;
    toldMs = Date.now();
    // If this fails, the next request fails too, visibly.
    session()
      .then(({ csrfToken, user }) =>
        csrfToken === null || user === null ? undefined : ask('/api/session/activity', 'POST'),
      )
      .catch(() => undefined);
  };
  for (const event of ['keydown', 'pointerdown', 'pointermove', 'wheel'])
    addEventListener(event, told, { passive: true });
}
