import type { SessionsAnswer, UserRole } from '../../answers/accessAnswers.ts';
import type { Clock } from '../../base/clock.ts';
import { appendAudit } from '../audit/audit.ts';
import type { WorklistDatabase } from '../db/database.ts';
import { inTransaction } from '../db/transactions.ts';
import { digestOf, newId, newSecret } from './secrets.ts';

/** One browser of one account. */
export interface Session extends Omit<SessionsAnswer['sessions'][number], 'current'> {
  userId: string;
  userName: string;
  role: UserRole;
  /** When the password, or the identity provider, last confirmed the person. */
  confirmedAtMs: number;
  csrfToken: string;
  /** Until when the list shows patients' names where the site shows them on request; null when nobody asked. */
  namesShownUntilMs: number | null;
  /** Nobody has been active for too long: it sees the masked list and nothing else until the person confirms who they are. */
  locked: boolean;
}

export interface SessionLimits {
  /** Longest time without a request made by the person; then the session is locked. */
  idleMs: number;
  /** Longest time since sign-in. */
  absoluteMs: number;
}

export interface Sessions {
  /** Stores a session under a digest of its secret; the same secret again updates it. */
  put(
    secret: string,
    session: Pick<Session, 'userId' | 'signedInAtMs' | 'confirmedAtMs' | 'address' | 'userAgent' | 'csrfToken'>,
  ): Promise<void>;
  /** The session of a secret; null when it never existed, has ended, or its account is disabled. */
  find(secret: string): Promise<Session | null>;
  /** Whether a session is still valid, and as locked as it was: for long-lived responses. */
  lives(session: Pick<Session, 'id' | 'locked'>): Promise<boolean>;
  /** Notes that the person has just been active. */
  seen(id: string): Promise<void>;
  /** Notes that the person has asked for patients' names. */
  showNames(id: string, untilMs: number): Promise<void>;
  ofUser(userId: string): Promise<Session[]>;
  endBySecret(secret: string): Promise<void>;
  /** Ends a session that another one has replaced. */
  forget(id: string): Promise<void>;
  /** Ends one session of an account, or all; returns how many. */
  end(userId: string, which: { id: string } | 'all', by: { name: string; address: string }): Promise<number>;
  /** The key that signs the cookie's value; generated once. */
  cookieKey(): Promise<string>;
}

export function createSessions(
  { db, reads }: WorklistDatabase,
  clock: Clock,
  { idleMs, absoluteMs }: SessionLimits,
): Sessions {
  const living = () => {
    const now = clock.now();
    return reads
      .selectFrom('sessions')
      .innerJoin('users', 'users.id', 'sessions.user_id')
      .select([
        'sessions.id as id',
        'users.id as userId',
        'users.name as userName',
        'users.role as role',
        'signed_in_at as signedInAtMs',
        'confirmed_at as confirmedAtMs',
        'last_seen_at as lastSeenAtMs',
        'address',
        'user_agent as userAgent',
        'csrf_token as csrfToken',
        'names_shown_until as namesShownUntilMs',
      ])
      .where('users.disabled_at', 'is', null)
      .where('signed_in_at', '>', now - absoluteMs);
  };
  const withLock = <Row extends { lastSeenAtMs: number }>(row: Row) => ({
    ...row,
    locked: row.lastSeenAtMs <= clock.now() - idleMs,
  });
  const found = async (which: { id: string } | { secret_sha256: string }): Promise<Session | null> => {
    const [column, value] =
      'id' in which ? (['sessions.id', which.id] as const) : (['secret_sha256', which.secret_sha256] as const);
    const row = await living().where(column, '=', value).executeTakeFirst();
    return row === undefined ? null : withLock(row);
  };
  return {
    put: (secret, session) =>
      inTransaction(db, async (trx) => {
        const now = clock.now();
        await trx
          .deleteFrom('sessions')
          .where('signed_in_at', '<=', now - absoluteMs)
          .execute();
        const values = {
          user_id: session.userId,
          signed_in_at: session.signedInAtMs,
          confirmed_at: session.confirmedAtMs,
          last_seen_at: now,
          address: session.address.slice(0, 64),
          user_agent: session.userAgent.slice(0, 200),
          csrf_token: session.csrfToken,
        };
        await trx
          .insertInto('sessions')
          .values({ secret_sha256: digestOf(secret), id: newId(), ...values })
          .onConflict((conflict) => conflict.column('secret_sha256').doUpdateSet(values))
          .execute();
        await trx
          .updateTable('users')
          .set({ last_sign_in_at: session.signedInAtMs })
          .where('id', '=', session.userId)
          .execute();
      }),
    find: (secret) => found({ secret_sha256: digestOf(secret) }),
    lives: async ({ id, locked }) => (await found({ id }))?.locked === locked,
    seen: async (id) => {
      await inTransaction(db, (trx) =>
        trx.updateTable('sessions').set({ last_seen_at: clock.now() }).where('id', '=', id).execute(),
      );
    },
    showNames: async (id, untilMs) => {
      await inTransaction(db, (trx) =>
        trx.updateTable('sessions').set({ names_shown_until: untilMs }).where('id', '=', id).execute(),
      );
    },
    ofUser: async (userId) =>
      (await living().where('user_id', '=', userId).orderBy('last_seen_at', 'desc').execute()).map(withLock),
    endBySecret: async (secret) => {
      await inTransaction(db, (trx) =>
        trx.deleteFrom('sessions').where('secret_sha256', '=', digestOf(secret)).execute(),
      );
    },
    forget: async (id) => {
      await inTransaction(db, (trx) => trx.deleteFrom('sessions').where('id', '=', id).execute());
    },
    end: (userId, which, by) =>
      inTransaction(db, async (trx) => {
        let ending = trx.deleteFrom('sessions').where('user_id', '=', userId);
        if (which !== 'all') ending = ending.where('id', '=', which.id);
        const count = Number((await ending.executeTakeFirstOrThrow()).numDeletedRows);
        const user = await trx.selectFrom('users').select('name').where('id', '=', userId).executeTakeFirst();
        if (count > 0)
          await appendAudit(trx, clock.now(), {
            action: 'sign-out',
            actor: by.name,
            address: by.address,
            target: user?.name ?? '',
            detail: { sessions: count },
          });
        return count;
      }),
    cookieKey: async () => {
      const made = newSecret();
      const { value } = await inTransaction(db, async (trx) => {
        await trx
          .insertInto('access_keys')
          .values({ name: 'cookie', value: made })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .execute();
        return trx.selectFrom('access_keys').select('value').where('name', '=', 'cookie').executeTakeFirstOrThrow();
      });
      return value;
    },
  };
}
