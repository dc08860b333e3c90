import { expect, it } from 'vitest';
import { toReported, openWorklist, runSql, studyUid, instanceOf, claimed, manifestOf, deliverAll } from '../fixture.ts';
import { expectKeptFigures } from '../keptFigures.ts';

it('keeps decision and counts through reading, new slices, a second analysis, holding and removal', async () => {
  const worklist = await openWorklist();
  const { store, database, query } = worklist;
  const kept = async (study: number) =>
    (
      await runSql(
        database,
        'select revision, decision, probability from cases where study_instance_uid = ?',
        studyUid(study),
      )
    )[0];
  await toReported(worklist, 1, 0.9);
  await toReported(worklist, 2, 0.1);
  expect([await kept(1), await kept(2)]).toEqual([
    { revision: 1, decision: 'suspected', probability: 0.9 },
    { revision: 1, decision: 'not-suspected', probability: 0.1 },
  ]);
  expect(await query.totals()).toMatchObject({ unread: 2, held: 0, byState: { reported: 2 } });
  await deliverAll(worklist);
  await store.markRead(studyUid(1), true, 'ada');
  expect(await query.totals()).toMatchObject({ unread: 1, byState: { delivered: 2, reported: 0 } });

  // New slices: the earlier findings are of another revision, and must not be taken for the case's own.
  await store.recordInstances([instanceOf({ study: 1, number: 90 })]);
  expect(await kept(1)).toEqual({ revision: 2, decision: null, probability: null });
  await expectKeptFigures(database);
  await store.nudgeComplete([studyUid(1)]);
  const claim = await claimed(store, 'assemble');
  await store.apply(claim, { type: 'seriesChosen', manifest: manifestOf(claim.instances) });
  await expectKeptFigures(database);

  await store.recordInstances([instanceOf({ study: 2, number: 91, patientId: 'ANOTHER' })]);
  expect(await query.totals()).toMatchObject({ held: 1 });
  await expectKeptFigures(database);
  await runSql(database, 'delete from cases where study_instance_uid = ?', studyUid(2));
  expect(await query.totals()).toMatchObject({ held: 0 });
  await expectKeptFigures(database);
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
  await runSql(database, "update cases set patient_name = 'Other^Name' where study_instance_uid = ?", studyUid('a'));
  // Lists are ordered anew when a case has an event.
  await store.markRead(studyUid('a'), true, 'ada');
  expect(await found('müller')).toEqual([]);
  expect(await found('other')).toEqual([studyUid('a')]);
});
