import type { Request, RequestHandler } from 'express';
import { csrfSync } from 'csrf-sync';
import { TriageError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { Accounts, User } from '../../worklist/people/accounts.ts';
import type { AuditLog } from '../../worklist/audit/audit.ts';
import type { ServiceTokens } from '../../worklist/people/serviceTokens.ts';
import type { Session, Sessions } from '../../worklist/people/sessions.ts';
import type { Principal } from '../principal.ts';
import type { OidcProvider } from './oidc.ts';
import { hashPassword, isPassword } from './passwords.ts';
import { dropSession, replaceSession, sessionCookie } from './sessionCookie.ts';
import { createSignInLimits } from './signInLimits.ts';
import { keepWallSecret, wallSecretOf } from './wallCookie.ts';

/** How people come in, and what keeps who they are. */
export interface AccessOptions {
  /** `off`: whoever is on this machine is its admin. */
  signIn: 'off' | 'local' | 'oidc';
  accounts: Accounts;
  sessions: Sessions;
  tokens: ServiceTokens;
  audit: AuditLog;
  /** For `oidc`. */
  provider?: OidcProvider;
  /** The cookie goes over TLS only. */
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
  /** Finds out who asks; `principalOf` tells it later. */
  identify: RequestHandler[];
  principalOf(request: Request): Principal | null;
  /** False when the request changes something and does not carry the token of its session. */
  carriesCsrfToken(request: Request): boolean;
  /** @throws TriageError `sign-in-failed`, `too-many-attempts` */
  signIn(request: Request, name: string, password: string): Promise<void>;
  /** Signs in whom the identity provider, or a set-up link, vouches for. */
  admit(request: Request, user: User, how: 'provider' | 'link'): Promise<void>;
  /** Asks for the password again. @throws TriageError `sign-in-failed`, `too-many-attempts`, `command-invalid` */
  confirm(request: Request, session: Session, password: string): Promise<void>;
  /** @throws TriageError `sign-in-failed`, `too-many-attempts`, `command-invalid` */
  changePassword(request: Request, session: Session, current: string, next: string): Promise<void>;
  /** @throws TriageError `link-invalid`, `command-invalid`, `name-taken`, `too-many-attempts` */
  useLink(request: Request, secret: string, password: string, name: string | undefined): Promise<User>;
  signOut(request: Request): Promise<void>;
  /** Whether who asked may still listen: for answers that last. */
  lives(principal: Principal): Promise<boolean>;
  /** Uses the link of a wall screen up; from then on the browser is that screen. @throws TriageError `link-invalid`, `too-many-attempts` */
  openWall(request: Request, secret: string): Promise<void>;
  /** A screen in use keeps its cookie. */
  keepWall(request: Request): void;
}

/** Without sign-in, whoever sits at this machine. */
const LOCAL: Principal = { name: 'web', role: 'admin', session: null };
const WRONG = 'The name or the password is wrong.';
const BEARER = /^Bearer ([A-Za-z0-9_-]{20,200})$/;

export function addressOf(request: Request): string {
  return (request.ip ?? '').replace(/^::ffff:/, '');
}

export async function createAccess(options: AccessOptions, clock: Clock): Promise<Access> {
  const { signIn: mode, accounts, sessions, tokens, audit } = options;
  const limits = createSignInLimits(clock);
  const principals = new WeakMap<Request, Principal>();
  const { generateToken, isRequestValid } = csrfSync({
    getTokenFromRequest: (request) => request.get('X-CSRF-Token'),
    getTokenFromState: (request) => request.session.csrfToken ?? null,
    storeTokenInState: (request, token) => {
      request.session.csrfToken = String(token);
    },
  });

  const identified: RequestHandler = async (request, response, next) => {
    const { authorization } = request.headers;
    if (mode === 'off') principals.set(request, LOCAL);
    else if (authorization !== undefined) {
      const token = await tokens.find('machine', BEARER.exec(authorization)?.[1] ?? '');
      if (token === null) {
        response
          .status(401)
          .set('WWW-Authenticate', 'Bearer')
          .json({ error: 'not-signed-in', message: 'This token is not known, was revoked, or has expired.' });
        return;
      }
      principals.set(request, { name: `token:${token.name}`, role: 'service', session: null });
    } else {
      const session = request.session.found;
      const secret = session === undefined ? wallSecretOf(request, options.secure) : null;
      const wall = secret === null ? null : await tokens.find('wall', secret);
      // A person at the screen's keyboard is that person until they sign out.
      if (session !== undefined) principals.set(request, { name: session.userName, role: session.role, session });
      else if (wall !== null) principals.set(request, { name: `wall:${wall.name}`, role: 'wall', session: null });
    }
    next();
  };

  const begin = async (
    request: Request,
    user: User,
    signedInAtMs: number,
    confirmedAtMs: number,
    csrfToken = generateToken(request, true),
  ): Promise<void> => {
    await replaceSession(
      request,
      {
        userId: user.id,
        signedInAtMs,
        confirmedAtMs,
        address: addressOf(request),
        userAgent: request.get('User-Agent') ?? '',
      },
      csrfToken,
    );
  };
  const failed = (request: Request, user: User | null, why: string) =>
    // Somebody may have typed a password where the name goes: only names that are accounts are kept.
    audit.append({
      action: 'sign-in.failed',
      actor: user?.name ?? 'unknown',
      address: addressOf(request),
      detail: { why },
    });

  /** @throws TriageError `sign-in-failed`, `too-many-attempts` */
  const checkPassword = async (request: Request, name: string, password: string): Promise<User> => {
    const address = addressOf(request);
    try {
      limits.attempt(name, address);
    } catch (error) {
      const { retryAfterSeconds } = (error as TriageError).context;
      request.res?.set('Retry-After', String(retryAfterSeconds));
      throw error;
    }
    const user = await accounts.byName(name);
    const right = await isPassword(user === null ? null : await accounts.passwordHash(user.id), password);
    if (user === null || !right || user.disabledAtMs !== null || user.kind !== 'local') {
      await failed(request, user, user === null ? 'no such account' : !right ? 'wrong password' : 'account disabled');
      throw new TriageError('sign-in-failed', WRONG);
    }
    limits.succeeded(name, address);
    return user;
  };
  const mine = async (session: Session): Promise<User> => {
    const user = await accounts.byId(session.userId);
    if (user === null) throw new TriageError('not-found', 'There is no such account.');
    return user;
  };
  return {
    ...options,
    mode,
    identify:
      mode === 'off' ? [identified] : [sessionCookie(sessions, await sessions.cookieKey(), options.secure), identified],
    principalOf: (request) => principals.get(request) ?? null,
    carriesCsrfToken: (request) => principals.get(request)?.session == null || isRequestValid(request),
    signIn: async (request, name, password) => {
      if (mode !== 'local') throw new TriageError('command-invalid', 'People sign in elsewhere here.');
      const user = await checkPassword(request, name, password);
      await audit.append({ action: 'sign-in', actor: user.name, address: addressOf(request) });
      const now = clock.now();
      await begin(request, user, now, now);
    },
    admit: async (request, user, how) => {
      if (user.disabledAtMs !== null) {
        await failed(request, user, 'account disabled');
        throw new TriageError('sign-in-failed', 'This account may not sign in.');
      }
      await audit.append({ action: 'sign-in', actor: user.name, address: addressOf(request), detail: { by: how } });
      const now = clock.now();
      await begin(request, user, now, now);
    },
    confirm: async (request, session, password) => {
      const user = await mine(session);
      if (user.kind !== 'local') throw new TriageError('command-invalid', 'The identity provider must be asked again.');
      await checkPassword(request, user.name, password);
      await audit.append({ action: 'sign-in.confirmed', actor: user.name, address: addressOf(request) });
      // Other tabs of this browser go on: they hold the same token.
      await begin(request, user, session.signedInAtMs, clock.now(), session.csrfToken);
    },
    changePassword: async (request, session, current, next) => {
      const user = await mine(session);
      if (user.kind !== 'local')
        throw new TriageError('command-invalid', 'The identity provider keeps the password of this account.');
      await checkPassword(request, user.name, current);
      await accounts.changePassword(user.id, await hashPassword(next, user.name), session.id, {
        name: user.name,
        address: addressOf(request),
      });
      await begin(request, user, session.signedInAtMs, clock.now());
    },
    useLink: async (request, secret, password, name) => {
      const address = addressOf(request);
      limits.attempt('set-up link', address);
      const { user } = await accounts.linkOwner(secret);
      limits.succeeded('set-up link', address);
      return accounts.useLink(secret, await hashPassword(password, user?.name ?? name ?? ''), name, address);
    },
    lives: ({ session, name, role }) => {
      if (session !== null) return sessions.lives(session.id);
      return role === 'wall' || role === 'service'
        ? tokens.lives(name.slice(name.indexOf(':') + 1))
        : Promise.resolve(true);
    },
    openWall: async (request, secret) => {
      const address = addressOf(request);
      limits.attempt('wall link', address);
      const own = await tokens.openWall(secret, address);
      limits.succeeded('wall link', address);
      keepWallSecret(request.res!, own, options.secure);
    },
    keepWall: (request) => {
      const secret = wallSecretOf(request, options.secure);
      if (secret !== null) keepWallSecret(request.res!, secret, options.secure);
    },
    signOut: async (request) => {
      const { session = null, name = '' } = principals.get(request) ?? {};
      if (session === null) return;
      await audit.append({ action: 'sign-out', actor: name, address: addressOf(request) });
      await dropSession(request);
    },
  };
}
