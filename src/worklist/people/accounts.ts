import type { Selectable, Transaction } from 'kysely';
import { TriageError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import { appendAudit, type AuditAction, type AuditFact } from '../audit/audit.ts';
import type { WorklistDatabase } from '../db/database.ts';
import type { Schema, UserRole, UsersTable } from '../db/schema.ts';
import { digestOf, newId, newSecret } from './secrets.ts';

export interface User {
  id: string;
  name: string;
  /** `oidc` accounts have no password here; their role comes anew with each sign-in. */
  kind: 'local' | 'oidc';
  role: UserRole;
  /** False until its first password is set. */
  hasPassword: boolean;
  disabledAtMs: number | null;
  createdAtMs: number;
  lastSignInAtMs: number | null;
}

/** A secret that may be used once, to set a password. Shown once; a digest is kept. */
export interface SetUpLink {
  secret: string;
  expiresAtMs: number;
}

/** Who does it, and from where. */
interface Actor {
  name: string;
  address: string;
}

export interface Accounts {
  list(): Promise<User[]>;
  byId(id: string): Promise<User | null>;
  byName(name: string): Promise<User | null>;
  /** For checking a password; null when the account has none. */
  passwordHash(id: string): Promise<string | null>;
  /** True once somebody can sign in and let others in. */
  hasAdmin(): Promise<boolean>;
  /** A link by which the first admin makes their account; earlier ones end. Null once there is an admin. */
  firstAdminLink(): Promise<SetUpLink | null>;
  /** What a link is for. `user` is null for the first admin's. @throws TriageError `link-invalid` */
  linkOwner(secret: string): Promise<{ user: User | null }>;
  /** Uses a link up: sets the password, ends every session of the account. `name` is for the first admin only. @throws TriageError `link-invalid`, `name-taken`, `command-invalid` */
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
  /** The account of somebody whom the identity provider vouches for, made at the first sign-in. */
  fromProvider(
    claims: { issuer: string; subject: string; name: string; role: UserRole },
    address: string,
  ): Promise<User>;
}

const LINK_LIVES_MS = 24 * 60 * 60_000;
const NAME = /^[a-z0-9][a-z0-9._@-]{1,63}$/;
/** Actors of the audit that are no accounts. */
const RESERVED = new Set(['web', 'odontoid', 'command-line', 'anonymous', 'unknown']);

export function createAccounts({ db }: WorklistDatabase, clock: Clock): Accounts {
  const write = <T>(run: (trx: Transaction<Schema>, now: number) => Promise<T>): Promise<T> =>
    db.transaction().execute((trx) => run(trx, clock.now()));

  const known = async (trx: Transaction<Schema>, id: string): Promise<Selectable<UsersTable>> => {
    const row = await trx.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
    if (row === undefined) throw new TriageError('not-found', 'There is no such account.');
    return row;
  };
  const link = async (trx: Transaction<Schema>, userId: string | null, now: number): Promise<SetUpLink> => {
    await trx
      .deleteFrom('set_up_links')
      .where((where) =>
        where.or([
          where('expires_at', '<=', now),
          userId === null ? where('user_id', 'is', null) : where('user_id', '=', userId),
        ]),
      )
      .execute();
    const secret = newSecret();
    const expiresAtMs = now + LINK_LIVES_MS;
    await trx
      .insertInto('set_up_links')
      .values({ secret_sha256: digestOf(secret), user_id: userId, created_at: now, expires_at: expiresAtMs })
      .execute();
    return { secret, expiresAtMs };
  };
  const insert = async (
    trx: Transaction<Schema>,
    now: number,
    user: Pick<UsersTable, 'name' | 'kind' | 'role' | 'password_hash' | 'issuer' | 'subject'>,
  ): Promise<Selectable<UsersTable>> => {
    const taken = await trx.selectFrom('users').select('id').where('name', '=', user.name).executeTakeFirst();
    if (taken !== undefined) throw new TriageError('name-taken', `There is an account ${user.name} already.`);
    return trx
      .insertInto('users')
      .values({ ...user, id: newId(), created_at: now, disabled_at: null, last_sign_in_at: null })
      .returningAll()
      .executeTakeFirstOrThrow();
  };
  const record = (
    trx: Transaction<Schema>,
    now: number,
    action: AuditAction,
    by: Actor,
    target: string,
    detail?: AuditFact['detail'],
  ) => appendAudit(trx, now, { action, actor: by.name, address: by.address, target, ...(detail && { detail }) });
  const endSessions = (trx: Transaction<Schema>, userId: string) =>
    trx.deleteFrom('sessions').where('user_id', '=', userId).execute();
  /** Somebody must be left who can let others in. */
  const keepAnAdmin = async (trx: Transaction<Schema>, row: Selectable<UsersTable>) => {
    if (row.role !== 'admin' || row.disabled_at !== null || (row.kind === 'local' && row.password_hash === null))
      return;
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
  };
  const openLink = async (trx: Transaction<Schema>, secret: string, now: number) => {
    const row = await trx
      .selectFrom('set_up_links')
      .selectAll()
      .where('secret_sha256', '=', digestOf(secret))
      .where('expires_at', '>', now)
      .executeTakeFirst();
    if (row === undefined)
      throw new TriageError('link-invalid', 'This link was used, or is too old. Ask for a new one.');
    return row;
  };
  const hasAdmin = async (trx: Transaction<Schema> | typeof db): Promise<boolean> =>
    (await trx
      .selectFrom('users')
      .select('id')
      .where('role', '=', 'admin')
      .where('kind', '=', 'local')
      .where('disabled_at', 'is', null)
      .where('password_hash', 'is not', null)
      .executeTakeFirst()) !== undefined;

  return {
    list: async () => (await db.selectFrom('users').selectAll().orderBy('name').execute()).map(userOf),
    byId: async (id) => {
      const row = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
      return row === undefined ? null : userOf(row);
    },
    byName: async (name) => {
      const row = await db.selectFrom('users').selectAll().where('name', '=', name.toLowerCase()).executeTakeFirst();
      return row === undefined ? null : userOf(row);
    },
    passwordHash: async (id) =>
      (await db.selectFrom('users').select('password_hash').where('id', '=', id).executeTakeFirst())?.password_hash ??
      null,
    hasAdmin: () => hasAdmin(db),
    firstAdminLink: () => write(async (trx, now) => ((await hasAdmin(trx)) ? null : link(trx, null, now))),
    linkOwner: (secret) =>
      write(async (trx, now) => {
        const { user_id: userId } = await openLink(trx, secret, now);
        return { user: userId === null ? null : userOf(await known(trx, userId)) };
      }),
    useLink: (secret, passwordHash, name, address) =>
      write(async (trx, now) => {
        const { user_id: userId, secret_sha256: used } = await openLink(trx, secret, now);
        await trx.deleteFrom('set_up_links').where('secret_sha256', '=', used).execute();
        if (userId === null) {
          // Whoever came first has made the door; a second one is let in by an admin.
          if (await hasAdmin(trx))
            throw new TriageError('link-invalid', 'This link was used, or is too old. Ask for a new one.');
          const row = await insert(trx, now, {
            name: checkedName(name ?? ''),
            kind: 'local',
            role: 'admin',
            password_hash: passwordHash,
            issuer: null,
            subject: null,
          });
          await record(trx, now, 'user.added', { name: row.name, address }, row.name, {
            role: 'admin',
            firstAdmin: true,
          });
          return userOf(row);
        }
        const row = await known(trx, userId);
        await trx.updateTable('users').set({ password_hash: passwordHash }).where('id', '=', userId).execute();
        await endSessions(trx, userId);
        await record(trx, now, 'password.changed', { name: row.name, address }, row.name, { byLink: true });
        return userOf({ ...row, password_hash: passwordHash });
      }),
    add: (name, role, by) =>
      write(async (trx, now) => {
        const row = await insert(trx, now, {
          name: checkedName(name),
          kind: 'local',
          role,
          password_hash: null,
          issuer: null,
          subject: null,
        });
        await record(trx, now, 'user.added', by, row.name, { role });
        return { user: userOf(row), link: await link(trx, row.id, now) };
      }),
    setRole: (id, role, by) =>
      write(async (trx, now) => {
        const row = await known(trx, id);
        if (row.kind === 'oidc')
          throw new TriageError('command-invalid', 'The identity provider gives this account its role.');
        if (row.role === role) return;
        await keepAnAdmin(trx, row);
        await trx.updateTable('users').set({ role }).where('id', '=', id).execute();
        await record(trx, now, 'user.role-changed', by, row.name, { from: row.role, to: role });
      }),
    setDisabled: (id, disabled, by) =>
      write(async (trx, now) => {
        const row = await known(trx, id);
        if ((row.disabled_at !== null) === disabled) return;
        if (disabled) await keepAnAdmin(trx, row);
        await trx
          .updateTable('users')
          .set({ disabled_at: disabled ? now : null })
          .where('id', '=', id)
          .execute();
        if (disabled) {
          await endSessions(trx, id);
          await trx.deleteFrom('set_up_links').where('user_id', '=', id).execute();
        }
        await record(trx, now, disabled ? 'user.disabled' : 'user.enabled', by, row.name);
      }),
    reset: (id, by) =>
      write(async (trx, now) => {
        const row = await known(trx, id);
        if (row.kind === 'oidc')
          throw new TriageError('command-invalid', 'The identity provider keeps the password of this account.');
        await trx.updateTable('users').set({ password_hash: null }).where('id', '=', id).execute();
        await endSessions(trx, id);
        await record(trx, now, 'user.reset', by, row.name);
        return link(trx, id, now);
      }),
    changePassword: (id, passwordHash, keepSession, by) =>
      write(async (trx, now) => {
        const row = await known(trx, id);
        await trx.updateTable('users').set({ password_hash: passwordHash }).where('id', '=', id).execute();
        await trx.deleteFrom('sessions').where('user_id', '=', id).where('id', '!=', keepSession).execute();
        await record(trx, now, 'password.changed', by, row.name);
      }),
    fromProvider: ({ issuer, subject, name, role }, address) =>
      write(async (trx, now) => {
        const row = await trx
          .selectFrom('users')
          .selectAll()
          .where('issuer', '=', issuer)
          .where('subject', '=', subject)
          .executeTakeFirst();
        if (row === undefined) {
          const made = await insert(trx, now, {
            name: await freeName(trx, name, subject),
            kind: 'oidc',
            role,
            password_hash: null,
            issuer,
            subject,
          });
          await record(trx, now, 'user.added', { name: made.name, address }, made.name, { role, byProvider: true });
          return userOf(made);
        }
        if (row.role !== role) {
          await trx.updateTable('users').set({ role }).where('id', '=', row.id).execute();
          await record(trx, now, 'user.role-changed', { name: row.name, address }, row.name, {
            from: row.role,
            to: role,
            byProvider: true,
          });
        }
        return userOf({ ...row, role });
      }),
  };
}

/** A name that no other account has: what the provider calls them, and when that is taken, with their subject behind it. */
async function freeName(trx: Transaction<Schema>, wished: string, subject: string): Promise<string> {
  const plain = wished
    .toLowerCase()
    .replace(/[^a-z0-9._@-]/g, '-')
    .slice(0, 40);
  const taken = async (name: string) =>
    (await trx.selectFrom('users').select('id').where('name', '=', name).executeTakeFirst()) !== undefined;
  return NAME.test(plain) && !RESERVED.has(plain) && !(await taken(plain))
    ? plain
    : `oidc-${digestOf(subject).slice(0, 12)}`;
}

function checkedName(name: string): string {
  const lower = name.trim().toLowerCase();
  if (!NAME.test(lower) || RESERVED.has(lower))
    throw new TriageError(
      'command-invalid',
      'An account name has 2 to 64 letters, digits, dots, dashes or @, and begins with a letter or digit.',
    );
  return lower;
}

function userOf(row: Selectable<UsersTable>): User {
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
