import { expect, it } from 'vitest';
import { claimed, objectsOf, openWorklist, studyUid, toInferred } from '../fixture.ts';

it('a report of which one object cannot be put into the outbox leaves no trace: state, objects and deliveries are one fact', async () => {
  const worklist = await openWorklist();
  const { store, query, database } = worklist;
  await toInferred(worklist, 'whole', 0.7);
  const claim = await claimed(store, 'report');
  const [sr, sc] = objectsOf('whole');
  const broken = { ...sc!, sha256: null as unknown as string };
  await expect(store.apply(claim, { type: 'reported', objects: [sr!, broken] })).rejects.toThrow(/constraint/i);

  const { row, events, results } = await query.caseDetail(studyUid('whole'));
  expect([row.state, row.deliveries, results]).toEqual(['inferred', [], []]);
  expect(events.at(-1)?.type).toBe('inferred');
  expect(await store.dueDeliveries('pacs', 9)).toEqual([]);
  expect(await database.db.selectFrom('result_objects').selectAll().execute()).toEqual([]);

  // The lease is still held: the same stage reports both.
  expect(await store.apply(claim, { type: 'reported', objects: [sr!, sc!] })).toBe('applied');
  expect((await store.dueDeliveries('pacs', 9)).map(({ object }) => object.kind)).toEqual(['sr', 'sc']);
});
