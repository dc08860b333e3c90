import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../../../src/worklist/db/database.ts';
import { inTransaction } from '../../../../src/worklist/db/transactions.ts';
import { createSignInJourneys } from '../../../../src/worklist/people/signInJourneys.ts';
import { openWorklist } from '../fixture.ts';

const JOURNEY = { binding: 'in the cookie', verifier: 'of PKCE', nonce: 'in the token', replaces: 'session-7' };

/** Two processes on one worklist. */
async function processes() {
  const { place, database, clock } = await openWorklist();
  const other = await openDatabase(place);
  onTestFinished(() => other.close());
  return { one: createSignInJourneys(database, clock), other: createSignInJourneys(other, clock), database, clock };
}

it('a journey that one process began ends at another, once, and its secrets of the browser are not kept', async () => {
  const { one, other, database, clock } = await processes();
  await one.begin('state-1', JOURNEY, clock.now() + 1_000);
  const kept = JSON.stringify(await database.db.selectFrom('sign_in_journeys').selectAll().execute());
  for (const secret of ['state-1', JOURNEY.binding]) expect(kept).not.toContain(secret);
  const { verifier, nonce, replaces } = JOURNEY;
  expect(await other.finish('state-1', JOURNEY.binding)).toEqual({ verifier, nonce, replaces });
  for (const each of [one, other]) expect(await each.finish('state-1', JOURNEY.binding)).toBeNull();
});

it('not in another browser, which ends it, and not too late', async () => {
  const { one, other, clock } = await processes();
  await one.begin('state-1', JOURNEY, clock.now() + 1_000);
  expect(await other.finish('state-1', 'of another journey')).toBeNull();
  expect(await other.finish('state-1', JOURNEY.binding)).toBeNull();
  await one.begin('state-2', JOURNEY, clock.now() + 1_000);
  clock.advance(1_000);
  expect(await other.finish('state-2', JOURNEY.binding)).toBeNull();
});

it('those that nobody comes back from leave nothing, and of very many the oldest are over', async () => {
  const { one, database, clock } = await processes();
  const rows = Array.from({ length: 1_000 }, (_, at) => ({
    state_sha256: `journey ${at}`,
    binding_sha256: '',
    verifier: '',
    nonce: '',
    replaces: null,
    ends_at: clock.now() + 2_000 + at,
  }));
  await inTransaction(database.db, (trx) => trx.insertInto('sign_in_journeys').values(rows).execute());
  const first = async () => {
    const states = await database.db.selectFrom('sign_in_journeys').select('state_sha256').orderBy('ends_at').execute();
    return [states[0]!.state_sha256, states.length];
  };
  await one.begin('state-1', JOURNEY, clock.now() + 9_000);
  expect(await first()).toEqual(['journey 1', 1_000]);
  clock.advance(2_500);
  await one.begin('state-2', JOURNEY, clock.now() + 9_000);
  expect(await first()).toEqual(['journey 501', 501]);
});
