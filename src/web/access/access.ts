import type { Request, RequestHandler } from 'express';
import { csrfSync } from 'csrf-sync';
import { TriageError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { User } from '../../answers/accessAnswers.ts';
import type { Accounts } from '../../worklist/people/accounts.ts';
import type { AuditLog } from '../../worklist/audit/audit.ts';
import type { SignInCounts } from '../../worklist/people/signInCounts.ts';
import type { ServiceTokens } from '../../worklist/people/serviceTokens.ts';
import type { Session, Sessions } from '../../worklist/people/sessions.ts';
import type { Principal } from '../principal.ts';
import type { OidcProvider } from './oidc.ts';
import { addressOf } from './address.ts';
import { identification } from './identification.ts';
import { createKnownDevices } from './knownDevice.ts';
import { createPasswordCheck } from './passwordCheck.ts';
import { hashPassword } from './passwords.ts';
import { createSignInLimits } from './signInLimits.ts';
import { dropSession, replaceSession, sessionCookie } from './sessionCookie.ts';
import { keepWallSecret, wallSecretOf } from './wallCookie.ts';

/** How people sign in, and the stores that remember who they are. */
export interface AccessOptions {
  /** `off`: anybody on this machine is an admin. */
  signIn: 'off' | 'local' | 'oidc';
  accounts: Accounts;
  sessions: Sessions;
  tokens: ServiceTokens;
  audit: AuditLog;
  signInCounts: SignInCounts;
  /** For `oidc`. */
  provider?: OidcProvider;
  /** The cookie is sent over TLS only. */
  secure: boolean;
  absoluteMs: number;
  /** For how long after a sign-in thresholds, models and accounts may be changed. */
  recentMs: number;
}

export interface Access extends Pick<
  AccessOptions,
  'accounts' | 'sessions' | 'tokens' | 'audit' | 'provider' | 'secure'
> {
  mode: AccessOptions['signIn'];
  absoluteMs: number;
  recentMs: number;
  /** Identifies who sends a request; `principalOf` returns it later. */
  identify: RequestHandler[];
  principalOf(request: Request): Principal | null;
  /** False when the request changes something and does not carry the token of its session. */
  carriesCsrfToken(request: Request): boolean;
  /** @throws TriageError `sign-in-failed`, `too-many-attempts` */
  signIn(request: Request, name: string, password: string): Promise<void>;
  /** Signs in a person whom the identity provider, or a set-up link, has authenticated. */
  admit(request: Request, user: User, how: 'provider' | 'link'): Promise<void>;
  /** Asks for the password again. @throws TriageError `sign-in-failed`, `too-many-attempts`, `command-invalid` */
  confirm(request: Request, session: Session, password: string): Promise<void>;
  /**
   * The name of another person who signs here and now, beside the one who is signed in: checked by password, or as given where nobody signs in.
   *
   * @throws TriageError `second-signature` for a wrong name or password, `too-many-attempts`, `command-invalid` where accounts have no password here
   */
  witness(request: Request, given: { name: string; password?: string | undefined }): Promise<string>;
  /** @throws TriageError `sign-in-failed`, `too-many-attempts`, `command-invalid` */
  changePassword(request: Request, session: Session, current: string, next: string): Promise<void>;
  /** @throws TriageError `link-invalid`, `command-invalid`, `name-taken`, `too-many-attempts` */
  useLink(request: Request, secret: string, password: string, name: string | undefined): Promise<User>;
  signOut(request: Request): Promise<void>;
  /** Whether the requester may still listen: for long-lived responses. */
  lives(principal: Principal): Promise<boolean>;
  /** Uses up the link of a wall screen; from then on the browser is that screen. @throws TriageError `link-invalid`, `too-many-attempts` */
  openWall(request: Request, secret: string): Promise<void>;
  /** Renews the cookie of a screen in use. */
  keepWall(request: Request): void;
}

/** Access for one site: sign-in, and confirming one's identity. */
export async function createAccess(options: AccessOptions, clock: Clock): Promise<Access> {
  const { signIn: mode, accounts, sessions, tokens, audit, signInCounts, secure } = options;
  const key = mode === 'off' ? '' : await sessions.cookieKey();
  const devices = createKnownDevices(key, secure);
  const limits = createSignInLimits(signInCounts, key, clock);
  const passwords = createPasswordCheck({ accounts, audit, devices, limits });
  const principals = new WeakMap<Request, Principal>();
  const { generateToken, isRequestValid } = csrfSync({
    getTokenFromRequest: (request) => request.get('X-CSRF-Token'),
    getTokenFromState: (request) => request.session.csrfToken ?? null,
    storeTokenInState: (request, token) => {
      request.session.csrfToken = String(token);
    },
  });
  const identified = identification({ isSignInOff: mode === 'off', tokens, secure }, principals);
  const begin = async (
    request: Request,
    user: User,
    { signedInAtMs, confirmedAtMs }: Pick<Session, 'signedInAtMs' | 'confirmedAtMs'>,
    csrfToken = generateToken(request, true),
  ): Promise<void> => {
    const userAgent = request.get('User-Agent') ?? '';
    const signedIn = { userId: user.id, signedInAtMs, confirmedAtMs, address: addressOf(request), userAgent };
    await replaceSession(request, signedIn, csrfToken);
  };
  const beginNow = async (request: Request, user: User, detail?: { by: string }): Promise<void> => {
    const address = addressOf(request);
    await audit.append({ action: 'sign-in', actor: user.name, address, ...(detail && { detail }) });
    const now = clock.now();
    await begin(request, user, { signedInAtMs: now, confirmedAtMs: now });
  };
  /** The account of a signed-in person, after they have typed its password again. */
  const confirmed = async (request: Request, session: Session, password: string, elsewhere: string): Promise<User> => {
    const user = await accounts.byId(session.userId);
    if (user === null) throw new TriageError('not-found', 'There is no such account.');
    if (user.kind !== 'local') throw new TriageError('command-invalid', elsewhere);
    return passwords.check(request, { name: user.name, password, session: session.id });
  };
  return {
    ...options,
    mode,
    identify: mode === 'off' ? [identified] : [sessionCookie(sessions, key, secure), identified],
    principalOf: (request) => principals.get(request) ?? null,
    carriesCsrfToken: (request) => principals.get(request)?.session == null || isRequestValid(request),
    signIn: async (request, name, password) => {
      if (mode !== 'local') throw new TriageError('command-invalid', 'People sign in elsewhere here.');
      await beginNow(request, await passwords.check(request, { name, password }));
    },
    admit: async (request, user, how) => {
      if (user.disabledAtMs !== null) {
        await passwords.failed(request, user, 'account disabled');
        throw new TriageError('sign-in-failed', 'This account may not sign in.');
      }
      await beginNow(request, user, { by: how });
    },
    confirm: async (request, session, password) => {
      const user = await confirmed(request, session, password, 'The identity provider must be asked again.');
      await audit.append({ action: 'sign-in.confirmed', actor: user.name, address: addressOf(request) });
      // Other tabs of this browser keep working: they hold the same token.
      const { signedInAtMs, csrfToken } = session;
      await begin(request, user, { signedInAtMs, confirmedAtMs: clock.now() }, csrfToken);
    },
    witness: async (request, { name, password = '' }) => {
      if (mode === 'off') return name;
      if (mode === 'oidc')
        throw new TriageError(
          'command-invalid',
          'Accounts of the identity provider cannot sign second on the page: use odontoid model activate --second NAME.',
        );
      try {
        return (await passwords.check(request, { name, password })).name;
      } catch (error) {
        // The one who is signed in stays signed in.
        if (error instanceof TriageError && error.code === 'sign-in-failed')
          throw new TriageError('second-signature', 'The name or the password of the second person is wrong.', {
            cause: error,
          });
        throw error;
      }
    },
    changePassword: async (request, session, current, next) => {
      const elsewhere = 'The identity provider keeps the password of this account.';
      const user = await confirmed(request, session, current, elsewhere);
      const by = { name: user.name, address: addressOf(request) };
      const passwordHash = await hashPassword(next, user.name);
      await accounts.changePassword(user.id, passwordHash, session.id, by);
      devices.remember(request, { userId: user.id, passwordHash });
      await begin(request, user, { signedInAtMs: session.signedInAtMs, confirmedAtMs: clock.now() });
    },
    useLink: (request, secret, password, name) =>
      passwords.link(request, 'set-up link', async () => {
        const owner = (await accounts.linkOwner(secret)).user;
        const passwordHash = await hashPassword(password, owner?.name ?? name ?? '');
        const user = await accounts.useLink(secret, passwordHash, name, addressOf(request));
        devices.remember(request, { userId: user.id, passwordHash });
        return user;
      }),
    lives: ({ session, name, role }) => {
      if (session !== null) return sessions.lives(session);
      return role === 'wall' || role === 'service' || role === 'sender'
        ? tokens.lives(name.slice(name.indexOf(':') + 1))
        : Promise.resolve(true);
    },
    openWall: (request, secret) =>
      passwords.link(request, 'wall link', async () => {
        keepWallSecret(request.res!, await tokens.openWall(secret, addressOf(request)), secure);
      }),
    keepWall: (request) => {
      const secret = wallSecretOf(request, secure);
      if (secret !== null) keepWallSecret(request.res!, secret, secure);
    },
    signOut: async (request) => {
      const { session = null, name = '' } = principals.get(request) ?? {};
      if (session === null) return;
      await audit.append({ action: 'sign-out', actor: name, address: addressOf(request) });
      await dropSession(request);
    },
  };
}
