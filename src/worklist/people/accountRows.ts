import type { Kysely, Selectable } from 'kysely';
import type { LinkAnswer, User } from '../../answers/accessAnswers.ts';
import { TriageError } from '../../base/errors.ts';
import type { Schema, UsersTable } from '../db/schema.ts';
import { newId } from './secrets.ts';

export type UserRow = Selectable<UsersTable>;

/** A one-time secret to set a password. It is shown once; only a digest is stored. */
export type SetUpLink = Omit<LinkAnswer, 'path'> & { secret: string };

/** Who makes the change, and from which address. */
export interface Actor {
  name: string;
  address: string;
}

/** @throws TriageError `not-found` */
export async function userRow(db: Kysely<Schema>, id: string): Promise<UserRow> {
  const row = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw new TriageError('not-found', 'There is no such account.');
  return row;
}

/** True once there is somebody who can sign in and let others in. */
export async function hasAdmin(db: Kysely<Schema>): Promise<boolean> {
  const row = await db
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'admin')
    .where('kind', '=', 'local')
    .where('disabled_at', 'is', null)
    .where('password_hash', 'is not', null)
    .executeTakeFirst();
  return row !== undefined;
}

/** @throws TriageError `name-taken` */
export async function insertUser(
  trx: Kysely<Schema>,
  atMs: number,
  user: Pick<UsersTable, 'name' | 'kind' | 'role' | 'password_hash' | 'issuer' | 'subject'>,
): Promise<UserRow> {
  const taken = await trx.selectFrom('users').select('id').where('name', '=', user.name).executeTakeFirst();
  if (taken !== undefined) throw new TriageError('name-taken', `There is an account ${user.name} already.`);
  return trx
    .insertInto('users')
    .values({ ...user, id: newId(), created_at: atMs, disabled_at: null, last_sign_in_at: null })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** An account as others see it, without its password. */
export function userOf(row: Selectable<UsersTable>): User {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    role: row.role,
    hasPassword: row.password_hash !== null,
    disabledAtMs: row.disabled_at,
    createdAtMs: row.created_at,
    lastSignInAtMs: row.last_sign_in_at,
  };
}
