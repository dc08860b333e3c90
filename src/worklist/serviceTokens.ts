import { TriageError } from '../errors.ts';
import type { Clock } from '../ports.ts';
import { appendAudit } from './audit.ts';
import type { WorklistDatabase } from './database.ts';
import { digestOf, newId, newSecret } from './secrets.ts';

/** A machine that may read. */
export interface ServiceToken {
  id: string;
  name: string;
  createdAtMs: number;
  expiresAtMs: number | null;
  lastUsedAtMs: number | null;
}

export interface ServiceTokens {
  list(): Promise<ServiceToken[]>;
  /** The secret is shown once; a digest is kept. @throws TriageError `name-taken`, `command-invalid` */
  add(name: string, expiresAtMs: number | null, by: string): Promise<{ token: ServiceToken; secret: string }>;
  /** @throws TriageError `not-found` */
  revoke(name: string, by: string): Promise<void>;
  find(secret: string): Promise<ServiceToken | null>;
}

/** So that a token can be recognised where it should not be: in a repository, a log, a mail. */
const PREFIX = 'odontoid_';
/** The note of its last use is for people; it need not cost a write each time. */
const NOTE_USE_EVERY_MS = 60_000;
const COLUMNS = ['id', 'name', 'created_at as createdAtMs', 'expires_at as expiresAtMs', 'last_used_at as lastUsedAtMs'] as const;

export function createServiceTokens({ db }: WorklistDatabase, clock: Clock): ServiceTokens {
  return {
    list: () => db.selectFrom('service_tokens').select(COLUMNS).orderBy('name').execute(),
    add: (name, expiresAtMs, by) =>
      db.transaction().execute(async (trx) => {
        if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(name)) throw new TriageError('command-invalid', 'A token’s name has lower-case letters, digits and dashes, 32 at the most.');
        const taken = await trx.selectFrom('service_tokens').select('id').where('name', '=', name).executeTakeFirst();
        if (taken !== undefined) throw new TriageError('name-taken', `There is a token ${name} already: revoke it first.`);
        const secret = `${PREFIX}${newSecret()}`;
        const now = clock.now();
        const token = await trx
          .insertInto('service_tokens')
          .values({ id: newId(), name, secret_sha256: digestOf(secret), created_at: now, expires_at: expiresAtMs, last_used_at: null })
          .returning(COLUMNS)
          .executeTakeFirstOrThrow();
        await appendAudit(trx, now, { action: 'token.added', actor: by, target: name });
        return { token, secret };
      }),
    revoke: (name, by) =>
      db.transaction().execute(async (trx) => {
        const { numDeletedRows } = await trx.deleteFrom('service_tokens').where('name', '=', name).executeTakeFirstOrThrow();
        if (numDeletedRows === 0n) throw new TriageError('not-found', `There is no token ${name}.`);
        await appendAudit(trx, clock.now(), { action: 'token.revoked', actor: by, target: name });
      }),
    find: async (secret) => {
      if (!secret.startsWith(PREFIX)) return null;
      const now = clock.now();
      const token = await db
        .selectFrom('service_tokens')
        .select(COLUMNS)
        .where('secret_sha256', '=', digestOf(secret))
        .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', now)]))
        .executeTakeFirst();
      if (token === undefined) return null;
      if (now - (token.lastUsedAtMs ?? 0) >= NOTE_USE_EVERY_MS)
        await db.updateTable('service_tokens').set({ last_used_at: now }).where('id', '=', token.id).execute();
      return token;
    },
  };
}
