import type { Transaction } from 'kysely';
import type { User, UserRole } from '../../answers/accessAnswers.ts';
import type { Clock } from '../../base/clock.ts';
import type { WorklistDatabase } from '../db/database.ts';
import type { Schema } from '../db/schema.ts';
import { inTransaction } from '../db/transactions.ts';
import {
  addAccount,
  changePassword,
  disableAccount,
  resetAccount,
  setAccountRole,
  takeProvidersAccount,
} from './accountChanges.ts';
import type { Now } from './recordedChange.ts';
import { hasAdmin, userOf, userRow, type Actor, type SetUpLink } from './accountRows.ts';
import { openLink, setUpLink, useSetUpLink } from './setUpLinks.ts';

export type { SetUpLink } from './accountRows.ts';

export interface Accounts {
  list(): Promise<User[]>;
  byId(id: string): Promise<User | null>;
  byName(name: string): Promise<User | null>;
  /** For checking a password; null when the account has none. */
  passwordHash(id: string): Promise<string | null>;
  /** True once there is somebody who can sign in and let others in. */
  hasAdmin(): Promise<boolean>;
  /** A link with which the first admin creates their account; earlier links become invalid. Null once there is an admin. */
  firstAdminLink(): Promise<SetUpLink | null>;
  /** What a link is for. `user` is null for the first admin's. @throws TriageError `link-invalid` */
  linkOwner(secret: string): Promise<{ user: User | null }>;
  /** Uses up a link: sets the password, ends every session. `name` is for the first admin only. @throws TriageError `link-invalid`, `name-taken`, `command-invalid` */
  useLink(secret: string, passwordHash: string, name: string | undefined, address: string): Promise<User>;
  /** @throws TriageError `name-taken`, `command-invalid` */
  add(name: string, role: UserRole, by: Actor): Promise<{ user: User; link: SetUpLink }>;
  /** @throws TriageError `not-found`, `last-admin`, `command-invalid` for accounts of the identity provider */
  setRole(id: string, role: UserRole, by: Actor): Promise<void>;
  /** Disabling ends every session at once. @throws TriageError `not-found`, `last-admin` */
  setDisabled(id: string, disabled: boolean, by: Actor): Promise<void>;
  /** Ends the password and every session; the link sets a new one. @throws TriageError `not-found`, `command-invalid` for accounts of the identity provider */
  reset(id: string, by: Actor): Promise<SetUpLink>;
  /** Ends every other session of the account. */
  changePassword(id: string, passwordHash: string, keepSession: string, by: Actor): Promise<void>;
  /** The account of a person whom the identity provider has authenticated, created at the first sign-in. */
  fromProvider(
    claims: { issuer: string; subject: string; name: string; role: UserRole },
    address: string,
  ): Promise<User>;
}

export function createAccounts({ db, reads }: WorklistDatabase, clock: Clock): Accounts {
  const write = <T>(run: (now: Now) => Promise<T>): Promise<T> =>
    inTransaction(db, (trx: Transaction<Schema>) => run({ trx, atMs: clock.now() }));
  const users = () => reads.selectFrom('users').selectAll();
  return {
    list: async () => (await users().orderBy('name').execute()).map(userOf),
    byId: async (id) => {
      const row = await users().where('id', '=', id).executeTakeFirst();
      return row === undefined ? null : userOf(row);
    },
    byName: async (name) => {
      const row = await users().where('name', '=', name.toLowerCase()).executeTakeFirst();
      return row === undefined ? null : userOf(row);
    },
    passwordHash: async (id) => (await users().where('id', '=', id).executeTakeFirst())?.password_hash ?? null,
    hasAdmin: () => hasAdmin(reads),
    linkOwner: async (secret) => {
      const { user_id: userId } = await openLink(reads, secret, clock.now());
      return { user: userId === null ? null : userOf(await userRow(reads, userId)) };
    },
    firstAdminLink: () => write(async (now) => ((await hasAdmin(now.trx)) ? null : setUpLink(now, null))),
    useLink: (secret, passwordHash, name, address) =>
      write((now) => useSetUpLink(now, { secret, passwordHash, name, address })),
    add: (name, role, by) => write((now) => addAccount(now, { name, role }, by)),
    setRole: (id, role, by) => write((now) => setAccountRole(now, id, role, by)),
    setDisabled: (id, disabled, by) => write((now) => disableAccount(now, id, disabled, by)),
    reset: (id, by) => write((now) => resetAccount(now, id, by)),
    changePassword: (id, passwordHash, keepSession, by) =>
      write((now) => changePassword(now, { id, passwordHash, keepSession }, by)),
    fromProvider: (claims, address) => write((now) => takeProvidersAccount(now, claims, address)),
  };
}
