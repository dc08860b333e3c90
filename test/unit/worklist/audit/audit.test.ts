import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { createAuditLog } from '../../../../src/worklist/audit/audit.ts';
import { openWorklist, runSql, studyUid, toReported, unprotectAudit } from '../fixture.ts';

async function filled() {
  const worklist = await openWorklist();
  const audit = createAuditLog(worklist.database, worklist.clock);
  for (let entry = 1; entry <= 12; entry += 1) {
    worklist.clock.advance(1_000);
    await audit.append({
      action: 'sign-in',
      actor: `reader-${entry % 3}`,
      address: '10.0.0.1',
      target: 'x',
      detail: { entry },
    });
  }
  return { ...worklist, audit };
}

test('a whole chain verifies, entry by entry to its end', async () => {
  const { audit } = await filled();
  const head = await audit.head();
  expect(head.seq).toBe(12);
  expect(await audit.verify()).toEqual({ whole: true, head });
});

test('the database itself refuses to change or delete an entry', async () => {
  const { database } = await filled();
  for (const statement of ["update audit_log set actor = 'x'", 'delete from audit_log where seq = 3'])
    await expect(runSql(database, statement)).rejects.toThrow('only ever appended to');
});

test('one flipped bit of any column of any entry is found, at that entry', async () => {
  const { audit, database, place } = await filled();
  await unprotectAudit({ database, place });
  const columns = ['at', 'action', 'actor', 'address', 'target', 'detail', 'previous_hash', 'hash'] as const;
  for (const seq of [1, 5, 12]) {
    for (const column of columns) {
      const [row] = await runSql<{ value: string | number }>(
        database,
        `select ${column} as value from audit_log where seq = ?`,
        seq,
      );
      const kept = row!.value;
      const flipped = typeof kept === 'number' ? kept ^ 1 : String.fromCharCode(kept.charCodeAt(0) ^ 1) + kept.slice(1);
      await runSql(database, `update audit_log set ${column} = ? where seq = ?`, flipped, seq);
      expect(await audit.verify(), `${column} of ${seq}`).toMatchObject({ whole: false, seq });
      await runSql(database, `update audit_log set ${column} = ? where seq = ?`, kept, seq);
    }
  }
  expect(await audit.verify()).toMatchObject({ whole: true });
});

test('an entry taken out, one put in anew with a chain made good behind it, and an end cut off are found', async () => {
  const { audit, database, place } = await filled();
  const noted = await audit.head();
  await unprotectAudit({ database, place });
  await runSql(database, 'delete from audit_log where seq = 12');
  expect(await audit.verify()).toMatchObject({ whole: true, head: { seq: 11 } });
  expect(await audit.verify(noted)).toEqual({ whole: false, seq: 12, why: 'it is missing' });
  await audit.append({ action: 'sign-in', actor: 'forged' });
  expect(await audit.verify()).toMatchObject({ whole: true });
  expect(await audit.verify(noted)).toEqual({ whole: false, seq: 12, why: 'it is another one than the one noted' });
  await runSql(database, 'delete from audit_log where seq = 4');
  expect(await audit.verify()).toEqual({ whole: false, seq: 4, why: 'it is missing' });
});

test('an entry rewritten with a hash of its own, and its neighbour made to follow it, is found', async () => {
  const { audit, database, place } = await filled();
  const noted = await audit.head();
  await unprotectAudit({ database, place });
  const forged = {
    ...(await runSql<Record<string, unknown>>(database, 'select * from audit_log where seq = 5'))[0],
    actor: 'eve',
  };
  // By the rule that the documentation states, and not by the function under test.
  const parts = ['previous_hash', 'seq', 'at', 'action', 'actor', 'address', 'target', 'detail'] as const;
  const hash = createHash('sha256')
    .update(JSON.stringify(parts.map((part) => (forged as Record<string, unknown>)[part])))
    .digest('hex');
  await runSql(database, "update audit_log set actor = 'eve', hash = ? where seq = 5", hash);
  expect(await audit.verify(noted)).toEqual({
    whole: false,
    seq: 6,
    why: 'it does not follow the entry before it',
  });
  await runSql(database, 'update audit_log set previous_hash = ? where seq = 6', hash);
  for (const head of [noted, undefined])
    expect(await audit.verify(head)).toEqual({ whole: false, seq: 6, why: 'it was changed' });
});

test('the nightly look puts a broken chain on record, once, and says so each time', async () => {
  const { audit, database, place } = await filled();
  await audit.check();
  expect((await audit.head()).seq).toBe(12);
  await unprotectAudit({ database, place });
  await runSql(database, "update audit_log set actor = 'eve' where seq = 5");
  for (let night = 0; night < 2; night += 1)
    await expect(audit.check()).rejects.toMatchObject({
      code: 'database-invalid',
      message: expect.stringContaining('from entry 5 on: it was changed'),
    });
  expect(await audit.page({ action: 'audit.broken' }, 9)).toMatchObject([
    { seq: 13, actor: 'odontoid', target: 'entry 5', detail: { why: 'it was changed' } },
  ]);
});

test('what people do to a case stands in the audit, under the study and without their words', async () => {
  const worklist = await openWorklist();
  const audit = createAuditLog(worklist.database, worklist.clock);
  await toReported(worklist, 1, 0.9);
  const study = studyUid(1);
  await worklist.store.markRead(study, true, 'ann');
  await worklist.store.resend(study, { actor: 'ben', reason: 'Canary^Jane wants it' });
  const entries = await audit.page({ target: study }, 10);
  expect(entries.map(({ action, actor }) => [action, actor])).toEqual([
    ['case.resent', 'ben'],
    ['case.read', 'ann'],
    ['study.received', 'SCANNER'],
  ]);
  expect(JSON.stringify(entries)).not.toContain('Canary');
});

test('looking at a study counts once for each person, address and ten minutes', async () => {
  const { audit, clock } = await filled();
  for (const [actor, address, waitMs] of [
    ['ann', 'a', 0],
    ['ann', 'a', 9 * 60_000],
    ['ann', 'b', 0],
    ['ben', 'a', 0],
    ['ann', 'a', 61_000],
  ] as const) {
    clock.advance(waitMs);
    await audit.viewed(actor, address, '1.2.3');
  }
  expect((await audit.page({ action: 'case.viewed' }, 20)).map(({ actor, address }) => actor + address)).toEqual([
    'anna',
    'bena',
    'annb',
    'anna',
  ]);
});

test('pages and filters', async () => {
  const { audit, clock } = await filled();
  const first = await audit.page({ actor: 'reader-1' }, 3);
  expect(first.map(({ seq }) => seq)).toEqual([10, 7, 4]);
  expect((await audit.page({ actor: 'reader-1', beforeSeq: 4 }, 3)).map(({ seq }) => seq)).toEqual([1]);
  expect((await audit.page({ fromMs: clock.now() - 2_000, toMs: clock.now() }, 9)).map(({ seq }) => seq)).toEqual([
    11, 10,
  ]);
});

test('a peer cannot forge lines in the audit by what it calls itself', async () => {
  const { audit } = await filled();
  await audit.append({ action: 'association.rejected', actor: 'A\r\nB\u001b[31m', address: '::1' });
  expect((await audit.page({}, 1))[0]?.actor).toBe('A??B?[31m');
});
