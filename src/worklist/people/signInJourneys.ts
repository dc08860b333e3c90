import type { Clock } from '../../base/clock.ts';
import type { WorklistDatabase } from '../db/database.ts';
import { inTransaction } from '../db/transactions.ts';
import { digestOf } from './secrets.ts';

/** What must be remembered while a browser is at the identity provider. */
interface SignInJourney {
  /** The secret that the browser brings back in a cookie. */
  binding: string;
  /** Of PKCE (RFC 7636). */
  verifier: string;
  nonce: string;
  /** The session that the new one replaces. */
  replaces: string | null;
}

/** Journeys to the identity provider and back, which any process on the database may see the end of. */
export interface SignInJourneys {
  begin(state: string, journey: SignInJourney, endsAtMs: number): Promise<void>;
  /** The journey with this state, when the browser with this secret comes back from it in time; null otherwise. Either way it is over. */
  finish(state: string, binding: string): Promise<Omit<SignInJourney, 'binding'> | null>;
}

/** Anybody may begin one. Beyond these the oldest is over. */
const MOST_JOURNEYS = 1_000;

export function createSignInJourneys({ db }: Pick<WorklistDatabase, 'db'>, clock: Pick<Clock, 'now'>): SignInJourneys {
  return {
    begin: (state, { binding, ...journey }, endsAtMs) =>
      inTransaction(db, async (trx) => {
        const newest = trx
          .selectFrom('sign_in_journeys')
          .select('state_sha256')
          .orderBy('ends_at', 'desc')
          .limit(MOST_JOURNEYS - 1);
        await trx
          .deleteFrom('sign_in_journeys')
          .where((row) => row.or([row('ends_at', '<=', clock.now()), row('state_sha256', 'not in', newest)]))
          .execute();
        await trx
          .insertInto('sign_in_journeys')
          .values({
            state_sha256: digestOf(state),
            binding_sha256: digestOf(binding),
            ...journey,
            ends_at: endsAtMs,
          })
          .execute();
      }),
    finish: (state, binding) =>
      inTransaction(db, async (trx) => {
        const found = await trx
          .deleteFrom('sign_in_journeys')
          .where('state_sha256', '=', digestOf(state))
          .returningAll()
          .executeTakeFirst();
        if (found === undefined || found.ends_at <= clock.now() || found.binding_sha256 !== digestOf(binding))
          return null;
        const { verifier, nonce, replaces } = found;
        return { verifier, nonce, replaces };
      }),
  };
}
