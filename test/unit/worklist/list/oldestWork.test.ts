import { expect, it } from 'vitest';
import { oldestUnreportedAtMs } from '../../../../src/worklist/list/oldestWork.ts';
import { instanceOf, openWorklist, START_MS, studyUid, toReported } from '../fixture.ts';

it('tells since when the oldest study waits that nothing holds up', async () => {
  const worklist = await openWorklist();
  const { store, database } = worklist;
  expect(await oldestUnreportedAtMs(database)).toBeNull();
  await toReported(worklist, 'done', 0.4);
  expect(await oldestUnreportedAtMs(database)).toBeNull();
  for (const [study, ageMs] of Object.entries({ young: 1_000, older: 7_000, held: 9_000 }))
    await store.recordInstances([instanceOf({ study, receivedAtMs: START_MS - ageMs })]);
  await store.recordInstances([instanceOf({ study: 'held', content: 'other', receivedAtMs: START_MS - 8_000 })]);
  expect((await worklist.query.caseDetail(studyUid('held'))).row.quarantineReason).not.toBeNull();
  expect(await oldestUnreportedAtMs(database)).toBe(START_MS - 7_000);
});
