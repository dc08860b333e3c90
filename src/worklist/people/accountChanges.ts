import type { Kysely } from 'kysely';
import { TriageError } from '../../base/errors.ts';
import type { User, UserRole } from '../../answers/accessAnswers.ts';
import type { Schema } from '../db/schema.ts';
import { endSessions, record, type Now } from './recordedChange.ts';
import { checkedName, freeName } from './accountNames.ts';
import { insertUser, userOf, userRow, type Actor, type SetUpLink, type UserRow } from './accountRows.ts';
import { setUpLink } from './setUpLinks.ts';

// Changes to accounts by admins, owners and the identity provider: each with its audit entry, in the transaction that it is given.

export async function addAccount(
  now: Now,
  { name, role }: { name: string; role: UserRole },
  by: Actor,
): Promise<{ user: User; link: SetUpLink }> {
  const row = await insertUser(now.trx, now.atMs, {
    name: checkedName(name),
    kind: 'local',
    role,
    password_hash: null,
    issuer: null,
    subject: null,
  });
  await record(now, 'user.added', by, row.name, { role });
  return { user: userOf(row), link: await setUpLink(now, row.id) };
}

export async function setAccountRole(now: Now, id: string, role: UserRole, by: Actor): Promise<void> {
  const row = await userRow(now.trx, id);
  if (row.kind === 'oidc')
    throw new TriageError('command-invalid', 'The identity provider gives this account its role.');
  if (row.role === role) return;
  await keepAnAdmin(now.trx, row);
  await now.trx.updateTable('users').set({ role }).where('id', '=', id).execute();
  await record(now, 'user.role-changed', by, row.name, { from: row.role, to: role });
}

export async function disableAccount(now: Now, id: string, disabled: boolean, by: Actor): Promise<void> {
  const { trx, atMs } = now;
  const row = await userRow(trx, id);
  if ((row.disabled_at !== null) === disabled) return;
  if (disabled) await keepAnAdmin(trx, row);
  await trx
    .updateTable('users')
    .set({ disabled_at: disabled ? atMs : null })
    .where('id', '=', id)
    .execute();
  if (disabled) {
    await endSessions(trx, id);
    await trx.deleteFrom('set_up_links').where('user_id', '=', id).execute();
  }
  await record(now, disabled ? 'user.disabled' : 'user.enabled', by, row.name);
}

export async function resetAccount(now: Now, id: string, by: Actor): Promise<SetUpLink> {
  const row = await userRow(now.trx, id);
  if (row.kind === 'oidc')
    throw new TriageError('command-invalid', 'The identity provider keeps the password of this account.');
  await now.trx.updateTable('users').set({ password_hash: null }).where('id', '=', id).execute();
  await endSessions(now.trx, id);
  await record(now, 'user.reset', by, row.name);
  return setUpLink(now, id);
}

export async function changePassword(
  now: Now,
  { id, passwordHash, keepSession }: { id: string; passwordHash: string; keepSession: string },
  by: Actor,
): Promise<void> {
  const { trx } = now;
  const row = await userRow(trx, id);
  await trx.updateTable('users').set({ password_hash: passwordHash }).where('id', '=', id).execute();
  await trx.deleteFrom('sessions').where('user_id', '=', id).where('id', '!=', keepSession).execute();
  await record(now, 'password.changed', by, row.name);
}

export async function takeProvidersAccount(
  now: Now,
  { issuer, subject, name, role }: { issuer: string; subject: string; name: string; role: UserRole },
  address: string,
): Promise<User> {
  const { trx, atMs } = now;
  const row = await trx
    .selectFrom('users')
    .selectAll()
    .where('issuer', '=', issuer)
    .where('subject', '=', subject)
    .executeTakeFirst();
  if (row === undefined) {
    const made = await insertUser(trx, atMs, {
      name: await freeName(trx, name, subject),
      kind: 'oidc',
      role,
      password_hash: null,
      issuer,
      subject,
    });
    await record(now, 'user.added', { name: made.name, address }, made.name, { role, byProvider: true });
    return userOf(made);
  }
  if (row.role !== role) {
    await trx.updateTable('users').set({ role }).where('id', '=', row.id).execute();
    const by = { name: row.name, address };
    await record(now, 'user.role-changed', by, row.name, { from: row.role, to: role, byProvider: true });
  }
  return userOf({ ...row, role });
}

/** At least one account that can let others in must remain. @throws TriageError `last-admin` */
async function keepAnAdmin(trx: Kysely<Schema>, row: UserRow): Promise<void> {
  if (row.role !== 'admin' || row.disabled_at !== null || (row.kind === 'local' && row.password_hash === null)) return;
  const others = await trx
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'admin')
    .where('disabled_at', 'is', null)
    .where('id', '!=', row.id)
    .where((where) => where.or([where('password_hash', 'is not', null), where('kind', '=', 'oidc')]))
    .executeTakeFirst();
  if (others === undefined)
    throw new TriageError('last-admin', 'This is the last account that can let others in. Make another admin first.');
}
