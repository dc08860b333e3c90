import { expect, it } from 'vitest';
import { createAuditLog } from '../../src/worklist/audit/audit.ts';
import { carryOver } from '../../src/worklist/db/carryOver.ts';
import { readLedger } from '../../src/worklist/list/ledger.ts';
import { createAccounts } from '../../src/worklist/people/accounts.ts';
import { createPageSettings } from '../../src/worklist/settings/pageSettings.ts';
import {
  deliverAll,
  ENCODED_SLICE,
  instanceOf,
  openFileWorklist,
  openWorklist,
  runSql,
  studyUid,
  toInferred,
  toReported,
  type Worklist,
} from '../unit/worklist/fixture.ts';
import { spoil } from './copiedDatabase.ts';

const ADA = { name: 'ada', address: '10.0.0.9' };

/** A site's SQLite worklist with something of every kind: read, flagged, held, waiting and removed studies, people, decisions. */
async function usedSite() {
  const site = await openFileWorklist();
  const { store, database, clock } = site;
  await store.seedThreshold('compact', 0.5);
  await toReported(site, 'gone', 0.2);
  await deliverAll(site);
  clock.advance(1000);
  await store.beginRemoval(studyUid('gone'), clock.now());
  await store.finishRemoval(studyUid('gone'));
  await toReported(site, 'flagged', 0.97);
  await deliverAll(site);
  await store.recordVerdict(studyUid('flagged'), { revision: 1, verdict: 'agree', actor: 'ada' });
  await toReported(site, 'waiting', 0.123456789012345);
  await store.recordVerdict(studyUid('waiting'), { revision: 1, verdict: 'disagree', actor: 'eve' });
  await toInferred(site, 'held', 0.4);
  await store.recordInstances([instanceOf({ study: 'held', number: 9, patientId: 'ANOTHER' })]);
  await store.recordInstances([instanceOf({ study: 'arriving', patientName: 'Nul\0^Jürgen=山田' })]);
  await createAccounts(database, clock).add('ada', 'admin', ADA);
  await createPageSettings(database, clock).change([{ key: 'worklist.maxWaitMinutes', next: () => 30 }], {
    reason: 'short nights',
    by: ADA,
  });
  await store.saveSliceFeatures('ab', new Map([['cd', ENCODED_SLICE]]));
  return site;
}

/** A worklist in PostgreSQL without a row. */
async function emptyTarget() {
  const target = await openWorklist();
  if (typeof target.place === 'string') throw new Error('This is a test of PostgreSQL.');
  target.clock.advance(1000);
  return { ...target, place: target.place };
}

const books = ({ database }: Pick<Worklist, 'database'>) => readLedger(database, () => Promise.resolve(1));
const found = async ({ query }: Worklist, search: string) =>
  (await query.page({ list: null, offset: 0, limit: 9, show: 'all', search, location: '', read: false })).rows.map(
    (row) => row?.studyInstanceUid,
  );

it('carries every row of a SQLite worklist over', async () => {
  const site = await usedSite();
  const target = await emptyTarget();
  const counts = await carryOver(site.database, target.place);
  expect([counts.get('cases'), counts.get('removed_cases'), counts.get('slice_features')]).toEqual([4, 1, 1]);

  expect(await target.query.rows()).toEqual(
    (await site.query.rows()).map((row) => ({ ...row, patientName: row.patientName.replace('\0', '\uFFFD') })),
  );
  for (const id of ['flagged', 'waiting', 'held'])
    expect(await target.query.caseDetail(studyUid(id))).toEqual(await site.query.caseDetail(studyUid(id)));
  expect(await books(target)).toEqual(await books(site));
  expect(await target.query.totals()).toEqual(await site.query.totals());
  expect(await target.store.sliceFeatures('ab', ['cd'])).toEqual(new Map([['cd', ENCODED_SLICE]]));
  expect(await found(target, 'jürgen')).toEqual([studyUid('arriving')]);
  const chains = [target, site].map(({ database, clock }) => createAuditLog(database, clock).verify());
  const [carried, own] = await Promise.all(chains);
  expect(carried).toMatchObject({ whole: true, head: { seq: counts.get('audit_log') } });
  expect(carried).toEqual(own);
});

it('goes on where SQLite ended: numbers are not given twice, counts are kept, histories are protected', async () => {
  const site = await usedSite();
  const target = await emptyTarget();
  // The newest event's number is not on record any more, and was given all the same.
  await runSql(site.database, 'delete from case_events where id = (select max(id) from case_events)');
  await carryOver(site.database, target.place);
  const eventsFrom = async (id: number) =>
    (await runSql<{ id: number }>(target.database, 'select id from case_events where id >= ? order by id', id)).map(
      (row) => row.id,
    );
  const before = (await eventsFrom(0)).at(-1)!;

  await deliverAll(target);
  expect((await eventsFrom(before + 1))[0]).toBe(before + 2);
  await toReported(target, 'new', 0.8);
  const rows = await target.query.rows();
  expect(await target.query.totals()).toMatchObject({
    unread: rows.filter(({ readAtMs }) => readAtMs === null).length,
  });
  await expect(runSql(target.database, "update audit_log set actor = 'eve'")).rejects.toThrow();
});

it('writes over nothing, and keeps nothing where a row would not be the same', async () => {
  const site = await usedSite();
  const target = await emptyTarget();
  spoil(target.place);
  await runSql(target.database, 'alter table verdicts alter column probability type real');
  await expect(carryOver(site.database, target.place)).rejects.toThrow('The rows of verdicts are not the same');
  expect(await target.query.rows()).toEqual([]);

  await target.store.recordInstances([instanceOf({ study: 'own' })]);
  await expect(carryOver(site.database, target.place)).rejects.toThrow('has entries already');
  expect(await target.query.rows()).toHaveLength(1);
});
