import { expect, test } from 'vitest';
import { createAuditLog } from '../../../../src/worklist/audit/audit.ts';
import { createAuditOutbox, entriesWithPatients } from '../../../../src/worklist/audit/auditOutbox.ts';
import {
  claimed,
  deliverAll,
  instanceOf,
  openWorklist,
  runSql,
  studyUid,
  toReported,
  unprotectAudit,
  type Worklist,
} from '../fixture.ts';

async function opened() {
  const worklist = await openWorklist();
  const audit = createAuditLog(worklist.database, worklist.clock);
  const outbox = createAuditOutbox(worklist.database, worklist.clock);
  return { ...worklist, audit, outbox };
}
const words = (entries: readonly { action: string }[]) => entries.map(({ action }) => action);
const keptPatients = async ({ database }: Worklist) =>
  (await runSql<{ kept: number }>(database, 'select count(*) as kept from audit_patients'))[0]!.kept;

test('what was there before a repository is not sent, all else is, in its order, and again until it is sent', async () => {
  const { audit, outbox } = await opened();
  await audit.append({ action: 'sign-in', actor: 'ann' });
  await outbox.begin();
  expect(await outbox.waiting()).toEqual({ sentSeq: 1, count: 0, oldestAtMs: null });
  for (const action of ['sign-in', 'names.shown', 'sign-out'] as const) await audit.append({ action, actor: 'ben' });
  expect(words(await outbox.next(2))).toEqual(['sign-in', 'names.shown']);
  expect(words(await outbox.next(2))).toEqual(['sign-in', 'names.shown']);
  await outbox.sent(3);
  // The position stays through a start.
  await outbox.begin();
  expect(words(await outbox.next(9))).toEqual(['sign-out']);
  expect(await outbox.waiting()).toMatchObject({ sentSeq: 3, count: 1 });
  await outbox.forget();
  await outbox.begin();
  expect(await outbox.next(9)).toEqual([]);
});

test('a study is in the audit when it has come, when its results were sent, and when it is removed; its patient is known until the last is told', async () => {
  const worklist = await opened();
  const { store, audit, outbox, clock } = worklist;
  await outbox.begin();
  await toReported(worklist, 1, 0.9);
  await deliverAll(worklist);
  const study = studyUid(1);
  const told = async () =>
    (await audit.page({ target: study }, 20))
      .map(({ action, detail }) => (typeof detail['objects'] === 'number' ? `${action} ${detail['objects']}` : action))
      .reverse();
  expect(await told()).toEqual(['study.received 3', 'results.sent 2']);
  // Analysed again, it has not come again; with a slice more, it has.
  await store.reprocess(study, { actor: 'ann', reason: 'again please' });
  await toReported(worklist, 1, 0.9, 2);
  await deliverAll(worklist);
  expect(await told()).toEqual(['study.received 3', 'results.sent 2', 'case.reprocessed', 'results.sent 2']);
  await store.recordInstances([instanceOf({ study: 1, number: 4 })]);
  await toReported(worklist, 1, 0.9, 3);
  await deliverAll(worklist);
  expect((await told()).slice(4)).toEqual(['study.received 4', 'results.sent 2']);
  expect((await outbox.next(99)).every(({ patient }) => patient !== null)).toBe(true);

  clock.advance(1);
  await store.markRead(study, true, 'ann');
  expect(await store.beginRemoval(study, Number.MAX_SAFE_INTEGER)).not.toBeNull();
  await store.finishRemoval(study);
  expect((await told()).at(-1)).toBe('study.removed');
  const entries = await outbox.next(99);
  expect(entries.every(({ patient }) => patient?.patientId === 'P-1')).toBe(true);
  expect(await keptPatients(worklist)).toBe(1);
  await outbox.sent(entries.at(-1)!.seq - 1);
  expect(await keptPatients(worklist)).toBe(1);
  await outbox.sent(entries.at(-1)!.seq);
  expect(await keptPatients(worklist)).toBe(0);
  // An export of old entries still names the study.
  expect((await entriesWithPatients(worklist.database, 1, 99)).at(-1)).toMatchObject({
    action: 'study.removed',
    target: study,
    patient: null,
  });
});

test('a study that is held, or given up, is in the audit too, once', async () => {
  const { store, audit } = await opened();
  await store.recordInstances([
    instanceOf({ study: 'held' }),
    instanceOf({ study: 'held', number: 2, patientId: 'P-2' }),
    instanceOf({ study: 'held', number: 3, patientId: 'P-3' }),
  ]);
  await store.recordInstances([instanceOf({ study: 'lost' })]);
  await store.nudgeComplete([studyUid('lost')]);
  await store.fail(await claimed(store, 'assemble'), { code: 'geometry-unusable', message: 'no', retry: false });
  const received = await audit.page({ action: 'study.received' }, 9);
  expect(received.map(({ target, actor, detail }) => [target, actor, detail])).toEqual([
    [studyUid('lost'), 'SCANNER', { objects: 1, more: false }],
    [studyUid('held'), 'SCANNER', { objects: 2, more: false }],
  ]);
});

test('without a repository no patient outlives the study', async () => {
  const worklist = await opened();
  await toReported(worklist, 1, 0.9);
  await deliverAll(worklist);
  await worklist.store.markRead(studyUid(1), true, 'ann');
  await worklist.store.beginRemoval(studyUid(1), Number.MAX_SAFE_INTEGER);
  await worklist.store.finishRemoval(studyUid(1));
  expect(await keptPatients(worklist)).toBe(0);
});

test.each([
  ['an entry that was changed', "update audit_log set actor = 'eve' where seq = 3", 'entry 3', 'it was changed'],
  [
    'an entry whose detail is no JSON any more',
    "update audit_log set detail = '{' where seq = 3",
    'entry 3',
    'it was changed',
  ],
  ['an entry taken out', 'delete from audit_log where seq = 3', 'entry 3', 'it is missing'],
])('%s is told of once, and what follows is sent', async (_what, statement, target, why) => {
  const { audit, outbox, database, place } = await opened();
  await outbox.begin();
  for (let entry = 0; entry < 4; entry += 1) await audit.append({ action: 'sign-in', actor: `reader-${entry}` });
  await unprotectAudit({ database, place });
  await runSql(database, statement);
  await outbox.next(9);
  const entries = await outbox.next(9);
  expect(entries.filter(({ action }) => action === 'audit.broken')).toMatchObject([{ target, detail: { why } }]);
  await outbox.sent(entries.at(-1)!.seq);
  await audit.append({ action: 'sign-in', actor: 'late' });
  expect(words(await outbox.next(9))).toEqual(['sign-in']);
});

test('entries that take the numbers of others that were cut off are sent', async () => {
  const { audit, outbox, database, place } = await opened();
  await outbox.begin();
  for (let entry = 0; entry < 4; entry += 1) await audit.append({ action: 'sign-in', actor: 'ann' });
  await outbox.sent(4);
  await unprotectAudit({ database, place });
  await runSql(database, 'delete from audit_log where seq > 2');
  await outbox.begin();
  await audit.append({ action: 'sign-out', actor: 'ann' });
  expect(words(await outbox.next(9))).toEqual(['sign-out']);
});
