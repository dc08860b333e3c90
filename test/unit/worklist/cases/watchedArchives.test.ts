import { expect, test } from 'vitest';
import { createWatchedArchives } from '../../../../src/worklist/cases/watchedArchives.ts';
import { instanceOf, openWorklist, studyUid } from '../fixture.ts';
import { inTransaction } from '../../../../src/worklist/db/transactions.ts';

const MINUTE_MS = 60_000;
const [HELD, PARTLY, UNSTATED, STUCK, KNOWN] = [1, 2, 3, 4, 5];

async function open() {
  const worklist = await openWorklist();
  const watched = createWatchedArchives(worklist.database, worklist.clock);
  const due = async () => (await watched.due('old-pacs', 10)).map(({ studyInstanceUid }) => studyInstanceUid);
  const found = (study: number, statedInstances: number | null) => ({
    studyInstanceUid: studyUid(study),
    studyDate: '20261129',
    statedInstances,
  });
  return { ...worklist, watched, due, found };
}

test('what an archive has and the agent has not is due; what grows is due again', async () => {
  const { store, watched, due, found } = await open();
  await store.recordInstances([1, 2].map((number) => instanceOf({ study: HELD, number })));
  expect(await watched.askedTo('old-pacs')).toBeNull();
  await watched.noteFound('old-pacs', [found(HELD, 2), found(PARTLY, 7), found(UNSTATED, null)], '20261129');
  expect(await watched.askedTo('old-pacs')).toBe('20261129');
  expect((await due()).sort()).toEqual([studyUid(PARTLY), studyUid(UNSTATED)].sort());
  for (const study of [PARTLY, UNSTATED]) await watched.noteFetched('old-pacs', studyUid(study));
  // Found again with as many objects, or without their number.
  await watched.noteFound('old-pacs', [found(HELD, 2), found(PARTLY, 7), found(UNSTATED, null)], '20261130');
  expect(await due()).toEqual([]);
  await watched.noteFound('old-pacs', [found(HELD, 3)], '20261130');
  expect(await due()).toEqual([studyUid(HELD)]);
  // Another archive is another matter.
  expect([await watched.due('new-pacs', 10), await watched.askedTo('new-pacs')]).toEqual([[], null]);
});

test('a study that cannot be fetched is due again, later each time, and is told of after three attempts', async () => {
  const { watched, due, found, clock } = await open();
  await watched.noteFound('old-pacs', [found(STUCK, 5)], '20261129');
  const waits: number[] = [];
  for (let attempt = 0; attempt < 12; attempt++) {
    await watched.noteFailedFetch('old-pacs', studyUid(STUCK), `attempt ${attempt}`);
    expect((await watched.status('old-pacs')).failing).toBe(attempt < 2 ? 0 : 1);
    let minutes = 0;
    for (; (await due()).length === 0; minutes++) clock.advance(MINUTE_MS);
    waits.push(minutes);
  }
  expect(waits).toEqual([0, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]);
  expect(await watched.status('old-pacs')).toMatchObject({ waiting: 1, failing: 1, fetchError: 'attempt 11' });
  await watched.noteGone('old-pacs', studyUid(STUCK));
  expect(await watched.status('old-pacs')).toMatchObject({ waiting: 0, failing: 0, fetchError: null });
});

test('a look that failed is told of until one succeeds, and moves nothing on', async () => {
  const { watched, found, clock } = await open();
  await watched.noteFound('old-pacs', [found(KNOWN, 1)], '20261128');
  const atMs = clock.now();
  clock.advance(MINUTE_MS);
  await watched.noteFailedLook('old-pacs', 'it does not answer');
  expect(await watched.status('old-pacs')).toMatchObject({ succeededAtMs: atMs, lastError: 'it does not answer' });
  expect(await watched.askedTo('old-pacs')).toBe('20261128');
  await watched.noteFound('old-pacs', [], '20261129');
  expect(await watched.status('old-pacs')).toMatchObject({ lastError: null, waiting: 1 });
});

test('what was here and has been removed is not fetched, and results that went to an archive are no growth', async () => {
  const { store, database, watched, due, found } = await open();
  await store.recordInstances([1, 2].map((number) => instanceOf({ study: HELD, number })));
  await inTransaction(database.db, (trx) =>
    trx
      .insertInto('removed_cases')
      .values({
        ...{ study_instance_uid: studyUid(PARTLY), case_ref: null, revision: 1, state: 'delivered' },
        ...{ patient_id: 'P', patient_name: 'N', accession_number: 'A', study_date: '20261120', source_ae_title: 'CT' },
        ...{ decision: null, reason: null, probability: null, threshold: null, first_received_at: 1, read_at: null },
        ...{ read_by: null, removed_at: 2, cause: 'age', objects: 3, results: 4, size_bytes: 5 },
      })
      .execute(),
  );
  const result = {
    ...{ study_instance_uid: studyUid(HELD), revision: 1, kind: 'sr' as const, sop_class_uid: '1.2.3', form_of: null },
    ...{
      series_instance_uid: '1.2.4',
      transfer_syntax_uid: '1.2.5',
      path: '/r',
      sha256: 'ab',
      size_bytes: 6,
      created_at: 7,
    },
  } as const;
  const delivery = { next_attempt_at: 1, created_at: 1, sent_at: 1, confirmed_at: 1, next_check_at: null } as const;
  const nothing = { last_status: null, last_error: null, remark: null, receipt: null } as const;
  for (const [uid, destination] of [
    ['2.25.31', 'old-pacs'],
    ['2.25.32', 'another'],
  ] as const) {
    await inTransaction(database.db, (trx) =>
      trx
        .insertInto('result_objects')
        .values({ ...result, sop_instance_uid: uid })
        .execute(),
    );
    await inTransaction(database.db, (trx) =>
      trx
        .insertInto('deliveries')
        .values({ ...delivery, ...nothing, sop_instance_uid: uid, destination, status: 'confirmed' })
        .execute(),
    );
  }
  await watched.noteFound('old-pacs', [found(HELD, 3), found(PARTLY, 9)], '20261129');
  expect(await due()).toEqual([]);
  await watched.noteFound('old-pacs', [found(HELD, 4)], '20261129');
  expect(await due()).toEqual([studyUid(HELD)]);
});
