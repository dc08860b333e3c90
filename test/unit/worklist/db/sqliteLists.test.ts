import { expect, it } from 'vitest';
import { mendSearchIndex } from '../../../../src/worklist/db/searchIndex.ts';
import { instanceOf, openFileWorklist, studyUid } from '../fixture.ts';

it('answers lists from narrow indexes: no row is read past its findings', async () => {
  const { database } = await openFileWorklist();
  const planOf = (sql: string) =>
    (database.sqlite.prepare(`explain query plan ${sql}`).all() as { detail: string }[])
      .map(({ detail }) => detail)
      .join('; ');
  const asked: string[] = [];
  const listing = [
    `select revision, study_instance_uid, decision, reason, reason_code, probability, threshold, threshold_version, key_slices, model_name, model_version,
       model_sha256, analysed_at from analyses where study_instance_uid in ('1', '2')`,
    `select study_instance_uid, stat, first_received_at, quarantine_reason, read_at, recency, decision, probability from cases
       where removing = 0 and proof = 0 and read_at is null and recency != 'prior'`,
    `select decision from cases where read_at is not null and stat = 0 and proof = 0 and recency != 'prior' order by read_at desc limit 4`,
    `select count(*) from cases where decision = 'suspected' and removing = 0 and proof = 0 and recency != 'prior' and read_at is not null and analysed_at > read_at`,
  ];
  for (const sql of listing) asked.push(planOf(sql));
  expect(asked.filter((plan) => !plan.includes('COVERING INDEX') || /SCAN|TEMP B-TREE/.test(plan))).toEqual([]);
});

it('finds the right cases again after a tool has written the table anew', async () => {
  const { store, database, query } = await openFileWorklist();
  for (const [study, patientName] of [
    ['a', 'Abel^Ann'],
    ['b', 'Brecht^Ben'],
    ['c', 'Curie^Cem'],
  ] as const)
    await store.recordInstances([instanceOf({ study, patientName, patientId: `ID-${study}${study}` })]);
  const curies = async () => {
    const { rows } = await query.page({
      read: true,
      show: 'all',
      search: 'curie',
      location: '',
      list: null,
      offset: 0,
      limit: 9,
    });
    return rows.map((row) => row?.studyInstanceUid);
  };
  expect(mendSearchIndex(database.sqlite)).toBe(false);
  // As .recover, .dump or VACUUM may do: other rowids, and nothing that the index hears of.
  database.sqlite.exec('update cases set rowid = 10 - rowid');
  expect(await curies()).toEqual([]);
  await store.markRead(studyUid('b'), true, 'ada');
  expect(mendSearchIndex(database.sqlite)).toBe(true);
  expect(await curies()).toEqual([studyUid('c')]);
  expect(mendSearchIndex(database.sqlite)).toBe(false);
});
