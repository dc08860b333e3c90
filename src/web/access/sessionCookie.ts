import { promisify } from 'node:util';
import type { Request, RequestHandler } from 'express';
import session, { Cookie, Store, type SessionData } from 'express-session';
import type { Session as KeptSession, Sessions } from '../../worklist/people/sessions.ts';

type SignedIn = Pick<KeptSession, 'userId' | 'signedInAtMs' | 'confirmedAtMs' | 'address' | 'userAgent'>;

declare module 'express-session' {
  interface SessionData {
    /** The data of a session found by its cookie; nothing else is kept of it. */
    found?: KeptSession;
    signedIn?: SignedIn;
  }
}

/** Passes the outcome of a promise to a callback. */
function answer<T>(promise: Promise<T>, callback: ((error: unknown, value?: T) => void) | undefined): void {
  promise.then(
    (value) => callback?.(null, value),
    (error: unknown) => callback?.(error),
  );
}

/** Stores express-session's sessions in the worklist's database, but only those of signed-in people. */
class WorklistSessionStore extends Store {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    super();
    this.#sessions = sessions;
  }

  override get(secret: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    const cookie = new Cookie();
    answer(
      this.#sessions
        .find(secret)
        .then((found) => (found === null ? null : { cookie, csrfToken: found.csrfToken, signedIn: found, found })),
      callback,
    );
  }

  override set(secret: string, { signedIn, csrfToken }: SessionData, callback?: (error?: unknown) => void): void {
    answer(
      signedIn === undefined
        ? Promise.resolve()
        : this.#sessions.put(secret, { ...signedIn, csrfToken: csrfToken ?? '' }),
      callback,
    );
  }

  override destroy(secret: string, callback?: (error?: unknown) => void): void {
    answer(this.#sessions.endBySecret(secret), callback);
  }

  /** A request alone does not count as activity, because pages poll by themselves. */
  override touch(_secret: string, _session: SessionData, callback?: () => void): void {
    callback?.();
  }
}

/** Over TLS the cookie's name prefix binds it to this host and to TLS (RFC 6265bis 4.1.3.2); browsers refuse that name over plain HTTP. */
function sessionCookieName(secure: boolean): string {
  return secure ? '__Host-odontoid' : 'odontoid';
}

/** Finds the session of a request's cookie. The cookie ends with the browser; the lifetime of a session is kept in the database. */
export function sessionCookie(sessions: Sessions, key: string, secure: boolean): RequestHandler {
  return session({
    name: sessionCookieName(secure),
    secret: key,
    store: new WorklistSessionStore(sessions),
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'strict', secure, path: '/' },
  });
}

/** Replaces the request's session by one with a new secret, so that a secret known before sign-in is worthless afterwards. */
export async function replaceSession(request: Request, signedIn: SignedIn, csrfToken: string): Promise<void> {
  await promisify(request.session.regenerate.bind(request.session))();
  request.session.signedIn = signedIn;
  request.session.csrfToken = csrfToken;
  await promisify(request.session.save.bind(request.session))();
}

/** Ends the request's session. */
export async function dropSession(request: Request): Promise<void> {
  await promisify(request.session.destroy.bind(request.session))();
}
