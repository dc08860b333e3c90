import type { Request, RequestHandler } from 'express';
import type { Principal } from '../principal.ts';
import type { ServiceTokens } from '../../worklist/people/serviceTokens.ts';
import { wallSecretOf } from './wallCookie.ts';

/** Without sign-in: anybody at this machine. */
const LOCAL: Principal = { name: 'web', role: 'admin', session: null };
const BEARER = /^Bearer ([A-Za-z0-9_-]{20,200})$/;

/** Identifies the requester by token, session or screen, and keeps the result in `principals`. An unknown token is refused on every route. */
export function identification(
  { isSignInOff, tokens, secure }: { isSignInOff: boolean; tokens: ServiceTokens; secure: boolean },
  principals: WeakMap<Request, Principal>,
): RequestHandler {
  return async (request, response, next) => {
    const { authorization } = request.headers;
    if (isSignInOff) principals.set(request, LOCAL);
    else if (authorization !== undefined) {
      const secret = BEARER.exec(authorization)?.[1] ?? '';
      const token = (await tokens.find('machine', secret)) ?? (await tokens.find('sender', secret));
      if (token === null) {
        response
          .status(401)
          .set('WWW-Authenticate', 'Bearer')
          .json({ error: 'not-signed-in', message: 'This token is not known, was revoked, or has expired.' });
        return;
      }
      principals.set(request, {
        name: `token:${token.name}`,
        role: token.kind === 'sender' ? 'sender' : 'service',
        session: null,
      });
    } else {
      const session = request.session.found;
      const secret = session === undefined ? wallSecretOf(request, secure) : null;
      const wall = secret === null ? null : await tokens.find('wall', secret);
      // At a screen, a person who signs in is that person until they sign out.
      if (session !== undefined)
        principals.set(request, { name: session.userName, role: session.locked ? 'wall' : session.role, session });
      else if (wall !== null) principals.set(request, { name: `wall:${wall.name}`, role: 'wall', session: null });
    }
    next();
  };
}
