import { z } from 'zod';
import { TriageError } from '../../base/errors.ts';
import type { OidcProvider } from '../access/oidc.ts';
import { route } from '../route.ts';
import type { WebContext } from '../webContext.ts';

const JOURNEY_MS = 10 * 60_000;
const redirect = { kind: 'other', contentType: 'text/plain', description: 'A redirect (303).' } as const;

/** The cookie that ties a sign-in to its browser. Lax, because it must come back on the provider's redirect, which is cross-site. */
function cookieOf(secure: boolean) {
  return {
    name: secure ? '__Host-odontoid-oidc' : 'odontoid-oidc',
    options: { httpOnly: true, sameSite: 'lax', secure, path: '/', maxAge: JOURNEY_MS } as const,
  };
}

function providerOf({ access }: WebContext): OidcProvider {
  if (access.mode !== 'oidc' || access.provider === undefined)
    throw new TriageError('not-found', 'There is no identity provider here.');
  return access.provider;
}

/** Sign-in at the site's identity provider. Browsers navigate here, so failures are shown by the page: `/sign-in?failed`. */
export const oidcRoutes = [
  route({
    method: 'get',
    path: '/api/oidc/start',
    least: 'public',
    summary: 'Sends the browser to the identity provider; with `again`, to confirm who is there.',
    query: z.strictObject({ again: z.literal('1').optional() }),
    answer: redirect,
    handle: async ({ query, response, principal }, context) => {
      const { url, binding } = await providerOf(context).start(
        query.again === '1' ? (principal?.session?.id ?? null) : null,
      );
      const { name, options } = cookieOf(context.access.secure);
      response.cookie(name, binding, options).redirect(303, url);
      return undefined;
    },
  }),
  route({
    method: 'get',
    path: '/api/oidc/callback',
    least: 'public',
    summary: 'Where the identity provider sends the browser back to.',
    query: z.looseObject({ state: z.string().max(200).optional() }),
    audit: { by: 'store', action: ['sign-in', 'sign-in.failed'] },
    answer: redirect,
    handle: async ({ request, response, address }, context) => {
      const { access, log, basePath } = context;
      const provider = providerOf(context);
      const { name, options } = cookieOf(access.secure);
      const binding = cookieValue(request.headers.cookie, name);
      response.clearCookie(name, { ...options, maxAge: undefined });
      try {
        const person = await provider.finish(new URL(request.url, 'http://localhost').searchParams, binding);
        if (person.role === null) {
          await access.audit.append({
            action: 'sign-in.failed',
            actor: 'unknown',
            address,
            detail: { why: 'the provider gives no role for here' },
          });
          response.redirect(303, `${basePath}/sign-in?failed=no-role`);
          return undefined;
        }
        const user = await access.accounts.fromProvider({ ...person, role: person.role }, address);
        await access.admit(request, user, 'provider');
        if (person.replaces !== null) await access.sessions.forget(person.replaces);
        response.redirect(303, `${basePath}/`);
      } catch (error) {
        if (!(error instanceof TriageError)) throw error;
        log.warn('a sign-in at the identity provider failed', { error });
        await access.audit.append({ action: 'sign-in.failed', actor: 'unknown', address, detail: { why: error.code } });
        response.redirect(303, `${basePath}/sign-in?failed=provider`);
      }
      return undefined;
    },
  }),
];

function cookieValue(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name) return value;
  }
  return undefined;
}
