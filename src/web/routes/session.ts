import { z } from 'zod';
import { TriageError } from '../../base/errors.ts';
import type { Session } from '../../worklist/people/sessions.ts';
import { sessionAnswer, sessionsAnswer, type SessionAnswer } from '../../answers/accessAnswers.ts';
import type { Principal } from '../principal.ts';
import { route } from '../route.ts';
import type { WebContext } from '../webContext.ts';

const password = z.string().min(1).max(1_000);

function describe(principal: Principal | null, { access }: WebContext): SessionAnswer {
  const session = principal?.session ?? null;
  return {
    signIn: access.mode,
    user: principal === null || session?.locked === true ? null : { name: principal.name, role: principal.role },
    lockedFor: session?.locked === true ? session.userName : null,
    csrfToken: session?.csrfToken ?? null,
    endsAtMs: session === null ? null : session.signedInAtMs + access.absoluteMs,
    confirmedUntilMs: session === null ? null : session.confirmedAtMs + access.recentMs,
  };
}

/** The session of a signed-in person. @throws TriageError `command-invalid` where nobody signs in, or for a token */
function sessionOf(principal: Principal | null): Session {
  if (principal?.session == null)
    throw new TriageError('command-invalid', 'There is no session: nobody signs in here (web.signIn is off).');
  return principal.session;
}

/** Signing in and out, and a person's own sessions. */
export const sessionRoutes = [
  route({
    method: 'get',
    path: '/api/session',
    least: 'public',
    summary: 'Who is signed in, and how one signs in here.',
    answer: { kind: 'json', schema: sessionAnswer },
    handle: ({ principal }, context) => describe(principal, context),
  }),
  route({
    method: 'post',
    path: '/api/session',
    least: 'public',
    summary: 'Signs in with name and password. The session comes as a cookie.',
    body: z.strictObject({ name: z.string().max(200), password }),
    audit: { by: 'store', action: ['sign-in', 'sign-in.failed'] },
    answer: { kind: 'nothing' },
    alsoAnswers: { 401: 'The name or the password is wrong.', 429: 'Too many attempts; Retry-After says when.' },
    handle: async ({ request, body }, { access }) => {
      await access.signIn(request, body.name, body.password);
      return undefined;
    },
  }),
  route({
    method: 'delete',
    path: '/api/session',
    least: 'wall',
    summary: 'Signs out here, also where the session is locked.',
    audit: { by: 'store', action: 'sign-out' },
    answer: { kind: 'nothing' },
    handle: async ({ request }, { access }) => {
      await access.signOut(request);
      return undefined;
    },
  }),
  route({
    method: 'post',
    path: '/api/session/activity',
    least: 'reader',
    summary:
      'Somebody is there: keeps the session from timing out. Reading alone does not, for pages read by themselves.',
    answer: { kind: 'nothing' },
    // Every request that changes something is noted as activity; this one does only that.
    handle: () => undefined,
  }),
  route({
    method: 'post',
    path: '/api/session/confirm',
    least: 'wall',
    summary:
      'Confirms with the password who is there: before thresholds, models or accounts are changed, and to unlock a session in which nobody was active.',
    body: z.strictObject({ password }),
    audit: { by: 'store', action: ['sign-in.confirmed', 'sign-in.failed'] },
    answer: { kind: 'nothing' },
    alsoAnswers: { 401: 'The password is wrong.', 429: 'Too many attempts; Retry-After says when.' },
    handle: async ({ request, principal, body }, { access }) => {
      await access.confirm(request, sessionOf(principal), body.password);
      return undefined;
    },
  }),
  route({
    method: 'put',
    path: '/api/session/password',
    least: 'reader',
    summary: 'Changes one’s own password. Every other session of the account ends.',
    body: z.strictObject({ current: password, next: password }),
    audit: { by: 'store', action: ['password.changed', 'sign-in.failed'] },
    answer: { kind: 'nothing' },
    alsoAnswers: { 401: 'The password is wrong.', 429: 'Too many attempts; Retry-After says when.' },
    handle: async ({ request, principal, body }, { access }) => {
      await access.changePassword(request, sessionOf(principal), body.current, body.next);
      return undefined;
    },
  }),
  route({
    method: 'get',
    path: '/api/sessions',
    least: 'reader',
    summary: 'One’s own sessions, the most recent first.',
    answer: { kind: 'json', schema: sessionsAnswer },
    handle: async ({ principal }, { access }) => {
      const current = principal?.session ?? null;
      const sessions = current === null ? [] : await access.sessions.ofUser(current.userId);
      return {
        sessions: sessions.map(({ id, signedInAtMs, lastSeenAtMs, address, userAgent }) => ({
          id,
          current: id === current?.id,
          signedInAtMs,
          lastSeenAtMs,
          address,
          userAgent,
        })),
      };
    },
  }),
  route({
    method: 'delete',
    path: '/api/sessions',
    least: 'reader',
    summary: 'Signs out everywhere, here too.',
    audit: { by: 'store', action: 'sign-out' },
    answer: { kind: 'nothing' },
    handle: async ({ principal, actor, address }, { access }) => {
      await access.sessions.end(sessionOf(principal).userId, 'all', { name: actor, address });
      return undefined;
    },
  }),
  route({
    method: 'delete',
    path: '/api/sessions/:id',
    least: 'reader',
    summary: 'Ends one of one’s own sessions.',
    params: z.strictObject({ id: z.string().max(64) }),
    audit: { by: 'store', action: 'sign-out' },
    answer: { kind: 'nothing' },
    alsoAnswers: { 404: 'There is no such session of this account.' },
    handle: async ({ params: { id }, principal, actor, address }, { access }) => {
      const ended = await access.sessions.end(sessionOf(principal).userId, { id }, { name: actor, address });
      if (ended === 0) throw new TriageError('not-found', 'There is no such session.');
      return undefined;
    },
  }),
];
