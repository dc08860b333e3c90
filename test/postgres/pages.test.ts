import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { WorklistAnswer } from '../../src/answers/worklistAnswer.ts';
import { openDatabase, type PostgresPlace } from '../../src/worklist/db/database.ts';
import type { ListOrder } from '../../src/worklist/list/listOrders.ts';
import { createSharedOrders } from '../../src/worklist/list/sharedOrders.ts';
import { worklistOn } from '../browser/seededWorklist.ts';
import { addUser, PASSWORD, shiftedClock, Visitor, type ShiftedClock } from '../unit/web/visitor.ts';
import { listen, startWebOn } from '../unit/web/webFixture.ts';
import { openWorklist, testClock, toInferred } from '../unit/worklist/fixture.ts';
import { copiedDatabase } from './copiedDatabase.ts';

/** The page of one node. */
async function startNode(place: PostgresPlace, clock: ShiftedClock) {
  const folder = await mkdtemp(join(tmpdir(), 'odontoid-node-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const database = await openDatabase(place);
  onTestFinished(() => database.close());
  const worklist = worklistOn(database, folder, clock);
  let isFollowing = false;
  worklist.store.onChange(() => {
    isFollowing = true;
  });
  onTestFinished(worklist.store.followOthers(() => undefined)!);
  await expect.poll(() => isFollowing).toBe(true);
  return startWebOn(worklist, { clock, signIn: { signIn: 'local' }, patientNames: 'on-request' });
}

/** A browser behind a balancer: each request comes to the next node. */
class BalancedVisitor {
  readonly #visitors: Visitor[];
  #turn = 0;

  constructor(urls: readonly string[]) {
    this.#visitors = urls.map((url) => new Visitor(url));
  }

  ask(...request: Parameters<Visitor['ask']>): ReturnType<Visitor['ask']> {
    return this.#next().ask(...request);
  }

  signIn(name: string, password?: string): ReturnType<Visitor['signIn']> {
    return this.#next().signIn(name, password);
  }

  /** Of its session. */
  get cookie(): string {
    return this.#visitors[this.#turn % this.#visitors.length]!.cookie;
  }

  #next(): Visitor {
    const { cookie, csrfToken } = this.#visitors[this.#turn % this.#visitors.length]!;
    this.#turn += 1;
    return Object.assign(this.#visitors[this.#turn % this.#visitors.length]!, { cookie, csrfToken });
  }
}

it('two pages behind a balancer without stickiness: sign-in, limits, lists, confirmations, names and changes', async () => {
  const clock = shiftedClock();
  const place = await copiedDatabase();
  const nodes = [await startNode(place, clock), await startNode(place, clock)];
  const urls = nodes.map(({ url }) => url);
  await addUser(nodes[0]!, 'ann', 'admin');
  for (const study of [1, 2, 3]) await toInferred(nodes[0]!, study, 0.9 - study / 10);

  const guessing = new BalancedVisitor(urls);
  const answers: number[] = [];
  for (let guess = 0; guess < 10; guess++) answers.push((await guessing.signIn('ann', 'wrong')).status);
  expect(answers).toEqual([...Array<number>(8).fill(401), 429, 429]);
  clock.advance(15 * 60_000);

  const ann = new BalancedVisitor(urls);
  expect((await ann.signIn('ann')).status).toBe(204);
  const list = async (query = '') => {
    const { status, json } = await ann.ask('GET', `/api/worklist?read=false&limit=2${query}`);
    expect(status).toBe(200);
    return json as unknown as WorklistAnswer;
  };
  expect((await list()).masked).toBe(true);
  expect((await ann.ask('POST', '/api/worklist/names')).status).toBe(204);
  const [here, there] = [await list(), await list()];
  expect([here.masked, there.masked]).toEqual([false, false]);
  // Nodes that see the same list call it the same.
  expect(there.list).toBe(here.list);

  const studies = ({ rows }: WorklistAnswer) => rows.map((row) => row!.studyInstanceUid);
  await toInferred(nodes[0]!, 4, 0.95);
  const first = await list();
  expect(first).toMatchObject({ total: 4, waiting: null });
  const [next] = studies(first);
  expect((await ann.ask('PUT', `/api/cases/${next}/read`, { read: true })).status).toBe(204);
  await toInferred(nodes[1]!, 5, 0.85);
  // The same list at the node that showed it and at the other, which never did.
  for (const page of [await list(`&list=${first.list}`), await list(`&list=${first.list}`)]) {
    expect(page).toMatchObject({ list: first.list, total: 4, waiting: { count: 1, flagged: 1 } });
    expect(studies(page)).toEqual(studies(first));
  }
  const now = await list();
  expect(now).toMatchObject({ total: 4, waiting: null });
  expect(studies(now)).not.toContain(next);

  clock.advance(11 * 60_000);
  const add = (name: string) => ann.ask('POST', '/api/users', { name, role: 'reader' });
  expect((await add('eve')).json).toMatchObject({ error: 'sign-in-again' });
  expect((await ann.ask('POST', '/api/session/confirm', { password: PASSWORD })).status).toBe(204);
  expect([(await add('eve')).status, (await add('bob')).status]).toEqual([201, 201]);

  const feeds = await Promise.all(urls.map((url) => listen(url, { Cookie: ann.cookie })));
  for (const study of studies(now)) {
    expect((await ann.ask('PUT', `/api/cases/${study}/read`, { read: true })).status).toBe(204);
    await Promise.all(feeds.map((feed) => feed.next('change')));
  }
}, 120_000);

it('of a long list the newest read cases stand where they stood; those after them, in their order; until nobody asks', async () => {
  const { database } = await openWorklist();
  const clock = testClock();
  const [one, other] = [createSharedOrders(database, clock)!, createSharedOrders(database, clock)!];
  const done = Array.from({ length: 504 }, (_, at) => ({ studyInstanceUid: `1.${at}`, doneAtMs: 10_000 - at }));
  const order: ListOrder = { id: 'a', unread: ['2.1', '2.2'], done };
  await one.keep(order);
  // Since then one was read, one of the first is unread again, one of the last was removed.
  const latest: ListOrder = {
    id: 'b',
    unread: ['2.2', '1.3'],
    done: [{ studyInstanceUid: '2.1', doneAtMs: 10_001 }, ...done.filter((_, at) => at !== 3 && at !== 502)],
  };
  const expected = { ...order, done: done.filter((_, at) => at !== 502) };
  expect(await other.find('a', latest)).toEqual(expected);
  // The last of the first, too, may be gone.
  const without = { ...latest, done: latest.done.filter(({ studyInstanceUid }) => studyInstanceUid !== '1.499') };
  expect(await other.find('a', without)).toEqual(expected);
  expect(await other.find('b', latest)).toBeNull();
  // A short list has all of its cases.
  await other.keep({ id: 'c', unread: [], done: done.slice(0, 2) });
  expect(await one.find('c', latest)).toEqual({ id: 'c', unread: [], done: done.slice(0, 2) });

  clock.advance(10 * 60_000);
  await one.keep(order);
  clock.advance(10 * 60_000);
  expect(await other.find('c', latest)).toBeNull();
  expect(await other.find('a', latest)).toEqual(expected);
  clock.advance(5 * 60_000);
  expect(await other.find('a', latest)).toBeNull();
  await one.keep({ ...order, id: 'd' });
  expect(await database.db.selectFrom('list_orders').select('id').execute()).toEqual([{ id: 'd' }]);
});
