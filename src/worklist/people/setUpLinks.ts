import type { User } from '../../answers/accessAnswers.ts';
import type { Kysely } from 'kysely';
import { TriageError } from '../../base/errors.ts';
import type { Schema } from '../db/schema.ts';
import { endSessions, record, type Now } from './recordedChange.ts';
import { checkedName } from './accountNames.ts';
import { hasAdmin, insertUser, userOf, userRow, type SetUpLink } from './accountRows.ts';
import { digestOf, newSecret } from './secrets.ts';

const LINK_LIVES_MS = 24 * 60 * 60_000;
const USED = 'This link was used, or is too old. Ask for a new one.';

/** A link for an account, or for the first admin (null); earlier ones become invalid. */
export async function setUpLink({ trx, atMs }: Now, userId: string | null): Promise<SetUpLink> {
  await trx
    .deleteFrom('set_up_links')
    .where((where) =>
      where.or([
        where('expires_at', '<=', atMs),
        userId === null ? where('user_id', 'is', null) : where('user_id', '=', userId),
      ]),
    )
    .execute();
  const secret = newSecret();
  const expiresAtMs = atMs + LINK_LIVES_MS;
  await trx
    .insertInto('set_up_links')
    .values({ secret_sha256: digestOf(secret), user_id: userId, created_at: atMs, expires_at: expiresAtMs })
    .execute();
  return { secret, expiresAtMs };
}

/** @throws TriageError `link-invalid` */
export async function openLink(
  db: Kysely<Schema>,
  secret: string,
  atMs: number,
): Promise<{ user_id: string | null; secret_sha256: string }> {
  const row = await db
    .selectFrom('set_up_links')
    .select(['user_id', 'secret_sha256'])
    .where('secret_sha256', '=', digestOf(secret))
    .where('expires_at', '>', atMs)
    .executeTakeFirst();
  if (row === undefined) throw new TriageError('link-invalid', USED);
  return row;
}

/** Uses up a link. @throws TriageError `link-invalid`, `name-taken`, `command-invalid` */
export async function useSetUpLink(
  now: Now,
  given: { secret: string; passwordHash: string; name: string | undefined; address: string },
): Promise<User> {
  const { trx, atMs } = now;
  const { passwordHash, address } = given;
  const { user_id: userId, secret_sha256: used } = await openLink(trx, given.secret, atMs);
  await trx.deleteFrom('set_up_links').where('secret_sha256', '=', used).execute();
  if (userId === null) {
    // The first one has created the admin account; anyone after that is let in by an admin.
    if (await hasAdmin(trx)) throw new TriageError('link-invalid', USED);
    const row = await insertUser(trx, atMs, {
      name: checkedName(given.name ?? ''),
      kind: 'local',
      role: 'admin',
      password_hash: passwordHash,
      issuer: null,
      subject: null,
    });
    await record(now, 'user.added', { name: row.name, address }, row.name, { role: 'admin', firstAdmin: true });
    return userOf(row);
  }
  const row = await userRow(trx, userId);
  await trx.updateTable('users').set({ password_hash: passwordHash }).where('id', '=', userId).execute();
  await endSessions(trx, userId);
  await record(now, 'password.changed', { name: row.name, address }, row.name, { byLink: true });
  return userOf({ ...row, password_hash: passwordHash });
}
