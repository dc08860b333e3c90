import { z } from 'zod';
import { epochMs } from './worklistAnswer.ts';

const role = z.enum(['wall', 'service', 'reader', 'admin']);
export const userRole = z.enum(['reader', 'admin']);

export const sessionAnswer = z
  .strictObject({
    signIn: z.enum(['off', 'local', 'oidc']).describe('How people sign in here.'),
    user: z.strictObject({ name: z.string(), role }).nullable().describe('Null when nobody is signed in.'),
    csrfToken: z.string().nullable().describe('To be sent as X-CSRF-Token with whatever changes something.'),
    endsAtMs: epochMs.nullable().describe('When the session ends, whatever is done.'),
    confirmedUntilMs: epochMs.nullable().describe('Until when what needs a recent sign-in may be done.'),
  })
  .meta({ id: 'Session' });

export const sessionsAnswer = z.strictObject({
  sessions: z.array(
    z.strictObject({
      id: z.string(),
      current: z.boolean(),
      signedInAtMs: epochMs,
      lastSeenAtMs: epochMs,
      address: z.string(),
      userAgent: z.string(),
    }),
  ),
});

export const user = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    kind: z.enum(['local', 'oidc']),
    role: userRole,
    hasPassword: z.boolean(),
    disabledAtMs: epochMs.nullable(),
    createdAtMs: epochMs,
    lastSignInAtMs: epochMs.nullable(),
  })
  .meta({ id: 'User' });

export const usersAnswer = z.strictObject({ users: z.array(user) });

export const setUpLink = z.strictObject({
  path: z.string().describe('To be opened in a browser, once: shown now and never again.'),
  expiresAtMs: epochMs,
});

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
