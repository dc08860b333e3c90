import { expect, test } from 'vitest';
import type { ResultObject } from '../../../../src/case/delivery.ts';
import { instanceOf, openWorklist, studyUid } from '../fixture.ts';
import { inTransaction } from '../../../../src/worklist/db/transactions.ts';

const HELD = 1;

test('a study is held with its present results, without what was set aside, replaced, rejected or sent back', async () => {
  const { store, query, database } = await openWorklist();
  const [first, second] = [1, 2].map((number) => instanceOf({ study: HELD, number }));
  await store.recordInstances([first!, second!]);
  // Other pixels under a UID that is known: set aside.
  await store.recordInstances([instanceOf({ study: HELD, number: 2, content: 'b' })]);
  const { revision } = await database.db.selectFrom('cases').select('revision').executeTakeFirstOrThrow();
  const result = (uid: string, kind: ResultObject['kind'], over: object = {}) => ({
    ...{ sop_instance_uid: uid, study_instance_uid: studyUid(HELD), revision, kind, sop_class_uid: '1.2.3' },
    ...{ series_instance_uid: `1.9.${kind === 'sr' ? 1 : 2}`, transfer_syntax_uid: '1.2.5', path: `/results/${uid}` },
    ...{ sha256: 'ab', size_bytes: 6, created_at: 7, form_of: null, is_heatmap: 0 as const, ...over },
  });
  await inTransaction(database.db, (trx) =>
    trx
      .insertInto('result_objects')
      .values([
        result('2.25.1', 'sr'),
        result('2.25.2', 'sc'),
        result('2.25.3', 'sc', { is_heatmap: 1 }),
        result('2.25.4', 'sr', { form_of: '2.25.1' }),
        result('2.25.5', 'sr', { revision: revision - 1 }),
        result('2.25.6', 'ko'),
        result('2.25.7', 'ks', { series_instance_uid: '1.9.3' }),
      ])
      .execute(),
  );
  const held = async (options: Parameters<typeof query.heldObjects>[1]) =>
    (await query.heldObjects(studyUid(HELD), options)).map(({ sopInstanceUid }) => sopInstanceUid).sort();
  const received = [first!, second!].map(({ header }) => header.sopInstanceUid);
  expect(await held({ withHeatmaps: true })).toEqual([...received, '2.25.1', '2.25.2', '2.25.3', '2.25.7'].sort());
  expect(await held({ withHeatmaps: false })).toEqual([...received, '2.25.1', '2.25.2'].sort());
  expect(await held({ withHeatmaps: true, sopInstanceUid: '2.25.2' })).toEqual(['2.25.2']);
  expect(await held({ withHeatmaps: true, sopInstanceUid: received[0] })).toEqual([received[0]]);
  expect(await held({ withHeatmaps: true, sopInstanceUid: '2.25.5' })).toEqual([]);
  // The card of a flagged scan has the picture of its row and its case; a heatmap is none.
  const judge = (decision: 'suspected' | 'not-suspected') =>
    inTransaction(database.db, (trx) => trx.updateTable('cases').set({ decision }).execute());
  await judge('not-suspected');
  expect(await query.flagCard(studyUid(HELD))).toBeNull();
  await judge('suspected');
  expect(await query.flagCard(studyUid(HELD))).toBe('/results/2.25.2');
  expect(
    (await query.caseDetail(studyUid(HELD))).results.flatMap(({ sopInstanceUid, isHeatmap }) =>
      isHeatmap ? [sopInstanceUid] : [],
    ),
  ).toEqual(['2.25.3']);
  const { studies } = await query.heldStudies({}, { offset: 0, limit: 5 });
  expect(studies).toMatchObject([{ modalities: ['CT', 'KO', 'OT', 'SR'], seriesCount: 4, instanceCount: 6 }]);
});

test('studies are found by what they are asked for, with wildcards where there are any', async () => {
  const { store, query } = await openWorklist();
  for (const [study, patientId, patientName] of [
    [1, 'P-1', 'Doe^Jane'],
    [2, 'P-12', 'Roe^John'],
    [3, 'P[2', 'doe^june'],
  ] as const)
    await store.recordInstances([instanceOf({ study, patientId, patientName })]);
  const found = async (match: Parameters<typeof query.heldStudies>[0], limit = 10) => {
    const { studies, total } = await query.heldStudies(match, { offset: 0, limit });
    return [studies.map(({ patientId }) => patientId).sort(), total];
  };
  expect(await found({ patientId: 'P-1' })).toEqual([['P-1'], 1]);
  expect(await found({ patientId: 'P-1*' })).toEqual([['P-1', 'P-12'], 2]);
  expect(await found({ patientId: 'P[?' })).toEqual([['P[2'], 1]);
  expect(await found({ patientName: 'DOE^J*' })).toEqual([['P-1', 'P[2'], 2]);
  expect(await found({ modalities: ['MR', 'SR'] })).toEqual([[], 0]);
  expect(await found({ modalities: ['MR', 'CT'], studyInstanceUids: [studyUid(2), studyUid(9)] })).toEqual([
    ['P-12'],
    1,
  ]);
  expect((await found({}, 2))[1]).toBe(3);
});
