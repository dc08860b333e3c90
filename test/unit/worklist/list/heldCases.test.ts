import { expect, test } from 'vitest';
import { needsAttention } from '../../../../src/worklist/list/needsAttention.ts';
import { deliverAll, instanceOf, openWorklist, studyUid, toReported } from '../fixture.ts';

test('a study whose patient was renamed says what is out, what was set aside, and goes on with the latest by one decision', async () => {
  const worklist = await openWorklist();
  const { clock, database, store } = worklist;
  await toReported(worklist, 'unknown', 0.8);
  await deliverAll(worklist);
  const deliveredAtMs = clock.now();
  clock.advance(60_000);
  const renamed = { patientId: 'MRN-4711', patientName: 'Real^Name' };
  await store.recordInstances(
    [1, 2, 3].map((number) =>
      instanceOf({ study: 'unknown', number, content: 'renamed', receivedAtMs: clock.now(), ...renamed }),
    ),
  );
  const held = async () => (await needsAttention(database, 10)).held;
  expect(await held()).toMatchObject([
    {
      studyInstanceUid: studyUid('unknown'),
      reason: 'Two patients in one study: patient ID, name differs',
      delivered: [{ destination: 'pacs', atMs: deliveredAtMs }],
      aside: [{ ...renamed, objects: 3 }],
    },
  ]);
  await store.releaseQuarantine(studyUid('unknown'), { use: 'latest', reason: 'Her real number', actor: 'ada' });
  expect(await held()).toEqual([]);
  const [row] = await worklist.query.rows();
  expect([row!.state, row!.revision, row!.patientId]).toEqual(['receiving', 2, 'MRN-4711']);
});
