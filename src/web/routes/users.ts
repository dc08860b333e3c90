import { z } from 'zod';
import { setUpLink, user, userRole, usersAnswer } from '../../answers/accessAnswers.ts';
import type { SetUpLink } from '../../worklist/people/accounts.ts';
import { route } from '../route.ts';

const params = z.strictObject({ id: z.string().max(64) });
const noAccount = { 404: 'There is no such account.' };
const lastAdmin = { 409: 'Nobody would be left who can let others in.' };

/** In the fragment, so that it is sent to no server and appears in no log. */
const pathOf = ({ secret, expiresAtMs }: SetUpLink) => ({ path: `/set-up#${secret}`, expiresAtMs });

/** Accounts, for admins. Passwords are set by their owners, through links. */
export const userRoutes = [
  route({
    method: 'get',
    path: '/api/users',
    least: 'admin',
    summary: 'Every account.',
    answer: { kind: 'json', schema: usersAnswer },
    handle: async (_call, { access }) => ({ users: await access.accounts.list() }),
  }),
  route({
    method: 'post',
    path: '/api/users',
    least: 'admin',
    recentSignIn: true,
    summary: 'Adds an account; its owner sets the password through the link.',
    body: z.strictObject({ name: z.string().max(200), role: userRole }),
    audit: { by: 'store', action: 'user.added' },
    answer: { kind: 'json', schema: z.strictObject({ user, link: setUpLink }), status: 201 },
    alsoAnswers: { 409: 'There is an account of this name.' },
    handle: async ({ body, actor, address }, { access }) => {
      const made = await access.accounts.add(body.name, body.role, { name: actor, address });
      return { user: made.user, link: pathOf(made.link) };
    },
  }),
  route({
    method: 'put',
    path: '/api/users/:id/role',
    least: 'admin',
    recentSignIn: true,
    summary: 'Changes what an account may do, from its next request on.',
    params,
    body: z.strictObject({ role: userRole }),
    audit: { by: 'store', action: 'user.role-changed' },
    answer: { kind: 'nothing' },
    alsoAnswers: { ...noAccount, ...lastAdmin },
    handle: async ({ params: { id }, body, actor, address }, { access }) => {
      await access.accounts.setRole(id, body.role, { name: actor, address });
      return undefined;
    },
  }),
  route({
    method: 'put',
    path: '/api/users/:id/disabled',
    least: 'admin',
    recentSignIn: true,
    summary: 'Keeps an account out, and ends its sessions at once; or lets it in again.',
    params,
    body: z.strictObject({ disabled: z.boolean() }),
    audit: { by: 'store', action: ['user.disabled', 'user.enabled'] },
    answer: { kind: 'nothing' },
    alsoAnswers: { ...noAccount, ...lastAdmin },
    handle: async ({ params: { id }, body, actor, address }, { access }) => {
      await access.accounts.setDisabled(id, body.disabled, { name: actor, address });
      return undefined;
    },
  }),
  route({
    method: 'post',
    path: '/api/users/:id/reset',
    least: 'admin',
    recentSignIn: true,
    summary: 'Takes the password away and ends every session; the link sets a new one.',
    params,
    audit: { by: 'store', action: 'user.reset' },
    answer: { kind: 'json', schema: setUpLink },
    alsoAnswers: noAccount,
    handle: async ({ params: { id }, actor, address }, { access }) =>
      pathOf(await access.accounts.reset(id, { name: actor, address })),
  }),
  route({
    method: 'delete',
    path: '/api/users/:id/sessions',
    least: 'admin',
    summary: 'Signs an account out everywhere.',
    params,
    audit: { by: 'store', action: 'sign-out' },
    answer: { kind: 'nothing' },
    handle: async ({ params: { id }, actor, address }, { access }) => {
      await access.sessions.end(id, 'all', { name: actor, address });
      return undefined;
    },
  }),
];
