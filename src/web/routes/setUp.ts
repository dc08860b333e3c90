import { z } from 'zod';
import { route } from '../route.ts';

const secret = z.string().min(20).max(200);

/** One-time links: the first admin's, and those that set a password. The secret is in the URL fragment, which browsers do not send. */
export const setUpRoutes = [
  route({
    method: 'post',
    path: '/api/set-up/link',
    least: 'public',
    summary: 'What a set-up link is for: an account, or the first admin (null).',
    body: z.strictObject({ secret }),
    answer: { kind: 'json', schema: z.strictObject({ account: z.string().nullable() }) },
    alsoAnswers: { 403: 'The link was used, or is too old.' },
    handle: async ({ body }, { access }) => {
      const { user } = await access.accounts.linkOwner(body.secret);
      return { account: user?.name ?? null };
    },
  }),
  route({
    method: 'post',
    path: '/api/set-up',
    least: 'public',
    summary: 'Uses a set-up link: sets the password, makes the account where it is the first admin’s, and signs in.',
    body: z.strictObject({ secret, name: z.string().max(200).optional(), password: z.string().min(1).max(1_000) }),
    audit: { by: 'store', action: ['user.added', 'password.changed'] },
    answer: { kind: 'nothing' },
    alsoAnswers: {
      403: 'The link was used, or is too old.',
      409: 'There is an account of this name.',
      429: 'Too many attempts.',
    },
    handle: async ({ request, body }, { access }) => {
      const user = await access.useLink(request, body.secret, body.password, body.name);
      await access.admit(request, user, 'link');
      return undefined;
    },
  }),
];
