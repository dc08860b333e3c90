import { expect, it } from 'vitest';
import { toReported, openWorklist, studyUid, instanceOf, claimed, manifestOf, deliverAll } from '../fixture.ts';
import { mendSearchIndex } from '../../../../src/worklist/db/searchIndex.ts';
import { expectKeptFigures } from '../keptFigures.ts';

it('keeps decision and counts through reading, new slices, a second analysis, holding and removal', async () => {
  const worklist = await openWorklist();
  const { store, database, query } = worklist;
  const kept = (study: number) =>
    database.sqlite
      .prepare('select revision, decision, probability from cases where study_instance_uid = ?')
      .get(studyUid(study));
  await toReported(worklist, 1, 0.9);
  await toReported(worklist, 2, 0.1);
  expect([kept(1), kept(2)]).toEqual([
    { revision: 1, decision: 'suspected', probability: 0.9 },
    { revision: 1, decision: 'not-suspected', probability: 0.1 },
  ]);
  expect(await query.totals()).toMatchObject({ unread: 2, held: 0, byState: { reported: 2 } });
  await deliverAll(worklist);
  await store.markRead(studyUid(1), true, 'ada');
  expect(await query.totals()).toMatchObject({ unread: 1, byState: { delivered: 2, reported: 0 } });

  // New slices: the earlier findings are of another revision, and must not be taken for the case's own.
  await store.recordInstances([instanceOf({ study: 1, number: 90 })]);
  expect(kept(1)).toEqual({ revision: 2, decision: null, probability: null });
  expectKeptFigures(database);
  await store.nudgeComplete([studyUid(1)]);
  const claim = await claimed(store, 'assemble');
  await store.apply(claim, { type: 'seriesChosen', manifest: manifestOf(claim.instances) });
  expectKeptFigures(database);

  await store.recordInstances([instanceOf({ study: 2, number: 91, patientId: 'ANOTHER' })]);
  expect(await query.totals()).toMatchObject({ held: 1 });
  expectKeptFigures(database);
  database.sqlite.prepare('delete from cases where study_instance_uid = ?').run(studyUid(2));
  expect(await query.totals()).toMatchObject({ held: 0 });
  expectKeptFigures(database);
});

it('answers lists from narrow indexes: no row is read past its findings', async () => {
  const { database } = await openWorklist();
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

it('finds by any part of a name, an ID or an accession number, however it is written, and forgets what has changed', async () => {
  const { store, database, query } = await openWorklist();
  const study = (name: string, patientName: string, patientId: string, accessionNumber: string) => {
    const instance = instanceOf({ study: name, patientName, patientId });
    return { ...instance, header: { ...instance.header, accessionNumber } };
  };
  await store.recordInstances([
    study('a', 'Müller^Änne', 'P-100%', 'ACC"7'),
    study('b', "O'Neil^Bo", 'P-2_0', 'acc-8'),
  ]);
  const found = async (search: string) => {
    const { rows } = await query.page({
      read: true,
      show: 'all',
      search,
      location: '',
      list: null,
      offset: 0,
      limit: 9,
    });
    return rows.map((row) => row?.studyInstanceUid).sort();
  };
  const [a, b] = [studyUid('a'), studyUid('b')].sort() as [string, string];
  expect(await found('')).toEqual([a, b]);
  for (const word of ['müller', 'ÜLLER', 'ller^Ä', '100%', '%', 'ACC"', '"7', 'c"7']) {
    expect([word, await found(word)]).toEqual([word, [studyUid('a')]]);
  }
  for (const word of ["o'n", 'bo', 'P-2_', 'ACC-8', '2_0', "neil acc-8 o'"])
    expect([word, await found(word)]).toEqual([word, [studyUid('b')]]);
  expect(await found('acc')).toEqual([a, b]);
  expect(await found('müller neil')).toEqual([]);
  database.sqlite
    .prepare("update cases set patient_name = 'Other^Name' where study_instance_uid = ?")
    .run(studyUid('a'));
  // Lists are ordered anew when a case has an event.
  await store.markRead(studyUid('a'), true, 'ada');
  expect(await found('müller')).toEqual([]);
  expect(await found('other')).toEqual([studyUid('a')]);
});

it('finds the right cases again after a tool has written the table anew', async () => {
  const { store, database, query } = await openWorklist();
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
