import { TriageError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import { appendAudit } from '../audit/audit.ts';
import type { WorklistDatabase } from '../db/database.ts';
import type { TokenKind } from '../db/schema.ts';
import { inTransaction } from '../db/transactions.ts';
import { digestOf, newId, newSecret } from './secrets.ts';

/** A machine that may read, one that may send studies, or a wall screen that sees the masked list. */
interface ServiceToken {
  id: string;
  name: string;
  kind: TokenKind;
  createdAtMs: number;
  expiresAtMs: number | null;
  lastUsedAtMs: number | null;
}

export interface ServiceTokens {
  list(): Promise<ServiceToken[]>;
  /** The secret is shown once; only a digest is stored. @throws TriageError `name-taken`, `command-invalid` */
  add(
    name: string,
    expiresAtMs: number | null,
    by: string,
    kind?: 'machine' | 'sender',
  ): Promise<{ token: ServiceToken; secret: string }>;
  /** @throws TriageError `not-found` */
  revoke(name: string, by: string, of?: { kind: TokenKind; address: string }): Promise<void>;
  find(kind: TokenKind, secret: string): Promise<ServiceToken | null>;
  /** Whether a token is still valid: for long-lived responses. */
  lives(name: string): Promise<boolean>;
  /** Prepares a wall screen: its secret can be used once, within a day. @throws TriageError `name-taken`, `command-invalid` */
  addWall(name: string, by: { name: string; address: string }): Promise<{ token: ServiceToken; secret: string }>;
  /** Uses up that secret: the screen gets one of its own, valid until it is revoked. @throws TriageError `link-invalid` */
  openWall(secret: string, address: string): Promise<string>;
}

/** A prefix by which a token can be recognised where it should not be: in a repository, a log, a mail. */
const PREFIX = 'odontoid_';
/** The time of last use is shown to people and need not cost a write each time. */
const NOTE_USE_EVERY_MS = 60_000;
/** As an AE title (PS3.5 6.2). */
const MOST_SENDER_CHARACTERS = 16;
const WALL_LINK_MS = 24 * 3_600_000;
const COLUMNS = [
  'id',
  'name',
  'kind',
  'created_at as createdAtMs',
  'expires_at as expiresAtMs',
  'last_used_at as lastUsedAtMs',
] as const;

export function createServiceTokens({ db, reads }: WorklistDatabase, clock: Clock): ServiceTokens {
  const add = (kind: TokenKind, name: string, expiresAtMs: number | null, by: { name: string; address: string }) =>
    inTransaction(db, async (trx) => {
      if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(name))
        throw new TriageError(
          'command-invalid',
          'Such a name has lower-case letters, digits and dashes, 32 at the most.',
        );
      const taken = await trx.selectFrom('service_tokens').select('kind').where('name', '=', name).executeTakeFirst();
      if (taken !== undefined)
        throw new TriageError(
          'name-taken',
          `There is a ${taken.kind === 'wall' ? 'wall screen' : 'token'} ${name} already: revoke it first.`,
        );
      const secret = `${PREFIX}${newSecret()}`;
      const now = clock.now();
      const token = await trx
        .insertInto('service_tokens')
        .values({
          id: newId(),
          name,
          kind,
          secret_sha256: digestOf(secret),
          created_at: now,
          expires_at: expiresAtMs,
          last_used_at: null,
        })
        .returning(COLUMNS)
        .executeTakeFirstOrThrow();
      await appendAudit(trx, now, {
        action: kind === 'wall' ? 'wall.added' : 'token.added',
        actor: by.name,
        address: by.address,
        target: name,
      });
      return { token, secret };
    });
  const living = () => {
    const now = clock.now();
    return reads
      .selectFrom('service_tokens')
      .select(COLUMNS)
      .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', now)]));
  };
  return {
    list: () => db.selectFrom('service_tokens').select(COLUMNS).orderBy('name').execute(),
    add: async (name, expiresAtMs, by, kind = 'machine') => {
      if (kind === 'sender' && name.length > MOST_SENDER_CHARACTERS)
        throw new TriageError(
          'command-invalid',
          `The name of a sender has ${MOST_SENDER_CHARACTERS} characters at the most: its studies are shown under it as under an AE title.`,
        );
      return add(kind, name, expiresAtMs, { name: by, address: '' });
    },
    addWall: (name, by) => add('wall', name, clock.now() + WALL_LINK_MS, by),
    openWall: (secret, address) =>
      inTransaction(db, async (trx) => {
        const now = clock.now();
        const token = await trx
          .selectFrom('service_tokens')
          .select(['id', 'name'])
          .where('secret_sha256', '=', digestOf(secret))
          .where('kind', '=', 'wall')
          // A screen in use has no expiry: its own secret cannot be used as a link.
          .where('expires_at', '>', now)
          .executeTakeFirst();
        if (token === undefined)
          throw new TriageError('link-invalid', 'This link was used, or is too old. Ask an admin for another one.');
        const own = `${PREFIX}${newSecret()}`;
        await trx
          .updateTable('service_tokens')
          .set({ secret_sha256: digestOf(own), expires_at: null, last_used_at: now })
          .where('id', '=', token.id)
          .execute();
        await appendAudit(trx, now, {
          action: 'wall.opened',
          actor: `wall:${token.name}`,
          address,
          target: token.name,
        });
        return own;
      }),
    revoke: (name, by, of) =>
      inTransaction(db, async (trx) => {
        let ending = trx.deleteFrom('service_tokens').where('name', '=', name);
        if (of !== undefined) ending = ending.where('kind', '=', of.kind);
        const token = await ending.returning('kind').executeTakeFirst();
        if (token === undefined)
          throw new TriageError('not-found', `There is no ${of?.kind === 'wall' ? 'wall screen' : 'token'} ${name}.`);
        await appendAudit(trx, clock.now(), {
          action: token.kind === 'wall' ? 'wall.revoked' : 'token.revoked',
          actor: by,
          address: of?.address ?? '',
          target: name,
        });
      }),
    find: async (kind, secret) => {
      if (!secret.startsWith(PREFIX)) return null;
      const now = clock.now();
      const token = await living()
        .where('kind', '=', kind)
        .where('secret_sha256', '=', digestOf(secret))
        .executeTakeFirst();
      // A wall's link can only be exchanged for the screen's own secret, not used to read.
      if (token === undefined || (kind === 'wall' && token.expiresAtMs !== null)) return null;
      if (now - (token.lastUsedAtMs ?? 0) >= NOTE_USE_EVERY_MS)
        // Nobody waits for this note: while another process has the write lock, screens keep reading.
        inTransaction(db, (trx) =>
          trx.updateTable('service_tokens').set({ last_used_at: now }).where('id', '=', token.id).execute(),
        ).catch(() => undefined);
      return token;
    },
    lives: async (name) => (await living().where('name', '=', name).executeTakeFirst()) !== undefined,
  };
}
