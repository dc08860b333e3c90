import { z } from 'zod';
import { epochMs } from './sharedShapes.ts';

const role = z.enum(['sender', 'wall', 'service', 'reader', 'admin']);
/**
 * Who someone is. `wall` is a screen that anybody can see: it gets the masked list and nothing else. `service` is a machine with a token: it reads. A reader
 * is a person: what a person decides, no token may.
 */
export type Role = z.infer<typeof role>;
export const userRole = z.enum(['reader', 'admin']);
/** What a person may do here. */
export type UserRole = z.infer<typeof userRole>;

export const sessionAnswer = z
  .strictObject({
    signIn: z.enum(['off', 'local', 'oidc']).describe('How people sign in here.'),
    user: z
      .strictObject({ name: z.string(), role })
      .nullable()
      .describe('Null when nobody is signed in, or the session is locked.'),
    lockedFor: z
      .string()
      .nullable()
      .describe('Whose session is locked: it sees the masked list until its password is typed again.'),
    csrfToken: z.string().nullable().describe('To be sent as X-CSRF-Token with whatever changes something.'),
    endsAtMs: epochMs.nullable().describe('When the session ends, whatever is done.'),
    confirmedUntilMs: epochMs.nullable().describe('Until when what needs a recent sign-in may be done.'),
  })
  .meta({ id: 'Session' });
/** Who is signed in, and how one signs in here. */
export type SessionAnswer = z.infer<typeof sessionAnswer>;

export const sessionsAnswer = z.strictObject({
  sessions: z.array(
    z.strictObject({
      // For listing and ending the session: knowing it gives no access.
      id: z.string(),
      current: z.boolean(),
      signedInAtMs: epochMs,
      lastSeenAtMs: epochMs,
      address: z.string(),
      userAgent: z.string(),
    }),
  ),
});
/** A person's own sessions: one for each browser. */
export type SessionsAnswer = z.infer<typeof sessionsAnswer>;

export const user = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    // `oidc` accounts have no password here; their role is updated at each sign-in.
    kind: z.enum(['local', 'oidc']),
    role: userRole,
    // False until its first password is set.
    hasPassword: z.boolean(),
    disabledAtMs: epochMs.nullable(),
    createdAtMs: epochMs,
    lastSignInAtMs: epochMs.nullable(),
  })
  .meta({ id: 'User' });
/** An account as others see it: without its password. */
export type User = z.infer<typeof user>;

export const usersAnswer = z.strictObject({ users: z.array(user) });

export const setUpLink = z.strictObject({
  path: z.string().describe('To be opened in a browser, once: shown now and never again.'),
  expiresAtMs: epochMs,
});
/** A link that may be used once, to set a password or to open a wall screen. */
export type LinkAnswer = z.infer<typeof setUpLink>;

export const wallsAnswer = z.strictObject({
  walls: z.array(
    z.strictObject({
      name: z.string(),
      createdAtMs: epochMs,
      linkUntilMs: epochMs.nullable().describe('Until when its link can be used; null once the screen is in use.'),
      lastSeenAtMs: epochMs.nullable(),
    }),
  ),
});
/** The screens on walls. */
export type WallsAnswer = z.infer<typeof wallsAnswer>;

export const auditAnswer = z.strictObject({
  actions: z.array(z.string()).readonly().describe('Every action that there is, for a filter.'),
  entries: z
    .array(
      z
        .strictObject({
          seq: z.int(),
          atMs: epochMs,
          action: z.string(),
          actor: z.string(),
          address: z.string(),
          target: z.string(),
          detail: z.record(z.string(), z.unknown()),
          hash: z.string(),
        })
        .meta({ id: 'AuditEntry' }),
    )
    .describe('Newest first.'),
  nextBeforeSeq: z.int().nullable().describe('`beforeSeq` of the next page; null on the last.'),
});
/** One page of the audit. */
export type AuditAnswer = z.infer<typeof auditAnswer>;
/** One entry of the audit. */
export type AuditEntry = AuditAnswer['entries'][number];
