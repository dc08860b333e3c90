import type { Kysely } from 'kysely';
import { TriageError } from '../../base/errors.ts';
import type { Schema } from '../db/schema.ts';
import { digestOf } from './secrets.ts';

const NAME = /^[a-z0-9][a-z0-9._@-]{1,63}$/;
/** Actors in the audit that are not accounts. */
const RESERVED = new Set(['web', 'odontoid', 'command-line', 'anonymous', 'unknown']);

/** A name in the form that accounts use. @throws TriageError `command-invalid` */
export function checkedName(name: string): string {
  const lower = name.trim().toLowerCase();
  if (!NAME.test(lower) || RESERVED.has(lower))
    throw new TriageError(
      'command-invalid',
      'An account name has 2 to 64 letters, digits, dots, dashes or @, and begins with a letter or digit.',
    );
  return lower;
}

/** A name that no other account has: the provider's name for the person, with their subject appended when that name is taken. */
export async function freeName(trx: Kysely<Schema>, wished: string, subject: string): Promise<string> {
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
